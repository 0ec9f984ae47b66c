//! The module under test, and hosts that run it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use outgate_test_host::{Host, Module, Outcome, Request};
use serde_json::Value;

/// The module that `OUTGATE_FILTER_WASM` names, else the one that the workspace has built. `None`, and a word on the terminal,
/// where there is none; where `CI` is set, there must be one.
pub(crate) fn module() -> Option<&'static Module> {
    static MODULE: OnceLock<Option<Module>> = OnceLock::new();
    let load = || {
        let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/wasm/outgate_filter.wasm");
        let path = std::env::var_os("OUTGATE_FILTER_WASM").map_or_else(built, PathBuf::from);
        if path.is_file() {
            return Some(Module::load(&path).expect("the module loads"));
        }
        let advice = format!(
            "there is no module {}; build it with `cargo xtask wasm`",
            path.display()
        );
        assert!(std::env::var_os("CI").is_none(), "{advice}");
        // Written to the terminal itself: what tests print is shown only when they fail.
        let _ = writeln!(std::io::stderr(), "skipped: {advice}");
        None
    };
    MODULE.get_or_init(load).as_ref()
}

/// A host that has taken a configuration.
pub(crate) fn start(module: &Module, config: &Value) -> Host {
    let host = Host::builder(module).configuration(config.to_string()).start();
    host.unwrap_or_else(|error| panic!("{error}"))
}

/// A `GET` of a path on `a.com`.
pub(crate) fn get(path: &str) -> Request {
    Request::get(&format!("http://a.com{path}"))
}

/// A property that the filter wrote for the access log, by its name without `outgate_`.
pub(crate) fn logged(outcome: &Outcome, name: &str) -> Option<String> {
    outcome.filter_state(&format!("wasm.outgate_{name}"))
}

/// What was decided, as the access log shows it. Also checks that the client and the upstream saw just that.
pub(crate) fn decision(outcome: &Outcome) -> String {
    assert!(outcome.trap.is_none(), "{outcome}");
    let decision = logged(outcome, "decision").unwrap_or_else(|| panic!("no decision is logged: {outcome}"));
    assert_eq!(outcome.upstream.is_some(), decision == "allow", "{outcome}");
    decision
}

/// Sends a request through a host of its own.
pub(crate) fn decide(module: &Module, config: &Value, request: Request) -> String {
    decision(&start(module, config).request(request))
}
