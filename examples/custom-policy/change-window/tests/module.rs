//! The module that a gateway would load: change windows by the proxy's clock.

use std::time::Duration;

use outgate_filter::custom_policy::testing::certificate;
use outgate_test_host::{Host, HostBuilder, HostCall, Request, Status, filter_under_test};
use serde_json::{Value, json};

/// Monday, the fifth of January 2026, 21:59:59 in UTC.
const CLOCK: u64 = 1_767_650_399_000_000_000;

fn builder(extensions: &Value) -> HostBuilder {
    let configuration = json!({"apiVersion": "outgate/v1", "revision": "r1", "extensions": extensions});
    let builder = Host::builder(&filter_under_test!()).configuration(configuration.to_string());
    builder.clock(CLOCK)
}

fn nights() -> Value {
    json!({"change-window": {"windows": [{
        "name": "partner-admin",
        "hosts": ["admin.partner.example"],
        "principals": ["td/ns/ops/*"],
        "open": [{"days": ["Mon"], "from": "22:00", "to": "04:00"}],
    }]}})
}

fn start(builder: HostBuilder) -> Host {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn call() -> Request {
    Request::post("https://admin.partner.example/users")
        .mtls(true)
        .peer_certificate_pem(&certificate("td/ns/ops/sa/bot"))
}

#[test]
fn the_window_opens_and_closes_by_the_clock() {
    let mut host = start(builder(&nights()));
    let outcome = host.request(call());
    outcome
        .assert()
        .denied(403)
        .body("outside of the change window; it opens at 2026-01-05T22:00+00:00\n")
        .details("rbac_access_denied_matched_policy[extension[change-window]-reason[partner-admin]]")
        .filter_state("wasm.outgate_decision", "deny")
        .filter_state("wasm.outgate_rule", "extension[change-window]-reason[partner-admin]")
        .filter_state("wasm.outgate_change_window_opens", "2026-01-05T22:00+00:00");
    host.advance(Duration::from_secs(1));
    let outcome = host.request(call());
    outcome
        .assert()
        .forwarded()
        .filter_state("wasm.outgate_change_window_open", "partner-admin");
    host.advance(Duration::from_secs(6 * 60 * 60));
    host.request(call()).assert().denied(403);
}

#[test]
fn whoever_is_not_named_is_not_held() {
    let mut host = start(builder(&nights()));
    let other = Request::get("https://admin.partner.example/");
    host.request(other)
        .assert()
        .forwarded()
        .no_filter_state("wasm.outgate_change_window_open");
    host.request(call().set_header(":authority", "other.example"))
        .assert()
        .forwarded();
}

#[test]
fn every_worker_has_the_same_time() {
    let mut host = start(builder(&nights()).workers(2));
    for worker in [0, 1] {
        host.worker(worker).request(call()).assert().denied(403);
    }
    host.advance(Duration::from_secs(1));
    for worker in [0, 1] {
        host.worker(worker).request(call()).assert().forwarded();
    }
}

#[test]
fn without_a_clock_the_host_is_closed() {
    let mut host = start(builder(&nights()).fail_host_call(HostCall::GetCurrentTime, Status::InternalFailure));
    host.request(call())
        .assert()
        .denied(403)
        .filter_state("wasm.outgate_decision", "error")
        .filter_state("wasm.outgate_rule", "time cannot be read: the proxy refuses to tell it");
    host.request(Request::get("https://other.example/"))
        .assert()
        .forwarded();
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let mut config = nights();
    config["change-window"]["windows"][0]["open"][0]["days"] = json!(["Mon", "Someday"]);
    let error = builder(&config).start().expect_err("it is refused").to_string();
    let expected =
        "extensions.change-window.windows[0].open[0].days[1]: unknown variant `Someday`, expected one of `Mon`";
    assert!(error.contains(expected), "{error}");
    let mut config = nights();
    config["change-window"]["windows"][0]["utcOffset"] = json!("CET");
    let error = builder(&config).start().expect_err("it is refused").to_string();
    assert!(
        error.contains("extensions.change-window.windows[0].utcOffset: expected an offset such as +02:00"),
        "{error}"
    );
}
