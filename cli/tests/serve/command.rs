//! The command itself: how it starts, reloads and ends.

use std::net::TcpListener;

use super::hosted::Filter;
use super::proxy::Proxy;
use super::server::Server;
use super::{EMPTY, MARKER};

#[test]
fn a_signal_ends_it() {
    let server = Server::silent();
    for signal in ["INT", "TERM", "HUP"] {
        let proxy = Proxy::start(Filter::new(MARKER), &server.url(), &[]);
        // One that is under way is not waited for.
        let mut connection = proxy.connect();
        connection.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        server.seen();
        assert_eq!(proxy.stop(signal), (Some(0), String::new()), "{signal}");
    }
}

#[test]
fn whoever_reads_no_log_is_served_all_the_same() {
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start_unread(Filter::new(MARKER), &server.url());
    for _ in 0..3 {
        assert!(proxy.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn a_filter_that_does_not_start_is_a_finding() {
    let arguments = ["--upstream", "http://127.0.0.1:1"];
    for (case, filter, words) in [
        (
            "a refused configuration",
            Filter::gate(),
            "the configuration is the path to forbid",
        ),
        (
            "no WebAssembly",
            Filter::of(b"PK\x03\x04"),
            "error: filter.wasm: this is no WebAssembly",
        ),
    ] {
        filter.run("serve", &arguments).assert(case, 1, &[words]);
    }
}

#[test]
fn a_command_line_that_is_wrong_is_told_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let rows: &[(&[&str], &str)] = &[
        (&[], "--upstream <URL>"),
        (
            &["--upstream", "127.0.0.1:80"],
            "expected http://HOST:PORT or https://HOST:PORT",
        ),
        (
            &["--upstream", "ftp://a"],
            "expected http://HOST:PORT or https://HOST:PORT",
        ),
        (&["--upstream", "http://a/b"], "without a path"),
        (&["--upstream", "http://a", "--cluster", "authz"], "expected NAME=URL"),
        (
            &["--upstream", "http://a", "--cluster", "=http://a"],
            "expected NAME=URL",
        ),
        (
            &["--upstream", "http://a", "--cluster", "b=c"],
            "expected http://HOST:PORT",
        ),
        (&["--upstream", "http://a", "--listen", "8080"], "'--listen <IP:PORT>'"),
        (
            &["--upstream", "http://a", "--listen", &taken],
            "Address already in use",
        ),
        (
            &["--upstream", "http://a", "--config", "missing.json"],
            "missing.json: No such file",
        ),
        (
            &["--upstream", "http://a", "--reload", "--config", "missing.json"],
            "missing.json: No such file",
        ),
        (
            &["--upstream", "http://a", "--access-log-format", "%NOTHING%"],
            "NOTHING",
        ),
        (&["--upstream", "http://a", "--access-log-format", "{\"a\""], "EOF"),
    ];
    let filter = Filter::new(MARKER);
    for (arguments, words) in rows {
        filter
            .run("serve", arguments)
            .assert(&format!("{arguments:?}"), 2, &[words]);
    }
}

/// Replies with its configuration as the details of a 403.
const CONFIGURED: &str = r#"
  (global $address (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (if (i32.eqz (local.get $size)) (then (call $say $"nothing to go by") (return (i32.const 0))))
    (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (local.get $size) &out))
    (global.set $address (i32.load (i32.const 1024)))
    (global.set $length (i32.load (i32.const 1028)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $send_local_response (i32.const 403) $"" (global.get $address) (global.get $length)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1))
"#;

#[test]
fn what_is_saved_is_taken_over_if_it_starts() {
    let filter = Filter::new(CONFIGURED).with("config.txt", "first");
    let server = Server::answering(EMPTY);
    let proxy = Proxy::start(filter, &server.url(), &["--config", "config.txt", "--reload"]);
    let body = || proxy.get("/").split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body().as_deref(), Some("first"));

    proxy.filter.write("config.txt", "second");
    proxy.told("reloaded: configuration, in ");
    assert_eq!(body().as_deref(), Some("second"));

    proxy.filter.write("config.txt", "");
    proxy.told("error: the filter refused to start: on_configure returned false");
    proxy.told("nothing to go by");
    proxy.told("not reloaded; what ran before goes on");
    assert_eq!(body().as_deref(), Some("second"));

    proxy.filter.write("filter.wasm", "no filter");
    proxy.told("error: filter.wasm: this is no WebAssembly");
    proxy.told("not reloaded; what ran before goes on");
    assert_eq!(body().as_deref(), Some("second"));

    proxy.filter.write("config.txt", "third");
    proxy.told("not reloaded; what ran before goes on");
    proxy.filter.write("filter.wasm", Filter::new(MARKER).wasm());
    proxy.told("reloaded: filter, in ");
    assert!(proxy.get("/").contains("\r\nx-response: 2\r\n"));
}
