//! What a request costs: the calls of the host, each by name, and the instructions.

use outgate_test_host::{Host, Module, Outcome, Phase, Property, Request};
use serde_json::{Value, json};

use crate::certificates::{certificate, forwarded};
use crate::identities::shows;
use crate::module::{decision, get, module, start};
use crate::policies::{allow_paths, config, config_in, deny_from, deny_paths, deny_to, deny_when, dry_run, with};

const HEADERS: (&str, u32) = ("proxy_get_header_map_pairs", 1);
const REPLY: (&str, u32) = ("proxy_send_local_response", 1);
const DEFINE: (&str, u32) = ("proxy_define_metric", 1);

const fn reads(properties: u32) -> (&'static str, u32) {
    ("proxy_get_property", properties)
}

const fn writes(properties: u32) -> (&'static str, u32) {
    ("proxy_set_property", properties)
}

fn calls(outcome: &Outcome) -> Vec<(&str, u32)> {
    outcome.host_calls.iter().collect()
}

/// What the walkthrough does: who may call what, by principal, host and path.
fn walkthrough(action: &str) -> Value {
    json!({"action": action, "rules": [{
        "from": [{"source": {"principals": ["td/ns/a/sa/b"]}}],
        "to": [{"operation": {"hosts": ["a.com"], "paths": ["/x"]}}],
    }]})
}

fn caller(connection: u64) -> Request {
    let pem = certificate(&["spiffe://td/ns/a/sa/b"], &[]).pem();
    shows(&pem)
        .set_header(":path", "/x")
        .property("connection.id", Property::Uint(connection))
}

#[test]
fn a_decision_by_principal_host_and_path_has_its_price() {
    let Some(module) = module() else { return };
    // The connection's number, its certificate, its subject. Of the log fields, there is no shadow.
    for (action, decided, reply) in [("ALLOW", "allow", None), ("DENY", "deny", Some(REPLY))] {
        let mut host = start(module, &config(&[walkthrough(action)]));
        let request = caller(7);
        let first = host.request(&request);
        assert_eq!(decision(&first), decided);
        let expected: Vec<_> = [HEADERS]
            .into_iter()
            .chain(reply)
            .chain([DEFINE, reads(3), writes(4)])
            .collect();
        assert_eq!(
            calls(&first),
            expected,
            "{action}, first request of the first connection"
        );

        let second = host.request(&request);
        let expected: Vec<_> = [HEADERS]
            .into_iter()
            .chain(reply)
            .chain([reads(1), writes(4)])
            .collect();
        // The principal is refused: the connection has it.
        assert_eq!(calls(&second), expected, "{action}, second request");
        assert_eq!(
            second.filter_state("wasm.outgate_principal").as_deref(),
            Some("td/ns/a/sa/b")
        );

        let third = host.request(&request);
        let expected: Vec<_> = [HEADERS]
            .into_iter()
            .chain(reply)
            .chain([reads(1), writes(3)])
            .collect();
        assert_eq!(calls(&third), expected, "{action}, any later request");
        assert!(third.host_calls.total() <= 6, "{action}");
        assert_eq!(
            third.filter_state("wasm.outgate_principal").as_deref(),
            Some("td/ns/a/sa/b")
        );

        let other = host.request(caller(8));
        let expected: Vec<_> = [HEADERS]
            .into_iter()
            .chain(reply)
            .chain([reads(3), writes(4)])
            .collect();
        assert_eq!(calls(&other), expected, "{action}, first request of another connection");
    }
}

#[test]
fn what_is_not_needed_is_not_paid_for() {
    let Some(module) = module() else { return };
    let only = |config: Value, fields: &[&str]| with(config, "accessLog", &json!({"fields": fields}));
    let path = || config(&[deny_paths(&["/x"])]);
    let port = || config(&[deny_when("destination.port", &["1"])]);
    let mesh = json!({"identity": "forwardedClientCert"});
    for (name, config, expected) in [
        // The connection's number and whether it has a certificate.
        ("plaintext, all fields", path(), vec![HEADERS, reads(3), writes(2)]),
        (
            "without the principal",
            only(path(), &["decision", "rule"]),
            vec![HEADERS, writes(1)],
        ),
        ("without fields", only(path(), &[]), vec![HEADERS]),
        ("without headers", only(port(), &[]), vec![reads(1)]),
        ("without policies", only(config(&[]), &[]), vec![]),
        (
            "by a forwarded certificate",
            config_in(&mesh, &[]),
            vec![HEADERS, writes(2)],
        ),
    ] {
        let mut host = start(module, &config);
        host.request(get("/"));
        assert_eq!(calls(&host.request(get("/"))), expected, "{name}");
    }
}

#[test]
fn a_registry_is_asked_with_the_headers_alone() {
    let Some(module) = module() else { return };
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": []});
    let config = with(
        config(&[deny_from(&json!({"principals": ["x"]}))]),
        "registry",
        &registry,
    );
    let mut host = start(module, &with(config, "accessLog", &json!({"fields": ["decision"]})));
    host.request(get("/"));
    assert_eq!(calls(&host.request(get("/"))), [HEADERS, REPLY, writes(1)]);
}

/// The reads of a request, each with the property's path.
fn properties_read(outcome: &Outcome) -> Vec<String> {
    let reads = outcome.trace.iter().filter(|call| call.name() == "proxy_get_property");
    reads
        .map(|call| call.to_string().split_once(" -> ").expect("an answer").0.to_owned())
        .collect()
}

#[test]
fn nothing_is_read_twice_for_one_request() {
    let Some(module) = module() else { return };
    // Several rules of each action need each attribute.
    let needs = |number: usize| {
        let value = format!("v{number}");
        let block = format!("10.0.0.{number}");
        json!([
            {"from": [{"source": {"principals": [value], "notNamespaces": [value]}}]},
            {"from": [{"source": {"ipBlocks": [block], "remoteIpBlocks": [block]}}]},
            {"from": [{"source": {"remoteIpBlocks": [block], "requestPrincipals": [value]}}]},
            {"to": [{"operation": {"ports": [number.to_string()]}}]},
            {"when": [{"key": "connection.sni", "values": [value]}]},
            {"when": [{"key": "destination.ip", "values": [block]}]},
            {"when": [{"key": "request.auth.claims[x]", "values": [value]}]},
            {"when": [{"key": "request.headers[x]", "values": [value]}]},
        ])
    };
    let actions = ["DENY", "ALLOW", "AUDIT", "DENY", "ALLOW"];
    let specs = (0..10).map(|number| json!({"action": actions[number % 5], "rules": needs(number)}));
    let config = dry_run(config(&specs.collect::<Vec<_>>()), &[3, 4, 8, 9]);
    let forwarding = json!({"identity": "forwardedClientCert", "numTrustedProxies": 1});
    let pem = certificate(&["spiffe://x"], &[]).pem();
    let request = shows(&pem)
        .header("x-forwarded-client-cert", forwarded(&pem, "", &[], &[]))
        .header("x-forwarded-for", "10.0.0.200");
    for (name, config, properties) in [
        // Number, certificate, subject; two addresses, port, server name, metadata.
        ("by certificate", config.clone(), 8),
        // The forwarded address, which is in a header, is looked at before the peer's, which is not, and rules that want both
        // need no more.
        ("by header", with(config, "mesh", &forwarding), 4),
    ] {
        let outcome = start(module, &config).request(&request);
        assert_eq!(decision(&outcome), "deny", "{outcome}");
        let read = properties_read(&outcome);
        assert_eq!(read.len(), properties, "{name}: {read:?}");
        let mut once = read.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), read.len(), "{name}: {read:?}");
        assert_eq!(calls(&outcome)[0], HEADERS, "{name}");
    }
}

#[test]
fn the_log_reads_again_nothing_that_could_not_be_read() {
    let Some(module) = module() else { return };
    let outcome = start(module, &config(&[deny_from(&json!({"principals": ["x"]}))])).request(get("/").mtls(true));
    assert_eq!(calls(&outcome), [("proxy_log", 1), REPLY, DEFINE, reads(3), writes(3)]);
}

fn fuel(module: &Module, policies: usize) -> u64 {
    let specs: Vec<Value> = (0..policies)
        .map(|number| {
            json!({"action": "ALLOW", "rules": [{
                "from": [{"source": {"principals": [format!("td/ns/a/sa/{number}")]}}],
                "to": [{"operation": {"hosts": [format!("h{}.com", number % 50)], "paths": [format!("/{number}*")]}}],
            }]})
        })
        .collect();
    let mut host: Host = start(module, &config(&specs));
    let last = policies - 1;
    let pem = certificate(&[&format!("spiffe://td/ns/a/sa/{last}")], &[]).pem();
    let request = shows(&pem)
        .set_header(":authority", format!("h{}.com", last % 50))
        .set_header(":path", format!("/{last}/y"))
        .property("connection.id", Property::Uint(1));
    host.request(&request);
    let outcome = host.request(&request);
    assert_eq!(decision(&outcome), "allow", "{outcome}");
    outcome.fuel_of(Phase::RequestHeaders).unwrap()
}

#[test]
fn a_decision_does_not_cost_more_with_more_policies() {
    let Some(module) = module() else { return };
    let (few, many) = (fuel(module, 10), fuel(module, 3_000));
    assert!(
        many < few + few / 2,
        "{few} instructions with 10 policies, {many} with 3,000"
    );
    assert!(few < 40_000, "{few} instructions");
}

#[test]
fn a_certificate_is_parsed_once_for_a_connection() {
    let Some(module) = module() else { return };
    let mut host = start(
        module,
        &config(&[
            walkthrough("ALLOW"),
            allow_paths(&["/z"]),
            deny_to(&json!({"ports": ["1"]})),
        ]),
    );
    let request = caller(7);
    host.request(&request);
    let again = host.request(&request).fuel_of(Phase::RequestHeaders).unwrap();
    let anew = host.request(caller(8)).fuel_of(Phase::RequestHeaders).unwrap();
    assert!(
        anew > 2 * again,
        "{anew} instructions on a new connection, {again} on a known one"
    );
}
