//! What outlives a call: metrics and shared data. And who may speak for whom.

use outgate_test_host::{Host, HostCall, MetricKind, Request};

use crate::fixture::{host, module};

/// Defines one metric of each kind, twice for the counter; ids are then 4, 8 (counter), 5 (gauge) and 6 (histogram).
const METRICS: &str = r#"
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define_metric (i32.const 0) $"c" &number))
    (drop (call $define_metric (i32.const 0) $"c" &number))
    (drop (call $define_metric (i32.const 1) $"g" &number))
    (drop (call $define_metric (i32.const 2) $"h" &number))
    (i32.const 1))
"#;

fn metered(body: &str) -> String {
    format!(
        r#"{METRICS} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {body} (i32.const 0))"#
    )
}

#[test]
fn each_kind_of_metric_has_its_rules() {
    let rows: [(&str, &str, &str, i64); 12] = [
        (
            "a counter grows",
            "$increment_metric (i32.const 4) (i64.const 2)",
            "",
            2,
        ),
        (
            "a counter never shrinks",
            "$increment_metric (i32.const 4) (i64.const -1)",
            "!02",
            0,
        ),
        (
            "a counter takes no zero",
            "$increment_metric (i32.const 4) (i64.const 0)",
            "!02",
            0,
        ),
        (
            "two ids, one counter",
            "$increment_metric (i32.const 8) (i64.const 3)",
            "",
            3,
        ),
        (
            "recording adds to a counter",
            "$record_metric (i32.const 4) (i64.const 5)",
            "",
            5,
        ),
        (
            "a gauge goes down",
            "$increment_metric (i32.const 5) (i64.const -1)",
            "",
            -1,
        ),
        (
            "recording sets a gauge",
            "$record_metric (i32.const 5) (i64.const 9)",
            "",
            9,
        ),
        (
            "a histogram is not incremented",
            "$increment_metric (i32.const 6) (i64.const 1)",
            "!02",
            0,
        ),
        (
            "a histogram takes samples",
            "$record_metric (i32.const 6) (i64.const 7)",
            "",
            7,
        ),
        ("a histogram is not read", "$get_metric (i32.const 6) &number", "!02", 0),
        (
            "an unknown id",
            "$increment_metric (i32.const 12) (i64.const 1)",
            "!01",
            0,
        ),
        (
            "an unknown kind",
            r#"$define_metric (i32.const 3) $"x" &number"#,
            "!02",
            0,
        ),
    ];
    for (name, call, status, change) in rows {
        let outcome =
            host(&metered(&format!(r#"(call $keep $"status" (call {call}))"#))).request(Request::get("http://a/"));
        assert_eq!(
            outcome.filter_state("wasm.status").as_deref(),
            Some(status),
            "{name}: {outcome}"
        );
        assert_eq!(
            outcome.metric("c") + outcome.metric("g") + outcome.metric("h"),
            change,
            "{name}"
        );
    }
}

#[test]
fn metrics_add_up_over_streams_and_survive_a_new_configuration() {
    let count = r#"(drop (call $increment_metric (i32.const 4) (i64.const 1)))
                   (call $keep_u64 $"now" (call $get_metric (i32.const 8) &number))"#;
    let mut host = host(&metered(count));
    host.request(Request::get("http://a/"));
    host.reconfigure("again").unwrap();
    let outcome = host.request(Request::get("http://a/"));
    assert_eq!(outcome.metric("c"), 1);
    assert_eq!(outcome.filter_state[0].1, 2u64.to_le_bytes());
    assert_eq!(host.metric("c"), Some(2));
    assert_eq!(host.metrics()[0], ("c".to_owned(), MetricKind::Counter, 2));
    assert_eq!(host.metric("nonesuch"), None);
}

#[test]
fn shared_data_is_compared_and_swapped() {
    let outcome = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $keep $"absent" (call $get_shared_data $"k" &out &number))
             (call $keep $"set" (call $set_shared_data $"k" $"one" (i32.const 0)))
             (call $keep $"get" (call $get_shared_data $"k" &out &number))
             (call $keep $"swap" (call $set_shared_data $"k" $"two" (i32.load &number)))
             (call $keep $"stale" (call $set_shared_data $"k" $"three" (i32.load &number)))
             (call $keep $"now" (call $get_shared_data $"k" &out &number))
             (call $keep $"force" (call $set_shared_data $"k" $"four" (i32.const 0)))
             (i32.const 0))"#,
    )
    .request(Request::get("http://a/"));
    let rows = [
        ("absent", "!01"),
        ("set", ""),
        ("get", "one"),
        ("swap", ""),
        ("stale", "!08"),
        ("now", "two"),
        ("force", ""),
    ];
    for (label, expected) in rows {
        let state = outcome.filter_state(&format!("wasm.{label}"));
        assert_eq!(state.as_deref(), Some(expected), "{label}: {outcome}");
    }
}

#[test]
fn a_guest_may_act_for_another_context() {
    let filter = r#"
      (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (call $keep $"unknown" (call $set_effective_context (i32.const 99)))
        (drop (call $set_effective_context (i32.const 1)))
        (i32.store &number (call $set_property $"lost" $"1"))
        (drop (call $set_effective_context (local.get $id)))
        (call $keep $"at-root" (i32.load &number))
        (call $keep $"done" (call $done))
        (i32.const 0))"#;
    let outcome = Host::builder(&module(filter))
        .start()
        .unwrap()
        .request(Request::get("http://a/"));
    for (label, expected) in [("unknown", "!02"), ("at-root", "!01"), ("done", "!01")] {
        let state = outcome.filter_state(&format!("wasm.{label}"));
        assert_eq!(state.as_deref(), Some(expected), "{label}: {outcome}");
    }
    assert_eq!(outcome.host_calls.of(HostCall::SetEffectiveContext), 3);
    assert_eq!(outcome.host_calls.of(HostCall::Log), 0);
}
