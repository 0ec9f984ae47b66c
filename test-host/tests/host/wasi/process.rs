//! The environment, the clock and random numbers are the test's.

use std::time::Duration;

use outgate_test_host::{Host, Module, Outcome, Request};

use super::{builder, number, on_request, request, run};
use crate::fixture::assemble_with;

#[test]
fn the_environment_is_the_builders() {
    let body = r#"(call $keep_u64 $"errno" (call $environ_sizes_get &number (i32.const 1060)))
        (drop (call $environ_sizes_get (i32.const 640) (i32.const 1028)))
        (drop (call $environ_get (i32.const 656) (i32.const 700)))
        (i32.store (i32.const 1024) (i32.const 700))
        (call $keep $"text" (i32.const 0))
        (i64.store &number (i64.load (i32.const 656)))
        (call $keep_u64 $"pointers" (i32.const 0))"#;
    let outcome = request(builder(body).env("ZONE", "old").env("A", "b=c").env("ZONE", "x"));
    assert_eq!(outcome.filter_state("wasm.text").as_deref(), Some("ZONE=x\0A=b=c\0"));
    assert_eq!(number(&outcome, "errno"), 2 | 13 << 32, "two variables of 13 bytes");
    assert_eq!(number(&outcome, "pointers"), 700 | 707 << 32);
}

#[test]
fn without_variables_and_arguments_there_are_none() {
    for function in ["environ_sizes_get", "args_sizes_get"] {
        let outcome = run(&format!(
            r#"(i64.store &number (i64.const -1))
               (call $keep_u64 $"sizes" (call ${function} &number (i32.const 1060)))"#
        ));
        assert_eq!(number(&outcome, "sizes"), 0, "{function}");
    }
}

#[test]
fn both_clocks_follow_the_test() {
    let clock = |id: u32, label: &str| {
        format!(r#"(call $keep_u64 $"{label}" (call $clock_time_get (i32.const {id}) (i64.const 0) &number))"#)
    };
    let body = [clock(0, "real"), clock(1, "monotonic"), clock(2, "cpu")].concat();
    let mut host = builder(&body).clock(5_000).start().unwrap();
    for expected in [5_000, 5_000 + 250_000_000] {
        let outcome = host.request(Request::get("http://a/"));
        assert_eq!(number(&outcome, "real"), expected);
        assert_eq!(number(&outcome, "monotonic"), expected);
        assert_eq!(outcome.filter_state("wasm.cpu").as_deref(), Some("!58"));
        host.advance(Duration::from_millis(250));
    }
}

#[test]
fn random_numbers_are_repeatable() {
    let body = r#"
        (call $keep_u64 $"first" (call $random_get &number (i32.const 8)))
        (call $keep_u64 $"second" (call $random_get &number (i32.const 8)))
        (call $keep $"none" (call $random_get (i32.const -1) (i32.const 0)))
        (call $keep $"most" (call $random_get (i32.const 131072) (i32.const 65536)))"#;
    let numbers = |outcome: &Outcome| (number(outcome, "first"), number(outcome, "second"));
    let default = request(builder(body));
    // The first numbers of SplitMix64 from 0.
    assert_eq!(numbers(&default), (0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4));
    for label in ["none", "most"] {
        assert_eq!(
            default.filter_state(&format!("wasm.{label}")).as_deref(),
            Some(""),
            "{label}"
        );
    }
    let seeded = || numbers(&request(builder(body).seed(7)));
    assert_eq!(seeded(), seeded());
    assert_ne!(seeded(), numbers(&default));
}

#[test]
fn every_vm_starts_from_the_same_seed() {
    let body = r#"(call $keep_u64 $"random" (call $random_get &number (i32.const 8)))
        (if (i32.eqz (call $get_value (i32.const 0) $"x-bomb" &out)) (then unreachable))"#;
    let mut host = builder(body).seed(9).start().unwrap();
    let first = number(&host.request(Request::get("http://a/")), "random");
    let later = number(&host.request(Request::get("http://a/").header("x-bomb", "1")), "random");
    assert_ne!(first, later);
    host.reconfigure("").unwrap();
    assert_eq!(number(&host.request(Request::get("http://a/")), "random"), first);
}

#[test]
fn emscripten_finds_what_it_imports() {
    let imports = r#"
      (import "env" "pthread_equal" (func $pthread_equal (param i32 i32) (result i32)))
      (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))"#;
    let body = r#"(call $notify (i32.const 0))
      (i32.store &number (call $pthread_equal (i32.const 5) (i32.const 5)))
      (i32.store (i32.const 1060) (call $pthread_equal (i32.const 5) (i32.const 6)))
      (call $keep_u64 $"equal" (i32.const 0))"#;
    let wasm = assemble_with(imports, &on_request(body));
    let outcome = request(Host::builder(&Module::from_bytes(&wasm).unwrap()));
    assert_eq!(number(&outcome, "equal"), 1);
}
