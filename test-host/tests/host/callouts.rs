//! Callouts: what answers them, in virtual time, and what the test sees of them.

use std::time::Duration;

use outgate_test_host::{CalloutKind, GrpcEvent, Host, Request, Response, Upstream, UpstreamReply};

use crate::fixture::module;

/// Asks `authz` before each request, with a body and a timeout of a second, and goes on with whatever answer.
const ASKING: &str = r#"
  (global $stream (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
    (global.set $stream (local.get $id))
    (call $status $"call" (call $http_call $"authz"
      $"\03\00\00\00\07\00\00\00\04\00\00\00\05\00\00\00\06\00\00\00\0a\00\00\00\01\00\00\00:method\00POST\00:path\00/check\00:authority\00a\00"
      $"question" (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 1056)))
    (i32.const 1))
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (call $show $"status" (call $get_value (i32.const 6) $":status" &out))
    (drop (call $set_effective_context (global.get $stream)))
    (drop (call $continue_stream (i32.const 0))))"#;

fn host(authz: Upstream) -> Host {
    Host::builder(&module(ASKING)).upstream("authz", authz).start().unwrap()
}

fn said(host: &Host) -> Vec<&str> {
    host.logs().iter().map(|line| line.message.as_str()).collect()
}

#[test]
fn replies_come_in_turn_and_in_time() {
    let slow = UpstreamReply::status(201).after(Duration::from_millis(20));
    let mut host = host(Upstream::new().on("POST", "/check", [slow, UpstreamReply::status(202)]));
    let before = host.now();
    host.request(Request::get("http://a/")).assert().forwarded();
    assert_eq!(host.now() - before, 20_000_000);
    host.request(Request::get("http://a/")).assert().forwarded();
    host.request(Request::get("http://a/")).assert().forwarded();
    assert_eq!(said(&host), ["status = 201", "status = 202", "status = 202"]);
    let made = host.callouts();
    assert_eq!(made.len(), 3);
    assert_eq!(
        (made[0].kind, made[0].body_text().as_str()),
        (CalloutKind::Http, "question")
    );
    assert_eq!(made[0].headers.text("content-length").as_deref(), Some("8"));
    assert_eq!(made[0].to_string(), "callout 4 to authz: POST /check");
}

#[test]
fn what_no_rule_answers_is_answered_by_hand() {
    let mut host = host(Upstream::new().on("GET", "/other", UpstreamReply::status(500)));
    let mut stream = host.http_stream(Request::get("http://a/"));
    assert!(stream.request_headers().paused());
    let callout = stream.pending_callout("authz").expect("the filter asks");
    assert!(stream.pending_callout("others").is_none());
    assert!(stream.host().answer(callout, Response::new(204)));
    assert!(stream.paused().is_some(), "an answer takes time");
    stream.host().advance(Duration::ZERO);
    assert!(stream.paused().is_none());
    assert!(
        !stream.host().answer(callout, Response::new(204)),
        "it is answered already"
    );
    stream.response_headers(Response::new(200));
    stream.finish().assert().forwarded();
    assert_eq!(said(&host), ["status = 204"]);
}

#[test]
fn a_callout_that_nobody_answers_times_out() {
    let mut host = host(Upstream::new());
    let outcome = host.request(Request::get("http://a/"));
    outcome.assert().forwarded();
    assert_eq!(outcome.duration, Duration::from_secs(1));
    assert_eq!(said(&host), ["status = 504"]);
}

#[test]
fn a_call_to_nowhere_says_where_one_could_call() {
    let mut host = Host::builder(&module(ASKING))
        .upstream("others", Upstream::new())
        .start()
        .unwrap();
    let outcome = host.request(Request::get("http://a/"));
    assert!(
        outcome
            .to_string()
            .contains("there is no upstream `authz`: there are others"),
        "{outcome}"
    );
}

#[test]
fn grpc_calls_and_streams_have_their_callbacks() {
    let filter = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $status $"call" (call $grpc_call $"limits" $"pkg.Limits" $"Check" (i32.const 0) (i32.const 0) $"ask"
          (i32.const 100) (i32.const 1056)))
        (call $number $"id" (i32.load (i32.const 1056)))
        (call $status $"stream" (call $grpc_stream $"limits" $"pkg.Limits" $"Watch" (i32.const 0) (i32.const 0)
          (i32.const 1056)))
        (call $number $"id" (i32.load (i32.const 1056)))
        (call $status $"send" (call $grpc_send (i32.load (i32.const 1056)) $"first" (i32.const 0)))
        (i32.const 1))
      (func (export "proxy_on_grpc_receive_initial_metadata") (param i32 i32) (param $lines i32)
        (call $show $"initial" (call $get_value (i32.const 4) $"x-initial" &out)))
      (func (export "proxy_on_grpc_receive") (param i32 i32) (param $size i32)
        (call $show $"message" (call $get_buffer_bytes (i32.const 5) (i32.const 0) (local.get $size) &out)))
      (func (export "proxy_on_grpc_receive_trailing_metadata") (param i32 i32) (param $lines i32)
        (call $show $"trailing" (call $get_value (i32.const 5) $"x-trailing" &out)))
      (func (export "proxy_on_grpc_close") (param i32 i32) (param $code i32)
        (call $number $"closed" (local.get $code))
        (drop (call $get_status &number &out))
        (call $show $"why" (i32.const 0)))"#;
    let metadata = |name: &str| [(name, "m")].into_iter().collect();
    let limits = Upstream::new()
        .on_grpc("pkg.Limits", "Check", UpstreamReply::grpc("answer"))
        .on_grpc(
            "pkg.Limits",
            "Watch",
            UpstreamReply::grpc_stream([
                GrpcEvent::InitialMetadata(metadata("x-initial")),
                GrpcEvent::Message(b"one".to_vec()),
                GrpcEvent::TrailingMetadata(metadata("x-trailing")),
                GrpcEvent::Close(8, "too much".to_owned()),
            ]),
        );
    let mut host = Host::builder(&module(filter))
        .upstream("limits", limits)
        .start()
        .unwrap();
    host.advance(Duration::ZERO);
    assert_eq!(
        said(&host),
        [
            "call -> 0",
            "id = 5",
            "stream -> 0",
            "id = 6",
            "send -> 0",
            "message = answer",
            "initial = m",
            "message = one",
            "trailing = m",
            "closed = 8",
            "why = too much",
        ]
    );
    let watch = host
        .callouts()
        .into_iter()
        .find(|callout| callout.kind == CalloutKind::GrpcStream)
        .unwrap();
    assert_eq!(
        (watch.path().as_str(), &watch.messages[..]),
        ("/pkg.Limits/Watch", &[b"first".to_vec()][..])
    );
}

#[test]
fn a_filter_that_calls_without_end_does_not_hang_the_test() {
    let filter = r#"
      (func $ask (drop (call $http_call $"authz"
        $"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\06\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/check\00:authority\00a\00"
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 1056))))
      (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $ask) (i32.const 1))
      (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (call $ask))"#;
    let always = Upstream::new().otherwise(UpstreamReply::status(200));
    let mut host = Host::builder(&module(filter))
        .upstream("authz", always)
        .start()
        .unwrap();
    host.advance(Duration::from_secs(1));
    assert_eq!(
        host.callouts().len(),
        1025,
        "as many as are remembered, and the one under way"
    );
}
