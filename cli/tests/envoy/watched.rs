//! A filter whose configuration is a file that Envoy watches, as `outgate up` and, over the network, Istio deliver it: it
//! changes under connections that go on.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::listener;

pub(crate) struct WatchedFilter {
    folder: TempDir,
    module: PathBuf,
}

const FILE: &str = "filter.json";

impl WatchedFilter {
    pub(crate) fn new(module: &Path, configuration: &str) -> Self {
        let filter = Self {
            folder: tempfile::tempdir().expect("a folder for a filter can be made"),
            module: module.to_owned(),
        };
        filter.replace(configuration);
        filter
    }

    /// What stands in the listener.
    pub(crate) fn reference(&self) -> Value {
        let path = self.folder.path().join(FILE);
        json!({
            "name": listener::WASM_NAME,
            "config_discovery": {
                "config_source": {"resource_api_version": "V3", "path_config_source": {"path": path}},
                "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
            },
        })
    }

    /// Puts another configuration in the file's place. Envoy takes it in a moment.
    pub(crate) fn replace(&self, configuration: &str) {
        let mut resource = listener::wasm(&self.module, configuration);
        resource["@type"] = json!("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
        let response = json!({"resources": [resource]});
        let draft = self.folder.path().join("draft");
        fs::write(&draft, response.to_string()).expect("a configuration can be written");
        // Envoy looks when a file is moved to this name.
        fs::rename(draft, self.folder.path().join(FILE)).expect("a configuration can be moved");
    }
}
