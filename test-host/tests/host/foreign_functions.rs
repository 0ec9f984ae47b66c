//! Foreign functions: Envoy's own, and those that a test brings.

use std::sync::{Arc, Mutex};

use outgate_test_host::{Host, HostBuilder, Outcome, Profile, Request, Status};

use crate::fixture::{host, module};

/// Calls `name` with these arguments, and keeps what it answers.
fn calling(name: &str, arguments: &str) -> String {
    format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"answer" (call $call_foreign_function $"{name}" $"{arguments}" &out)) (i32.const 0))"#
    )
}

fn builder(name: &str, arguments: &str) -> HostBuilder {
    Host::builder(&module(&calling(name, arguments)))
}

fn answer(builder: HostBuilder) -> (String, Outcome) {
    let outcome = builder.start().unwrap().request(Request::get("http://a/"));
    (outcome.filter_state("wasm.answer").unwrap_or_default(), outcome)
}

#[test]
fn a_test_can_bring_its_own() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let twice = move |arguments: &[u8]| {
        log.lock().unwrap().push(arguments.to_vec());
        Ok([arguments, arguments].concat())
    };
    let (text, _) = answer(builder("twice", "ab").foreign_function("twice", twice));
    assert_eq!(
        (text.as_str(), seen.lock().unwrap().as_slice()),
        ("abab", &[b"ab".to_vec()][..])
    );

    let failing = builder("fails", "").foreign_function("fails", |_| Err(Status::InternalFailure));
    let (text, outcome) = answer(failing);
    assert_eq!(text, "!10");
    assert!(
        outcome
            .to_string()
            .contains("INTERNAL_FAILURE: the test's own function answered this"),
        "{outcome}"
    );

    // It stands in for Envoy's, and is there in every profile.
    let standing_in = builder("compress", "x").foreign_function("compress", |_| Ok(b"short".to_vec()));
    assert_eq!(answer(standing_in.clone()).0, "short");
    assert_eq!(answer(standing_in.profile(Profile::Spec)).0, "short");
}

#[test]
fn what_this_host_cannot_do_is_refused_by_name() {
    for (name, reason) in [
        ("expr_create", "this host has no interpreter of CEL expressions"),
        ("expr_evaluate", "this host has no interpreter of CEL expressions"),
        ("expr_delete", "this host has no interpreter of CEL expressions"),
        ("sign", "this host signs and verifies nothing"),
        ("verify_signature", "this host signs and verifies nothing"),
        ("make_coffee", "this host has no foreign function `make_coffee`"),
    ] {
        let (text, outcome) = answer(builder(name, "x"));
        assert_eq!(text, "!01", "{name}");
        let report = outcome.to_string();
        assert!(
            report.contains(reason) && report.contains("HostBuilder::foreign_function"),
            "{name}: {report}"
        );
        let standing_in = builder(name, "x").foreign_function(name, |_| Ok(b"7".to_vec()));
        assert_eq!(answer(standing_in).0, "7", "{name}");
    }
}

#[test]
fn envoys_own_filter_state_can_be_set() {
    let rows = [
        // The path, the value, the span of its life.
        (r"\0a\17envoy.tcp_proxy.cluster\12\01c\18\01", "", Some("c")),
        (r"\0a\17envoy.tcp_proxy.cluster\12\01c\18\07", "!02", None),
        (r"\0a\03who\12\01c", "!01", None),
        (r"\0a\40who", "!02", None),
        (r"\ff", "!02", None),
    ];
    for (arguments, status, state) in rows {
        let (text, outcome) = answer(builder("set_envoy_filter_state", arguments));
        assert_eq!(text, status, "{arguments}: {outcome}");
        assert_eq!(
            outcome.filter_state("envoy.tcp_proxy.cluster").as_deref(),
            state,
            "{arguments}"
        );
    }
    let of_root = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (i32.eq (i32.const 1) (call $call_foreign_function $"set_envoy_filter_state" $"\0a\17envoy.tcp_proxy.cluster\12\01c" &out)))"#;
    host(of_root);
}

#[test]
fn the_route_is_chosen_anew_when_the_filter_asks_for_it() {
    let (_, outcome) = answer(builder("clear_route_cache", ""));
    assert!(outcome.route_cache_cleared);
    assert!(!answer(builder("compress", "")).1.route_cache_cleared);
}

#[test]
fn a_proxy_can_call_the_filter_back() {
    let mut host = host(
        r#"(func (export "proxy_on_foreign_function") (param $id i32) (param $function i32) (param $size i32)
             (call $number $"context" (local.get $id)) (call $number $"function" (local.get $function))
             (call $show $"arguments" (call $get_buffer_bytes (i32.const 8) (i32.const 0) (local.get $size) &out)))"#,
    );
    host.call_back(7, "hello");
    let logs: Vec<_> = host.logs().iter().map(|line| line.message.as_str()).collect();
    assert_eq!(logs, ["context = 1", "function = 7", "arguments = hello"]);
}
