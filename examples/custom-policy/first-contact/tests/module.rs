//! The module that a gateway would load: what is new is flagged once, whichever worker sees it.

use std::time::Duration;

use outgate_filter::custom_policy::testing::certificate;
use outgate_test_host::{Host, HostBuilder, HostCall, LogLevel, Outcome, Request, Status, filter_under_test};
use serde_json::{Value, json};

fn config(mode: &str) -> Value {
    let approved = json!([{"principals": ["td/ns/shop/*"], "hosts": ["*.partner.example"]}]);
    let extensions = json!({"first-contact": {"mode": mode, "approved": approved}});
    json!({"apiVersion": "outgate/v1", "revision": "r1", "extensions": extensions})
}

fn builder(config: &Value) -> HostBuilder {
    Host::builder(&filter_under_test!()).configuration(config.to_string())
}

fn start(builder: HostBuilder) -> Host {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn call(url: &str) -> Request {
    Request::get(url)
        .mtls(true)
        .peer_certificate_pem(&certificate("td/ns/shop/sa/cart"))
}

fn is_flagged(outcome: &Outcome) -> bool {
    outcome.assert().forwarded();
    outcome.filter_state("wasm.outgate_first_contact_new").is_some()
}

#[test]
fn the_first_contact_is_flagged_on_whichever_worker() {
    let mut host = start(builder(&config("flag")).workers(2));
    let mut flagged = |worker: usize, url: &str| is_flagged(&host.worker(worker).request(call(url)));
    for (worker, url, expected) in [
        (0, "https://a.com/", true),
        (1, "https://a.com/", false),
        (1, "https://b.com/", true),
        (0, "https://b.com/", false),
        (0, "https://api.partner.example/", false),
    ] {
        assert_eq!(flagged(worker, url), expected, "{worker} {url}");
    }
    host.advance(Duration::from_secs(1));
    assert_eq!(
        host.metric("outgate_events_policy.=.first-contact;.;event.=.new;.;"),
        Some(2)
    );
}

#[test]
fn what_was_seen_outlives_a_configuration_and_not_the_proxy() {
    let mut host = start(builder(&config("flag")));
    assert!(is_flagged(&host.request(call("https://a.com/"))));
    host.reconfigure(config("flag").to_string())
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(!is_flagged(&host.request(call("https://a.com/"))));
    let mut host = start(builder(&config("flag")));
    assert!(is_flagged(&host.request(call("https://a.com/"))));
}

#[test]
fn denial_names_the_policy() {
    let mut host = start(builder(&config("deny")));
    host.request(call("https://a.com/"))
        .assert()
        .denied(403)
        .body("RBAC: access denied")
        .filter_state("wasm.outgate_first_contact_new", "yes")
        .filter_state("wasm.outgate_rule", "extension[first-contact]-reason[not-approved]");
    host.request(call("https://a.com/"))
        .assert()
        .denied(403)
        .no_filter_state("wasm.outgate_first_contact_new");
    host.request(call("https://api.partner.example/")).assert().forwarded();
}

#[test]
fn without_shared_data_everything_is_new() {
    let mut host = start(builder(&config("flag")));
    host.fail_host_call(HostCall::SetSharedData, Status::InternalFailure);
    for _ in 0..2 {
        let outcome = host.request(call("https://a.com/"));
        assert!(is_flagged(&outcome));
        outcome.assert().log(
            LogLevel::Error,
            "first-contact: what has been seen is not known: the proxy refuses the shared data",
        );
    }
}

#[test]
fn a_known_pair_costs_one_call_of_the_proxy() {
    let mut host = start(builder(&config("flag")));
    host.request(call("https://a.com/"));
    let outcome = host.request(call("https://a.com/"));
    let calls = |call: HostCall| outcome.host_calls.of(call);
    assert_eq!((calls(HostCall::GetSharedData), calls(HostCall::SetSharedData)), (1, 0));
    outcome.assert().strict();
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let mut wrong = config("flag");
    wrong["extensions"]["first-contact"]["approved"][0]["hosts"] = json!(["a.com:443"]);
    let error = builder(&wrong).start().expect_err("it is refused").to_string();
    let expected = "extensions.first-contact.approved[0].hosts[0]: a host is compared in its canonical form";
    assert!(error.contains(expected), "{error}");
}
