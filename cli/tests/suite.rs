//! Suites of the service extensions' plugin tester, as the command plays them.

use std::fs;
use std::process::Command;

/// Adds a header, logs, and denies what has a body with more than 4 bytes in a piece.
const FILTER: &str = r#"(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "x-seen") (data (i32.const 120) "yes") (data (i32.const 140) "headers came")
  (data (i32.const 160) "too_long") (data (i32.const 180) "no")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 4096)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $add (i32.const 0) (i32.const 100) (i32.const 6) (i32.const 120) (i32.const 3)))
    (drop (call $log (i32.const 2) (i32.const 140) (i32.const 12)))
    i32.const 0)
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (if (i32.gt_u (local.get 1) (i32.const 4))
      (then (drop (call $reply (i32.const 413) (i32.const 160) (i32.const 8) (i32.const 180) (i32.const 2)
        (i32.const 0) (i32.const 0) (i32.const -1)))))
    i32.const 0)
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop (call $add (i32.const 2) (i32.const 100) (i32.const 6) (i32.const 120) (i32.const 3)))
    i32.const 0))"#;

const SUITE: &str = r#"
env { wasm_path: "filter.wasm" log_level: INFO }
test {
  name: "headers"
  request_headers {
    input { content: "GET /a HTTP/1.1\nHost: shop.test\nX-A: 1\n" }
    result {
      has_header { key: "x-seen" value: "yes" }
      has_header { key: ":authority" value: "shop.test" }
      no_header { key: "host" }
      headers { regex: "x-a: [0-9]" }
      log { exact: "headers came" }
      log { regex: ".*error.*" invert: true }
    }
  }
  response_headers {
    input { header { key: ":status" value: "200" } }
    result { has_header { key: "x-seen" value: "yes" } }
  }
}
test {
  name: "long pieces"
  num_chunks: 2
  request_headers { input { header { key: ":path" value: "/" } } }
  request_body {
    input { content: "0123456789" }
    result { immediate { http_status: 413 details: "too_long" } body { exact: "no" } }
  }
}
test {
  name: "short pieces"
  chunk_size: 3
  request_headers { input { header { key: ":path" value: "/" } } }
  request_body { input { content: "0123456789" } result { body { exact: "0123456789" } } }
}
"#;

fn play(suite: &str) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("filter.wasm"), wat::parse_str(FILTER).unwrap()).unwrap();
    fs::write(directory.path().join("tests.textpb"), suite).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .current_dir(directory.path())
        .args(["test", "tests.textpb"])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn a_suite_that_holds_passes() {
    let (status, text) = play(SUITE);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("3 passed, 0 failed"), "{text}");
}

#[test]
fn what_does_not_hold_is_shown_where_it_stands() {
    let wrong = SUITE
        .replace("value: \"yes\" }\n      has", "value: \"no\" }\n      has")
        .replace("details: \"too_long\"", "details: \"other\"");
    let (status, text) = play(&wrong);
    assert_eq!(status, 1, "{text}");
    for part in [
        "1 passed, 2 failed",
        "request_headers.result.has_header",
        "x-seen: \"no\"",
        "request_body.result.immediate.details",
        "tests.textpb:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_field_that_is_none_is_an_error_with_its_place() {
    let (status, text) = play("test { nam: \"x\" }");
    assert_eq!(status, 2, "{text}");
    assert!(
        text.contains("tests.textpb:1:8") && text.contains("did you mean `name`"),
        "{text}"
    );
}
