//! The chains of filters: tokens are checked, then policies decide, then requests are routed.

use std::path::Path;

use serde_json::{Value, json};

use super::place::{Authorization, Connections, Delivery};
use super::{At, authentication, extension, typed, watched_file};
use crate::filter_config::FilterConfig;
use crate::manifest::PluginFailStrategy;
use crate::proxy::{PlacedPlugin, Slot};

/// A filter as a part of one kind of chain or of the other.
#[derive(Clone, Copy, Debug)]
struct Layer {
    /// The message that configures a Wasm filter.
    wasm: &'static str,
    /// The file with the configuration of Outgate's filter.
    file: &'static str,
}

const HTTP: Layer = Layer {
    wasm: "envoy.extensions.filters.http.wasm.v3.Wasm",
    file: "authorization.json",
};
const NETWORK: Layer = Layer {
    wasm: "envoy.extensions.filters.network.wasm.v3.Wasm",
    file: "network-authorization.json",
};

pub(super) fn http_filters(at: At<'_>) -> Vec<Value> {
    let mut filters = Vec::new();
    let plugins = |slot: Slot| {
        let plugins = at.proxy.plugins.iter().filter(move |plugin| plugin.slot == slot);
        plugins.map(plugin)
    };
    if let Authorization::Native { http, .. } = &at.place.authorization {
        filters.extend(http.custom.iter().cloned());
    }
    filters.extend(plugins(Slot::BeforeAuthentication));
    filters.extend(at.proxy.token_issuers.as_ref().map(authentication::filter));
    filters.extend(plugins(Slot::BeforeAuthorization));
    match &at.place.authorization {
        Authorization::None => {}
        Authorization::Native { http, .. } => filters.extend(http.rules.iter().cloned()),
        Authorization::Filter { module, http, .. } => filters.push(outgate(at, HTTP, module, http)),
    }
    filters.extend(plugins(Slot::AfterAuthorization));
    if at.place.connections == Connections::Addressed {
        filters.push(extension(
            "envoy.filters.http.dynamic_forward_proxy",
            "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
            json!({"dns_cache_config": super::cluster::dns_cache()}),
        ));
    }
    filters.push(extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        json!({}),
    ));
    filters
}

/// What decides about connections that are passed on as they are.
pub(super) fn network_authorization(at: At<'_>) -> Vec<Value> {
    match &at.place.authorization {
        Authorization::Native { network, .. } => network.clone().into_all(),
        Authorization::Filter {
            module,
            network: Some(network),
            ..
        } => vec![outgate(at, NETWORK, module, network)],
        Authorization::None | Authorization::Filter { network: None, .. } => Vec::new(),
    }
}

/// Outgate's filter, or where Envoy finds it.
fn outgate(at: At<'_>, layer: Layer, module: &Path, config: &FilterConfig) -> Value {
    match &at.place.delivery {
        Delivery::Whole => outgate_itself(at, layer, module, config),
        Delivery::Watched(directory) => json!({
            "name": outgate_name(at),
            "config_discovery": {
                "config_source": watched_file(directory, layer.file),
                "type_urls": [format!("type.googleapis.com/{}", layer.wasm)],
            },
        }),
    }
}

/// The configurations of Outgate's filter as files of their own, so that they can change without the listener.
pub(super) fn watched(at: At<'_>) -> Vec<(String, Value)> {
    let Authorization::Filter { module, http, network } = &at.place.authorization else {
        return Vec::new();
    };
    let configured = [(HTTP, Some(http)), (NETWORK, network.as_ref())];
    let files = configured.into_iter().filter_map(|(layer, config)| {
        let config = config?;
        let filter = outgate_itself(at, layer, module, config);
        let mut response = super::response("envoy.config.core.v3.TypedExtensionConfig", vec![filter]);
        // The version that Envoy's administration shows is the one that the access log has.
        response["version_info"] = config.revision.to_string().into();
        Some((layer.file.to_owned(), response))
    });
    files.collect()
}

fn outgate_itself(at: At<'_>, layer: Layer, module: &Path, config: &FilterConfig) -> Value {
    // A configuration has string keys only, and nothing in it fails to be written.
    let configuration = serde_json::to_string(config).unwrap_or_default();
    wasm(layer, &outgate_name(at), "", module, &configuration, "FAIL_RELOAD")
}

/// As Istio names what a `WasmPlugin` makes.
fn outgate_name(at: At<'_>) -> String {
    format!("{}.outgate", at.proxy.name.workload().namespace)
}

fn plugin(plugin: &PlacedPlugin) -> Value {
    let policy = match plugin.fail_strategy {
        PluginFailStrategy::FailClose => "FAIL_CLOSED",
        PluginFailStrategy::FailOpen => "FAIL_OPEN",
        PluginFailStrategy::FailReload => "FAIL_RELOAD",
    };
    wasm(
        HTTP,
        &plugin.name,
        &plugin.root,
        &plugin.module,
        &plugin.configuration,
        policy,
    )
}

fn wasm(layer: Layer, name: &str, root: &str, module: &Path, configuration: &str, failure_policy: &str) -> Value {
    let configuration = typed("google.protobuf.StringValue", json!({"value": configuration}));
    extension(
        name,
        layer.wasm,
        json!({"config": {
            "name": name,
            "root_id": root,
            "failure_policy": failure_policy,
            "configuration": configuration,
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
        }}),
    )
}
