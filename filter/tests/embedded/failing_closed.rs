//! What the proxy does not tell, or tells in a broken way, denies the request and is written down; and nothing else does.

use outgate_test_host::{End, Host, HostCall, LogLevel, Outcome, Phase, Property, Request, Status};
use serde_json::{Value, json};

use crate::certificates::certificate;
use crate::identities::shows;
use crate::module::{decision, get, logged, module, start};
use crate::policies::{allow_paths, config, config_in, deny_from, deny_paths, deny_when, with};

/// A request was denied because an attribute cannot be read, and everybody who looks can see it.
fn assert_undecided(outcome: &Outcome, attribute: &str, name: &str) {
    assert_eq!(decision(outcome), "error", "{name}: {outcome}");
    assert_eq!(
        (outcome.end, outcome.status()),
        (End::Replied, 403),
        "{name}: {outcome}"
    );
    assert_eq!(
        outcome.response.as_ref().unwrap().body_text(),
        "RBAC: access denied",
        "{name}"
    );
    assert_eq!(
        outcome.details,
        format!("outgate_unreadable_attribute[{attribute}]"),
        "{name}"
    );
    let cause = format!("{attribute} cannot be read: ");
    assert!(
        logged(outcome, "rule").unwrap().starts_with(&cause),
        "{name}: {outcome}"
    );
    let lines: Vec<_> = outcome.logs_from(LogLevel::Warn).collect();
    assert!(
        matches!(lines.as_slice(), [line] if line.level == LogLevel::Error
            && line.message.starts_with(&format!("a request is denied: {cause}"))),
        "{name}: {outcome}"
    );
}

fn from(source: &Value) -> Value {
    config(&[deny_from(source)])
}

/// What a rule can need: a configuration that needs it, the property behind it, and the attribute's name.
fn needs() -> Vec<(Value, &'static [&'static str], &'static str)> {
    let behind = |mesh: Value| config_in(&mesh, &[deny_from(&json!({"ipBlocks": ["10.0.0.1"]}))]);
    vec![
        (from(&json!({"principals": ["x"]})), &["connection", "id"], "peer"),
        (
            from(&json!({"principals": ["x"]})),
            &["connection", "peer_certificate"],
            "peer",
        ),
        (from(&json!({"principals": ["x"]})), &["connection", "mtls"], "peer"),
        (
            from(&json!({"notPrincipals": ["*"]})),
            &["connection", "peer_certificate"],
            "peer",
        ),
        (
            from(&json!({"namespaces": ["x"]})),
            &["connection", "peer_certificate"],
            "peer",
        ),
        (
            from(&json!({"serviceAccounts": ["x"]})),
            &["connection", "peer_certificate"],
            "peer",
        ),
        (
            from(&json!({"trustDomains": ["x"]})),
            &["connection", "peer_certificate"],
            "peer",
        ),
        (
            from(&json!({"remoteIpBlocks": ["10.0.0.1"]})),
            &["source", "address"],
            "remote.ip",
        ),
        (
            behind(json!({"directAddressFilterState": "direct"})),
            &["filter_state", "direct"],
            "source.ip",
        ),
        (
            config(&[deny_when("destination.ip", &["10.0.0.1"])]),
            &["destination", "address"],
            "destination.ip",
        ),
        (
            config(&[deny_when("destination.port", &["1"])]),
            &["destination", "port"],
            "destination.port",
        ),
        (
            config(&[deny_when("connection.sni", &["x"])]),
            &["connection", "requested_server_name"],
            "connection.sni",
        ),
        (
            config(&[deny_when("request.auth.claims[x]", &["x"])]),
            &["metadata"],
            "metadata",
        ),
        (from(&json!({"requestPrincipals": ["x"]})), &["metadata"], "metadata"),
        (
            config(&[deny_when("experimental.envoy.filters.x[y]", &["z"])]),
            &["metadata"],
            "metadata",
        ),
    ]
}

#[test]
fn an_attribute_that_a_rule_needs_and_that_cannot_be_read_denies() {
    let Some(module) = module() else { return };
    let whole = || get("/").property("filter_state.direct", "10.9.9.9");
    for (config, property, attribute) in needs() {
        let name = property.join(".");
        let mut host = start(module, &config);
        for status in [Status::SerializationFailure, Status::InternalFailure] {
            assert_undecided(
                &host.request(whole().property_error(property, status)),
                attribute,
                &name,
            );
        }
        let decided = if config.to_string().contains("notPrincipals") {
            "deny"
        } else {
            "allow"
        };
        assert_eq!(decision(&host.request(whole())), decided, "{name}, when it can be read");
    }
}

#[test]
fn a_subject_that_cannot_be_read_denies() {
    let Some(module) = module() else { return };
    let mut host = start(module, &from(&json!({"principals": ["x"]})));
    let request = shows(&certificate(&["spiffe://y"], &[]).pem());
    let subject = "connection.subject_peer_certificate";
    let outcome = host.request(request.clone().property_error(subject, Status::InternalFailure));
    assert_undecided(&outcome, "peer", "the subject");
    assert_eq!(decision(&host.request(request)), "allow", "when it can be read");
}

#[test]
fn an_allow_policy_does_not_let_through_what_it_cannot_read() {
    let Some(module) = module() else { return };
    let by_peer = json!({"rules": [{"from": [{"source": {"notPrincipals": ["x"]}}]}]});
    let mut host = start(module, &config(&[by_peer]));
    assert_eq!(decision(&host.request(get("/"))), "allow");
    assert_undecided(&host.request(get("/").mtls(true)), "peer", "ALLOW");
}

#[test]
fn an_attribute_that_no_rule_needs_is_not_missed() {
    let Some(module) = module() else { return };
    let config = config(&[deny_paths(&["/x"]), allow_paths(&["/*"])]);
    let unlogged = with(config.clone(), "accessLog", &json!({"fields": ["decision"]}));
    let broken = needs().into_iter().fold(get("/"), |request, (_, property, _)| {
        request.property_error(property, Status::InternalFailure)
    });
    for (name, config) in [("with the principal in the log", config), ("without", unlogged)] {
        let mut host = start(module, &config);
        let outcome = host.request(&broken);
        assert_eq!(decision(&outcome), "allow", "{name}: {outcome}");
        assert_eq!(outcome.logs_from(LogLevel::Info).count(), 0, "{name}: {outcome}");
        assert_eq!(
            host.request(broken.clone().set_header(":path", "/x")).status(),
            403,
            "{name}"
        );
    }
}

#[test]
fn a_rule_that_another_attribute_decides_does_not_miss_one() {
    let Some(module) = module() else { return };
    let both = json!({"action": "DENY", "rules": [{
        "from": [{"source": {"principals": ["x"]}}],
        "to": [{"operation": {"paths": ["/x"]}}],
    }]});
    let mut host = start(module, &config(&[both]));
    let broken = |path: &str| get(path).mtls(true);
    assert_eq!(decision(&host.request(broken("/y"))), "allow");
    assert_undecided(&host.request(broken("/x")), "peer", "the path matches");
}

#[test]
fn broken_answers_deny() {
    let Some(module) = module() else { return };
    let pem = certificate(&["spiffe://x"], &[]).pem();
    let cut = format!("{}\n-----END CERTIFICATE-----\n", &pem[..pem.len() / 2 / 65 * 65]);
    let not_der = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let direct = |text: &str| get("/").property("filter_state.direct", text);
    let tls = || get("/").mtls(true).sni("a.com");
    let rows: Vec<(&str, Value, Request, &str)> = vec![
        (
            "a certificate that is none",
            from(&json!({"principals": ["y"]})),
            shows("x"),
            "peer",
        ),
        (
            "a certificate that breaks off",
            from(&json!({"principals": ["y"]})),
            shows(&cut),
            "peer",
        ),
        (
            "a text that is no certificate",
            from(&json!({"principals": ["y"]})),
            shows(not_der),
            "peer",
        ),
        (
            "a certificate that the proxy hides",
            from(&json!({"principals": ["y"]})),
            tls(),
            "peer",
        ),
        (
            "a certificate of which it shows a name",
            from(&json!({"principals": ["y"]})),
            tls().uri_san("spiffe://x"),
            "peer",
        ),
        (
            "a certificate that it shows as an empty text",
            from(&json!({"principals": ["y"]})),
            shows(""),
            "peer",
        ),
        (
            "metadata that is no message",
            from(&json!({"requestPrincipals": ["y"]})),
            get("/").dynamic_metadata_bytes(vec![0xFF; 5]),
            "metadata",
        ),
        (
            "metadata that breaks off",
            from(&json!({"requestPrincipals": ["y"]})),
            get("/").dynamic_metadata_bytes(vec![0x0A, 100, 0x0A]),
            "metadata",
        ),
        (
            "no direct address",
            config_in(
                &json!({"directAddressFilterState": "direct"}),
                &[deny_from(&json!({"ipBlocks": ["10.0.0.1"]}))],
            ),
            direct("-"),
            "source.ip",
        ),
    ];
    for (name, config, request, attribute) in rows {
        assert_undecided(&start(module, &config).request(request), attribute, name);
    }
}

#[test]
fn headers_that_cannot_be_read_deny() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    host.fail_host_call(HostCall::GetHeaderMapPairs, Status::InternalFailure);
    assert_undecided(&host.request(get("/y")), "headers", "the header map");
    host.heal_host_call(HostCall::GetHeaderMapPairs);
    assert_eq!(decision(&host.request(get("/y"))), "allow", "when they can be read");

    let mut host = start(module, &config(&[deny_when("destination.port", &["1"])]));
    host.fail_host_call(HostCall::GetHeaderMapPairs, Status::InternalFailure);
    assert_eq!(decision(&host.request(get("/"))), "allow", "when no rule needs them");
}

#[test]
fn a_failure_is_not_remembered_of_a_connection() {
    let Some(module) = module() else { return };
    let mut host = start(module, &from(&json!({"principals": ["td/ns/a/sa/b"]})));
    let on_one = |request: Request| request.property("connection.id", Property::Uint(1));
    assert_undecided(&host.request(on_one(get("/").mtls(true))), "peer", "the first request");
    let caller = certificate(&["spiffe://td/ns/a/sa/b"], &[]).pem();
    assert_eq!(decision(&host.request(on_one(shows(&caller)))), "deny", "the next");
}

#[test]
fn a_request_whose_denial_the_proxy_does_not_take_is_held() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for status in [Status::BadArgument, Status::InternalFailure, Status::Unimplemented] {
        host.fail_host_call(HostCall::SendLocalResponse, status);
        let outcome = host.request(get("/x"));
        assert_eq!(outcome.end, End::Paused(Phase::RequestHeaders), "{outcome}");
        assert_eq!(decision(&outcome), "deny");
        assert_eq!(outcome.logs_from(LogLevel::Critical).count(), 1, "{outcome}");
        assert_eq!(decision(&host.request(get("/y"))), "allow");
    }
}

#[test]
fn a_log_field_that_cannot_be_written_is_reported_and_does_not_change_the_verdict() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    host.fail_host_call(HostCall::SetProperty, Status::InternalFailure);
    for (path, status, lines) in [("/x", 403, 3), ("/y", 200, 2)] {
        let outcome = host.request(get(path));
        assert_eq!(outcome.status(), status, "{outcome}");
        assert_eq!(outcome.upstream.is_some(), status == 200);
        assert_eq!(outcome.logs_from(LogLevel::Warn).count(), lines, "{outcome}");
    }
}

#[test]
fn a_proxy_that_does_not_hand_out_the_configuration_does_not_get_a_filter() {
    let Some(module) = module() else { return };
    let builder = Host::builder(module).configuration(config(&[]).to_string());
    let error = builder
        .fail_host_call(HostCall::GetBufferBytes, Status::InternalFailure)
        .start()
        .unwrap_err();
    assert!(error.to_string().contains("the proxy does not hand it out"), "{error}");
}
