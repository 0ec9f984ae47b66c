//! Questions to services: what is asked, what becomes of the request, and of several at once.

use std::time::Duration;

use outgate_test_host::{Callout, Host, Request, Response, Upstream, UpstreamReply};
use serde_json::{Value, json};

use crate::probes::{assert_decided, builder, config, get, idle, logged, says, start};

const QUOTA: &str = "outbound|80||quota.default.svc.cluster.local";

/// A probe that asks the service about `/x` and `/other`, and then says this.
fn asks(fields: Value, then: Value) -> Value {
    let mut question = json!({"cluster": QUOTA});
    for (name, value) in fields.as_object().into_iter().flatten() {
        question[name] = value.clone();
    }
    let case =
        |path: &str| json!({"path": path, "steps": [{"remember": "note"}], "answer": {"ask": question}, "then": then});
    json!({"cases": [case("/x"), case("/other"), case("/y")]})
}

fn host(config: &Value, quota: Upstream) -> Host {
    let host = builder(config).upstream(QUOTA, quota).start();
    host.unwrap_or_else(|error| panic!("{error}"))
}

fn always(reply: impl Into<UpstreamReply>) -> Upstream {
    Upstream::new().otherwise(reply.into())
}

fn asked(fields: Value, then: Value, quota: Upstream) -> Host {
    host(&config(asks(fields, then), idle(), idle()), quota)
}

fn lines(callout: &Callout) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines = callout.headers.iter();
    lines
        .map(|(name, value)| format!("{}: {}", text(name), text(value)))
        .collect()
}

#[test]
fn a_question_is_what_the_policy_says() {
    for (fields, headers, body, timeout) in [
        (
            json!({}),
            vec![
                ":method: GET",
                ":path: /asked",
                ":authority: quota.default.svc.cluster.local",
            ],
            "",
            500,
        ),
        (
            json!({"post": "{}", "authority": "quota", "header": ["X-Key", "1"], "milliseconds": 20}),
            vec![
                ":method: POST",
                ":path: /asked",
                ":authority: quota",
                "x-key: 1",
                "content-length: 2",
            ],
            "{}",
            20,
        ),
        // A timeout of nothing would wait for ever.
        (
            json!({"milliseconds": 0}),
            vec![
                ":method: GET",
                ":path: /asked",
                ":authority: quota.default.svc.cluster.local",
            ],
            "",
            1,
        ),
    ] {
        let mut host = asked(fields.clone(), json!("abstain"), always(UpstreamReply::status(200)));
        assert_decided(&host.request(get("/x")), "allow", "ns[n]-policy[allow]-rule[0]");
        let callouts = host.callouts();
        let [callout] = callouts.as_slice() else {
            panic!("{callouts:?}")
        };
        assert_eq!(callout.upstream, QUOTA);
        assert_eq!(lines(callout), headers, "{fields}");
        assert_eq!(callout.body_text(), body);
        assert_eq!(callout.timeout, Some(Duration::from_millis(timeout)));
    }
}

#[test]
fn the_policy_goes_on_with_the_answer_and_its_note() {
    let answer = Response::new(418).header("x-answer", "a").body("tea");
    let mut host = asked(json!({}), json!("echo"), always(answer));
    let outcome = host.request(get("/x"));
    assert_decided(&outcome, "deny", "extension[first]-reason[note]");
    outcome.assert().denied(418).body("tea").header("x-answer", "a");
    assert_eq!(
        logged(&outcome, "first_saw_then").as_deref(),
        Some("allow by allow ns[n]-policy[allow]-rule[0]")
    );
}

#[test]
fn a_request_waits_with_its_body_and_then_goes_on() {
    let reply = UpstreamReply::status(200).after(Duration::from_millis(30));
    let mut host = asked(json!({}), json!("allow"), always(reply));
    let request = Request::post("http://a.com/other").body_chunks(["one ", "two"]);
    let outcome = host.request(request);
    assert_decided(&outcome, "allow", "extension[first]");
    assert_eq!(outcome.upstream_body(), b"one two");
    assert_eq!(outcome.duration, Duration::from_millis(30));
}

#[test]
fn policies_after_the_one_that_asked_are_asked_with_what_it_decided() {
    let second = says(&[("/other", json!({"deny": {"reason": "late"}}))]);
    let config = config(asks(json!({}), json!("allow")), second, idle());
    let mut host = host(&config, always(UpstreamReply::status(200)));
    let outcome = host.request(get("/other"));
    assert_decided(&outcome, "deny", "extension[second]-reason[late]");
    assert_eq!(
        logged(&outcome, "second_saw").as_deref(),
        Some("allow by extension extension[first]")
    );
    // The first one is not asked anew: it has counted once.
    host.advance(Duration::from_secs(1));
    assert_eq!(
        host.metric("outgate_events_policy.=.first;.;event.=.answered;.;"),
        Some(1)
    );
}

#[test]
fn several_policies_ask_one_after_the_other() {
    let probes = config(
        asks(json!({}), json!("allow")),
        asks(json!({}), json!("abstain")),
        asks(json!({}), json!("echo")),
    );
    let mut host = host(
        &probes,
        always(UpstreamReply::status(402).after(Duration::from_millis(10))),
    );
    let outcome = host.request(get("/other"));
    assert_decided(&outcome, "deny", "extension[third]-reason[note]");
    assert_eq!((outcome.status(), outcome.duration), (402, Duration::from_millis(30)));
    assert_eq!(host.callouts().len(), 3);
}

#[test]
fn no_answer_is_dealt_with_as_the_question_says() {
    let failures = format!("outgate_failed_calls_cluster.=.{QUOTA};.;");
    for trouble in [
        UpstreamReply::reset(),
        UpstreamReply::refused(),
        UpstreamReply::unreachable(),
        UpstreamReply::silence(),
        UpstreamReply::status(503),
        UpstreamReply::status(504),
    ] {
        let mut closed = asked(json!({}), json!("allow"), always(trouble.clone()));
        let outcome = closed.request(get("/x"));
        assert_decided(&outcome, "error", &format!("first has no answer from {QUOTA}"));
        outcome.assert().denied(403).details("outgate_undecided[first]");

        let mut open = asked(
            json!({"failsOpen": true}),
            json!({"deny": {"reason": "a"}}),
            always(trouble.clone()),
        );
        let outcome = open.request(get("/x"));
        assert_decided(&outcome, "allow", "ns[n]-policy[allow]-rule[0]");
        // It abstains, which lets nothing through.
        assert_decided(&open.request(get("/other")), "deny", "-");
        assert!(logged(&outcome, "second_saw").is_some(), "{trouble:?}");
        for (host, expected) in [(&mut closed, 1), (&mut open, 2)] {
            host.advance(Duration::from_secs(1));
            assert_eq!(host.metric(&failures), Some(expected), "{trouble:?}");
        }
    }
    for status in [200, 204, 302, 404, 500, 502] {
        let mut host = asked(json!({}), json!("echo"), always(UpstreamReply::status(status)));
        let outcome = host.request(get("/x"));
        assert_decided(&outcome, "deny", "extension[first]-reason[note]");
    }
}

#[test]
fn a_service_that_the_proxy_does_not_know_does_not_answer() {
    let mut closed = start(&config(asks(json!({}), json!("allow")), idle(), idle()));
    assert_decided(
        &closed.request(get("/x")),
        "error",
        &format!("first has no answer from {QUOTA}"),
    );
    let mut open = start(&config(
        asks(json!({"failsOpen": true}), json!("allow")),
        idle(),
        idle(),
    ));
    assert_decided(&open.request(get("/x")), "allow", "ns[n]-policy[allow]-rule[0]");
}

#[test]
fn silence_ends_with_the_timeout() {
    let mut host = asked(json!({"milliseconds": 250}), json!("allow"), Upstream::new());
    let mut stream = host.http_stream(get("/x"));
    stream.request_headers();
    stream.host().advance(Duration::from_millis(249));
    assert!(stream.paused().is_some());
    stream.host().advance(Duration::from_millis(1));
    assert_decided(&stream.finish(), "error", &format!("first has no answer from {QUOTA}"));
}

#[test]
fn a_policy_asks_eight_times_at_most() {
    let again = json!({"ask": {"cluster": QUOTA, "failsOpen": true}});
    let mut host = asked(json!({}), again, always(UpstreamReply::status(200)));
    assert_decided(&host.request(get("/x")), "error", "first asks again and again");
    assert_eq!(host.callouts().len(), 8);
    // The next request begins anew.
    assert_decided(&host.request(get("/x")), "error", "first asks again and again");
    assert_eq!(host.callouts().len(), 16);
}

#[test]
fn streams_that_wait_do_not_mix() {
    let quota = Upstream::new()
        .when(
            |callout| *callout.body == *b"/x",
            UpstreamReply::status(401).after(Duration::from_millis(30)),
        )
        .when(
            |callout| *callout.body == *b"/y",
            UpstreamReply::status(402).after(Duration::from_millis(10)),
        );
    let case = |path: &str| {
        json!({"path": path, "steps": [{"remember": path}],
            "answer": {"ask": {"cluster": QUOTA, "post": path}}, "then": "echo"})
    };
    let first = json!({"cases": [case("/x"), case("/y"), case("/gone")]});
    let mut host = host(&config(first, idle(), idle()), quota);
    let ids: Vec<_> = ["/x", "/gone", "/y"]
        .into_iter()
        .map(|path| {
            let mut stream = host.http_stream(get(path));
            stream.request_headers();
            stream.id()
        })
        .collect();
    // The client of one goes away while it waits.
    let gone = host.stream(ids[1]).expect("it waits").finish();
    assert!(gone.upstream.is_none() && gone.trap.is_none(), "{gone}");
    host.advance(Duration::from_millis(600));
    for (id, status, reason) in [(ids[0], 401, "_x"), (ids[2], 402, "_y")] {
        let outcome = host.stream(id).expect("it is there").finish();
        assert_eq!(outcome.status(), status);
        assert_decided(&outcome, "deny", &format!("extension[first]-reason[{reason}]"));
    }
    assert!(host.failure().is_none());
}

#[test]
fn an_answer_that_comes_after_a_new_configuration_is_still_heard() {
    let reply = UpstreamReply::status(402).after(Duration::from_millis(20));
    let mut host = asked(json!({}), json!("echo"), always(reply));
    let mut stream = host.http_stream(get("/x"));
    stream.request_headers();
    let id = stream.id();
    host.reconfigure(config(idle(), idle(), idle()).to_string())
        .unwrap_or_else(|error| panic!("{error}"));
    host.advance(Duration::from_millis(20));
    let outcome = host.stream(id).expect("it is there").finish();
    assert_decided(&outcome, "deny", "extension[first]-reason[note]");
    assert_decided(&host.request(get("/x")), "allow", "ns[n]-policy[allow]-rule[0]");
}
