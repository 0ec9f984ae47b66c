//! Properties: types, paths, and filter state.

use outgate_test_host::{Host, HostCall, Outcome, Property, Request, Status};
use serde_json::json;

use crate::fixture::{host, module};

/// Reads the property at `path` (segments separated by `\00`) while handling request headers.
fn read(path: &str, request: Request) -> Outcome {
    host(&reader(path)).request(request)
}

fn reader(path: &str) -> String {
    format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"value" (call $get_property $"{path}" &out)) (i32.const 0))"#
    )
}

fn value(outcome: &Outcome) -> &[u8] {
    &outcome.filter_state[0].1
}

#[test]
fn each_type_has_its_encoding() {
    let map = Property::Map(vec![("k".into(), Property::Bool(true))]);
    let rows: [(Property, Vec<u8>); 11] = [
        ("text".into(), b"text".to_vec()),
        (Property::Bytes(vec![0, 255]), vec![0, 255]),
        (Property::Int(-2), (-2i64).to_le_bytes().to_vec()),
        (Property::Uint(7), 7u64.to_le_bytes().to_vec()),
        (Property::Double(1.5), 1.5f64.to_le_bytes().to_vec()),
        (Property::Bool(true), vec![1]),
        (Property::Timestamp(3), 3i64.to_le_bytes().to_vec()),
        (Property::Duration(4), 4i64.to_le_bytes().to_vec()),
        (Property::Message(vec![8, 1]), vec![8, 1]),
        (map, b"\x01\0\0\0\x01\0\0\0\x01\0\0\0k\0\x01\0".to_vec()),
        (
            Property::List(vec!["a".into()]),
            b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0\0".to_vec(),
        ),
    ];
    for (property, expected) in rows {
        let request = Request::get("http://a/").property("x.y", property.clone());
        assert_eq!(value(&read(r"x\00y", request)), expected, "{property:?}");
    }
}

#[test]
fn what_the_request_says_can_be_read() {
    let request = Request::post("https://api.example.com/v1/x?q=1#f")
        .header("user-agent", "curl")
        .header("x-dup", "one")
        .header("X-Dup", "two")
        .source_address("10.0.0.7:55123")
        .uri_san("spiffe://td/ns/a/sa/b")
        .sni("API.example.com");
    let rows: [(&str, &[u8]); 19] = [
        (r"request\00path", b"/v1/x?q=1#f"),
        (r"request\00url_path", b"/v1/x"),
        (r"request\00query", b"q=1"),
        (r"request\00host", b"api.example.com"),
        (r"request\00method", b"POST"),
        (r"request\00scheme", b"https"),
        (r"request\00useragent", b"curl"),
        (r"request\00protocol", b"HTTP/1.1"),
        (r"request\00headers\00x-dup", b"one,two"),
        (r"request\00headers\00X-Dup", b"one,two"),
        (r"request\00headers\00x-absent", b"!01"),
        (r"request\00referer", b"!01"),
        (r"source\00address", b"10.0.0.7:55123"),
        (r"source\00port", &55123i64.to_le_bytes()),
        (r"connection\00uri_san_peer_certificate", b"spiffe://td/ns/a/sa/b"),
        (r"connection\00dns_san_peer_certificate", b"!01"),
        (r"connection\00mtls", &[0]),
        (r"connection\00requested_server_name", b"api.example.com"),
        (r"response\00code", b"!01"),
    ];
    for (path, expected) in rows {
        let outcome = read(path, request.clone());
        assert_eq!(value(&outcome), expected, "{path}: {outcome}");
    }
}

#[test]
fn what_is_missing_or_broken_has_its_status() {
    let request = Request::get("http://a/")
        .property_error("connection.mtls", Status::InternalFailure)
        .property(
            "x",
            Property::Map(vec![("null".into(), Property::Null), ("n".into(), Property::Int(1))]),
        );
    let rows = [
        ("an injected error", r"connection\00mtls", "!10"),
        ("a null", r"x\00null", "!03"),
        ("a map with a null", "x", "!03"),
        ("the empty path", "", "!03"),
        ("a whole group", "request", "!03"),
        ("metadata of nobody", r"metadata\00filter_metadata\00jwt", "!01"),
        ("what has no parts", r"request\00path\00x", "!01"),
        ("an unknown name", "nonesuch", "!01"),
        ("an unknown attribute", r"request\00nonesuch", "!01"),
        ("a legacy name", "route_name", "!01"),
    ];
    for (name, path, expected) in rows {
        assert_eq!(value(&read(path, request.clone())), expected.as_bytes(), "{name}");
    }
}

#[test]
fn dynamic_metadata_is_a_message_and_a_tree() {
    let request = Request::get("http://a/").dynamic_metadata(&json!({
        "jwt": {"sub": "u", "age": 7, "ok": true, "aud": ["a", "b"], "none": null}
    }));
    let rows: [(&str, &[u8]); 6] = [
        (r"metadata\00filter_metadata\00jwt\00sub", b"u"),
        (r"metadata\00filter_metadata\00jwt\00age", &7f64.to_le_bytes()),
        (r"metadata\00filter_metadata\00jwt\00ok", &[1]),
        (r"metadata\00filter_metadata\00jwt\00aud\001", b"b"),
        (r"metadata\00filter_metadata\00jwt\00none", b"!03"),
        (r"metadata\00filter_metadata\00jwt\00x", b"!01"),
    ];
    for (path, expected) in rows {
        assert_eq!(value(&read(path, request.clone())), expected, "{path}");
    }
    let whole = read(
        "metadata",
        Request::get("http://a/").dynamic_metadata(&json!({"n": {"k": true}})),
    );
    assert_eq!(
        value(&whole),
        [
            0x0a, 14, 0x0a, 1, b'n', 0x12, 9, 0x0a, 7, 0x0a, 1, b'k', 0x12, 2, 0x20, 1
        ]
    );
}

#[test]
fn properties_of_the_host_are_seen_unless_the_request_has_its_own() {
    let module = module(&reader(r"xds\00node\00id"));
    let mut host = Host::builder(&module)
        .plugin_name("p")
        .property("xds.node.id", "gateway")
        .start()
        .unwrap();
    assert_eq!(value(&host.request(Request::get("http://a/"))), b"gateway");
    assert_eq!(
        value(&host.request(Request::get("http://a/").property("xds.node.id", "other"))),
        b"other"
    );
}

#[test]
fn filter_state_is_written_and_read_back() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $set_property $"who" $"me"))
             (drop (call $set_property $"who" $"you"))
             (call $keep $"bare" (call $get_property $"who" &out))
             (call $keep $"full" (call $get_property $"filter_state\00wasm.who" &out))
             (i32.const 0))"#,
    )
    .request(Request::get("http://a/"));
    for key in ["wasm.who", "wasm.bare", "wasm.full"] {
        assert_eq!(outcome.filter_state(key).as_deref(), Some("you"), "{key}");
    }
}

#[test]
fn a_root_has_no_stream_to_ask_about() {
    let filter = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (if (i32.ne (call $set_property $"a" $"b") (i32.const 1)) (then unreachable))
        (if (i32.ne (call $get_property $"request\00path" &out) (i32.const 1)) (then unreachable))
        (if (i32.ne (call $get_property $"plugin_name" &out) (i32.const 0)) (then unreachable))
        (i32.const 1))"#;
    Host::builder(&module(filter))
        .start()
        .expect("the statuses are those of Envoy");
}

#[test]
fn request_properties_come_back_in_the_log_and_the_response_with_them() {
    let outcome = host(
        r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (call $keep $"early" (call $get_property $"request\00path" &out))
             (call $keep $"early-size" (call $get_property $"response\00size" &out))
             (i32.const 0))
           (func (export "proxy_on_log") (param i32)
             (call $keep $"late" (call $get_property $"request\00path" &out))
             (call $keep $"code" (call $get_property $"response\00code" &out))
             (call $keep $"details" (call $get_property $"response\00code_details" &out)))"#,
    )
    .request(Request::get("http://a/v1"));
    let rows: [(&str, &[u8]); 5] = [
        ("early", b"!01"),
        ("early-size", &0i64.to_le_bytes()),
        ("late", b"/v1"),
        ("code", &200i64.to_le_bytes()),
        ("details", b"via_upstream"),
    ];
    for (label, expected) in rows {
        let key = format!("wasm.{label}");
        let state = outcome.filter_state.iter().find(|(known, _)| *known == key);
        assert_eq!(state.map(|(_, value)| &**value), Some(expected), "{label}: {outcome}");
    }
}

#[test]
fn a_host_call_can_be_made_to_fail() {
    let mut host = host(&reader(r"request\00path"));
    host.fail_host_call(HostCall::GetProperty, Status::SerializationFailure);
    assert_eq!(value(&host.request(Request::get("http://a/"))), b"!03");
    host.heal_host_call(HostCall::GetProperty);
    assert_eq!(value(&host.request(Request::get("http://a/"))), b"/");
}

/// A filter that declares `who` with these arguments (after the name), and sets it for each request.
fn declaring(arguments: &str) -> String {
    format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (i32.eqz (call $call_foreign_function $"declare_property" $"\0a\03who{arguments}" &out)))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"before" (call $get_property $"who" &out))
             (call $keep $"set" (call $set_property $"who" $"x"))
             (i32.const 0))"#
    )
}

#[test]
fn a_declared_property_lives_as_long_as_it_was_said_to() {
    let on = |connection: u64| Request::get("http://a/").property("connection.id", Property::Uint(connection));
    // Refused: not found before (1), set once only (2).
    for (arguments, expected) in [
        ("", [["!01", ""], ["!01", ""], ["!01", ""]]),
        (r"\10\01", [["!01", ""], ["!01", ""], ["!01", ""]]),
        (r"\28\02", [["!01", ""], ["x", ""], ["!01", ""]]),
        (r"\10\01\28\02", [["!01", ""], ["x", "!02"], ["!01", ""]]),
        (r"\18\01\28\01", [["!01", ""], ["!01", ""], ["!01", ""]]),
    ] {
        let mut host = host(&declaring(arguments));
        for (request, expected) in [on(7), on(7), on(8)].into_iter().zip(expected) {
            let outcome = host.request(request);
            let state = |key| outcome.filter_state(key).unwrap_or_default();
            assert_eq!(
                [state("wasm.before"), state("wasm.set")],
                expected,
                "{arguments}: {outcome}"
            );
            assert_eq!(state("wasm.who"), "x", "{arguments}");
        }
        // Two requests of which nothing is known share no connection.
        for _ in 0..2 {
            let outcome = host.request(Request::get("http://a/"));
            assert_eq!(
                outcome.filter_state("wasm.before").as_deref(),
                Some("!01"),
                "{arguments}"
            );
        }
    }
}

#[test]
fn a_declaration_that_is_none_is_refused() {
    for arguments in [
        r"\10",
        r"\28\03",
        r"\0a\40",
        r"\0b",
        r"\10\80\80\80\80\80\80\80\80\80\80\01",
    ] {
        let error = Host::builder(&module(&declaring(arguments)))
            .start()
            .expect_err(arguments);
        assert!(error.to_string().contains("on_configure returned false"), "{error}");
    }
    let unknown = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"answer" (call $call_foreign_function $"make_coffee" $"1" &out)) (i32.const 0))"#,
    )
    .request(Request::get("http://a/"));
    assert_eq!(value(&unknown), b"!01");
    assert!(
        unknown
            .to_string()
            .contains("this host has no foreign function `make_coffee`"),
        "{unknown}"
    );
}
