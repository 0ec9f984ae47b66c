//! Connections: the module as a network filter.

use outgate_test_host::{Action, Connection, Host, Outcome, Peer, Property};
use serde_json::{Value, json};

use crate::certificates::certificate;
use crate::module::{get, logged, module, start};
use crate::policies::{config, deny_from, deny_to, deny_when, dry_run, with};

/// A configuration of a network filter.
fn network(specs: &[Value]) -> Value {
    with(config(specs), "type", &json!("NETWORK"))
}

fn allow(rules: &Value) -> Value {
    json!({"action": "ALLOW", "rules": rules})
}

fn caller() -> Connection {
    let pem = certificate(&["spiffe://td/ns/a/sa/b"], &[]).pem();
    Connection::new()
        .mtls(true)
        .peer_certificate_pem(&pem)
        .sni("db.example")
        .source_address("10.0.0.7:5000")
        .destination_address("10.0.0.1:5432")
        .property("connection.id", Property::Uint(7))
}

/// Sends two pieces through a connection and back, and ends it.
fn connect(host: &mut Host, connection: Connection) -> Outcome {
    let mut stream = host.tcp_stream(connection);
    stream.new_connection();
    stream.downstream_data(b"hello ", false);
    stream.upstream_data(b"welcome", false);
    stream.downstream_data(b"again", true);
    stream.downstream_close(Peer::Remote);
    stream.finish()
}

/// What was decided, as the access log shows it. Also checks what went on.
fn decided(outcome: &Outcome) -> String {
    assert!(outcome.trap.is_none(), "{outcome}");
    let decision = logged(outcome, "decision").unwrap_or_else(|| panic!("no decision is logged: {outcome}"));
    let passed: &[u8] = if decision == "allow" { b"hello again" } else { b"" };
    assert_eq!(outcome.upstream_body(), passed, "{outcome}");
    decision
}

#[test]
fn rules_are_read_as_istio_reads_them_for_tcp() {
    let Some(module) = module() else { return };
    let methods = || json!({"methods": ["GET"]});
    for (name, specs, expected) in [
        ("no policy", vec![], ("allow", None)),
        (
            "principal",
            vec![deny_from(&json!({"principals": ["td/ns/a/sa/b"]}))],
            ("deny", Some(0)),
        ),
        (
            "another principal",
            vec![deny_from(&json!({"principals": ["td/ns/a/sa/c"]}))],
            ("allow", None),
        ),
        (
            "namespace",
            vec![deny_from(&json!({"namespaces": ["a"]}))],
            ("deny", Some(0)),
        ),
        (
            "address",
            vec![deny_from(&json!({"ipBlocks": ["10.0.0.0/24"]}))],
            ("deny", Some(0)),
        ),
        (
            "another address",
            vec![deny_from(&json!({"remoteIpBlocks": ["10.0.1.0/24"]}))],
            ("allow", None),
        ),
        ("port", vec![deny_to(&json!({"ports": ["5432"]}))], ("deny", Some(0))),
        (
            "another port",
            vec![deny_to(&json!({"ports": ["443"]}))],
            ("allow", None),
        ),
        (
            "SNI",
            vec![deny_when("connection.sni", &["db.example"])],
            ("deny", Some(0)),
        ),
        (
            "another SNI",
            vec![deny_when("connection.sni", &["other.example"])],
            ("allow", None),
        ),
        (
            "a method alone stops everything",
            vec![deny_to(&methods())],
            ("deny", Some(0)),
        ),
        (
            "of a method and a port, the port is left",
            vec![deny_to(&json!({"methods": ["GET"], "ports": ["443"]}))],
            ("allow", None),
        ),
        (
            "a host that must not be is left out",
            vec![deny_to(&json!({"notHosts": ["a.com"]}))],
            ("deny", Some(0)),
        ),
        (
            "a rule that allows by a method allows nothing",
            vec![allow(
                &json!([{"to": [{"operation": {"methods": ["GET"], "ports": ["5432"]}}]}]),
            )],
            ("deny", None),
        ),
        (
            "the rule beside it does",
            vec![allow(&json!([
                {"to": [{"operation": {"paths": ["/"]}}]},
                {"from": [{"source": {"namespaces": ["a"]}}]},
            ]))],
            ("allow", Some(1)),
        ),
        (
            "a claim allows nothing",
            vec![allow(
                &json!([{"when": [{"key": "request.auth.claims[a]", "values": ["b"]}]}]),
            )],
            ("deny", None),
        ),
    ] {
        let mut host = start(module, &network(&specs));
        let outcome = connect(&mut host, caller());
        let (decision, rule) = expected;
        assert_eq!(decided(&outcome), decision, "{name}");
        let rule = rule.map(|rule| format!("ns[n]-policy[p0]-rule[{rule}]"));
        assert_eq!(logged(&outcome, "rule"), rule, "{name}");
    }
}

#[test]
fn a_connection_is_decided_at_its_first_data_and_once() {
    let Some(module) = module() else { return };
    let mut host = start(module, &network(&[deny_to(&json!({"ports": ["443"]}))]));
    let mut stream = host.tcp_stream(caller());
    assert_eq!(stream.new_connection().action, Action::Continue);
    assert_eq!(stream.downstream_data(b"a", false).action, Action::Continue);
    assert_eq!(stream.downstream_data(b"b", false).action, Action::Continue);
    assert_eq!(stream.to_upstream(), b"ab");
    let outcome = stream.finish();
    // Its header map would be none: nothing asks for it.
    assert_eq!(
        outcome.host_calls.iter().find(|(name, _)| name.contains("header_map")),
        None
    );
    let counted: u32 = outcome.host_calls.iter().map(|(_, count)| count).sum();
    assert!(counted <= 10, "{outcome}");
}

#[test]
fn what_is_written_down_is_the_same_as_for_requests() {
    let Some(module) = module() else { return };
    let config = network(&[
        deny_from(&json!({"principals": ["td/ns/a/sa/b"]})),
        deny_to(&json!({"ports": ["5432"]})),
    ]);
    let outcome = connect(&mut start(module, &dry_run(config, &[1])), caller());
    assert_eq!(decided(&outcome), "deny");
    for (field, expected) in [
        ("principal", "td/ns/a/sa/b"),
        ("rule", "ns[n]-policy[p0]-rule[0]"),
        ("shadow", "deny:denied:ns[n]-policy[p1]-rule[0]"),
        ("revision", "r1"),
    ] {
        assert_eq!(logged(&outcome, field).as_deref(), Some(expected), "{field}");
    }
}

#[test]
fn a_registry_knows_server_names() {
    let Some(module) = module() else { return };
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "db.example", "ports": [5432]}]});
    let config = with(network(&[]), "registry", &registry);
    for (connection, expected) in [
        (caller(), "allow"),
        (caller().sni("other.example"), "unregistered"),
        // Who it is for cannot be told; routes decide.
        (Connection::new(), "allow"),
    ] {
        assert_eq!(decided(&connect(&mut start(module, &config), connection)), expected);
    }
}

#[test]
fn what_cannot_be_read_closes_the_connection() {
    let Some(module) = module() else { return };
    let mut host = start(module, &network(&[deny_from(&json!({"principals": ["x"]}))]));
    let outcome = connect(&mut host, caller().peer_certificate_pem("no certificate"));
    assert_eq!(decided(&outcome), "error");
}

#[test]
fn a_filter_in_the_wrong_place_lets_nothing_through() {
    let Some(module) = module() else { return };
    let outcome = start(module, &network(&[])).request(get("/"));
    assert!(outcome.upstream.is_none(), "{outcome}");
    let outcome = connect(&mut start(module, &config(&[])), caller());
    assert_eq!(outcome.upstream_body(), b"", "{outcome}");
}
