//! Upstreams that are slow, broken, not there, or behind TLS.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Barrier};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::hosted::Filter;
use super::proxy::Proxy;
use super::server::{Server, read_request};
use super::{EMPTY, MARKER};

#[test]
fn an_upstream_that_fails_is_the_clients_to_know() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let servers = [
        (
            "what is no HTTP",
            Server::answering("hello\r\n\r\n"),
            "502 Bad Gateway",
            "invalid HTTP",
        ),
        ("nothing", Server::answering(""), "502 Bad Gateway", "connection closed"),
        (
            "half of a body",
            Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"),
            "502 Bad Gateway",
            "end of file before message length reached",
        ),
        (
            "too much",
            Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world"),
            "502 Bad Gateway",
            "larger than 10 bytes",
        ),
        (
            "silence",
            Server::silent(),
            "504 Gateway Timeout",
            "no response within 1 s",
        ),
    ];
    let servers = servers.each_ref();
    let servers = servers.map(|(case, server, status, why)| (*case, server.url(), *status, *why));
    let refused = (
        "nobody",
        format!("http://{nobody}"),
        "502 Bad Gateway",
        "Connection refused",
    );
    for (case, url, status, why) in servers.into_iter().chain([refused]) {
        let proxy = Proxy::start(Filter::new(MARKER), &url, &["--max-body", "10", "--timeout", "1"]);
        let response = proxy.get("/");
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{case}: {response}"
        );
        // It goes back through the filter, as from Envoy's router.
        assert!(response.contains("\r\nx-response: 2\r\n"), "{case}: {response}");
        let body = response
            .split_once("\r\n\r\n")
            .map(|(_, body)| body)
            .unwrap_or_default();
        let expected = format!("upstream {url}: ");
        assert!(body.starts_with(&expected) && body.contains(why), "{case}: {body}");
        assert!(proxy.told("warning").contains(why), "{case}");
    }
}

#[test]
fn requests_do_not_wait_for_each_other() {
    const TOGETHER: usize = 8;
    // Nobody is answered before all have asked.
    let all = Arc::new(Barrier::new(TOGETHER));
    let server = Server::start(move |_| {
        all.wait();
        Some(EMPTY.into())
    });
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &[]);
    let paths = (0..TOGETHER).map(|number| format!("/{number}"));
    thread::scope(|scope| {
        let clients: Vec<_> = paths.map(|path| scope.spawn(|| proxy.get(&{ path }))).collect();
        for client in clients {
            let response = client.join().expect("a client ends");
            assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        }
    });
}

#[test]
fn a_client_that_goes_away_is_let_go() {
    let (server, patient) = (Server::silent(), Server::answering(EMPTY));
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &["--timeout", "600"]);
    let mut connection = proxy.connect();
    connection.write("GET /gone HTTP/1.1\r\nhost: a\r\n\r\n");
    server.seen();
    drop(connection);
    let line = proxy.logged();
    assert!(line.contains("GET a/gone 0 - "), "{line}");
    drop(patient);
}

#[test]
fn the_upstreams_own_name_can_be_sent() {
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &["--rewrite-host"]);
    proxy.get("/");
    let seen = server.seen();
    assert!(seen.contains(&format!("\r\nhost: {}\r\n", server.address)), "{seen}");
}

#[test]
fn an_upstream_behind_tls_is_asked_for_its_certificate() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("the key fits");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().expect("its address").port()
    );
    thread::spawn(move || {
        let config = Arc::new(config);
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).expect("a server");
            let mut stream = StreamOwned::new(connection, stream);
            // A client that does not trust it breaks the connection.
            if read_request(&mut BufReader::new(&mut stream)).is_ok() {
                stream.write_all(EMPTY.as_bytes()).ok();
                stream.flush().ok();
            }
        }
    });
    let filter = Filter::new(MARKER).with("trusted.pem", cert.pem());
    let mut command = filter.command("serve", &["--upstream", &url]);
    command.env("SSL_CERT_FILE", filter.path().join("trusted.pem"));
    let proxy = Proxy::start_command(filter, command);
    assert!(proxy.get("/").starts_with("HTTP/1.1 200 OK\r\n"), "trusted");

    let stranger = Proxy::start(Filter::new(MARKER), &url, &[]);
    let response = stranger.get("/");
    assert!(
        response.starts_with("HTTP/1.1 502 Bad Gateway\r\n")
            && response.contains("TLS failed: invalid peer certificate"),
        "{response}"
    );
}
