//! `cargo xtask demo`: the walkthrough's egress gateway on this machine, without Envoy.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::cargo::cargo;
use crate::console::Console;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::setup;
use crate::wasm;
use crate::workspace::Workspace;

const EXAMPLE: &str = "examples/asm-egress-gateway";

/// The request that the walkthrough's policy stops.
const DENIED: [&str; 6] = [
    "--gateway",
    "istio-system/istio-egressgateway",
    "--principal",
    "cluster.local/ns/default/sa/sleep",
    "GET",
    "http://test.com/headers",
];

pub(crate) fn show(workspace: &Workspace, console: Console) -> Result<(), Failure> {
    setup::wasm_target(workspace, console)?;
    let filter = wasm::build(workspace, console)?;
    let outgate = build_command_line(workspace, console)?;
    let outgate = |args: &[&str]| Invocation::new(&outgate).args(args).env("OUTGATE_FILTER_WASM", &filter);

    let commands = [
        (
            "the gateway's policies, tried on the requests of its scenario",
            outgate(&["test", EXAMPLE]),
        ),
        (
            "one of those requests, explained",
            outgate(&["explain", EXAMPLE]).args(DENIED),
        ),
    ];
    for (what, command) in commands {
        console.line("");
        console.step(what);
        console.line(format_args!("$ {}", command.display(workspace.root())));
        let started = Instant::now();
        command.stream(workspace.root())?;
        console.done("done", started.elapsed());
    }
    Ok(())
}

/// Builds `outgate`, with the profile that the tests use, so that nothing is compiled twice; returns where it is.
fn build_command_line(workspace: &Workspace, console: Console) -> Result<PathBuf, Failure> {
    let started = Instant::now();
    let cargo = cargo(console)
        .args(["build", "-p", "outgate", "--bin", "outgate"])
        .args(["--message-format", "json-render-diagnostics"]);
    console.step(format_args!("command line: {}", cargo.display(workspace.root())));
    let mut built = None;
    cargo.stream_lines(workspace.root(), |line| {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        if message["target"]["name"] == "outgate"
            && let Some(path) = message["executable"].as_str()
        {
            built = Some(PathBuf::from(path));
        }
    })?;
    let built = built.ok_or_else(|| Failure::could_not_run("cargo built outgate but reported no executable"))?;
    console.done(workspace.relative(&built), started.elapsed());
    Ok(built)
}
