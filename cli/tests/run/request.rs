//! What the flags say about the request and the filter reaches the filter.

use serde_json::json;

use crate::hosted::Filter;

/// Shows what it reads: the lines of its log are what a test compares.
const READER: &str = r#"
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (call $number $"vm configuration" (local.get 1))
    (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $show $"configuration" (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 999) &out))
    (i32.const 1))
  (func $property (param i32 i32) (param i32 i32)
    (call $show (local.get 0) (local.get 1) (call $get_property (local.get 2) (local.get 3) &out)))
  (func $header (param i32 i32) (param i32 i32)
    (call $show (local.get 0) (local.get 1) (call $get_value (i32.const 0) (local.get 2) (local.get 3) &out)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $number $"headers" (local.get 1))
    (call $number $"end" (local.get 2))
    (call $header $"method" $":method")
    (call $header $"scheme" $":scheme")
    (call $header $"authority" $":authority")
    (call $header $"path" $":path")
    (call $header $"length" $"content-length")
    (call $header $"x-a" $"x-a")
    (call $property $"source" $"source\00address")
    (call $property $"root" $"plugin_root_id")
    (call $property $"given" $"xds\00cluster_name")
    (call $property $"dotted" $"metadata\00filter_metadata\00a.b\00k")
    (call $property $"san" $"connection\00uri_san_peer_certificate")
    (call $property $"sni" $"connection\00requested_server_name")
    (call $property $"mtls" $"connection\00mtls")
    (drop (call $get_current_time &number))
    (call $number $"seconds" (i32.wrap_i64 (i64.div_u (i64.load &number) (i64.const 1000000000))))
    (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $show $"body" (call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 999) &out))
    (call $number $"body ends" (local.get 2))
    (i32.const 0))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
    (call $show $"trailer" (call $get_value (i32.const 1) $"x-t" &out))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $show $"status" (call $get_value (i32.const 2) $":status" &out))
    (call $show $"x-r" (call $get_value (i32.const 2) $"x-r" &out))
    (drop (call $log (i32.const 1) $"quiet"))
    (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $show $"answer" (call $get_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 999) &out))
    (i32.const 0))
"#;

#[test]
fn flags_say_what_the_filter_is_shown() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "a URL",
            &["https://api.example.com/a?b=c"],
            &[
                "method = GET",
                "scheme = https",
                "authority = api.example.com",
                "path = /a?b=c",
                "headers = 4",
                "end = 1",
                "x-a -> 1",
                "status = 200",
            ],
        ),
        ("a path", &["/a"], &["scheme = http", "authority = \n", "path = /a"]),
        ("a method", &["-X", "DELETE", "/"], &["method = DELETE"]),
        (
            "headers",
            &["-H", "X-A: 1", "-H", "x-a:2", "/"],
            &["x-a = 1", "headers = 6"],
        ),
        (
            "pseudo headers, of which there is one",
            &["-H", ":path: /b", "-H", "Host: other", "http://a/a"],
            &["path = /b", "authority = other", "headers = 4"],
        ),
        (
            "a body",
            &["-d", "abc", "/"],
            &["method = POST", "end = 0", "length = 3", "body = abc", "body ends = 1"],
        ),
        (
            "a body from a file",
            &["-d", "@body.txt", "/"],
            &["body = from a file", "length = 11"],
        ),
        (
            "a body from standard input",
            &["-d", "@-", "/"],
            &["body = from the input"],
        ),
        (
            "a length that is a lie",
            &["-d", "abc", "-H", "content-length: 9", "/"],
            &["length = 9", "body = abc"],
        ),
        (
            "trailers",
            &["-d", "abc", "--trailer", "x-t: 1", "/"],
            &["body = abc", "body ends = 0", "trailer = 1"],
        ),
        (
            "the client's address",
            &["--source", "10.1.2.3:4567", "/"],
            &["source = 10.1.2.3:4567"],
        ),
        (
            "an IPv6 address",
            &["--source", "[::1]:4567", "/"],
            &["source = [::1]:4567"],
        ),
        ("no certificate", &["/"], &["mtls = \0", "san -> 1"]),
        ("a certificate", &["--mtls", "/"], &["mtls = \u{1}", "san -> 1"]),
        (
            "a name in it",
            &["--uri-san", "spiffe://td/ns/a/sa/b", "/"],
            &["mtls = \u{1}", "san = spiffe://td/ns/a/sa/b"],
        ),
        (
            "a server name",
            &["--sni", "api.example.com", "/"],
            &["sni = api.example.com"],
        ),
        (
            "the clock",
            &["--clock", "1970-01-01T00:01:05Z", "/"],
            &["seconds = 65"],
        ),
        ("the clock by itself", &["/"], &["seconds = 1767225600"]),
        (
            "a configuration",
            &["--config", "text:abc", "/"],
            &["configuration = abc", "vm configuration = 0"],
        ),
        (
            "JSON as one",
            &["--config", "{\"a\": 1}", "--vm-config", "[1]", "/"],
            &["configuration = {\"a\": 1}", "vm configuration = 3"],
        ),
        (
            "a file with one",
            &["--config", "body.txt", "/"],
            &["configuration = from a file"],
        ),
        ("a root id", &["--root-id", "gate", "/"], &["root = gate"]),
        (
            "a property",
            &["--property", "xds.cluster_name=string:shop", "/"],
            &["given = shop"],
        ),
        (
            "a path with dots in it",
            &[
                "--property",
                "[\"metadata\",\"filter_metadata\",\"a.b\",\"k\"]=string:v",
                "/",
            ],
            &["dotted = v"],
        ),
        ("as Google's proxies do", &["--profile", "gcp", "/"], &["end = 0"]),
        ("debug lines", &["--log-level", "debug", "/"], &["[debug] quiet"]),
        (
            "the upstream's answer",
            &[
                "--response",
                "418",
                "--response-header",
                "x-r: 1",
                "--response-body",
                "tea",
                "/",
            ],
            &["status = 418", "x-r = 1", "answer = tea", "the client got 418"],
        ),
        (
            "its body from a file",
            &["--response-body", "@body.txt", "/"],
            &["answer = from a file"],
        ),
    ];
    let filter = Filter::new(READER).with("body.txt", "from a file");
    for (case, arguments, expected) in rows {
        let run = filter.run_with("run", &[*arguments, &["--json"]].concat(), "from the input");
        run.assert(case, 0, &[]);
        let (report, mut said) = (run.json(), String::new());
        for event in [&report["start"], &report["stream"]]
            .into_iter()
            .flat_map(|events| events.as_array())
            .flatten()
        {
            if event["event"] == "log" {
                said += &format!(
                    "[{}] {}\n",
                    event["level"].as_str().unwrap(),
                    event["message"].as_str().unwrap()
                );
            }
        }
        said += &format!(
            "the client got {}\n",
            report["client"]["headers"][0][1].as_str().unwrap()
        );
        for line in *expected {
            assert!(said.contains(line), "{case}: `{line}` is not in\n{said}");
        }
    }
    let usual = filter.run("run", &["/"]).out;
    assert!(!usual.contains("[debug]"), "by default, lines below info are dropped");
}

#[test]
fn properties_have_the_encodings_of_their_types() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"p" (call $get_property $"p" &out))
             (i32.const 0))"#,
    );
    let eight = |byte: u8| format!("{}\0\0\0\0\0\0\0", char::from(byte));
    for (value, bytes) in [
        ("string:a=b:c", "a=b:c".to_owned()),
        ("string:", String::new()),
        ("int:65", eight(65)),
        ("uint:66", eight(66)),
        ("bool:true", "\u{1}".to_owned()),
        ("bool:false", "\0".to_owned()),
        ("double:0", eight(0)),
        ("timestamp:1970-01-01T00:00:00.000000065Z", eight(65)),
        ("bytes:YWI=", "ab".to_owned()),
        ("json:\"text\"", "text".to_owned()),
        ("json:true", "\u{1}".to_owned()),
    ] {
        let run = filter.run("run", &["--json", "--property", &format!("p={value}"), "/"]);
        run.assert(value, 0, &[]);
        assert_eq!(run.json()["filterState"], json!([["wasm.p", bytes]]), "{value}");
    }
}

#[test]
fn what_is_built_for_wasi_has_its_environment_and_prints() {
    let imports = r#"
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"#;
    let filter = Filter::importing(
        imports,
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $environ_sizes_get (i32.const 640) (i32.const 1028)))
             (drop (call $environ_get (i32.const 656) (i32.const 700)))
             (i32.store (i32.const 1024) (i32.const 700))
             (drop (call $fd_write (i32.const 2) (i32.const 1024) (i32.const 1) (i32.const 636)))
             (i32.const 0))"#,
    );
    let arguments = ["--env", "ZONE=a", "--env", "EMPTY=", "/"];
    let told = "[error] (stderr) ZONE=a\u{fffd}EMPTY=\u{fffd}\n";
    filter.run("run", &arguments).assert("text", 0, &[told]);
    let report = filter.run("run", &[&["--json"], &arguments[..]].concat()).json();
    let events = report["stream"].as_array().unwrap().iter();
    let line = events.into_iter().find(|event| event["event"] == "log").unwrap();
    assert_eq!(
        line,
        &json!({"event": "log", "level": "error", "source": "stderr", "message": "ZONE=a\0EMPTY=\0"})
    );
}

#[test]
fn filters_of_the_oldest_abi_are_not_told_of_the_end() {
    let filter = Filter::bare(
        r#"(module
             (memory (export "memory") 1)
             (func (export "proxy_abi_version_0_1_0"))
             (func (export "malloc") (param i32) (result i32) (i32.const 1024))
             (func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0)))"#,
    );
    let run = filter.run("run", &["/"]);
    run.assert(
        "text",
        0,
        &[
            "filter.wasm  ABI 0.1.0",
            "on_request_headers  4 headers\n    → Continue",
        ],
    );
}
