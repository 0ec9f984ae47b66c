//! Bodies: what a callback sees, and what goes on.

use outgate_test_host::{End, Phase, Request, Response};

use crate::fixture::host;

/// Holds the body until its end, then puts brackets around it.
const BRACKETS: &str = r#"
  (func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
    (call $keep $"whole" (call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 99) &out))
    (call $keep $"part" (call $get_buffer_bytes (i32.const 0) (i32.const 2) (i32.const 2) &out))
    (call $keep $"beyond" (call $get_buffer_bytes (i32.const 0) (i32.const 50) (i32.const 2) &out))
    (call $keep $"overflow" (call $get_buffer_bytes (i32.const 0) (i32.const 4) (i32.const -1) &out))
    (call $keep $"config" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 9) &out))
    (call $keep $"unknown" (call $get_buffer_bytes (i32.const 9) (i32.const 0) (i32.const 9) &out))
    (call $keep $"response" (call $get_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 9) &out))
    (call $keep $"middle" (call $set_buffer_bytes (i32.const 0) (i32.const 1) (i32.const 0) $"!"))
    (drop (call $set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 0) $"["))
    (drop (call $set_buffer_bytes (i32.const 0) (i32.const 99) (i32.const 0) $"]"))
    (i32.const 0))
"#;

#[test]
fn a_held_body_is_seen_whole_and_can_be_edited() {
    let mut host = host(BRACKETS);
    let mut stream = host.http_stream(Request::post("http://a/").body("some"));
    stream.request_headers();
    stream.request_body(b"ab", false);
    assert_eq!(stream.paused(), Some(Phase::RequestBody));
    stream.request_body(b"cdef", true);
    assert_eq!(stream.paused(), None);
    stream.response_headers(Response::new(200));
    let outcome = stream.finish();
    let rows = [
        ("whole", "abcdef"),
        ("part", "cd"),
        ("beyond", ""),
        ("overflow", "ef"),
        ("config", "!01"),
        ("unknown", "!02"),
        ("response", ""),
        ("middle", "!02"),
    ];
    for (label, expected) in rows {
        let state = outcome.filter_state(&format!("wasm.{label}"));
        assert_eq!(state.as_deref(), Some(expected), "{label}: {outcome}");
    }
    assert_eq!(outcome.upstream.unwrap().body, b"[abcdef]");
}

#[test]
fn headers_end_the_stream_when_there_is_no_body() {
    let filter = r#"
      (func (export "proxy_on_request_headers") (param i32 i32) (param $end i32) (result i32)
        (if (local.get $end) (then (call $say $"end"))) (i32.const 0))
      (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $say $"body") (i32.const 0))"#;
    let mut host = host(filter);
    let said = |outcome: outgate_test_host::Outcome| outcome.logs.into_iter().map(|l| l.message).collect::<Vec<_>>();
    assert_eq!(said(host.request(Request::get("http://a/"))), ["end"]);
    assert_eq!(said(host.request(Request::post("http://a/").body("x"))), ["body"]);
}

#[test]
fn a_response_body_can_be_replaced() {
    let outcome = host(
        r#"(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
             (drop (call $set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 99) $"new"))
             (i32.const 0))"#,
    )
    .exchange(Request::get("http://a/"), Response::new(200).body("a long old one"));
    assert_eq!(outcome.end, End::Forwarded);
    assert_eq!(outcome.response.unwrap().body_text(), "new");
}
