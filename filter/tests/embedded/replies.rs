//! What a client and the log see of a denial.

use outgate_test_host::{End, Request};
use serde_json::json;

use crate::{config, decision, deny_paths, get, module, start};

#[test]
fn a_denial_is_natives_to_the_byte() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    let outcome = host.request(get("/x"));
    assert_eq!(outcome.end, End::Replied, "{outcome}");
    assert!(outcome.upstream.is_none());
    assert_eq!(
        outcome.details,
        "rbac_access_denied_matched_policy[ns[n]-policy[p0]-rule[0]]"
    );
    let response = outcome.response.unwrap();
    assert_eq!(
        (response.status(), response.body_text().as_str()),
        (403, "RBAC: access denied")
    );
    assert_eq!(response.headers().get("content-length"), Some(&b"19"[..]));
    assert_eq!(response.headers().get("content-type"), Some(&b"text/plain"[..]));

    let grpc = host.request(Request::post("http://a.com/x").header("content-type", "application/grpc"));
    let response = grpc.response.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().get("grpc-status"), Some(&b"7"[..]));
    assert_eq!(
        response.headers().get("grpc-message"),
        Some(&b"RBAC: access denied"[..])
    );

    let head = host.request(Request::new("HEAD", "http://a.com/x"));
    assert_eq!(head.response.unwrap().body_bytes(), b"");
}

#[test]
fn a_denial_because_nothing_allows_names_no_rule() {
    let Some(module) = module() else { return };
    let allow = json!({"action": "ALLOW", "rules": [{"to": [{"operation": {"paths": ["/x"]}}]}]});
    let mut host = start(module, &config(&[allow]));
    let outcome = host.request(get("/y"));
    assert_eq!(
        (outcome.status(), outcome.details.as_str()),
        (403, "rbac_access_denied_matched_policy[none]")
    );
    assert_eq!(outcome.filter_state("wasm.outgate_rule"), None);
    let outcome = host.request(get("/x"));
    assert_eq!(
        outcome.filter_state("wasm.outgate_rule").as_deref(),
        Some("ns[n]-policy[p0]-rule[0]")
    );
}

#[test]
fn an_unregistered_host_gets_502_and_no_body() {
    let Some(module) = module() else { return };
    let mut config = config(&[]);
    config["registry"] = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "b.com", "ports": [80]}]});
    let mut host = start(module, &config);
    let outcome = host.request(get("/"));
    assert_eq!((outcome.status(), decision(&outcome).as_str()), (502, "unregistered"));
    assert_eq!(outcome.response.unwrap().body_bytes(), b"");
    assert_eq!(host.request(Request::get("http://b.com/")).status(), 200);
}

#[test]
fn only_the_chosen_fields_are_written() {
    let Some(module) = module() else { return };
    let mut config = config(&[deny_paths(&["/x"])]);
    config["accessLog"] = json!({"fields": ["rule", "revision"]});
    let outcome = start(module, &config).request(get("/x"));
    let written: Vec<&str> = outcome.filter_state.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(written, ["wasm.outgate_rule", "wasm.outgate_revision"]);
}

#[test]
fn dry_run_policies_are_written_down_and_change_nothing() {
    let Some(module) = module() else { return };
    let mut config = config(&[deny_paths(&["/x"])]);
    config["policies"][0]["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    let mut host = start(module, &config);
    for (path, shadow) in [("/x", "deny:denied:ns[n]-policy[p0]-rule[0]"), ("/y", "deny:allowed:-")] {
        let outcome = host.request(get(path));
        assert_eq!(outcome.status(), 200);
        assert_eq!(outcome.filter_state("wasm.outgate_shadow").as_deref(), Some(shadow));
    }
}

#[test]
fn decisions_are_counted() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for path in ["/x", "/x", "/y"] {
        host.request(get(path));
    }
    let counter = |verdict: &str, engine: &str, rule: &str| {
        host.metric(&format!(
            "outgate_decisions_verdict.=.{verdict};.;engine.=.{engine};.;rule.=.{rule};.;"
        ))
    };
    assert_eq!(counter("deny", "deny", "ns[n]-policy[p0]-rule[0]"), Some(2));
    assert_eq!(counter("allow", "default", "-"), Some(1));
    assert_eq!(host.metric("outgate_config_revision.=.r1;.;"), Some(1));
}
