//! What goes wrong, ends: bad pointers, traps, loops, memory bombs, calls that this host does not have.

use std::time::{Duration, Instant};

use outgate_test_host::{End, Host, Limits, Module, Phase, Request, StartFailure, TrapKind};

use crate::fixture::{assemble, host, module};

fn on_request(body: &str) -> String {
    format!(r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {body} (i32.const 0))"#)
}

/// Runs `body` in `on_request_headers` until it is told to stop, with limits that are soon reached.
fn runaway(body: &str) -> outgate_test_host::Outcome {
    let mut limits = Limits::default();
    limits.fuel = 5_000_000;
    limits.memory = 1 << 20;
    limits.host_calls = 10_000;
    limits.host_bytes = 1 << 20;
    let recursion = "(func $recurse (call $recurse) (call $recurse))";
    let module = module(&format!("{recursion} {}", on_request(body)));
    Host::builder(&module)
        .limits(limits)
        .start()
        .unwrap()
        .request(Request::get("http://a/"))
}

#[test]
fn pointers_out_of_bounds_are_refused() {
    let rows = [
        ("a key", "$get_value (i32.const 0) (i32.const -4) (i32.const 8) &out"),
        ("a length", "$get_property (i32.const 0) (i32.const -1) &out"),
        (
            "where the answer goes",
            r#"$get_property $"request\00path" (i32.const -2) (i32.const 1028)"#,
        ),
        (
            "where its length goes",
            r#"$get_property $"request\00path" (i32.const 1024) (i32.const 262141)"#,
        ),
        ("a log line", "$log (i32.const 2) (i32.const 262140) (i32.const 5)"),
        ("the time", "$get_current_time (i32.const 262140)"),
        ("a value", r#"$set_property $"x" (i32.const 262144) (i32.const 1)"#),
        (
            "pairs",
            "$set_header_map_pairs (i32.const 0) (i32.const 262144) (i32.const 1)",
        ),
        (
            "a body",
            r#"$send_local_response (i32.const 403) $"" (i32.const -1) (i32.const 2) $"" (i32.const -1)"#,
        ),
    ];
    for (name, call) in rows {
        let outcome =
            host(&on_request(&format!(r#"(call $keep $"status" (call {call}))"#))).request(Request::get("http://a/"));
        assert_eq!(
            outcome.filter_state("wasm.status").as_deref(),
            Some("!06"),
            "{name}: {outcome}"
        );
        assert_eq!(outcome.end, End::Forwarded, "{name}");
    }
}

#[test]
fn what_runs_away_is_ended() {
    let rows = [
        ("a loop", "(loop (br 0))", "it used up its fuel"),
        ("recursion", "(call $recurse)", "call stack exhausted"),
        (
            "host calls",
            r#"(loop (drop (call $get_property $"x" &out)) (br 0))"#,
            "the limit on host calls",
        ),
        (
            "log lines",
            "(loop (drop (call $log (i32.const 2) (i32.const 0) (i32.const 65536))) (br 0))",
            "the limit on bytes",
        ),
        (
            "headers",
            "(loop (drop (call $add_value (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 1))) (br 0))",
            "the limit on bytes",
        ),
        (
            "memory",
            "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
            "it was refused 1114112 bytes",
        ),
    ];
    for (name, body, expected) in rows {
        let outcome = runaway(body);
        assert_eq!(outcome.end, End::Failed, "{name}: {outcome}");
        assert_eq!(outcome.status(), 503, "{name}");
        let trap = outcome.trap.expect("it trapped").to_string();
        assert!(trap.contains(expected), "{name}: {trap}");
    }
}

#[test]
fn too_much_memory_from_the_start_is_refused() {
    let mut limits = Limits::default();
    limits.memory = 65536;
    let error = Host::builder(&module("")).limits(limits).start().unwrap_err();
    assert!(matches!(error.reason, StartFailure::NotInstantiated(_)), "{error}");
}

#[test]
fn without_metering_the_clock_ends_a_loop() {
    let wasm = assemble(&on_request("(loop (br 0))"));
    let module = Module::options()
        .unmetered(Duration::from_millis(50))
        .from_bytes(&wasm)
        .unwrap();
    let started = Instant::now();
    let outcome = Host::builder(&module)
        .start()
        .unwrap()
        .request(Request::get("http://a/"));
    assert_eq!(outcome.trap.unwrap().kind(), &TrapKind::OutOfTime);
    assert_eq!(outcome.fuel[0].1, 0);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_trap_kills_the_vm_until_it_is_configured_anew() {
    let filter = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.eqz (call $get_value (i32.const 0) $"x-bomb" &out))
          (then (drop (call $log (i32.const 5) $"panicked at lib.rs")) (call $explode)))
        (i32.const 0))
      (func $explode unreachable)
      (func (export "proxy_on_log") (param i32) (call $say $"log"))"#;
    let mut host = host(filter);
    let bystander = host.http_stream(Request::get("http://a/")).id();
    host.stream(bystander).unwrap().request_headers();

    let outcome = host.request(Request::get("http://a/").header("x-bomb", "1"));
    assert_eq!(
        (outcome.end, outcome.status(), outcome.details.as_str()),
        (End::Failed, 503, "wasm_fail_stream")
    );
    assert_eq!(outcome.upstream, None);
    let trap = outcome.trap.unwrap();
    assert_eq!(trap.phase(), Phase::RequestHeaders);
    assert_eq!(trap.backtrace()[0], "explode");
    let text = trap.to_string();
    for part in [
        "the filter trapped in on_request_headers: wasm trap: wasm `unreachable` instruction executed",
        "it last logged: [critical] on_request_headers: panicked at lib.rs",
        r#"proxy_get_header_map_value(request headers, "x-bomb") -> OK "1""#,
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }

    let mut stream = host.stream(bystander).unwrap();
    assert!(!stream.response_headers(outgate_test_host::Response::new(200)).called);
    assert_eq!(stream.finish().status(), 503, "other streams on the VM fail too");
    let later = host.request(Request::get("http://a/"));
    assert_eq!((later.end, later.status()), (End::Failed, 503));
    assert!(later.logs.is_empty() && later.trap.is_some(), "{later}");

    host.reconfigure("").unwrap();
    assert!(host.failure().is_none());
    assert_eq!(host.request(Request::get("http://a/")).end, End::Forwarded);
}

#[test]
fn a_dead_vm_fails_grpc_as_grpc() {
    let outcome =
        host(&on_request("unreachable")).request(Request::post("http://a/").header("content-type", "application/grpc"));
    assert_eq!(outcome.status(), 200);
    assert_eq!(outcome.response.unwrap().headers().get("grpc-status"), Some(&b"14"[..]));
}

#[test]
fn a_trap_at_the_start_is_a_start_error() {
    let filter =
        r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $say $"starting") unreachable)"#;
    let error = Host::builder(&module(filter)).start().unwrap_err();
    assert_eq!(error.phase, Phase::VmStart);
    assert_eq!(error.backtrace().len(), 1);
    assert_eq!(error.logs[0].message, "starting");
}

#[test]
fn what_fails_before_there_is_a_filter_says_where() {
    let start = |body: &str| Host::builder(&module(body)).start().unwrap_err();
    let trapping = start("(func $begin unreachable) (start $begin)");
    assert_eq!(
        (trapping.phase, trapping.backtrace()),
        (Phase::Instantiate, &["begin".to_owned()][..])
    );
    let looping = {
        let mut limits = Limits::default();
        limits.start_fuel = 100_000;
        let module = module("(func $begin (loop (br 0))) (start $begin)");
        Host::builder(&module).limits(limits).start().unwrap_err()
    };
    assert!(looping.to_string().contains("it used up its fuel"), "{looping}");
    let early = start(r#"(func $begin (drop (call $get_property $"x" &out))) (start $begin)"#);
    assert!(
        early
            .to_string()
            .contains("proxy_get_property may not be called before on_vm_start"),
        "{early}"
    );
    let element = start("(table 1 funcref) (elem (i32.const 9) $say)");
    assert_eq!(element.phase, Phase::Instantiate);
    assert!(element.to_string().contains("out of bounds table access"), "{element}");
}

#[test]
fn four_gibibytes_are_refused_at_once_and_bit_by_bit() {
    let all_at_once = r#"(module (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 65536)
      (func (export "malloc") (param i32) (result i32) i32.const 0))"#;
    let module = Module::from_bytes(&wat::parse_str(all_at_once).unwrap()).unwrap();
    let error = Host::builder(&module).start().unwrap_err();
    assert!(matches!(error.reason, StartFailure::NotInstantiated(_)), "{error}");
    assert!(error.to_string().contains("Limits::memory"), "{error}");
    let outcome = runaway("(drop (memory.grow (i32.const 65532))) unreachable");
    let trap = outcome.trap.unwrap();
    assert_eq!(trap.refused_memory(), Some(65536 << 16));
}

#[test]
fn host_calls_before_the_start_are_forbidden() {
    let filter = r#"(func (export "_initialize") (drop (call $get_current_time &number)))"#;
    let error = Host::builder(&module(filter)).start().unwrap_err();
    assert_eq!(error.phase, Phase::Initialize);
    assert!(
        error
            .to_string()
            .contains("proxy_get_current_time_nanoseconds may not be called before on_vm_start"),
        "{error}"
    );
}

#[test]
fn calls_that_the_host_does_not_have_are_named() {
    let wat = r#"(module
      (import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (import "env" "proxy_from_the_future" (func $future (param i64) (result i32)))
      (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_0"))
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (call $future (i64.const 1)) (i32.const 12)) (then unreachable))
        (drop (call $future (i64.const 1)))
        (i32.const 0)))"#;
    let module = Module::from_bytes(&wat::parse_str(wat).unwrap()).unwrap();
    let outcome = Host::builder(&module)
        .start()
        .unwrap()
        .request(Request::get("http://a/"));
    assert_eq!(outcome.end, End::Forwarded, "{outcome}");
    assert_eq!(
        outcome.unimplemented_calls(),
        ["proxy_from_the_future"],
        "only what is called is reported"
    );
    assert_eq!(outcome.host_calls.total(), 2);
    assert!(
        outcome
            .to_string()
            .contains("the filter called proxy_from_the_future, which this host does not have yet")
    );
}
