//! `cargo xtask demo`: the walkthrough on this machine, with real Envoys and the real HTTPBin.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::cargo::cargo;
use crate::console::Console;
use crate::failure::Failure;
use crate::httpbin::HttpBin;
use crate::invocation::Invocation;
use crate::setup;
use crate::wasm;
use crate::workspace::Workspace;

const EXAMPLE: &str = "examples/asm-egress-gateway";
/// What the walkthrough's server is called in the mesh.
const SERVER: &str = "httpbin.default:8000";

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
    let stage = Stage::set(workspace, console);
    let filter = wasm::build(workspace, console)?;
    let outgate = build_command_line(workspace, console)?;
    let outgate = |args: &[&str]| Invocation::new(&outgate).args(args).env("OUTGATE_FILTER_WASM", &filter);

    let mapping = stage
        .as_ref()
        .map(|stage| format!("{SERVER}=127.0.0.1:{}", stage.server.port));
    let walkthrough = match (&stage, &mapping) {
        (Some(stage), Some(mapping)) => {
            let args = ["test", "--in", "envoy", "--map", mapping, EXAMPLE];
            (
                "the six steps of the walkthrough, on real Envoys",
                outgate(&args).env("ENVOY", &stage.envoy),
            )
        }
        _ => (
            "the six steps of the walkthrough, in the embedded host",
            outgate(&["test", EXAMPLE]),
        ),
    };
    let commands = [
        walkthrough,
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
    if let Some(stage) = &stage {
        let mapping = format!("{SERVER}=127.0.0.1:PORT");
        let up = outgate(&["up", "--watch", "--map", &mapping, EXAMPLE]).env("ENVOY", &stage.envoy);
        console.line("");
        console.note(format_args!(
            "to send requests of your own, with a server of yours at PORT: {}",
            up.display(workspace.root())
        ));
    }
    Ok(())
}

/// What the walkthrough is played with.
struct Stage {
    envoy: PathBuf,
    server: HttpBin,
}

impl Stage {
    /// Without Python there is no stage, and the embedded host must do.
    fn set(workspace: &Workspace, console: Console) -> Option<Self> {
        let set = || {
            let tools = setup::envoy(workspace, console)?;
            Ok(Self {
                server: HttpBin::start(&tools.python)?,
                envoy: tools.envoy,
            })
        };
        let stage = set();
        if let Err(failure) = &stage {
            console.failure(failure);
            console.note("going on without real Envoys: the embedded host plays the same scenario");
        }
        stage.ok()
    }
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
