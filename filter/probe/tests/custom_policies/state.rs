//! What outlives a request, or goes beside it: shared data, counters, fields of the access log, the clock.

use std::time::Duration;

use outgate_test_host::{HostCall, LogLevel, Status};
use serde_json::{Value, json};

use crate::probes::{builder, config, does, get, idle, logged, start};

fn adds(key: &str) -> Value {
    does(json!([{"add": key}]))
}

#[test]
fn workers_share_data() {
    let config = config(adds("n"), adds("n"), idle());
    let host = builder(&config).workers(3).start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    for number in 1..=7 {
        let outcome = host.worker(number % 3).request(get("/x"));
        let expected = Some(number.to_string());
        assert_eq!(logged(&outcome, "first_number"), expected);
        assert_eq!(logged(&outcome, "second_number"), expected, "keys are a policy's own");
    }
    host.reconfigure(config.to_string())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        logged(&host.request(get("/x")), "first_number").as_deref(),
        Some("8"),
        "and survive"
    );
}

#[test]
fn a_proxy_that_refuses_is_told_of_and_ends_nothing() {
    for call in [HostCall::GetSharedData, HostCall::SetSharedData] {
        let mut host = start(&config(adds("n"), idle(), idle()));
        host.fail_host_call(call, Status::InternalFailure);
        let outcome = host.request(get("/x"));
        let said = logged(&outcome, "first_number").unwrap_or_default();
        assert_eq!(said, "the proxy refuses the shared data: status 10", "{call:?}");
        assert_eq!(logged(&outcome, "decision").as_deref(), Some("allow"));
    }
    // Whoever is too slow every time gives up.
    let mut host = start(&config(adds("n"), idle(), idle()));
    host.fail_host_call(HostCall::SetSharedData, Status::CasMismatch);
    let outcome = host.request(get("/x"));
    let said = logged(&outcome, "first_number").unwrap_or_default();
    assert_eq!(said, "the shared data is changed by others all the time");
    let tries = outcome
        .host_calls
        .iter()
        .find(|(name, _)| *name == "proxy_set_shared_data");
    assert_eq!(tries, Some(("proxy_set_shared_data", 16)));
}

#[test]
fn events_are_counted_by_policy_and_name() {
    let first = does(json!([{"count": "big"}, {"count": "big"}, {"count": "odd;.;name=%"}]));
    let mut host = start(&config(first, does(json!([{"count": "big"}])), idle()));
    host.request(get("/x"));
    host.request(get("/x"));
    let count = |host: &outgate_test_host::Host, policy: &str, event: &str| {
        host.metric(&format!("outgate_events_policy.=.{policy};.;event.=.{event};.;"))
    };
    host.advance(Duration::from_secs(1));
    assert_eq!(count(&host, "first", "big"), Some(4));
    assert_eq!(count(&host, "second", "big"), Some(2));
    assert_eq!(count(&host, "first", "odd_._name__"), Some(2), "{:?}", host.metrics());
}

#[test]
fn names_of_events_are_bounded() {
    let steps: Vec<Value> = (0..400).map(|number| json!({"count": format!("e{number}")})).collect();
    let mut host = start(&config(does(json!(steps)), idle(), idle()));
    host.request(get("/x"));
    host.advance(Duration::from_secs(1));
    let events = host
        .metrics()
        .into_iter()
        .filter(|(name, ..)| name.starts_with("outgate_events_"));
    let (apart, together): (Vec<_>, Vec<_>) = events.partition(|(name, ..)| !name.contains("policy.=.other"));
    assert_eq!(apart.len() + together.len(), 256);
    let counted: u64 = apart.iter().chain(&together).map(|(_, _, count)| count).sum();
    // Those of the steps, and the tick that was counted before they were handed on.
    assert!((400..=403).contains(&counted), "{counted}");
}

#[test]
fn fields_of_the_access_log_are_safe_to_read() {
    let fields = json!([
        {"logField": {"name": "left-over", "value": "3 of 5"}},
        {"logField": {"name": "x\n\"y", "value": "a\nb\"c\u{e9}"}},
    ]);
    let outcome = start(&config(does(fields), idle(), idle())).request(get("/x"));
    assert_eq!(logged(&outcome, "first_left_over").as_deref(), Some("3 of 5"));
    assert_eq!(logged(&outcome, "first_x__y").as_deref(), Some("a\\nb\\\"c\\xc3\\xa9"));
    outcome
        .assert()
        .access_log("%FILTER_STATE(wasm.outgate_first_left_over:PLAIN)%", "3 of 5");
}

#[test]
fn a_field_that_cannot_be_written_ends_nothing() {
    let mut host = start(&config(
        does(json!([{"logField": {"name": "a", "value": "b"}}])),
        idle(),
        idle(),
    ));
    host.fail_host_call(HostCall::SetProperty, Status::InternalFailure);
    let outcome = host.request(get("/x"));
    assert!(outcome.upstream.is_some(), "{outcome}");
    outcome.assert().log(
        LogLevel::Warn,
        "outgate_first_a cannot be written for the access log: status 10",
    );
}

#[test]
fn time_is_the_proxys() {
    let config = config(does(json!(["now"])), idle(), idle());
    let host = builder(&config).clock(1_700_000_000_123_000_000).start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        logged(&host.request(get("/x")), "first_now").as_deref(),
        Some("1700000000123")
    );
    host.advance(Duration::from_millis(77));
    assert_eq!(
        logged(&host.request(get("/x")), "first_now").as_deref(),
        Some("1700000000200")
    );
}

#[test]
fn policies_tick_once_a_second_on_every_worker() {
    let host = builder(&config(json!({"isTalkative": true}), idle(), Value::Null))
        .workers(2)
        .clock(0)
        .start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    host.advance(Duration::from_secs(3));
    let ticks: Vec<_> = host
        .logs()
        .iter()
        .filter(|line| line.message.contains("ticks at"))
        .collect();
    assert_eq!(ticks.len(), 3, "{ticks:?}");
    assert_eq!(ticks[2].message, "first: ticks at 3000 ms");
    assert_eq!(host.metric("outgate_events_policy.=.first;.;event.=.ticks;.;"), Some(6));
    assert_eq!(host.metric("outgate_events_policy.=.third;.;event.=.ticks;.;"), None);
}

#[test]
fn lines_of_a_policy_bear_its_name() {
    let outcome = start(&config(idle(), does(json!([{"log": "hello"}])), idle())).request(get("/x"));
    outcome.assert().log(LogLevel::Warn, "second: hello");
}
