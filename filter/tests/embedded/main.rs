//! The module that a gateway loads, in an embedded host: what it asks, what it answers, and that it fails closed.

mod configuration;
mod failing_closed;
mod gateway;
mod identities;
mod replies;

use std::path::PathBuf;
use std::sync::OnceLock;

use outgate_test_host::{Host, Module, Outcome, Request};
use serde_json::{Value, json};

/// The module; `None`, and a printed word, where it has not been built. Where CI is set, it must have been.
fn module() -> Option<&'static Module> {
    static MODULE: OnceLock<Option<Module>> = OnceLock::new();
    let load = || {
        let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/wasm/outgate_filter.wasm");
        let path = std::env::var_os("OUTGATE_FILTER_WASM").map_or_else(built, PathBuf::from);
        if path.is_file() {
            return Some(Module::load(&path).expect("the module loads"));
        }
        assert!(std::env::var_os("CI").is_none(), "no module at {}", path.display());
        println!("skipped: there is no module; build it with `cargo xtask wasm`");
        None
    };
    MODULE.get_or_init(load).as_ref()
}

/// A configuration with some policies of the namespace `n`, named `p0`, `p1` and so on.
fn config(specs: &[Value]) -> Value {
    let policies = specs
        .iter()
        .enumerate()
        .map(|(number, spec)| json!({"metadata": {"namespace": "n", "name": format!("p{number}")}, "spec": spec}));
    json!({"apiVersion": "outgate/v1", "revision": "r1", "policies": policies.collect::<Vec<_>>()})
}

/// A policy that stops what these sources ask for.
fn deny_from(source: &Value) -> Value {
    json!({"action": "DENY", "rules": [{"from": [{"source": source}]}]})
}

fn deny_when(key: &str, values: &[&str]) -> Value {
    json!({"action": "DENY", "rules": [{"when": [{"key": key, "values": values}]}]})
}

fn deny_paths(paths: &[&str]) -> Value {
    json!({"action": "DENY", "rules": [{"to": [{"operation": {"paths": paths}}]}]})
}

fn start(module: &Module, config: &Value) -> Host {
    let host = Host::builder(module).configuration(config.to_string()).start();
    host.unwrap_or_else(|error| panic!("{error}"))
}

fn decision(outcome: &Outcome) -> String {
    outcome
        .filter_state("wasm.outgate_decision")
        .unwrap_or_else(|| panic!("{outcome}"))
}

fn get(path: &str) -> Request {
    Request::get(&format!("http://a.com{path}"))
}
