//! The module that a gateway would load, in the test host.

use outgate_test_host::{Host, HostBuilder, Request, filter_under_test};
use serde_json::{Value, json};

fn configured(settings: &Value) -> HostBuilder {
    let configuration = json!({
        "apiVersion": "outgate/v1",
        "revision": "test",
        "extensions": {"my-policy": settings},
    });
    Host::builder(&filter_under_test!()).configuration(configuration.to_string())
}

#[test]
fn a_longer_query_is_414_and_logged() {
    let builder = configured(&json!({"mostBytes": 3}));
    let mut host = builder.start().unwrap_or_else(|error| panic!("{error}"));

    let outcome = host.request(Request::get("https://a.example/?abc"));
    outcome.assert().forwarded();

    let outcome = host.request(Request::get("https://a.example/?abcd"));
    outcome
        .assert()
        .denied(414)
        .body("the query is too long\n")
        .filter_state(
            "wasm.outgate_rule",
            "extension[my-policy]-reason[query-too-long]",
        )
        .filter_state("wasm.outgate_my_policy_query_bytes", "4");
}

#[test]
fn what_makes_no_sense_is_refused_by_its_path() {
    for (settings, expected) in [
        (
            json!({"mostBytes": 0}),
            "extensions.my-policy.mostBytes: must be at least 1",
        ),
        (
            json!({"mostByte": 3}),
            "extensions.my-policy.mostByte: unknown field",
        ),
    ] {
        let error = configured(&settings)
            .start()
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
