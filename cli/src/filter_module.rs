//! Finds the filter's WebAssembly module.

use std::path::PathBuf;

use outgate_test_host::Module;

use crate::failure::Failure;

/// Where `cargo xtask wasm` leaves it, from the project's root.
const BUILT: &str = "target/wasm/outgate_filter.wasm";

/// Loads the module that was named, or the one that the project's build left.
pub(crate) fn load(named: Option<&PathBuf>) -> Result<(PathBuf, Module), Failure> {
    let path = find(named)?;
    let module = Module::load(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((path, module))
}

/// Where the module is: as named, or where the project's build leaves it.
pub(crate) fn find(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let path = named.cloned().unwrap_or_else(|| BUILT.into());
    if named.is_none() && !path.is_file() {
        return Err(Failure::Message(format!(
            "the filter's module is not at {BUILT}; build it with `cargo xtask wasm`, or name it with --filter"
        )));
    }
    Ok(path)
}

/// The same, as a path that means the same everywhere.
pub(crate) fn absolute(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let path = find(named)?;
    let path = path
        .canonicalize()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
