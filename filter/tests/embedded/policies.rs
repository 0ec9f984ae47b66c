//! Configurations and policies in a few words.

use serde_json::{Value, json};

/// A configuration with policies of the namespace `n`, named `p0`, `p1` and so on.
pub(crate) fn config(specs: &[Value]) -> Value {
    let policies = specs.iter().enumerate().map(|(number, spec)| policy(number, spec));
    json!({"apiVersion": "outgate/v1", "revision": "r1", "policies": policies.collect::<Vec<_>>()})
}

/// The same with something said about the mesh.
pub(crate) fn config_in(mesh: &Value, specs: &[Value]) -> Value {
    with(config(specs), "mesh", mesh)
}

/// The same with a field set.
pub(crate) fn with(mut config: Value, field: &str, value: &Value) -> Value {
    config[field] = value.clone();
    config
}

/// The same with some policies only tried.
pub(crate) fn dry_run(mut config: Value, policies: &[usize]) -> Value {
    for &number in policies {
        config["policies"][number]["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    }
    config
}

/// Stops everything from these sources.
pub(crate) fn deny_from(source: &Value) -> Value {
    deny(&json!([{"from": [{"source": source}]}]))
}

/// Stops these operations.
pub(crate) fn deny_to(operation: &Value) -> Value {
    deny(&json!([{"to": [{"operation": operation}]}]))
}

/// Stops what a condition holds of.
pub(crate) fn deny_when(key: &str, values: &[&str]) -> Value {
    deny(&json!([{"when": [{"key": key, "values": values}]}]))
}

/// Stops these paths.
pub(crate) fn deny_paths(paths: &[&str]) -> Value {
    deny_to(&json!({"paths": paths}))
}

/// Lets these paths through, and nothing else.
pub(crate) fn allow_paths(paths: &[&str]) -> Value {
    json!({"action": "ALLOW", "rules": [{"to": [{"operation": {"paths": paths}}]}]})
}

fn deny(rules: &Value) -> Value {
    json!({"action": "DENY", "rules": rules})
}

fn policy(number: usize, spec: &Value) -> Value {
    json!({"metadata": {"namespace": "n", "name": format!("p{number}")}, "spec": spec})
}
