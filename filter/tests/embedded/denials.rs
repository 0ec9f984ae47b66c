//! What a client and an upstream see of a denial.

use outgate_test_host::{End, Outcome, Request};
use serde_json::json;

use crate::module::{decision, get, module, start};
use crate::policies::{allow_paths, config, deny_paths, with};

fn header<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a str> {
    let response = outcome.response.as_ref()?;
    response
        .headers()
        .get(name)
        .map(|value| std::str::from_utf8(value).unwrap())
}

fn body(outcome: &Outcome) -> String {
    outcome.response.as_ref().unwrap().body_text()
}

#[test]
fn a_denial_is_natives_to_the_byte() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    let outcome = host.request(Request::post("http://a.com/x").body("never read"));
    assert_eq!(
        (outcome.end, decision(&outcome).as_str()),
        (End::Replied, "deny"),
        "{outcome}"
    );
    assert_eq!(
        outcome.details,
        "rbac_access_denied_matched_policy[ns[n]-policy[p0]-rule[0]]"
    );
    assert_eq!(outcome.status(), 403);
    assert_eq!(body(&outcome), "RBAC: access denied");
    let names: Vec<_> = outcome
        .response
        .as_ref()
        .unwrap()
        .headers()
        .iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [&b":status"[..], b"content-length", b"content-type"]);
    assert_eq!(header(&outcome, "content-length"), Some("19"));
    assert_eq!(header(&outcome, "content-type"), Some("text/plain"));
}

#[test]
fn a_head_request_gets_the_same_without_the_body() {
    let Some(module) = module() else { return };
    let outcome = start(module, &config(&[deny_paths(&["/x"])])).request(Request::new("HEAD", "http://a.com/x"));
    assert_eq!((outcome.status(), body(&outcome).as_str()), (403, ""));
    assert_eq!(header(&outcome, "content-length"), Some("19"));
}

#[test]
fn a_grpc_client_learns_it_as_a_grpc_status() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let outcome = host.request(Request::post("http://a.com/x").header("content-type", content_type));
        assert_eq!((outcome.status(), body(&outcome).as_str()), (200, ""), "{content_type}");
        assert_eq!(header(&outcome, "grpc-status"), Some("7"), "{content_type}");
        assert_eq!(
            header(&outcome, "grpc-message"),
            Some("RBAC: access denied"),
            "{content_type}"
        );
    }
}

#[test]
fn a_denial_because_nothing_allows_names_no_rule() {
    let Some(module) = module() else { return };
    for policies in [&[allow_paths(&["/x"])][..], &[json!({})]] {
        let outcome = start(module, &config(policies)).request(get("/y"));
        assert_eq!((decision(&outcome).as_str(), outcome.status()), ("deny", 403));
        assert_eq!(outcome.details, "rbac_access_denied_matched_policy[none]");
    }
}

#[test]
fn the_rule_whose_name_comes_first_is_named() {
    let Some(module) = module() else { return };
    let mut rules = vec![json!({"to": [{"operation": {"paths": ["/y"]}}]}); 11];
    rules[2] = json!({"to": [{"operation": {"paths": ["/x"]}}]});
    rules[10] = json!({"to": [{"operation": {"paths": ["/x*"]}}]});
    let policies = [
        deny_paths(&["/x/*"]),
        json!({"action": "DENY", "rules": rules}),
        allow_paths(&["/*"]),
    ];
    let mut host = start(module, &config(&policies));
    for (path, rule) in [
        // `rule[10]` stands before `rule[2]` in byte order.
        ("/x", "ns[n]-policy[p1]-rule[10]"),
        ("/x/y", "ns[n]-policy[p0]-rule[0]"),
        ("/y", "ns[n]-policy[p1]-rule[0]"),
    ] {
        assert_eq!(
            host.request(get(path)).details,
            format!("rbac_access_denied_matched_policy[{rule}]"),
            "{path}"
        );
    }
    assert_eq!(decision(&host.request(get("/z"))), "allow");
}

#[test]
fn an_unregistered_host_gets_502_and_no_body_before_any_policy() {
    let Some(module) = module() else { return };
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [
        {"host": "b.com", "ports": [80]},
        {"host": "*.c.com", "ports": [443, 8443]},
    ]});
    let mut host = start(module, &with(config(&[deny_paths(&["/x"])]), "registry", &registry));
    for (url, decided, status) in [
        ("http://a.com/", "unregistered", 502),
        ("http://a.com/x", "unregistered", 502),
        ("http://b.com/", "allow", 200),
        ("http://B.com:80/", "allow", 200),
        ("http://b.com/x", "deny", 403),
        ("http://b.com:443/", "unregistered", 502),
        ("http://x.c.com:443/", "allow", 200),
        ("http://c.com/", "unregistered", 502),
        ("/", "unregistered", 502),
    ] {
        let outcome = host.request(Request::get(url));
        assert_eq!(
            (decision(&outcome).as_str(), outcome.status()),
            (decided, status),
            "{url}: {outcome}"
        );
    }
    assert_eq!(
        decision(&host.request(get("/").without_header(":authority"))),
        "unregistered"
    );

    let outcome = host.request(get("/"));
    assert_eq!(
        (body(&outcome).as_str(), header(&outcome, "content-length")),
        ("", None)
    );
    assert_eq!(outcome.details, "outgate_unregistered_host");
    let grpc = host.request(get("/").header("content-type", "application/grpc"));
    assert_eq!((grpc.status(), header(&grpc, "grpc-status")), (200, Some("14")));

    let any = with(config(&[]), "registry", &json!({"mode": "ALLOW_ANY", "hosts": []}));
    assert_eq!(decision(&start(module, &any).request(get("/"))), "allow");
}
