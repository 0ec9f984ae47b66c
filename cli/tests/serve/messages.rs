//! Requests and responses go through as they are, but for what the filter makes of them.

use super::hosted::Filter;
use super::proxy::Proxy;
use super::server::Server;
use super::{EMPTY, MARKER};

/// A filter that does nothing.
const IDLE: &str = "";

#[test]
fn a_request_goes_through_the_filter_and_its_response_back() {
    let server = Server::answering("HTTP/1.1 201 Created\r\nx-a: 1\r\nX-A: 2\r\ncontent-length: 3\r\n\r\nyes");
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &[]);
    let response = proxy.send(
        "PUT /a/b?c=d HTTP/1.1\r\nHost: api.example.com:81\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    );
    assert_eq!(
        server.seen(),
        "PUT /a/b?c=d HTTP/1.1\r\nx-two: 1\r\nx-two: 2\r\nx-request: 1\r\ncontent-length: 5\r\nhost: api.example.com:81\r\n\r\nhello"
    );
    assert_eq!(
        response,
        "HTTP/1.1 201 Created\r\nx-a: 1\r\nx-a: 2\r\nx-response: 2\r\ncontent-length: 3\r\nconnection: close\r\n\r\nyes"
    );
}

#[test]
fn requests_reach_the_upstream_as_they_were_sent() {
    let rows = [
        (
            "no body",
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        ),
        (
            "an empty body that is said to be one",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 0\r\nhost: a\r\n\r\n",
        ),
        (
            "chunks are joined: the filter has seen all of them",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\nhost: a\r\n\r\nabc",
        ),
        (
            "trailers",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n",
            "POST / HTTP/1.1\r\ntrailer: x-t\r\ntransfer-encoding: chunked\r\nhost: a\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n",
        ),
        (
            "an absolute URL, as to a forward proxy",
            "GET http://api.example.com/x HTTP/1.1\r\nhost: ignored\r\n\r\n",
            "GET /x HTTP/1.1\r\nhost: api.example.com\r\n\r\n",
        ),
        (
            "what is about the connection stays behind",
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, x-hop\r\nkeep-alive: 5\r\nx-hop: 1\r\nte: trailers\r\n\
             upgrade: websocket\r\nproxy-connection: close\r\nx-end: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nx-end: 1\r\nhost: a\r\n\r\n",
        ),
        (
            "HTTP/1.0",
            "GET / HTTP/1.0\r\nhost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        ),
        (
            "a method that nobody knows",
            "FROB /x HTTP/1.1\r\nhost: a\r\n\r\n",
            "FROB /x HTTP/1.1\r\nhost: a\r\n\r\n",
        ),
        (
            "a server as a whole",
            "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        ),
        (
            "bytes that are no text",
            "GET / HTTP/1.1\r\nhost: a\r\nx-name: é\r\n\r\n",
            "GET / HTTP/1.1\r\nx-name: é\r\nhost: a\r\n\r\n",
        ),
    ];
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &[]);
    for (case, sent, expected) in rows {
        let mut connection = proxy.connect();
        connection.write(sent);
        let response = connection.until("\r\n\r\n");
        assert!(response.contains(" 200 OK\r\n"), "{case}: {response}");
        assert_eq!(server.seen(), expected, "{case}");
    }
}

#[test]
fn responses_reach_the_client_as_they_were_sent() {
    let rows = [
        (
            "chunks",
            "GET",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
        ),
        (
            "a body that ends with the connection",
            "GET",
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
        ),
        (
            "to HEAD",
            "HEAD",
            "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\nconnection: close\r\n\r\n",
        ),
        (
            "no content",
            "GET",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
        ),
        (
            "not modified",
            "GET",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\netag: \"a\"\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\nconnection: close\r\n\r\n",
        ),
        (
            "a word of its own",
            "GET",
            "HTTP/1.1 299 Splendid\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 299 <none>\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        ),
        (
            "several of a name",
            "GET",
            "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        ),
    ];
    for (case, method, sent, expected) in rows {
        let server = Server::answering(sent);
        let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &[]);
        let request = format!("{method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(proxy.send(request), expected, "{case}");
    }
}

#[test]
fn trailers_come_back_to_clients_that_take_them() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n2\r\nab\r\n0\r\ngrpc-status: 0\r\n\r\n",
    );
    let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &[]);
    let with = proxy.send("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te, close\r\n\r\n");
    assert!(with.contains("\r\ntrailer: grpc-status\r\n"), "{with}");
    assert!(
        with.ends_with("\r\n\r\n2\r\nab\r\n0\r\ngrpc-status: 0\r\n\r\n"),
        "{with}"
    );
    let without = proxy.get("/");
    assert!(without.ends_with("\r\n\r\n2\r\nab\r\n0\r\n\r\n"), "{without}");
}

#[test]
fn large_bodies_go_both_ways() {
    let body = "0123456789abcdef".repeat(5_000_000 / 16);
    let server = Server::start(|request| {
        let body = request.split_once("\r\n\r\n")?.1;
        Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    });
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &[]);
    let length = body.len();
    let response = proxy.send(format!(
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    let (head, back) = response.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("x-response: 2"),
        "{head}"
    );
    assert!(back == body, "{} bytes came back of {length}", back.len());
}

#[test]
fn a_body_can_be_waited_for() {
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &[]);
    let mut connection = proxy.connect();
    connection
        .write("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n");
    assert_eq!(connection.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    connection.write("ab");
    assert!(connection.rest().starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(server.seen().ends_with("\r\n\r\nab"));
}

#[test]
fn a_connection_is_good_for_several_requests() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &[]);
    let mut connection = proxy.connect();
    for path in ["/1", "/2", "/3"] {
        connection.write(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(
            connection.until("\r\n\r\nok").starts_with("HTTP/1.1 200 OK\r\n"),
            "{path}"
        );
        assert!(server.seen().starts_with(&format!("GET {path} ")), "{path}");
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(Filter::new(IDLE), &server.url(), &["--max-body", "10"]);
    for (case, sent, status) in [
        ("not HTTP", "hello\r\n\r\n", "400 Bad Request"),
        (
            "a space in a name",
            "GET / HTTP/1.1\r\na b: c\r\n\r\n",
            "400 Bad Request",
        ),
        (
            "a chunk without a length",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "400 Bad Request",
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "400 Bad Request",
        ),
        (
            "a body that is too large",
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 11\r\n\r\nhello world",
            "413 Payload Too Large",
        ),
        (
            "in chunks, too",
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
            "413 Payload Too Large",
        ),
        (
            "a tunnel",
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n",
            "501 Not Implemented",
        ),
    ] {
        let response = proxy.send(sent);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{case}: {response}"
        );
    }
    assert!(server.has_seen_all(), "the upstream gets nothing of it");
    assert!(proxy.get("/").starts_with("HTTP/1.1 200 OK\r\n"), "the proxy goes on");
}
