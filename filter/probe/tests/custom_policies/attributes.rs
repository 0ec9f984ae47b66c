//! What probes see of a request, and what becomes of one that cannot be seen.

use outgate_filter::custom_policy::testing::certificate;
use outgate_test_host::{HostCall, LogLevel, Request, Status};
use serde_json::{Value, json};

use crate::probes::{assert_decided, builder, config, deny, does, get, idle, logged, says, start, with};

fn reads(what: &str) -> Value {
    does(json!([{"read": what}]))
}

fn everything() -> Request {
    Request::post("http://A.com:8080/x?q=1")
        .header("x-a", "1")
        .header("x-a", "2")
        .mtls(true)
        .peer_certificate_pem(&certificate("td/ns/a/sa/b"))
        .source_address("10.0.0.7:5000")
        .destination_address("10.0.0.1:8443")
        .sni("Sni.Example")
        .dynamic_metadata(&json!({"envoy.filters.http.jwt_authn": {"payload": {"sub": "alice"}}}))
}

#[test]
fn every_attribute_can_be_read() {
    for (what, expected) in [
        ("method", "POST"),
        ("host", "A.com:8080"),
        ("host name", "a.com"),
        ("path", "/x"),
        ("x-a", "1"),
        ("x-b", "none"),
        ("headers", "6"),
        ("peer", "td/ns/a/sa/b"),
        ("names", "2"),
        ("source.ip", "10.0.0.7"),
        ("remote.ip", "10.0.0.7"),
        ("destination.ip", "10.0.0.1"),
        ("destination.port", "8443"),
        ("connection.sni", "sni.example"),
        ("metadata", "alice"),
    ] {
        let outcome = start(&config(idle(), idle(), reads(what))).request(everything());
        assert_eq!(
            logged(&outcome, "third_read").as_deref(),
            Some(expected),
            "{what}: {outcome}"
        );
    }
}

#[test]
fn what_is_not_there_is_none() {
    for what in ["peer", "names", "metadata"] {
        let outcome = start(&config(idle(), idle(), reads(what))).request(get("/x"));
        assert_eq!(
            logged(&outcome, "third_read").as_deref(),
            Some("none"),
            "{what}: {outcome}"
        );
        assert_eq!(logged(&outcome, "decision").as_deref(), Some("allow"), "{what}");
    }
}

#[test]
fn canonical_matching_is_theirs_too() {
    let request = || Request::get("http://A.com.:8080/a/..//%78");
    for (mesh, host, path) in [
        (json!({}), "A.com.:8080", "/a/..//%78"),
        (json!({"matching": "canonical"}), "a.com", "/x"),
    ] {
        let read = |what: &str| json!({"cases": [{"path": path, "steps": [{"read": what}], "answer": "abstain"}]});
        for (what, expected) in [("host", host), ("path", path), ("host name", "a.com")] {
            let config = with(config(read(what), idle(), idle()), "mesh", mesh.clone());
            let outcome = start(&config).request(request());
            assert_eq!(logged(&outcome, "first_read").as_deref(), Some(expected), "{outcome}");
            let upstream = outcome.upstream.as_ref().expect("it goes on as it was sent");
            assert_eq!(upstream.headers.text(":path").as_deref(), Some("/a/..//%78"));
        }
    }
}

#[test]
fn what_a_policy_has_not_declared_denies_the_request() {
    for (what, attribute) in [
        ("peer", "peer"),
        ("names", "peer"),
        ("source.ip", "source.ip"),
        ("remote.ip", "remote.ip"),
        ("destination.ip", "destination.ip"),
        ("destination.port", "destination.port"),
        ("connection.sni", "connection.sni"),
        ("metadata", "metadata"),
    ] {
        let mut steps = reads(what);
        // Whatever it answers.
        steps["cases"][0]["answer"] = json!("allow");
        let outcome = start(&config(steps, idle(), idle())).request(everything());
        let cause = format!("{attribute} cannot be read: the custom policy first does not declare that it reads this");
        assert_decided(&outcome, "error", &cause);
        outcome
            .assert()
            .denied(403)
            .details(&format!("outgate_unreadable_attribute[{attribute}]"))
            .log(LogLevel::Error, &format!("a request is denied: {cause}"));
    }
}

#[test]
fn what_the_proxy_does_not_hand_over_denies_the_request() {
    let path = ["connection", "peer_certificate"];
    let broken = || get("/x").mtls(true).property_error(path, Status::InternalFailure);
    let mut host = start(&config(idle(), says(&[("/x", json!("allow"))]), Value::Null));
    assert_decided(
        &host.request(broken()),
        "error",
        "peer cannot be read: the proxy refused the property",
    );
    // Nobody who reads it is there.
    let mut host = start(&config(idle(), Value::Null, Value::Null));
    assert_eq!(logged(&host.request(broken()), "decision").as_deref(), Some("allow"));
}

#[test]
fn a_stopped_request_keeps_its_reason_whatever_a_policy_cannot_read() {
    let steps = json!([{"read": "peer"}]);
    let first = json!({"cases": [{"path": "/denied", "steps": steps, "answer": "abstain"}]});
    let outcome = start(&config(first, idle(), idle())).request(get("/denied"));
    assert_decided(&outcome, "deny", "ns[n]-policy[deny]-rule[0]");
    outcome.assert().log(LogLevel::Warn, "first: peer cannot be read");
    assert!(logged(&outcome, "second_saw").is_some(), "the next one is asked");
}

#[test]
fn without_a_clock_requests_are_denied_that_need_one() {
    let config = config(does(json!(["now"])), idle(), idle());
    let host = builder(&config).fail_host_call(HostCall::GetCurrentTime, Status::InternalFailure);
    let mut host = host.start().unwrap_or_else(|error| panic!("{error}"));
    assert_decided(
        &host.request(get("/x")),
        "error",
        "time cannot be read: the proxy refuses to tell it",
    );
    assert_eq!(logged(&host.request(get("/y")), "decision").as_deref(), Some("allow"));
}

#[test]
fn a_denial_needs_no_attribute() {
    // A policy that denies has been asked with all that it declares: the caller's broken certificate comes first.
    let broken = get("/x").mtls(true).peer_certificate_pem("no certificate");
    let mut host = start(&config(says(&[("/x", deny("a"))]), idle(), idle()));
    assert_decided(&host.request(broken.clone()), "deny", "extension[first]-reason[a]");
    let mut host = start(&config(idle(), says(&[("/x", deny("a"))]), idle()));
    assert_decided(
        &host.request(broken),
        "error",
        "peer cannot be read: the peer's certificate is malformed",
    );
}
