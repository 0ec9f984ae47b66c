//! The host of Google's service extensions, as their tester has it.

use outgate_test_host::{Action, End, HeaderMap, Host, Message, Phase, Profile, Property, Request, Response, Step};

use crate::fixture::module;

fn host(body: &str) -> Host {
    let builder = Host::builder(&module(body)).profile(Profile::Gcp);
    builder.configuration("its").root_id("root").start().unwrap()
}

/// What the filter logs of a stream that `act` takes through it.
fn logged(
    body: &str,
    request: impl Into<Request>,
    act: impl FnOnce(&mut outgate_test_host::HttpStream<'_>),
) -> Vec<String> {
    let mut host = host(body);
    let mut stream = host.http_stream(request);
    act(&mut stream);
    stream.logs().iter().map(|line| line.message.clone()).collect()
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::joining();
    for (name, value) in lines {
        map.add(name, value);
    }
    map
}

#[test]
fn a_joining_map_has_one_line_of_a_name() {
    let rows: [(&[(&str, &str)], &str); 7] = [
        (&[], "[]"),
        (
            &[("X-Tag", "1"), ("a", ""), ("x-tag", "2")],
            r#"["a: ", "X-Tag: 1, 2"]"#,
        ),
        (&[("b", "1"), ("A", "2"), ("c", "3")], r#"["A: 2", "b: 1", "c: 3"]"#),
        (&[("a", ""), ("A", "1")], r#"["a: 1"]"#),
        (&[("a", "1"), ("A", "")], r#"["a: 1, "]"#),
        (&[("host", "h"), (":authority", "a")], r#"[":authority: a", "host: h"]"#),
        (&[("a", ", ")], r#"["a: , "]"#),
    ];
    for (lines, expected) in rows {
        assert_eq!(format!("{:?}", map(lines)), expected, "{lines:?}");
    }
    let mut headers = map(&[("X-Tag", "1"), ("b", "2")]);
    headers.set("x-TAG", "3");
    headers.set("a", "4");
    headers.remove("B");
    assert_eq!(format!("{headers:?}"), r#"["a: 4", "X-Tag: 3"]"#);
    assert_eq!(headers.get("X-TAG"), Some(&b"3"[..]));
    assert_eq!(headers.get_all("x-tag").count(), 1);
    assert_eq!((headers.get("host"), headers.len()), (None, 2));
}

#[test]
fn a_filter_is_told_how_many_lines_its_maps_have() {
    let count = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $number $"request lines" (local.get 1)) (i32.const 0))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (call $number $"response lines" (local.get 1)) (i32.const 0))"#;
    let request = Request::get("http://a/").header("x", "1").header("x", "2");
    let response = Response::new(200).header("set-cookie", "a").header("set-cookie", "b");
    let logged = logged(count, request, |stream| {
        stream.request_headers();
        stream.response_headers(response);
    });
    assert_eq!(logged, ["request lines = 5", "response lines = 2"]);
}

#[test]
fn a_filter_sees_joined_headers_in_their_own_callback_only() {
    const ASK: &str = r#"
        (call $show $"tag" (call $get_value (i32.const 0) $"x-tag" &out))
        (call $status $"pairs" (call $get_header_map_pairs (i32.const 0) &out))
        (call $status $"size" (call $get_header_map_size (i32.const 0) &number))
        (call $number $"size" (i32.load &number)) (i32.store &number (i32.const 0))"#;
    let filter = format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {ASK}
             (call $status $"add" (call $add_value (i32.const 0) $"X-TAG" $"3"))
             (call $status $"set" (call $replace_value (i32.const 0) $"New" $"4")) (i32.const 1))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) {ASK} (i32.const 0))"#
    );
    let mut host = host(&filter);
    let mut stream = host.http_stream(map(&[("X-Tag", "1"), ("x-tag", "2"), (":path", "/")]));
    // It pauses, and is called all the same.
    assert_eq!(stream.request_headers().action, Action::Pause);
    assert!(stream.request_body(b"x", true).called);
    let logs: Vec<_> = stream.logs().iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        logs,
        [
            "tag = 1, 2",
            "pairs -> 0",
            "size -> 0",
            "size = 2",
            "add -> 0",
            "set -> 0",
            "tag -> 2",
            "pairs -> 2",
            "size -> 2",
            "size = 0",
        ]
    );
    assert_eq!(
        format!("{:?}", stream.headers(Message::Request)),
        r#"[":path: /", "New: 4", "X-Tag: 1, 2, 3"]"#
    );
}

#[test]
fn callbacks_come_in_any_order_and_nothing_holds_them() {
    let filter = r#"
      (func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then (call $say $"create"))))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $say $"request") (i32.const 1))
      (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $number $"size" (local.get 1)) (i32.const 1))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $say $"response") (i32.const 1))
      (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (call $number $"end" (local.get 2)) (i32.const 3))
      (func (export "proxy_on_done") (param i32) (result i32) (call $say $"done") (i32.const 0))
      (func (export "proxy_on_delete") (param i32) (call $say $"delete"))"#;
    let empty = || Request::from(HeaderMap::joining());
    assert_eq!(logged(filter, empty(), |_| ()), [""; 0]);
    assert_eq!(
        logged(filter, empty(), |stream| _ = stream.create_context()),
        ["create"]
    );
    let response_only = |stream: &mut outgate_test_host::HttpStream<'_>| {
        stream.response_headers(HeaderMap::joining());
    };
    assert_eq!(logged(filter, empty(), response_only), ["create", "response"]);
    let bodies_only = |stream: &mut outgate_test_host::HttpStream<'_>| {
        stream.create_context();
        stream.create_context();
        stream.request_body(b"ab", false);
        stream.request_body(b"c", true);
        stream.response_body(b"de", true);
        assert_eq!(
            (
                stream.passed_body(Message::Request),
                stream.passed_body(Message::Response)
            ),
            (&b"abc"[..], &b"de"[..])
        );
    };
    assert_eq!(
        logged(filter, empty(), bodies_only),
        ["create", "size = 2", "size = 1", "end = 1"]
    );
    // A whole exchange; a stream that the filter never knew of is created for its end.
    let lines = |outcome: &outgate_test_host::Outcome| -> Vec<String> {
        outcome.logs.iter().map(|line| line.message.clone()).collect()
    };
    let mut host = host(filter);
    let outcome = host.exchange(Request::post("http://a/").body("abc"), Response::new(200).body("d"));
    assert_eq!(
        lines(&outcome),
        ["create", "request", "size = 3", "response", "end = 1", "done", "delete"]
    );
    assert_eq!(outcome.end, End::Forwarded);
    let unborn = host.http_stream(empty()).finish();
    assert_eq!(lines(&unborn), ["create", "done", "delete"]);
}

/// Replies twice in the callback whose number its configuration says: 1 to 4, or 0 for `on_configure`.
const REPLYING: &str = r#"
  (func $reply (param $letter i32) (param $len i32)
    (drop (call $send_local_response (i32.const 401) $"first" $"first" (i32.const 0) (i32.const 0) (i32.const 3)))
    (call $status $"reply" (call $send_local_response (i32.const 403) $"not for you" (local.get $letter) (local.get $len)
      $"\02\00\00\00\01\00\00\00\01\00\00\00\01\00\00\00\01\00\00\00A\001\00a\002\00" (i32.const -1))))
  (global $in (mut i32) (i32.const 0))
  (func $may_reply (param $where i32) (param $letter i32) (param $len i32)
    (if (i32.eq (local.get $where) (global.get $in)) (then (call $reply (local.get $letter) (local.get $len)))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 1) &out))
    (global.set $in (i32.sub (i32.load8_u (i32.load (i32.const 1024))) (i32.const 48)))
    (call $may_reply (i32.const 0) $"configure") (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $may_reply (i32.const 1) $"request") (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $may_reply (i32.const 2) $"request body") (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $may_reply (i32.const 3) $"response") (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $may_reply (i32.const 4) $"response body") (i32.const 0))"#;

#[test]
fn the_last_reply_of_a_callback_ends_the_stream() {
    let rows = [
        ("0", None),
        ("1", Some("request")),
        ("2", Some("request body")),
        ("3", Some("response")),
        ("4", None),
    ];
    for (number, expected) in rows {
        let builder = Host::builder(&module(REPLYING)).profile(Profile::Gcp);
        let mut host = builder.configuration(number).start().unwrap();
        let mut stream = host.http_stream(HeaderMap::joining());
        let steps: [Step; 4] = [
            stream.request_headers(),
            stream.request_body(b"abc", true),
            stream.response_headers(map(&[(":status", "200")])),
            stream.response_body(b"def", true),
        ];
        let called = steps.iter().take_while(|step| step.called).count();
        let reply = stream.local_reply().cloned();
        assert_eq!(
            reply.as_ref().map(|reply| reply.body.as_slice()),
            expected.map(str::as_bytes),
            "{number}"
        );
        match reply {
            None => assert_eq!(called, 4, "{number}"),
            Some(reply) => {
                assert_eq!(called.to_string(), number);
                assert_eq!(steps[called - 1].action, Action::Pause, "{number}");
                assert_eq!(reply.details, "not for you");
                assert_eq!(format!("{:?}", reply.headers), r#"["A: 2"]"#);
                assert_eq!(reply.grpc_status, None);
            }
        }
    }
}

#[test]
fn what_service_extensions_do_not_have_says_so() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $status $"set_property" (call $set_property $"a" $"b"))
             (call $status $"define_metric" (call $define_metric (i32.const 0) $"m" &number))
             (call $status $"http_call" (call $http_call $"c" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) &number))
             (call $status $"continue" (call $continue_stream (i32.const 0)))
             (call $status $"close" (call $close_stream (i32.const 0)))
             (call $status $"foreign" (call $call_foreign_function $"compress" $"x" &out))
             (call $status $"tick" (call $set_tick_period (i32.const 5)))
             (call $status $"shared" (call $set_shared_data $"a" $"b" (i32.const 0))) (i32.const 0))
           (func (export "proxy_on_tick") (param i32) (call $say $"tick"))"#,
    )
    .request(Request::get("http://a/"));
    let logs: Vec<_> = outcome.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        logs,
        [
            "set_property -> 12",
            "define_metric -> 12",
            "http_call -> 12",
            "continue -> 12",
            "close -> 12",
            "foreign -> 1",
            "tick -> 0",
            "shared -> 0",
        ]
    );
    let report = outcome.to_string();
    assert!(
        report.contains("UNIMPLEMENTED: Google's service extensions do not have it"),
        "{report}"
    );
}

#[test]
fn ticks_do_not_come() {
    let mut host = host(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick_period (i32.const 5))) (i32.const 1))
           (func (export "proxy_on_tick") (param i32) (call $say $"tick"))"#,
    );
    host.advance(std::time::Duration::from_secs(1));
    assert!(host.logs().is_empty());
    assert_eq!(host.tick_period(), Some(std::time::Duration::from_millis(5)));
}

#[test]
fn a_stream_has_the_properties_that_it_was_given() {
    const ASK: &str = r#"
      (call $show $"segments" (call $get_property $"request\00client_region" &out))
      (call $show $"dots" (call $get_property $"request.client_region" &out))
      (call $show $"path" (call $get_property $"request\00path" &out))
      (call $show $"root id" (call $get_property $"plugin_root_id" &out))
      (call $show $"configuration" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) &out))"#;
    let filter = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) {ASK} (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {ASK} (i32.const 0))"#
    );
    let mut host = host(&filter);
    let lines =
        |logs: &[outgate_test_host::LogLine]| -> Vec<String> { logs.iter().map(|line| line.message.clone()).collect() };
    assert_eq!(
        lines(host.logs()),
        [
            "segments -> 1",
            "dots -> 1",
            "path -> 1",
            "root id = root",
            "configuration = its"
        ]
    );
    let request = Request::get("http://a/").property("request.client_region", Property::Bytes(b"BR".to_vec()));
    assert_eq!(
        lines(&host.request(request).logs),
        [
            "segments = BR",
            "dots = BR",
            "path -> 1",
            "root id -> 1",
            "configuration = its"
        ]
    );
}

#[test]
fn a_trap_ends_the_stream() {
    let mut host =
        host(r#"(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then unreachable)))"#);
    let mut stream = host.http_stream(HeaderMap::joining());
    let step = stream.create_context();
    assert_eq!((step.phase, step.action), (Phase::ContextCreate, Action::Pause));
    assert_eq!(
        stream.trap().map(outgate_test_host::Trap::phase),
        Some(Phase::ContextCreate)
    );
    assert!(!stream.request_headers().called);
}
