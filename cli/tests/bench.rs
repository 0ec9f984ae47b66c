//! `outgate bench` as its users call it. What it counts is the same everywhere; what it times is only asked to be there.

mod hosted;

use regex::Regex;
use serde_json::{Value, json};

use hosted::Filter;

/// Counts up by one with each stream, and does as much more every third time.
const UNEVEN: &str = r#"
  (global $streams (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
    (global.set $streams (i32.add (global.get $streams) (i32.const 1)))
    (local.set $i (i32.mul (i32.const 100) (i32.rem_u (global.get $streams) (i32.const 3))))
    (loop $again
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $i) (i32.const 0))))
    (i32.const 0))
"#;

fn json(filter: &Filter, arguments: &[&str]) -> Value {
    let run = filter.run("bench", &[&["--json"], arguments].concat());
    run.assert("bench", 0, &[]);
    assert_eq!(run.err, "");
    run.json()
}

#[test]
fn json_has_every_number() {
    let report = json(
        &Filter::gate(),
        &["--config", "text:/admin", "--streams", "20", "/public"],
    );
    for (field, expected) in [
        ("/filter", json!("filter.wasm")),
        ("/abi", json!("0.2.1")),
        ("/status", json!(200)),
        ("/start/phases/0/phase", json!("on_context_create")),
        ("/start/phases/1/phase", json!("on_configure")),
        ("/start/phases/1/calls", json!(1)),
        ("/start/phases/1/hostCalls", json!(2)),
        ("/start/phases/1/allocations", json!(1)),
        ("/start/phases/1/memory", json!(131_072)),
        ("/stream/isConstant", json!(true)),
        ("/stream/calls", json!(2)),
        ("/stream/hostCalls", json!(2)),
        ("/stream/allocations", json!(1)),
        ("/stream/memory", json!(131_072)),
        ("/stream/phases/0/phase", json!("on_context_create")),
        ("/stream/phases/0/hostCalls", json!(0)),
        ("/stream/phases/1/phase", json!("on_request_headers")),
        ("/stream/phases/1/hostCalls", json!(2)),
        ("/stream/phases/1/allocations", json!(1)),
        ("/memory/afterStart", json!(131_072)),
        ("/memory/afterStreams", json!(131_072)),
        ("/throughput/streams", json!(20)),
    ] {
        assert_eq!(report.pointer(field), Some(&expected), "{field} of {report}");
    }
    for field in [
        "/start/compileNs",
        "/start/instantiateNs",
        "/start/totalNs",
        "/start/phases/0/timeNs",
        "/start/phases/1/fuel",
        "/start/phases/1/timeNs",
        "/stream/fuel",
        "/stream/phases/0/fuel",
        "/stream/phases/1/fuel",
        "/stream/phases/1/medianNs",
        "/stream/phases/1/p99Ns",
        "/throughput/tookNs",
        "/throughput/streamsPerSecond",
    ] {
        let number = report.pointer(field).and_then(Value::as_f64);
        assert!(number.is_some_and(|number| number > 0.0), "{field} of {report}");
    }
    let fuel = |field: &str| report.pointer(field).and_then(Value::as_u64).unwrap();
    assert_eq!(
        fuel("/stream/fuel"),
        fuel("/stream/phases/0/fuel") + fuel("/stream/phases/1/fuel")
    );
    for field in ["/stream/fuelLeast", "/stream/fuelMost"] {
        assert_eq!(fuel(field), fuel("/stream/fuel"), "{field}");
    }
}

#[test]
fn text_has_a_line_for_each_callback() {
    let run = Filter::gate().run(
        "bench",
        &[
            "--config",
            "text:/admin",
            "--upstream",
            "authz=200",
            "-d",
            "hello",
            "/v1",
        ],
    );
    run.assert("bench", 0, &[]);
    let lines = |pattern: &str| Regex::new(pattern).unwrap().find_iter(&run.out).count();
    let time = r"[\d.,]+ (ns|µs|ms|s)";
    for (pattern, times) in [
        (r"^filter\.wasm  ABI 0\.2\.1, the client got 200\n".to_owned(), 1),
        (r"\ncold start +fuel +host calls +allocations +time\n".to_owned(), 1),
        (format!(r"\n  compilation +{time}\n"), 1),
        (format!(r"\n  instantiation +{time}\n"), 1),
        (format!(r"\n  on_context_create +\d+ +0 +0 +{time}\n"), 1),
        (format!(r"\n  on_configure +\d+ +2 +1 +{time}\n"), 1),
        (
            r"\none stream +fuel +host calls +allocations +median +p99\n".to_owned(),
            1,
        ),
        (format!(r"\n  on_context_create +\d+ +0 +0 +{time} +{time}\n"), 1),
        (format!(r"\n  on_request_headers +\d+ +2 +1 +{time} +{time}\n"), 1),
        (format!(r"\n  on_request_body +\d+ +0 +0 +{time} +{time}\n"), 1),
        (format!(r"\n  on_http_call_response +\d+ +4 +1 +{time} +{time}\n"), 1),
        (r"\n  in all +\d+ +6 +2\n".to_owned(), 1),
        (
            r"\nmemory  128 KiB after the start, 128 KiB after the streams\n".to_owned(),
            1,
        ),
        (
            format!(r"\nspeed   [\d,]+ streams a second on one worker, in this host  \([\d,]+ streams in {time}\)\n"),
            1,
        ),
        (r"streams differ".to_owned(), 0),
    ] {
        assert_eq!(lines(&pattern), times, "`{pattern}` in\n{}", run.out);
    }
}

#[test]
fn what_is_counted_is_the_same_in_every_run() {
    let filter = Filter::gate();
    let counted = || {
        let report = json(&filter, &["--config", "text:/admin", "--upstream", "authz=200", "/v1"]);
        let part = |field: &str| report.pointer(field).cloned();
        ["/stream/fuel", "/stream/hostCalls", "/stream/allocations", "/memory"].map(part)
    };
    assert_eq!(counted(), counted());
}

#[test]
fn streams_that_differ_are_told_to() {
    let filter = Filter::new(UNEVEN);
    let report = json(&filter, &["/"]);
    let stream = &report["stream"];
    assert_eq!(stream["isConstant"], false);
    let fuel = |field: &str| stream[field].as_u64().unwrap();
    let (least, middle, most) = (fuel("fuelLeast"), fuel("fuel"), fuel("fuelMost"));
    assert!(least < middle && middle < most, "{stream}");
    let told = ["streams differ: ", " fuel; the middle one is shown"];
    filter.run("bench", &["/"]).assert("text", 0, &told);
}

#[test]
fn a_callback_that_runs_several_times_is_one_line() {
    let filter = Filter::new(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick_period (i32.const 100)))
             (i32.const 1))
           (func (export "proxy_on_tick") (param i32))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let report = json(&filter, &["--streams", "2", "/"]);
    let phases = report["stream"]["phases"].as_array().unwrap();
    let ticks = phases.iter().find(|phase| phase["phase"] == "on_tick").unwrap();
    // A client waits for 15 seconds.
    assert_eq!(ticks["calls"], 150);
    assert_eq!(report["status"], 0);
    filter
        .run("bench", &["--streams", "2", "/"])
        .assert("text", 0, &["  on_tick × 150 "]);
}

#[test]
fn a_filter_that_dies_is_not_measured() {
    let filter =
        Filter::new(r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)"#);
    for arguments in [&["/"][..], &["--json", "/"]] {
        let run = filter.run("bench", arguments);
        run.assert("a trap", 1, &["error: the filter trapped in on_request_headers"]);
        assert_eq!(run.out, "");
    }
    let run = Filter::new("").run("bench", &["--streams", "0", "/"]);
    run.assert("no streams", 2, &["invalid value '0' for '--streams <N>'"]);
}
