//! What a filter can do to a request other than to let it through.

use super::hosted::Filter;
use super::proxy::Proxy;
use super::server::Server;
use super::{EMPTY, MARKER};

/// Does something else for each path.
const MANY_WAYS: &str = r#"
  (func $is (param $text i32) (param $len i32) (result i32) (local $i i32)
    (drop (call $get_value (i32.const 0) $":path" &out))
    (if (i32.ne (i32.load (i32.const 1028)) (local.get $len)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.ge_u (local.get $i) (local.get $len)) (then (return (i32.const 1))))
      (if (i32.ne (i32.load8_u (i32.add (i32.load (i32.const 1024)) (local.get $i)))
                  (i32.load8_u (i32.add (local.get $text) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    (unreachable))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (call $is $"/deny") (then
      (drop (call $send_local_response (i32.const 403) $"policy" $"no\0a" (i32.const 0) (i32.const 0) (i32.const -1)))
      (return (i32.const 1))))
    (if (call $is $"/close") (then (drop (call $close_stream (i32.const 0))) (return (i32.const 1))))
    (if (call $is $"/hold") (then (return (i32.const 1))))
    (if (call $is $"/path") (then (drop (call $replace_value (i32.const 0) $":path" $"no path"))))
    (if (call $is $"/method") (then (drop (call $replace_value (i32.const 0) $":method" $"NO METHOD"))))
    (if (call $is $"/host") (then (drop (call $replace_value (i32.const 0) $":authority" $"a\0ab"))))
    (if (call $is $"/line") (then (drop (call $add_value (i32.const 0) $"x-a" $"1\0d\0ax-b: 2"))))
    (if (call $is $"/name") (then (drop (call $add_value (i32.const 0) $"x a" $"1"))))
    (if (call $is $"/elsewhere") (then
      (drop (call $replace_value (i32.const 0) $":path" $"/there?a=b"))
      (drop (call $replace_value (i32.const 0) $":method" $"POST"))
      (drop (call $replace_value (i32.const 0) $":authority" $"other.example"))))
    (i32.const 0))
  (func (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (drop (call $set_buffer_bytes (i32.const 0) (i32.const 0) (local.get $size) $"another body"))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (if (call $get_value (i32.const 2) $"x-want" &out) (then (return (i32.const 0))))
    (if (i32.eq (i32.load (i32.const 1028)) (i32.const 4)) (then
      (drop (call $replace_value (i32.const 2) $":status" $"9999"))))
    (if (i32.eq (i32.load (i32.const 1028)) (i32.const 5)) (then
      (drop (call $replace_value (i32.const 2) $"x-want" $"a\0ab"))))
    (i32.const 0))
  (func (export "proxy_on_response_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (drop (call $set_buffer_bytes (i32.const 1) (i32.const 0) (local.get $size) $"REDACTED"))
    (i32.const 0))
"#;

fn proxy(server: &Server) -> Proxy {
    Proxy::start(Filter::new(MANY_WAYS), &server.url(), &[])
}

#[test]
fn a_filter_answers_in_place_of_the_upstream() {
    let server = Server::answering(EMPTY);
    let proxy = proxy(&server);
    let head = |length| {
        format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    // The filter is shown its own reply, and writes over its body.
    assert_eq!(proxy.get("/deny"), head("REDACTED".len()) + "REDACTED");
    let request = "HEAD /deny HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(proxy.send(request), head("no\n".len()));
    assert!(server.has_seen_all(), "the upstream gets nothing of it");
    for method in ["GET", "HEAD"] {
        let line = proxy.logged();
        assert!(line.contains(&format!(" {method} a/deny 403 policy ")), "{line}");
    }
}

#[test]
fn a_filter_closes_the_connection() {
    let server = Server::answering(EMPTY);
    let proxy = proxy(&server);
    assert_eq!(proxy.get("/close"), "");
    let line = proxy.logged();
    assert!(line.contains("GET a/close 0 wasm_close_stream "), "{line}");
    assert!(proxy.get("/").starts_with("HTTP/1.1 200 OK\r\n"), "the proxy goes on");
}

#[test]
fn a_request_that_nothing_lets_go_is_told_of() {
    let server = Server::answering(EMPTY);
    let proxy = proxy(&server);
    let mut connection = proxy.connect();
    connection.write("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
    proxy.told("warning: the filter holds GET a/hold in on_request_headers, with no callout and no tick to come");
    drop(connection);
    assert!(proxy.logged().contains("GET a/hold 0 - "), "its client went away");
}

#[test]
fn a_filter_changes_where_a_request_goes_and_what_is_in_it() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nsecret text");
    let proxy = proxy(&server);
    let response =
        proxy.send("PUT /elsewhere HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc");
    assert_eq!(
        server.seen(),
        "POST /there?a=b HTTP/1.1\r\ncontent-length: 12\r\nhost: other.example\r\n\r\nanother body"
    );
    assert_eq!(
        response,
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nREDACTED"
    );
}

#[test]
fn what_http_cannot_carry_is_refused_in_words() {
    let server = Server::start(|request| {
        let want = if request.contains("/status") { "1234" } else { "12345" };
        Some(format!("HTTP/1.1 200 OK\r\nx-want: {want}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    });
    let proxy = proxy(&server);
    for (path, why) in [
        ("/path", "`no path` is no path"),
        ("/method", "`NO METHOD` is no method of HTTP"),
        ("/host", "`a\u{fffd}b` is no host"),
        ("/line", "the filter made a header that HTTP cannot have: `x-a`"),
        ("/name", "the filter made a header that HTTP cannot have: `x a`"),
        ("/status", "9999 is no status of HTTP"),
        ("/response", "the filter made a header that HTTP cannot have: `x-want`"),
    ] {
        let response = proxy.get(path);
        assert!(
            response.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
            "{path}: {response}"
        );
        // Nothing but the upstream's answer goes through the filter's response callbacks.
        assert!(
            response.contains(why) || response.contains("REDACTED"),
            "{path}: {response}"
        );
        assert!(proxy.told("warning").contains(why), "{path}");
    }
}

#[test]
fn a_filter_that_dies_takes_later_requests_with_it() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $log (i32.const 4) $"giving up"))
             unreachable)"#,
    );
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(filter, &server.url(), &[]);
    for request in ["the one that killed it", "the next one"] {
        let response = proxy.get("/");
        assert!(
            response.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{request}: {response}"
        );
        let line = proxy.logged();
        assert!(line.contains(" 503 wasm_fail_stream "), "{request}: {line}");
    }
    assert!(server.has_seen_all(), "the upstream gets nothing of it");
    proxy.told("[error] on_request_headers: giving up");
    proxy.told("error: the filter trapped in on_request_headers: wasm trap: wasm `unreachable` instruction executed");
    proxy.told("from now on every request gets 503");
}

#[test]
fn a_filter_that_never_stops_is_stopped() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop $again (br $again)) (i32.const 0))"#,
    );
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(filter, &server.url(), &[]);
    assert!(proxy.get("/").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    proxy.told("Limits::fuel");
}

#[test]
fn ticks_come_by_the_real_clock() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick_period (i32.const 5)))
             (i32.const 1))
           (func (export "proxy_on_tick") (param i32) (call $say $"tick"))"#,
    );
    let proxy = Proxy::start(filter, &Server::answering(EMPTY).url(), &[]);
    for _ in 0..3 {
        proxy.told("[info] on_tick: tick");
    }
}

#[test]
fn the_access_log_has_the_format_that_is_asked_for() {
    let filter = || {
        Filter::new(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (drop (call $set_property $"rule" $"r\1b[31m\0a1"))
                 (i32.const 0))"#,
        )
    };
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    for (format, expected) in [
        (
            "%PROTOCOL% %REQ(:METHOD)% %REQ(X-NONE)% %RESPONSE_CODE% %BYTES_SENT% %FILTER_STATE(wasm.rule:PLAIN)%",
            "HTTP/1.1 GET - 200 2 r\u{fffd}[31m\u{fffd}1",
        ),
        (
            r#"{"path": "%REQ(:PATH)%", "code": "%RESPONSE_CODE%"}"#,
            r#"{"code":200,"path":"/a"}"#,
        ),
    ] {
        let proxy = Proxy::start(filter(), &server.url(), &["--access-log-format", format]);
        proxy.get("/a");
        assert_eq!(proxy.logged(), expected);
    }
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &[]);
    proxy.get("/a?b=c");
    let (line, usual) = (proxy.logged(), " GET a/a?b=c 200 via_upstream 2B ");
    assert!(line.contains(usual), "{line}");
}
