//! What the proxy does not tell, or tells in a broken way, denies the request.

use outgate_test_host::{Host, HostCall, LogLevel, Property, Request, Status};
use serde_json::{Value, json};

use crate::{config, decision, deny_from, deny_paths, deny_when, get, module, start};

#[test]
fn an_attribute_that_a_rule_needs_and_that_cannot_be_read_denies() {
    let Some(module) = module() else { return };
    let rows: [(&str, Value, &str, &str); 7] = [
        (
            "the certificate",
            deny_from(&json!({"principals": ["x"]})),
            "connection.peer_certificate",
            "peer",
        ),
        (
            "the connection",
            deny_from(&json!({"principals": ["x"]})),
            "connection.id",
            "peer",
        ),
        (
            "the client's address",
            deny_from(&json!({"remoteIpBlocks": ["1.1.1.1"]})),
            "source.address",
            "remote.ip",
        ),
        (
            "the proxy's address",
            deny_when("destination.ip", &["1.1.1.1"]),
            "destination.address",
            "destination.ip",
        ),
        (
            "the proxy's port",
            deny_when("destination.port", &["1"]),
            "destination.port",
            "destination.port",
        ),
        (
            "the server name",
            deny_when("connection.sni", &["x"]),
            "connection.requested_server_name",
            "connection.sni",
        ),
        (
            "the token",
            deny_when("request.auth.claims[x]", &["x"]),
            "metadata",
            "metadata",
        ),
    ];
    for (name, policy, property, attribute) in rows {
        let mut host = start(module, &config(&[policy]));
        for status in [Status::SerializationFailure, Status::InternalFailure] {
            let outcome = host.request(get("/").property_error(property, status));
            assert_eq!(
                (outcome.status(), decision(&outcome).as_str()),
                (403, "error"),
                "{name}: {outcome}"
            );
            assert_eq!(
                outcome.details,
                format!("outgate_unreadable_attribute[{attribute}]"),
                "{name}"
            );
            assert_eq!(outcome.logs_from(LogLevel::Error).count(), 1, "{name}");
        }
        assert_eq!(host.request(get("/")).status(), 200, "{name}, when it can be read");
    }
}

#[test]
fn an_attribute_that_no_rule_needs_is_not_missed() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for property in [
        "connection.peer_certificate",
        "connection.id",
        "metadata",
        "source.address",
    ] {
        let outcome = host.request(get("/").property_error(property, Status::InternalFailure));
        assert_eq!(outcome.status(), 200, "{property}: {outcome}");
    }
}

#[test]
fn broken_answers_deny() {
    let Some(module) = module() else { return };
    let by_peer = || start(module, &config(&[deny_from(&json!({"principals": ["x"]}))]));
    let by_token = || start(module, &config(&[deny_when("request.auth.claims[x]", &["x"])]));
    let rows: [(&str, Host, Request); 4] = [
        (
            "a certificate that is none",
            by_peer(),
            get("/").mtls(true).peer_certificate_pem("x"),
        ),
        (
            "a certificate that breaks off",
            by_peer(),
            get("/")
                .mtls(true)
                .peer_certificate_pem("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        ),
        ("a certificate that the proxy hides", by_peer(), get("/").mtls(true)),
        (
            "metadata that is no message",
            by_token(),
            get("/").dynamic_metadata_bytes(vec![0xFF; 5]),
        ),
    ];
    for (name, mut host, request) in rows {
        let outcome = host.request(request);
        assert_eq!(
            (outcome.status(), decision(&outcome).as_str()),
            (403, "error"),
            "{name}: {outcome}"
        );
    }
}

#[test]
fn a_null_claim_is_a_claim_that_matches_nothing() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_when("request.auth.claims[x]", &["*"])]));
    for (value, status) in [
        (json!(null), 200),
        (json!(1), 200),
        (json!({"x": "x"}), 200),
        (json!([null, 1]), 200),
        (json!(["", "y"]), 403),
        (json!("y"), 403),
    ] {
        let claims = json!({"envoy.filters.http.jwt_authn": {"payload": {"x": value, "null": null}}});
        let outcome = host.request(get("/").dynamic_metadata(&claims));
        assert_eq!(outcome.status(), status, "{value}: {outcome}");
    }
}

#[test]
fn host_calls_that_fail_do_not_let_a_request_through() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for call in [HostCall::SetProperty, HostCall::DefineMetric, HostCall::IncrementMetric] {
        host.fail_host_call(call, Status::InternalFailure);
        assert_eq!(host.request(get("/x")).status(), 403, "{}", call.name());
        assert_eq!(host.request(get("/y")).status(), 200, "{}", call.name());
        host.heal_host_call(call);
    }
    host.fail_host_call(HostCall::GetHeaderMapPairs, Status::InternalFailure);
    assert_eq!(decision(&host.request(get("/y"))), "error");
    host.heal_host_call(HostCall::GetHeaderMapPairs);
    host.fail_host_call(HostCall::SendLocalResponse, Status::InternalFailure);
    assert!(host.request(get("/x")).upstream.is_none());
}

#[test]
fn headers_of_any_bytes_are_decided_and_none_kills_the_module() {
    let Some(module) = module() else { return };
    let policies = [
        deny_when("request.headers[x]", &["*é"]),
        deny_when("request.headers[y]", &["*"]),
        json!({"action": "DENY", "rules": [{"to": [{"operation": {"hosts": ["*.b.com"], "notPaths": ["/x*"]}}]}]}),
    ];
    let mut host = start(module, &config(&policies));
    let mut seed = 1_u64;
    for _ in 0..2_000 {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as u8
        };
        let mut lines: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for _ in 0..next() % 6 {
            let name = [&b":path"[..], b":authority", b"x", b"y", b":method"][usize::from(next() % 5)].to_vec();
            let value = (0..next() % 9).map(|_| next()).collect();
            lines.push((name, value));
        }
        let outcome =
            host.request(Request::from_headers(lines).property("connection.id", Property::Uint(u64::from(next()))));
        assert!(outcome.trap.is_none(), "{outcome}");
        assert_ne!(decision(&outcome), "error", "{outcome}");
    }
    let outcome = host.request(get("/").header("x", b"\xFF\xC3\xA9"));
    assert_eq!(outcome.status(), 403, "{outcome}");
}
