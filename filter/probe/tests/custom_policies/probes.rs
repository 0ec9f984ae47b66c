//! Hosts that run the probes, and what they are configured with.

use outgate_test_host::{Host, HostBuilder, Module, Outcome, Request, filter_under_test};
use serde_json::{Value, json};

pub(crate) fn module() -> Module {
    filter_under_test!()
}

/// A configuration in which each probe does as it is told, and two policies: `DENY` of `/denied`, and `ALLOW` of all paths but
/// those that begin with `/other`.
pub(crate) fn config(first: Value, second: Value, third: Value) -> Value {
    let policy = |name: &str, spec: Value| json!({"metadata": {"namespace": "n", "name": name}, "spec": spec});
    let to = |operation: Value| json!([{"to": [{"operation": operation}]}]);
    json!({
        "apiVersion": "outgate/v1",
        "revision": "r1",
        "policies": [
            policy("deny", json!({"action": "DENY", "rules": to(json!({"paths": ["/denied"]}))})),
            policy("allow", json!({"action": "ALLOW", "rules": to(json!({"notPaths": ["/other*"]}))})),
        ],
        "extensions": {"first": first, "second": second, "third": third},
    })
}

/// The same with a field set.
pub(crate) fn with(mut config: Value, field: &str, value: Value) -> Value {
    config[field] = value;
    config
}

/// A probe that says one thing about each of some paths.
pub(crate) fn says(answers: &[(&str, Value)]) -> Value {
    let cases = answers
        .iter()
        .map(|(path, answer)| json!({"path": path, "answer": answer}));
    json!({"cases": cases.collect::<Vec<_>>()})
}

/// A probe that takes steps about `/x`, and abstains.
pub(crate) fn does(steps: Value) -> Value {
    json!({"cases": [{"path": "/x", "steps": steps, "answer": "abstain"}]})
}

/// A probe that abstains.
pub(crate) fn idle() -> Value {
    json!({})
}

pub(crate) fn deny(reason: &str) -> Value {
    json!({"deny": {"reason": reason}})
}

pub(crate) fn builder(config: &Value) -> HostBuilder {
    Host::builder(&module()).configuration(config.to_string())
}

pub(crate) fn start(config: &Value) -> Host {
    builder(config).start().unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn get(path: &str) -> Request {
    Request::get(&format!("http://a.com{path}"))
}

/// A property that the filter wrote for the access log, by its name without `outgate_`.
pub(crate) fn logged(outcome: &Outcome, name: &str) -> Option<String> {
    outcome.filter_state(&format!("wasm.outgate_{name}"))
}

/// What was decided, and by which rule. Also checks that the client and the upstream saw just that.
pub(crate) fn decided(outcome: &Outcome) -> (String, String) {
    assert!(outcome.trap.is_none(), "{outcome}");
    let decision = logged(outcome, "decision").unwrap_or_else(|| panic!("no decision is logged: {outcome}"));
    assert_eq!(outcome.upstream.is_some(), decision == "allow", "{outcome}");
    (decision, logged(outcome, "rule").unwrap_or_else(|| "-".to_owned()))
}

/// Checks what was decided, and by which rule.
#[track_caller]
pub(crate) fn assert_decided(outcome: &Outcome, decision: &str, rule: &str) {
    assert_eq!(decided(outcome), (decision.to_owned(), rule.to_owned()), "{outcome}");
}
