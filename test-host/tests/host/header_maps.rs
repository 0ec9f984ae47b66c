//! Header maps: what they hold, and when they are there.

use outgate_test_host::{HeaderMap, Host, Request, Response, Status};

use crate::fixture::host;

fn request() -> Request {
    Request::get("https://api.example.com/v1?q=1")
        .header("X-Dup", "one")
        .header("x-dup", "two")
        .header("x-empty", "")
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn reading_single_values() {
    let rows = [
        ("the first of several lines", r#"$"x-dup""#, "one"),
        ("in any case", r#"$"X-DUP""#, "one"),
        ("an empty value is there", r#"$"x-empty""#, ""),
        ("host is the authority", r#"$"host""#, "api.example.com"),
        ("a pseudo header", r#"$":path""#, "/v1?q=1"),
        ("one that is absent", r#"$"x-absent""#, "!01"),
    ];
    for (name, key, expected) in rows {
        let outcome = host(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (call $keep $"value" (call $get_value (i32.const 0) {key} &out)) (i32.const 0))"#
        ))
        .request(request());
        assert_eq!(
            outcome.filter_state("wasm.value").as_deref(),
            Some(expected),
            "{name}: {outcome}"
        );
    }
}

#[test]
fn changing_single_values() {
    type Lines = &'static [(&'static str, &'static str)];
    let rows: [(&str, &str, Lines); 6] = [
        (
            "add appends a line",
            r#"$add_value (i32.const 0) $"X-Dup" $"three""#,
            &[("x-dup", "one"), ("x-dup", "two"), ("x-dup", "three")],
        ),
        (
            "replace leaves one",
            r#"$replace_value (i32.const 0) $"x-DUP" $"three""#,
            &[("x-dup", "three")],
        ),
        (
            "replace inserts",
            r#"$replace_value (i32.const 0) $"x-new" $"1""#,
            &[("x-dup", "one"), ("x-dup", "two"), ("x-new", "1")],
        ),
        ("remove removes all", r#"$remove_value (i32.const 0) $"x-dup""#, &[]),
        (
            "removing what is absent is fine",
            r#"$remove_value (i32.const 0) $"x-absent""#,
            &[("x-dup", "one"), ("x-dup", "two")],
        ),
        (
            "replacing host changes the authority",
            r#"$replace_value (i32.const 0) $"Host" $"b.example.com""#,
            &[("x-dup", "one"), ("x-dup", "two")],
        ),
    ];
    for (name, call, expected) in rows {
        let outcome = host(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (call $keep $"status" (call {call})) (i32.const 0))"#
        ))
        .request(request());
        assert_eq!(outcome.filter_state("wasm.status").as_deref(), Some(""), "{name}");
        let headers = outcome.upstream.expect("it went on").headers;
        let ours: Vec<_> = lines(&headers)
            .into_iter()
            .filter(|(n, _)| n == "x-dup" || n == "x-new")
            .collect();
        let expected: Vec<_> = expected.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(ours, expected, "{name}");
        if call.contains("Host") {
            assert_eq!(headers.get(":authority"), Some(&b"b.example.com"[..]));
        }
    }
}

#[test]
fn pairs_hand_over_every_line_and_take_a_new_set() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"pairs" (call $get_header_map_pairs (i32.const 0) &out))
             (drop (call $set_header_map_pairs (i32.const 0)
               $"\01\00\00\00\01\00\00\00\02\00\00\00a\00bc\00"))
             (i32.const 0))"#,
    )
    .request(Request::from_headers([("a", "1"), ("a", "")]));
    let block = b"\x02\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0a\x001\0a\0\0";
    assert_eq!(outcome.filter_state[0], ("wasm.pairs".to_owned(), block.to_vec()));
    assert_eq!(
        lines(&outcome.upstream.unwrap().headers),
        [("a".to_owned(), "bc".to_owned())]
    );
}

#[test]
fn the_size_of_a_map_is_in_bytes() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep_u64 $"size" (call $get_header_map_size (i32.const 0) &number)) (i32.const 0))"#,
    )
    .request(Request::from_headers([("name", "value"), ("a", "")]));
    assert_eq!(outcome.filter_state[0].1, 10u64.to_le_bytes());
}

/// Asks for a request header and a response header in every callback.
fn prober(request_action: u32) -> Host {
    let ask = |phase: &str| {
        format!(
            r#"(call $keep $"{phase}-request" (call $get_value (i32.const 0) $":path" &out))
               (call $keep $"{phase}-response" (call $get_value (i32.const 2) $":status" &out))
               (call $keep $"{phase}-change" (call $add_value (i32.const 0) $"x" $"1"))"#
        )
    };
    host(&format!(
        r#"(func (export "proxy_on_context_create") (param i32 i32) {})
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {} (i32.const {request_action}))
           (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) {} (i32.const 0))
           (func (export "proxy_on_log") (param i32) {})
           (func (export "proxy_on_done") (param i32) (result i32) {} (i32.const 0))"#,
        ask("create"),
        ask("request"),
        ask("response"),
        ask("log"),
        ask("done"),
    ))
}

#[test]
fn maps_are_there_in_their_own_callbacks_and_in_the_log() {
    let outcome = prober(0).request(Request::get("http://a/v1"));
    let rows = [
        ("request-request", "/v1"),
        ("request-response", "!02"),
        ("request-change", ""),
        ("response-request", "!02"),
        ("response-response", "200"),
        ("response-change", "!02"),
        ("log-request", "/v1"),
        ("log-response", "200"),
        ("log-change", "!02"),
        ("done-request", "!02"),
    ];
    for (label, expected) in rows {
        let state = outcome.filter_state(&format!("wasm.{label}"));
        assert_eq!(state.as_deref(), Some(expected), "{label}: {outcome}");
    }
    let gone = outcome
        .trace
        .iter()
        .find(|call| call.status() == Status::BadArgument && call.name().contains("get_header"));
    assert!(gone.is_some_and(|call| !call.reason().is_empty()), "{outcome}");
}

#[test]
fn a_stream_that_never_had_a_response_logs_none() {
    let outcome = prober(1).request(Request::get("http://a/v1"));
    assert_eq!(outcome.filter_state("wasm.log-request").as_deref(), Some("/v1"));
    assert_eq!(outcome.filter_state("wasm.log-response").as_deref(), Some("!01"));
}

#[test]
fn a_map_that_is_not_there_lists_nothing() {
    let outcome = host(
        r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (call $keep $"gone" (call $get_header_map_pairs (i32.const 0) &out))
             (call $keep $"unknown" (call $get_header_map_pairs (i32.const 8) &out))
             (drop (call $replace_value (i32.const 2) $"server" $"hidden"))
             (i32.const 0))"#,
    )
    .exchange(Request::get("http://a/"), Response::new(200).header("server", "u"));
    assert_eq!(outcome.filter_state("wasm.gone").as_deref(), Some(""));
    assert_eq!(outcome.filter_state("wasm.unknown").as_deref(), Some("!02"));
    assert_eq!(outcome.response.unwrap().headers().get("server"), Some(&b"hidden"[..]));
}
