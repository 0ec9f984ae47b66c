//! Replies that the filter gives itself, and what the client sees of them.

use outgate_test_host::{Action, End, Phase, Request, Response};

use crate::fixture::host;

/// Denies as a policy filter does; answers Continue all the same, which changes nothing.
const DENIER: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $send_local_response (i32.const 403) $"rule a b" $"no: 100%" (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) unreachable)
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $keep $"request" (call $get_value (i32.const 0) $":path" &out))
    (call $keep $"status" (call $get_value (i32.const 2) $":status" &out))
    (drop (call $add_value (i32.const 2) $"x-seen" $"1"))
    (i32.const 0))
"#;

fn client_lines(response: &Response) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    response
        .headers()
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)))
        .collect()
}

#[test]
fn the_form_of_a_reply_follows_the_request() {
    let http = [":status=403", "content-length=8", "content-type=text/plain", "x-seen=1"];
    let grpc = [
        ":status=200",
        "content-type=application/grpc",
        "grpc-status=7",
        "grpc-message=no: 100%25",
        "x-seen=1",
    ];
    let rows: [(&str, Request, &[&str], &str); 4] = [
        ("http", Request::get("http://a/v1"), &http, "no: 100%"),
        ("HEAD", Request::new("HEAD", "http://a/v1"), &http, ""),
        (
            "grpc",
            Request::post("http://a/v1").header("content-type", "application/grpc+proto"),
            &grpc,
            "",
        ),
        (
            "with a body",
            Request::post("http://a/v1").body("never seen"),
            &http,
            "no: 100%",
        ),
    ];
    for (name, request, headers, body) in rows {
        let outcome = host(DENIER).request(request);
        assert_eq!(outcome.end, End::Replied, "{name}: {outcome}");
        assert_eq!(outcome.upstream, None, "{name}");
        assert_eq!(outcome.details, "rule_a_b", "{name}");
        let response = outcome.response.as_ref().unwrap();
        assert_eq!(client_lines(response), headers, "{name}");
        assert_eq!(response.body_text(), body, "{name}");
        let reply = outcome.local_reply.as_ref().unwrap();
        assert_eq!(
            (reply.status, reply.grpc_status, reply.body.as_slice()),
            (403, None, &b"no: 100%"[..]),
            "{name}"
        );
        // Its own reply passes through it, and the request it stopped can still be read there.
        assert_eq!(outcome.filter_state("wasm.request").as_deref(), Some("/v1"), "{name}");
        let status = headers[0].trim_start_matches(":status=");
        assert_eq!(outcome.filter_state("wasm.status").as_deref(), Some(status), "{name}");
    }
}

#[test]
fn a_reply_may_bring_headers_and_a_grpc_status() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $send_local_response (i32.const 429) $"" $""
               $"\01\00\00\00\03\00\00\00\01\00\00\00X-A\001\00" (i32.const 8)))
             (i32.const 1))"#,
    )
    .request(Request::post("http://a/").header("content-type", "application/grpc"));
    let expected = [":status=200", "x-a=1", "content-type=application/grpc", "grpc-status=8"];
    assert_eq!(client_lines(&outcome.response.unwrap()), expected);
}

#[test]
fn a_reply_in_place_of_a_response_goes_straight_to_the_client() {
    let outcome = host(
        r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (drop (call $send_local_response (i32.const 502) $"bad" $"bad" $"" (i32.const -1)))
             (i32.const 0))
           (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) unreachable)"#,
    )
    .exchange(
        Request::get("http://a/"),
        Response::new(200).header("secret", "1").body("secret"),
    );
    assert_eq!(outcome.end, End::Replied);
    let response = outcome.response.unwrap();
    assert_eq!((response.status(), response.body_text().as_str()), (502, "bad"));
    assert_eq!(response.headers().get("secret"), None);
}

#[test]
fn only_the_first_reply_counts() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $send_local_response (i32.const 403) $"first" $"" $"" (i32.const -1)))
             (drop (call $send_local_response (i32.const 500) $"second" $"" $"" (i32.const -1)))
             (i32.const 1))"#,
    )
    .request(Request::get("http://a/"));
    assert_eq!((outcome.status(), outcome.details.as_str()), (403, "first"));
}

#[test]
fn a_stream_can_be_paused_continued_and_closed() {
    let filter = |wish: &str, action: u32| {
        host(&format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 {wish} (i32.const {action}))"#
        ))
        .request(Request::get("http://a/"))
        .end
    };
    assert_eq!(filter("", 0), End::Forwarded);
    assert_eq!(filter("", 1), End::Paused(Phase::RequestHeaders));
    assert_eq!(
        filter("", 3),
        End::Paused(Phase::RequestHeaders),
        "Envoy's richer answers hold it too"
    );
    assert_eq!(
        filter("(drop (call $continue_stream (i32.const 0)))", 1),
        End::Forwarded
    );
    assert_eq!(filter("(drop (call $close_stream (i32.const 0)))", 0), End::Reset);
}

#[test]
fn a_reply_stops_the_stream_step_by_step() {
    let mut host = host(DENIER);
    let mut stream = host.http_stream(Request::post("http://a/v1").body("x"));
    let step = stream.request_headers();
    assert_eq!((step.called, step.action), (true, Action::Pause));
    assert!(step.fuel > 0);
    assert!(!stream.request_body(b"x", true).called);
    assert!(!stream.response_headers(Response::new(200)).called);
    assert_eq!(stream.finish().status(), 403);
}
