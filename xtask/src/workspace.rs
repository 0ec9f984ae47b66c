//! Where things are in the workspace.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The workspace that this program was built from.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Result<Self, Failure> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        match manifest_dir.parent() {
            Some(root) if root.join("Cargo.toml").is_file() => Ok(Self { root: root.to_owned() }),
            _ => Err(Failure::could_not_run(format!(
                "the workspace has moved since this program was built: {} is not in it",
                manifest_dir.display()
            ))
            .advise("run it through cargo (`cargo xtask …`), which builds it anew")),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The Python environment that holds Envoy and HTTPBin.
    pub(crate) fn venv(&self) -> PathBuf {
        self.root.join("target/tools/venv")
    }

    /// The module that ships to the gateway, where the `outgate` command looks for it.
    pub(crate) fn filter_wasm(&self) -> PathBuf {
        self.root.join("target/wasm/outgate_filter.wasm")
    }

    /// A path as the user would type it from the workspace's root.
    pub(crate) fn relative<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
