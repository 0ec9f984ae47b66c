//! The filter of the crate whose tests are running.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::module::Module;

/// The filter of the crate that this test belongs to, built for `wasm32-unknown-unknown` in release, once per test process; a
/// [`Module`].
///
/// The crate has `crate-type = ["cdylib"]`. Its target can be named: `filter_under_test!("wasm32-wasip1")`. Rust's target is
/// to be installed, by `rustup target add wasm32-unknown-unknown`.
///
/// # Panics
/// When the filter cannot be built or loaded: with what the compiler, or the host, says.
#[macro_export]
macro_rules! filter_under_test {
    () => {
        $crate::filter_under_test!("wasm32-unknown-unknown")
    };
    ($target:literal) => {{
        static MODULE: ::std::sync::OnceLock<$crate::Module> = ::std::sync::OnceLock::new();
        MODULE
            .get_or_init(|| $crate::build_filter(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"), $target))
            .clone()
    }};
}

/// Builds and loads the filter of a crate. What [`filter_under_test!`](crate::filter_under_test) is made of.
///
/// # Panics
/// When it cannot be built or loaded.
#[doc(hidden)]
pub fn build_filter(manifest_directory: &str, package: &str, target: &str) -> Module {
    let path = build_filter_file(manifest_directory, package, target);
    let module = Module::options().cached().load(&path);
    module.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Builds the filter of a crate, for another host than this one.
///
/// # Panics
/// When it cannot be built.
#[doc(hidden)]
pub fn build_filter_file(manifest_directory: &str, package: &str, target: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(manifest_directory).join("Cargo.toml");
    let output = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--lib",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["--package", package, "--target", target, "--manifest-path"])
        .arg(&manifest)
        // The flags of the tests are for another machine.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output();
    let output = output.unwrap_or_else(|error| panic!("cargo cannot be run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the filter `{package}` cannot be built for {target}:\n{said}"
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let Some(path) = messages.lines().filter_map(artifact).next_back() else {
        panic!("cargo built no .wasm of `{package}`: its crate-type has to be [\"cdylib\"]");
    };
    path
}

/// The module that a message of cargo tells of.
fn artifact(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let files = message.get("filenames")?.as_array()?;
    let paths = files.iter().filter_map(|file| file.as_str()).map(PathBuf::from);
    paths
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}
