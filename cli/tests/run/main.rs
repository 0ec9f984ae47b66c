//! `outgate run` as its users call it.

#[path = "../hosted/mod.rs"]
mod hosted;

mod answers;
mod failures;
mod request;

use regex::Regex;
use serde_json::{Value, json};

use hosted::Filter;

/// What is printed, without the numbers that change with the compiler.
fn without_fuel(text: &str) -> String {
    let fuel = Regex::new(r"[\d,]+ fuel").expect("a pattern");
    fuel.replace_all(text, "N fuel").into_owned()
}

const AUTHORIZED: [&str; 7] = [
    "--config",
    "text:/admin",
    "--upstream",
    "authz=200",
    "-d",
    "hello",
    "http://api.example.com/v1",
];

#[test]
fn everything_is_told_in_order() {
    let run = Filter::gate().run("run", &AUTHORIZED);
    run.assert("text", 0, &[]);
    let expected = r#"filter.wasm  ABI 0.2.1

start
  on_context_create  root context 1
    → N fuel
  on_configure  6 bytes of configuration
    proxy_get_buffer_bytes(plugin configuration, 0, 6) -> OK "/admin"
    proxy_define_metric(0, "gate.denied") -> OK
    → true  N fuel

stream
  on_context_create  context 2 of root 1
    → N fuel
  on_request_headers  5 headers
    proxy_get_header_map_value(request headers, ":path") -> OK "/v1"
    proxy_http_call("authz", "", 500) -> OK
    → Pause  N fuel
  on_http_call_response  callout 4: 1 header, 0 bytes of body, 0 trailers
    proxy_set_effective_context(2) -> OK
    proxy_get_header_map_value(callout response headers, ":status") -> OK "200"
    proxy_add_header_map_value(request headers, "x-gate", "authz") -> OK
    proxy_continue_stream(0) -> OK
    → N fuel
  on_request_body  5 bytes, end of stream
    → Continue  N fuel

forwarded; the client got 200 (via_upstream)

the upstream saw
  :authority: api.example.com
  :path: /v1
  :method: POST
  :scheme: http
  content-length: 5
  x-gate: authz

  hello

the client got
  :status: 200

callouts
  callout 4 to authz: GET /check

N fuel, 6 host calls, 2 allocations of guest memory for answers, 128 KiB of memory
"#;
    assert_eq!(without_fuel(&run.out), expected);
    assert_eq!(run.err, "");
}

/// An event in a few words.
fn shown(event: &Value) -> String {
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    match event["event"].as_str() {
        Some("called") => text("callback"),
        Some("hostCall") => format!("  {} {}", text("name"), text("status")),
        Some("log") => format!("  [{}] {}", text("level"), text("message")),
        Some("returned") => format!("  -> {}", text("answer")).trim_end().to_owned(),
        _ => panic!("{event} is no event"),
    }
}

#[test]
fn json_has_all_of_it() {
    let report = Filter::gate()
        .run("run", &[&["--json"], &AUTHORIZED[..]].concat())
        .json();
    let events = |part: &str| -> Vec<String> { report[part].as_array().expect(part).iter().map(shown).collect() };
    assert_eq!(
        events("start"),
        [
            "on_context_create",
            "  ->",
            "on_configure",
            "  proxy_get_buffer_bytes OK",
            "  proxy_define_metric OK",
            "  -> true"
        ]
    );
    assert_eq!(
        events("stream"),
        [
            "on_context_create",
            "  ->",
            "on_request_headers",
            "  proxy_get_header_map_value OK",
            "  proxy_http_call OK",
            "  -> Pause",
            "on_http_call_response",
            "  proxy_set_effective_context OK",
            "  proxy_get_header_map_value OK",
            "  proxy_add_header_map_value OK",
            "  proxy_continue_stream OK",
            "  ->",
            "on_request_body",
            "  -> Continue",
        ]
    );
    let lines = [
        [":authority", "api.example.com"],
        [":path", "/v1"],
        [":method", "POST"],
        [":scheme", "http"],
        ["content-length", "5"],
        ["x-gate", "authz"],
    ];
    for (field, expected) in [
        ("filter", json!("filter.wasm")),
        ("abi", json!("0.2.1")),
        ("eventsDropped", json!(0)),
        ("end", json!("forwarded")),
        ("heldIn", json!(null)),
        ("details", json!("via_upstream")),
        ("trap", json!(null)),
        ("upstream", json!({"headers": lines, "body": "hello", "trailers": []})),
        (
            "client",
            json!({"headers": [[":status", "200"]], "body": "", "trailers": []}),
        ),
        (
            "callouts",
            json!([{"id": 4, "upstream": "authz", "method": "GET", "path": "/check", "body": "", "timeoutMs": 500}]),
        ),
        ("filterState", json!([])),
        ("metrics", json!([])),
        ("calls", json!(4)),
        ("hostCalls", json!(6)),
        ("allocations", json!(2)),
        ("memory", json!(131_072)),
    ] {
        assert_eq!(report[field], expected, "{field}");
    }
    let stream = report["stream"].as_array().expect("events").iter();
    let fuel: u64 = stream.filter_map(|event| event["fuel"].as_u64()).sum();
    assert_eq!(report["fuel"], fuel);
}

#[test]
fn what_a_filter_changes_is_told_whoever_it_was_called_for() {
    // Denied in the answer to its callout: what it counts then is not the stream's own.
    let arguments = ["--config", "text:/admin", "--upstream", "authz=403", "/v1"];
    Filter::gate().run("run", &arguments).assert(
        "text",
        0,
        &[
            "the filter replied; the client got 403 (gate.denied)",
            "the upstream saw nothing",
            "\n  forbidden\n",
            "filter state\n  wasm.decision = \"gate.denied\"\n",
            "metrics\n  gate.denied +1\n",
        ],
    );
    let report = Filter::gate()
        .run("run", &[&["--json"], &arguments[..]].concat())
        .json();
    assert_eq!(
        report["metrics"],
        json!([{"name": "gate.denied", "kind": "counter", "change": 1}])
    );
    assert_eq!(report["filterState"], json!([["wasm.decision", "gate.denied"]]));
    assert_eq!(report["end"], "replied");
}

#[test]
fn every_kind_of_metric_is_told_by_what_changed() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $define_metric (i32.const 0) $"requests" (i32.const 900)))
             (drop (call $define_metric (i32.const 1) $"level" (i32.const 904)))
             (drop (call $define_metric (i32.const 2) $"times" (i32.const 908)))
             (drop (call $record_metric (i32.load (i32.const 904)) (i64.const 10)))
             (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $increment_metric (i32.load (i32.const 900)) (i64.const 2)))
             (drop (call $record_metric (i32.load (i32.const 904)) (i64.const 7)))
             (drop (call $record_metric (i32.load (i32.const 908)) (i64.const 55)))
             (drop (call $record_metric (i32.load (i32.const 908)) (i64.const 66)))
             (i32.const 0))"#,
    );
    let told = "metrics\n  level -3\n  requests +2\n  times 2 samples\n";
    filter.run("run", &["/"]).assert("text", 0, &[told]);
}

#[test]
fn a_filter_that_is_never_called_says_so() {
    let filter = Filter::new("");
    let nothing = "the filter has no function for any of it";
    let run = filter.run("run", &["/"]);
    run.assert("text", 0, &["forwarded; the client got 200 (via_upstream)"]);
    assert_eq!(run.out.matches(nothing).count(), 2, "{}", run.out);
}
