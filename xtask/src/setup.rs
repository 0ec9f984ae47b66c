//! `cargo xtask setup`: what the other commands need, got once.

use std::path::Path;
use std::time::Instant;

use crate::console::Console;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::tools::{self, Tools};
use crate::wasm::TARGET;
use crate::workspace::Workspace;

pub(crate) fn everything(workspace: &Workspace, console: Console) -> Result<(), Failure> {
    wasm_target(workspace, console)?;
    envoy(workspace, console).map(drop)
}

/// Makes sure that Rust can compile for the gateway.
pub(crate) fn wasm_target(workspace: &Workspace, console: Console) -> Result<(), Failure> {
    let started = Instant::now();
    console.step(format_args!("Rust target {TARGET}"));
    if has_target(workspace.root(), console)? {
        console.done("present", started.elapsed());
        return Ok(());
    }
    Invocation::new("rustup")
        .args(["target", "add", TARGET])
        .capture(workspace.root(), console)
        .map_err(|failure| {
            Failure::could_not_run(failure.to_string()).advise(format!(
                "without rustup, install the {TARGET} standard library from where your Rust comes from"
            ))
        })?;
    console.done("added", started.elapsed());
    Ok(())
}

/// Makes sure that there is an Envoy, and an HTTPBin for it to talk to.
pub(crate) fn envoy(workspace: &Workspace, console: Console) -> Result<Tools, Failure> {
    let started = Instant::now();
    console.step(format_args!(
        "tools for tests against a real Envoy: {}",
        tools::requirements()
    ));
    let (tools, how) = match Tools::find(workspace, console) {
        Some(tools) => (tools, "present"),
        None => (Tools::install(workspace, console)?, "installed"),
    };
    let version = tools.envoy_version(workspace, console)?;
    console.done(format_args!("{how}, Envoy {version}"), started.elapsed());
    Ok(tools)
}

/// Asks rustup and, where Rust came another way, the compiler.
fn has_target(directory: &Path, console: Console) -> Result<bool, Failure> {
    let installed = Invocation::new("rustup")
        .args(["target", "list", "--installed"])
        .capture(directory, console);
    if let Ok(list) = installed {
        return Ok(list.lines().any(|line| line.trim() == TARGET));
    }
    let libraries = Invocation::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .capture(directory, console)?;
    Ok(Path::new(libraries.trim()).is_dir())
}
