//! When a filter may call WASI, how often, and how it ends itself.

use outgate_test_host::{End, Host, Limits, LogLevel, Module, Phase, Request, StartFailure, TrapKind};

use super::{IOVEC, MODULES, builder, filter, imports, request, run};
use crate::fixture::assemble_with;

#[test]
fn a_command_runs_when_the_filter_starts() {
    for module in MODULES {
        let body = format!(
            r#"{IOVEC}
            (func (export "_start")
              (drop (call $args_sizes_get (i32.const 640) (i32.const 644)))
              (drop (call $environ_get (i32.const 640) (i32.const 700)))
              (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 656)))
              (drop (call $random_get (i32.const 664) (i32.const 8)))
              (drop (call $fd_prestat_get (i32.const 3) (i32.const 672)))
              (drop (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 680)))
              (call $iovec (i32.const 512) (i32.const 700) (i32.const 3))
              (drop (call $fd_write (i32.const 2) (i32.const 512) (i32.const 1) (i32.const 688))))"#
        );
        let filter = Module::from_bytes(&assemble_with(&imports(module), &body)).unwrap();
        let mut host = Host::builder(&filter).env("X", "1").start().unwrap();
        let line = &host.logs()[0];
        assert_eq!(
            (line.phase, line.level, line.message.as_str()),
            (Phase::Initialize, LogLevel::Error, "X=1")
        );
        let calls = host.host_calls();
        assert!(calls.iter().any(|call| call == ("fd_write", 1)) && calls.total() == 7);
        assert_eq!(calls.unimplemented().count(), 0);
        assert_eq!(host.request(Request::get("http://a/")).end, End::Forwarded);
    }
}

#[test]
fn a_command_may_not_make_host_calls() {
    let body = r#"(func (export "_start") (drop (call $set_tick_period (i32.const 1))))"#;
    let error = Host::builder(&filter(body)).start().unwrap_err();
    let expected = "proxy_set_tick_period_milliseconds may not be called before on_vm_start";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn an_exit_is_a_trap_that_says_so() {
    let outcome = run("(call $proc_exit (i32.const 3))");
    assert_eq!((outcome.end, outcome.status()), (End::Failed, 503));
    let trap = outcome.trap.unwrap();
    assert_eq!(trap.kind(), &TrapKind::Exit(3));
    let text = trap.to_string();
    for part in [
        "the filter trapped in on_request_headers: the filter called proc_exit(3)",
        "proc_exit(3) -> INTERNAL_FAILURE: the guest was ended: the filter called proc_exit(3)",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn an_exit_at_the_start_is_a_start_error() {
    let rows = [
        (
            Phase::Initialize,
            r#"(func (export "_start") (call $proc_exit (i32.const 0)))"#,
        ),
        (
            Phase::Instantiate,
            "(func $begin (call $proc_exit (i32.const 0))) (start $begin)",
        ),
    ];
    for (phase, body) in rows {
        let error = Host::builder(&filter(body)).start().unwrap_err();
        assert_eq!(error.phase, phase);
        assert!(matches!(error.reason, StartFailure::Trapped(_)), "{error}");
        assert!(error.to_string().contains("the filter called proc_exit(0)"), "{error}");
    }
}

#[test]
fn an_allocator_may_log_and_read_the_clock() {
    let rows = [
        (
            "fd_write",
            "(i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8)",
            true,
        ),
        ("clock_time_get", "(i32.const 1) (i64.const 0) (i32.const 8)", true),
        ("random_get", "(i32.const 8) (i32.const 8)", false),
        ("environ_sizes_get", "(i32.const 8) (i32.const 12)", false),
        ("sched_yield", "", false),
    ];
    for (name, operands, allowed) in rows {
        let wat = format!(
            r#"(module {}
              (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 64) "plugin_root_id")
              (func (export "proxy_abi_version_0_2_1"))
              (func (export "malloc") (param i32) (result i32) (drop (call ${name} {operands})) (i32.const 1024))
              (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $get_property (i32.const 64) (i32.const 14) (i32.const 16) (i32.const 20))))"#,
            imports(MODULES[0])
        );
        let module = Module::from_bytes(&wat::parse_str(wat).unwrap()).unwrap();
        let outcome = request(Host::builder(&module).root_id("root"));
        let expected = if allowed { End::Forwarded } else { End::Failed };
        assert_eq!(outcome.end, expected, "{name}: {outcome}");
        let forbidden = format!("{name} may not be called while the guest allocates memory for the host");
        assert_eq!(outcome.to_string().contains(&forbidden), !allowed, "{name}: {outcome}");
    }
}

#[test]
fn calls_count_against_the_limits() {
    let mut limits = Limits::default();
    limits.host_calls = 10_000;
    limits.host_bytes = 1 << 20;
    let rows = [
        (
            "calls",
            "(loop (drop (call $sched_yield)) (br 0))",
            "the limit on host calls",
        ),
        (
            "random bytes",
            "(loop (drop (call $random_get (i32.const 0) (i32.const 65536))) (br 0))",
            "the limit on bytes",
        ),
        (
            "output",
            "(i32.store (i32.const 516) (i32.const 65536))
             (loop (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 640))) (br 0))",
            "the limit on bytes",
        ),
        (
            "empty iovecs",
            "(loop (drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 16384) (i32.const 640))) (br 0))",
            "the limit on bytes",
        ),
        (
            "variables",
            "(loop (drop (call $environ_get (i32.const 640) (i32.const 1024))) (br 0))",
            "the limit on bytes",
        ),
    ];
    for (name, body, expected) in rows {
        let outcome = request(builder(body).env("LONG", &"x".repeat(4096)).limits(limits));
        let trap = outcome.trap.expect("it was ended").to_string();
        assert!(trap.contains(expected), "{name}: {trap}");
    }
}
