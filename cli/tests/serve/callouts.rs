//! What the filter calls is called for real.

use super::EMPTY;
use super::hosted::Filter;
use super::proxy::Proxy;
use super::server::Server;

const CONFIG: [&str; 2] = ["--config", "text:/admin"];

#[test]
fn the_answer_of_a_service_decides() {
    for (answer, status, reached) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200 OK", true),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            "403 Forbidden",
            false,
        ),
        // Envoy answers 503 to the filter for a service that breaks.
        ("", "403 Forbidden", false),
    ] {
        let (server, authz) = (Server::answering(EMPTY), Server::answering(answer));
        let cluster = format!("authz={}", authz.url());
        let arguments = [&CONFIG[..], &["--cluster", &cluster]].concat();
        let proxy = Proxy::start(Filter::gate(), &server.url(), &arguments);
        let response = proxy.get("/v1");
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}: {response}"
        );
        assert_eq!(authz.seen(), "GET /check HTTP/1.1\r\nhost: authz\r\n\r\n");
        if reached {
            let seen = server.seen();
            assert!(seen.contains("\r\nx-gate: authz\r\n"), "{seen}");
        }
        assert!(server.has_seen_all(), "{answer}");
    }
}

#[test]
fn a_request_with_a_body_waits_for_the_answer() {
    let (server, authz) = (Server::answering(EMPTY), Server::answering(EMPTY));
    let cluster = format!("authz={}", authz.url());
    let arguments = [&CONFIG[..], &["--cluster", &cluster]].concat();
    let proxy = Proxy::start(Filter::gate(), &server.url(), &arguments);
    let post = |body: &str| {
        let length = body.len();
        proxy.send(format!(
            "POST /v1 HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    };
    assert!(post("hello").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(server.seen().ends_with("\r\n\r\nhello"));
    assert!(post("more than sixteen bytes").starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
    assert!(server.has_seen_all());
}

#[test]
fn a_service_that_is_silent_is_waited_for_as_long_as_the_filter_said() {
    let (server, authz) = (Server::answering(EMPTY), Server::silent());
    let cluster = format!("authz={}", authz.url());
    let arguments = [&CONFIG[..], &["--cluster", &cluster, "--log-level", "trace"]].concat();
    let proxy = Proxy::start(Filter::gate(), &server.url(), &arguments);
    // 504, which is not 200.
    assert!(proxy.get("/v1").starts_with("HTTP/1.1 403 Forbidden\r\n"));
    let warning = proxy.told("warning: callout 4 to authz: GET /check: ");
    assert!(
        warning.ends_with(&format!("{}: no response within 0.5 s", authz.url())),
        "{warning}"
    );
}

#[test]
fn a_service_that_nobody_described_is_told_of() {
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(Filter::gate(), &server.url(), &CONFIG);
    assert!(proxy.get("/v1").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    let warning = proxy.told("warning: on_request_headers: proxy_http_call(\"authz\", \"\", 500) -> BAD_ARGUMENT: ");
    assert!(
        warning.ends_with("--cluster authz=http://HOST:PORT says where it is"),
        "{warning}"
    );
    proxy.told("[warn] on_request_headers: authz does not answer");
}

#[test]
fn a_service_can_be_called_at_any_time() {
    let filter = Filter::new(
        r#"(func $call
             (drop (call $http_call $"pings"
               $"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\05\00\00\00\0a\00\00\00\05\00\00\00:method\00GET\00:path\00/ping\00:authority\00pings\00"
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 900))))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $call) (i32.const 1))
           (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
             (call $show $"answer" (call $get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 99) &out)))"#,
    );
    let pings = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong");
    let cluster = format!("pings={}", pings.url());
    let proxy = Proxy::start(filter, &Server::answering(EMPTY).url(), &["--cluster", &cluster]);
    proxy.told("[info] on_http_call_response: answer = pong");
    assert_eq!(pings.seen(), "GET /ping HTTP/1.1\r\nhost: pings\r\n\r\n");
}

#[test]
fn grpc_is_said_not_to_be_there() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $grpc_call $"rls" $"s.S" $"M" (i32.const 0) (i32.const 0) $"" (i32.const 0) (i32.const 900)))
             (i32.const 1))
           (func (export "proxy_on_grpc_close") (param i32 i32 i32)
             (call $number $"closed" (local.get 2))
             (drop (call $set_effective_context (i32.const 2)))
             (drop (call $continue_stream (i32.const 0))))"#,
    );
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(filter, &server.url(), &["--cluster", "rls=http://127.0.0.1:1"]);
    assert!(proxy.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
    proxy.told("warning: callout 5 to rls: gRPC call /s.S/M: outgate serve makes HTTP callouts only");
    proxy.told("[info] on_grpc_close: closed = 12");
}
