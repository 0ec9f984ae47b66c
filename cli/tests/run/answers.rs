//! Services that the filter calls answer what `--upstream` says, and time moves as far as that takes.

use crate::hosted::Filter;

/// Calls the gRPC service `rls`, and shows what comes of it.
const GRPC: &str = r#"
  (func $answered (param $status i32)
    (drop (call $set_effective_context (i32.const 2)))
    (drop (call $continue_stream (i32.const 0))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (call $grpc_call $"rls" $"limits.Service" $"Check" (i32.const 0) (i32.const 0) $"ask" (i32.const 250) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.const 1))
  (func (export "proxy_on_grpc_receive") (param $root i32) (param $call i32) (param $size i32)
    (call $show $"message" (call $get_buffer_bytes (i32.const 5) (i32.const 0) (local.get $size) &out))
    (call $answered (i32.const 0)))
  (func (export "proxy_on_grpc_close") (param $root i32) (param $call i32) (param $status i32)
    (call $number $"closed" (local.get $status))
    (call $answered (local.get $status)))
"#;

#[test]
fn a_service_answers_what_the_flag_says() {
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "a status",
            "authz=200",
            &["x-gate: authz", "forwarded; the client got 200"],
        ),
        (
            "another one",
            "authz=401",
            &["the filter replied; the client got 403 (gate.denied)"],
        ),
        (
            "a file",
            "authz=answer.txt",
            &["callout 4: 2 headers, 11 bytes of body, 0 trailers", "x-gate: authz"],
        ),
        (
            "a connection that breaks",
            "authz=reset",
            &[
                "callout 4: no response",
                "[warn] authz does not answer",
                "the client got 503 (authz)",
            ],
        ),
        (
            "silence",
            "authz=timeout",
            &[
                "500.0 ms later\n  on_http_call_response  callout 4: 3 headers, 24 bytes of body",
                "OK \"504\"",
            ],
        ),
        (
            "another service",
            "other=200",
            &[
                "proxy_http_call(\"authz\", \"\", 500) -> BAD_ARGUMENT\n      there is no upstream `authz`: there are other",
                "callouts\n  there is no cluster `authz`: --upstream authz=200 has it answer 200\n",
            ],
        ),
    ];
    let filter = Filter::gate().with("answer.txt", "from a file");
    for (case, upstream, expected) in rows {
        let run = filter.run("run", &["--config", "text:/admin", "--upstream", upstream, "/v1"]);
        run.assert(case, 0, expected);
    }
}

#[test]
fn a_grpc_service_answers_with_a_message_or_a_status() {
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "a message",
            "rls=answer.bin",
            &["on_grpc_receive  callout 5: 4 bytes", "message = well"],
        ),
        (
            "HTTP in place of gRPC",
            "rls=503",
            &["on_grpc_close  callout 5: gRPC status 14", "closed = 14"],
        ),
        ("a connection that breaks", "rls=reset", &["callout 5: gRPC status 14"]),
        (
            "silence",
            "rls=timeout",
            &["250.0 ms later\n  on_grpc_close  callout 5: gRPC status 4"],
        ),
        (
            "another service",
            "other=200",
            &[
                "proxy_grpc_call(\"rls\", \"limits.Service\", \"Check\", \"ask\") -> PARSE_FAILURE",
                "there is no cluster `rls`: --upstream rls=200 has it answer 200",
            ],
        ),
    ];
    let filter = Filter::new(GRPC).with("answer.bin", "well");
    for (case, upstream, expected) in rows {
        filter
            .run("run", &["--upstream", upstream, "/"])
            .assert(case, 0, expected);
    }
    filter.run("run", &["--upstream", "rls=answer.bin", "/"]).assert(
        "what was called",
        0,
        &["callout 5 to rls: gRPC call /limits.Service/Check\n    ask\n"],
    );
}

#[test]
fn a_filter_that_waits_for_nothing_is_told_of() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick_period (i32.const 20000)))
             (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let told = [
        "asked for a tick every 20.00 s; time stands still here",
        "the filter held the stream in on_request_headers, and nothing continued it",
        "the client got nothing",
    ];
    filter.run("run", &["/"]).assert("text", 0, &told);
    let report = filter.run("run", &["--json", "/"]).json();
    assert_eq!(
        (&report["end"], &report["heldIn"]),
        (&"paused".into(), &"on_request_headers".into())
    );
}
