//! The keys, tested with a service that answers, refuses, breaks and is silent.

use std::time::Duration;

use outgate_test_host::{Action, Host, Module, Request, Response, Upstream, UpstreamReply, filter_under_test};

fn host(module: &Module, keys: Upstream) -> Host {
    Host::builder(module).upstream("keys", keys).start().unwrap()
}

fn request() -> Request {
    Request::get("https://api.example.com/").header("x-api-key", "s3cret")
}

#[test]
fn a_known_key_becomes_its_owner() {
    let module = filter_under_test!();
    let known = |callout: &outgate_test_host::Callout| callout.headers.get("x-api-key") == Some(b"s3cret");
    let keys = Upstream::new()
        .when(known, Response::new(200).body("alice"))
        .otherwise(UpstreamReply::status(404));
    let mut host = host(&module, keys);

    host.request(request())
        .assert()
        .forwarded()
        .upstream_header("x-owner", "alice")
        .upstream_no_header("x-api-key");
    host.request(request().set_header("x-api-key", "guessed"))
        .assert()
        .denied(403)
        .body("nobody has this key");
    host.request(request().without_header("x-api-key")).assert().denied(401);
    assert_eq!(host.callouts().len(), 2);
}

#[test]
fn without_an_answer_nobody_is_let_through() {
    let module = filter_under_test!();
    for trouble in [
        UpstreamReply::reset(),
        UpstreamReply::refused(),
        UpstreamReply::unreachable(),
        UpstreamReply::silence(),
        UpstreamReply::status(500),
    ] {
        let what = format!("{trouble:?}");
        let mut host = host(&module, Upstream::new().otherwise(trouble));
        let outcome = host.request(request());
        assert_eq!(outcome.status(), 503, "{what}: {outcome}");
        outcome.assert().upstream_saw_nothing().header("retry-after", "1");
    }
}

#[test]
fn a_request_waits_no_longer_than_a_quarter_of_a_second() {
    let module = filter_under_test!();
    let mut host = host(&module, Upstream::new());
    let mut stream = host.http_stream(request());
    assert_eq!(stream.request_headers().action, Action::Pause);

    stream.host().advance(Duration::from_millis(249));
    assert!(stream.paused().is_some());
    stream.host().advance(Duration::from_millis(1));

    stream.finish().assert().denied(503);
}
