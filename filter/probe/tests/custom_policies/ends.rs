//! The end of requests, as a policy sees it that watches for it.

use outgate_test_host::{Host, LogLevel, Outcome, Request, Response, Upstream, UpstreamReply};
use serde_json::{Value, json};

use crate::probes::{builder, config, deny, get, idle, logged, start};

/// A probe that tells of ends, remembers `/x` and denies `/no`.
fn talkative() -> Value {
    json!({"isTalkative": true, "cases": [
        {"path": "/x", "steps": [{"remember": "old"}, {"remember": "kept"}], "answer": "abstain"},
        {"path": "/no", "steps": [{"remember": "kept"}], "answer": deny("no")},
        {"path": "/asks", "answer": {"ask": {"cluster": "quota"}}},
        {"path": "/undeclared-at-end", "answer": "abstain"},
    ]})
}

fn host() -> Host {
    start(&config(talkative(), idle(), idle()))
}

/// What the probe told.
fn told(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.logs.iter().map(|line| line.message.as_str());
    lines.filter_map(|line| line.strip_prefix("first: ")).collect()
}

#[test]
fn status_sizes_and_note_are_known() {
    let request = get("/x").property(["request", "total_size"], 1234_i64);
    let request = request.property(["response", "total_size"], 5678_i64);
    let outcome = host().exchange(request, Response::new(404).body("not here"));
    assert_eq!(
        told(&outcome),
        ["/x ended: passed true, status Some(404), 1234 and 5678 bytes, note kept"]
    );
    assert_eq!(logged(&outcome, "first_end").as_deref(), Some("yes"));
}

#[test]
fn every_end_is_told_of() {
    let mut host = host();
    for (path, start) in [
        ("/no", "/no ended: passed false, status Some(403)"),
        ("/denied", "/denied ended: passed false, status Some(403)"),
        ("/y", "/y ended: passed true, status Some(200)"),
    ] {
        let outcome = host.request(get(path));
        let told = told(&outcome);
        assert!(
            matches!(told.as_slice(), [line] if line.starts_with(start)),
            "{path}: {told:?}"
        );
    }
    // Notes do not go from one request to the next.
    let outcome = host.request(get("/y"));
    assert!(told(&outcome)[0].ends_with("note nothing"), "{outcome}");
}

#[test]
fn a_request_whose_client_goes_away_while_it_waits_ends_too() {
    let silent = Upstream::new().otherwise(UpstreamReply::silence());
    let host = builder(&config(talkative(), idle(), idle()))
        .upstream("quota", silent)
        .start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    let mut stream = host.http_stream(Request::get("http://a.com/asks"));
    stream.request_headers();
    let outcome = stream.finish();
    assert!(told(&outcome)[0].starts_with("/asks ended: passed false"), "{outcome}");
}

#[test]
fn trouble_at_the_end_is_told() {
    let outcome = host().request(get("/undeclared-at-end"));
    assert_eq!(logged(&outcome, "decision").as_deref(), Some("allow"));
    outcome.assert().log(
        LogLevel::Warn,
        "first, at the end of a request: peer cannot be read: the custom policy first does not declare that it reads this",
    );
}

#[test]
fn policies_that_do_not_watch_are_not_told() {
    let outcome = start(&config(idle(), json!({"isTalkative": true}), idle())).request(get("/x"));
    assert_eq!(logged(&outcome, "second_end"), None);
    assert!(outcome.logs.is_empty(), "{outcome}");
}
