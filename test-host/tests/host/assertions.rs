//! Assertions that fail say what was expected, what was found, and everything that happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use outgate_test_host::{AccessLogFormat, Host, LogLevel, Module, Outcome, Request};

use crate::fixture::{assemble, host, module};

fn denied() -> Outcome {
    host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $set_property $"decision" $"deny"))
             (call $say $"denying")
             (drop (call $get_value (i32.const 2) $"x-early" &out))
             (drop (call $send_local_response (i32.const 403) $"why" $"no" (i32.const 0) (i32.const 0) (i32.const -1)))
             (i32.const 1))"#,
    )
    .request(Request::get("http://test.com/path").header("x-id", "7"))
}

fn failure(assertion: impl FnOnce(&Outcome)) -> String {
    failure_of(&denied(), assertion)
}

fn failure_of(outcome: &Outcome, assertion: impl FnOnce(&Outcome)) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| assertion(outcome))).expect_err("the assertion should fail");
    panic.downcast_ref::<String>().expect("a panic has a message").clone()
}

#[test]
fn what_is_so_passes() {
    let outcome = denied();
    outcome
        .assert()
        .denied(403)
        .details("why")
        .body("no")
        .body_contains("n")
        .header("content-type", "text/plain")
        .no_header("x-none")
        .upstream_saw_nothing()
        .filter_state("wasm.decision", "deny")
        .no_filter_state("wasm.other")
        .log(LogLevel::Info, "denying")
        .no_log_from(LogLevel::Warn)
        .host_calls_at_most(4)
        .allocations_at_most(0)
        .access_log(
            "%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(X-ID)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% \
             %FILTER_STATE(wasm.decision:PLAIN)% %DURATION% %BYTES_SENT%",
            "GET test.com 7 403 why deny 0 2",
        );
    let format =
        AccessLogFormat::json(&serde_json::json!({"code": "%RESPONSE_CODE%", "from": "%DOWNSTREAM_REMOTE_ADDRESS%"}));
    assert_eq!(
        outcome.access_log(&format.unwrap()),
        r#"{"code":403,"from":"127.0.0.1:50000"}"#
    );
}

#[test]
fn what_is_not_so_is_explained() {
    let message = failure(|outcome| _ = outcome.assert().forwarded());
    for part in [
        "expected the stream to be forwarded\n     but the filter replied; the client got 403 (why)\n",
        "BAD_ARGUMENT: there are no response headers: no response has begun",
    ] {
        assert!(message.contains(part), "{message}");
    }
    type Row = (&'static str, fn(&Outcome));
    let rows: [Row; 6] = [
        (
            r#"the status that the client gets to be 200
     but it is 403"#,
            |o| _ = o.assert().status(200),
        ),
        (
            r#"the response header `x-none` to be "1"
     but there is none"#,
            |o| _ = o.assert().header("x-none", "1"),
        ),
        (
            r#"the filter state `wasm.decision` to be "allow"
     but it is "deny""#,
            |o| _ = o.assert().filter_state("wasm.decision", "allow"),
        ),
        ("at most 1 host calls\n     but it was 4", |o| {
            _ = o.assert().host_calls_at_most(1);
        }),
        (
            "no refused host call\n     but there is one: on_request_headers: proxy_get_header_map_value",
            |o| _ = o.assert().strict(),
        ),
        ("the request to reach the upstream\n     but it did not", |o| {
            _ = o.assert().upstream_saw(|_| true);
        }),
    ];
    for (expected, assertion) in rows {
        let message = failure(assertion);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_trace_is_kept_in_a_file_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("denied.trace");
    let message = || failure(|outcome| _ = outcome.assert().trace_is(&file));
    let none = message();
    assert!(
        none.contains("denied.trace cannot be read") && none.contains("(OUTGATE_UPDATE=1 writes it)"),
        "{none}"
    );
    writes(&file);
    denied().assert().trace_is(&file);

    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("deny", "allow")).unwrap();
    let other = message();
    assert!(
        other.contains("line 1 of") && other.contains("OUTGATE_UPDATE=1"),
        "{other}"
    );
    std::fs::write(&file, text.clone() + "on_log: proxy_log(2, \"\") -> OK\n").unwrap();
    let longer = message();
    assert!(longer.contains("it is\n    (nothing more)"), "{longer}");
    writes(&file);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

/// Where a test that runs in a process of its own writes its trace.
const FILE: &str = "OUTGATE_TEST_TRACE";

/// Runs the test below with the environment variable that has files written: it holds for a whole process.
fn writes(file: &Path) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "assertions::a_trace_is_written_when_it_is_asked_for"])
        .envs([(FILE, file.as_os_str()), ("OUTGATE_UPDATE", "1".as_ref())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_trace_is_written_when_it_is_asked_for() {
    if let Some(file) = std::env::var_os(FILE) {
        denied().assert().trace_is(file);
    }
}

#[test]
fn what_looks_at_each_host_call_fails_without_them() {
    let filter = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                      (drop (call $get_value (i32.const 2) $"x-early" &out))
                      (call $say $"a") (call $say $"b")
                      (i32.const 0))"#;
    let outcome = |depth| {
        let builder = Host::builder(&module(filter)).trace_depth(depth);
        builder.start().unwrap().request(Request::get("http://a/"))
    };
    outcome(3)
        .assert()
        .host_calls(&["proxy_get_header_map_value", "proxy_log", "proxy_log"]);
    for depth in [0, 2] {
        for assertion in [
            (|outcome| _ = outcome.assert().strict()) as fn(&Outcome),
            |outcome| _ = outcome.assert().host_calls(&["proxy_log", "proxy_log"]),
            |outcome| _ = outcome.assert().trace_is("none.trace"),
        ] {
            let message = failure_of(&outcome(depth), assertion);
            let expected = format!("but the host kept the last {depth} only, see HostBuilder::trace_depth");
            assert!(message.contains(&expected), "{message}");
        }
    }
    // Those of other streams do not matter.
    let mut host = Host::builder(&module(filter)).trace_depth(3).start().unwrap();
    for _ in 0..2 {
        let calls = ["proxy_get_header_map_value", "proxy_log", "proxy_log"];
        host.request(Request::get("http://a/")).assert().host_calls(&calls);
    }
}

#[test]
fn a_report_tells_nothing_twice() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say $"first") (call $say $"last") unreachable)"#,
    )
    .request(Request::get("http://a/"));
    let report = outcome.to_string();
    for (part, times) in [
        ("[info] on_request_headers: first", 1),
        ("[info] on_request_headers: last", 1),
        ("proxy_log(2, \"last\")", 1),
    ] {
        assert_eq!(report.matches(part).count(), times, "{part} in {report}");
    }
}

#[test]
fn errors_are_unwrapped_in_words() {
    let module =
        module(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $say $"no") (i32.const 0))"#);
    let error = Host::builder(&module).start().unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "the filter refused to start: on_configure returned false\n  it logged:\n    [info] on_configure: no"
    );
    let error = Module::from_bytes(b"PK").unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "this is no WebAssembly: it does not begin with `\\0asm`"
    );
}

#[test]
fn compiled_code_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = assemble("");
    for _ in 0..2 {
        let module = Module::options().cached_in(folder.path()).from_bytes(&wasm).unwrap();
        assert_eq!(module.abi_version(), outgate_test_host::AbiVersion::V0_2_1);
    }
    assert!(
        std::fs::read_dir(folder.path()).unwrap().next().is_some(),
        "nothing was kept"
    );
}

#[test]
fn a_filter_for_the_first_abi_runs() {
    let wat = r#"(module
      (import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
      (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
      (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
      (import "env" "proxy_clear_route_cache" (func $clear (result i32)))
      (memory (export "memory") 1) (data (i32.const 100) "x-missing") (data (i32.const 120) "x-status")
      (func (export "proxy_abi_version_0_1_0"))
      (func (export "malloc") (param i32) (result i32) (i32.const 4096))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $configuration (i32.const 0) (i32.const 4)))
        (i32.eq (i32.load (i32.const 4)) (i32.const 5)))
      (func (export "proxy_on_request_headers") (param i32 i32) (result i32)
        ;; A header that is not there is OK and empty: 0, as a digit.
        (i32.store8 (i32.const 140) (i32.add (i32.const 48)
          (call $get (i32.const 0) (i32.const 100) (i32.const 9) (i32.const 0) (i32.const 4))))
        (drop (call $add (i32.const 0) (i32.const 120) (i32.const 8) (i32.const 140) (i32.const 1)))
        (drop (call $clear))
        (i32.const 0)))"#;
    let module = Module::from_bytes(&wat::parse_str(wat).unwrap()).unwrap();
    let mut host = outgate_test_host::Host::builder(&module)
        .configuration("hello")
        .start()
        .unwrap();
    let outcome = host.request(Request::get("http://a/"));
    outcome.assert().forwarded().upstream_header("x-status", "0");
    assert!(outcome.route_cache_cleared);
}
