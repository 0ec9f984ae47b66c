//! Cargo, as a program that this one runs.

use std::env;

use crate::console::Console;
use crate::invocation::Invocation;

/// Cargo with what `cargo xtask` itself was given taken out of the environment.
///
/// `cargo run` tells a program about its own package in `CARGO_MANIFEST_DIR`, `CARGO_PKG_*` and the like. Build scripts
/// that watch those (ring's does) would run again, with all that depends on them, whenever the inner cargo alternates
/// with one that the user started.
pub(crate) fn cargo(console: Console) -> Invocation {
    let own = env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_")
            || [
                "CARGO_MANIFEST_DIR",
                "CARGO_MANIFEST_PATH",
                "CARGO_BIN_NAME",
                "CARGO_CRATE_NAME",
            ]
            .contains(&&*name)
    });
    let invocation = own.fold(Invocation::new("cargo"), Invocation::env_remove);
    if console.colours() {
        invocation
    } else {
        invocation.env_unshown("CARGO_TERM_COLOR", "never")
    }
}
