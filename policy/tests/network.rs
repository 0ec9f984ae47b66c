//! What policies say of connections, in rows that each state one rule of how Istio renders them for TCP.

#![allow(clippy::type_complexity, reason = "a row's type is the table's heading")]

mod support;

use outgate_policy::config::{Config, Mesh, PluginType};
use outgate_policy::resource::AuthorizationPolicy;
use outgate_policy::{Engine, Policy, Verdict, explain};
use serde_json::{Value, json};
use support::Call;

fn policies(all: &[(&str, Value)]) -> Vec<Value> {
    let policy = |(index, (action, rules)): (usize, &(&str, Value))| json!({"metadata": {"namespace": "n", "name": format!("p{index}")}, "spec": {"action": action, "rules": rules}});
    all.iter().enumerate().map(policy).collect()
}

fn engine(all: &[(&str, Value)]) -> Engine {
    let config = json!({"apiVersion": "outgate/v1", "revision": "test", "type": "NETWORK", "policies": policies(all)});
    let config: Config = serde_json::from_value(config).unwrap();
    Engine::new(&config).unwrap()
}

fn sleep() -> Call {
    Call::default()
        .by("cluster.local/ns/default/sa/sleep")
        .port(8443)
        .sni("test.com")
        .source_ip("10.0.0.1")
        .remote_ip("10.0.0.1")
}

/// A name, policies by their action and rules, and what is decided.
type Row = (&'static str, Vec<(&'static str, Value)>, Verdict);

#[test]
fn what_only_http_has_allows_nothing_and_keeps_nothing_from_being_denied() {
    let from_sleep = json!({"source": {"principals": ["cluster.local/ns/default/sa/sleep"]}});
    let get = json!({"operation": {"methods": ["GET"]}});
    let by_port = json!({"operation": {"ports": ["8443"]}});
    let rows: [Row; 16] = [
        ("no policy", vec![], Verdict::Allow),
        (
            "a principal",
            vec![("DENY", json!([{"from": [from_sleep]}]))],
            Verdict::Deny,
        ),
        (
            "another port",
            vec![("DENY", json!([{"to": [{"operation": {"ports": ["80"]}}]}]))],
            Verdict::Allow,
        ),
        (
            "a server name",
            vec![(
                "DENY",
                json!([{"when": [{"key": "connection.sni", "values": ["test.com"]}]}]),
            )],
            Verdict::Deny,
        ),
        (
            "any server name but this",
            vec![(
                "DENY",
                json!([{"when": [{"key": "connection.sni", "notValues": ["test.com"]}]}]),
            )],
            Verdict::Allow,
        ),
        (
            "an address",
            vec![("DENY", json!([{"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}]))],
            Verdict::Deny,
        ),
        (
            "a method alone is every connection",
            vec![("DENY", json!([{"to": [get]}]))],
            Verdict::Deny,
        ),
        (
            "a method of another's",
            vec![(
                "DENY",
                json!([{"from": [{"source": {"principals": ["other"]}}], "to": [get]}]),
            )],
            Verdict::Allow,
        ),
        (
            "a header",
            vec![(
                "DENY",
                json!([{"when": [{"key": "request.headers[x]", "values": ["y"]}]}]),
            )],
            Verdict::Deny,
        ),
        (
            "a host and a port",
            vec![(
                "DENY",
                json!([{"to": [{"operation": {"hosts": ["x.com"], "ports": ["80"]}}]}]),
            )],
            Verdict::Allow,
        ),
        (
            "what is not a host",
            vec![("DENY", json!([{"to": [{"operation": {"notHosts": ["test.com"]}}]}]))],
            Verdict::Deny,
        ),
        (
            "a method allows nothing",
            vec![("ALLOW", json!([{"to": [get]}]))],
            Verdict::Deny,
        ),
        (
            "one rule of two",
            vec![("ALLOW", json!([{"to": [get]}, {"to": [by_port]}]))],
            Verdict::Allow,
        ),
        (
            "an alternative of HTTP takes the rule away",
            vec![("ALLOW", json!([{"to": [get, by_port]}]))],
            Verdict::Deny,
        ),
        (
            "a token allows nothing",
            vec![("ALLOW", json!([{"from": [{"source": {"requestPrincipals": ["*"]}}]}]))],
            Verdict::Deny,
        ),
        (
            "AUDIT stops nothing",
            vec![("AUDIT", json!([{"to": [get]}]))],
            Verdict::Allow,
        ),
    ];
    for (name, written, expected) in rows {
        assert_eq!(engine(&written).decide(&sleep()).unwrap().verdict, expected, "{name}");
    }
}

#[test]
fn what_is_left_out_is_told() {
    let rule = json!([{
        "from": [{"source": {"principals": ["cluster.local/ns/default/sa/sleep"], "notRequestPrincipals": ["x"]}}],
        "to": [{"operation": {"hosts": ["test.com"], "notHosts": ["a"], "ports": ["8443"]}}],
        "when": [{"key": "request.headers[x]", "values": ["y"]}],
    }]);
    let explained = |action: &str| {
        let written: AuthorizationPolicy =
            serde_json::from_value(policies(&[(action, rule.clone())]).remove(0)).unwrap();
        let policy = Policy::check(written).unwrap().policy;
        let mut explained = explain(PluginType::Network, &[policy], &Mesh::default(), &sleep()).unwrap();
        explained.remove(0).rules.remove(0)
    };
    let denied = explained("DENY");
    assert!(denied.matched());
    let left_out: Vec<String> = denied.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left_out,
        [
            "spec.rules[0].from[0].source.notRequestPrincipals",
            "spec.rules[0].to[0].operation.hosts",
            "spec.rules[0].to[0].operation.notHosts",
            "spec.rules[0].when[0].key",
        ]
    );
    let allowed = explained("ALLOW");
    assert!(!allowed.matched() && allowed.left_out.is_empty());
}
