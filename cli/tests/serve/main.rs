//! `outgate serve` as its users call it: HTTP on the loopback interface, byte by byte.

#[path = "../hosted/mod.rs"]
mod hosted;

mod callouts;
mod command;
mod filters;
mod messages;
mod proxy;
mod server;
mod upstreams;

use std::time::Duration;

/// How long a test waits for what must come: on a machine that does other work, too, that may take long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds a line to each request and to each response.
const MARKER: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $add_value (i32.const 0) $"x-request" $"1"))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop (call $add_value (i32.const 2) $"x-response" $"2"))
    (i32.const 0))
"#;

/// A response without anything in it.
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
