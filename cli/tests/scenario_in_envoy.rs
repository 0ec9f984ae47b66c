//! `outgate test --in envoy`: the walkthrough, and what is said where real Envoys differ from the embedded host.

#[path = "envoy/prerequisite.rs"]
mod prerequisite;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use serde_json::Value;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/asm-egress-gateway");

/// Runs the example's scenario; returns the exit status and the report, or nothing where there is no Envoy.
fn run(arguments: &[&str]) -> Option<(i32, Value)> {
    let (envoy, filter) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
    let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .args(["test", "--in", "envoy", "--output", "json", EXAMPLE])
        .args(arguments)
        .env("ENVOY", envoy)
        .env("OUTGATE_FILTER_WASM", filter)
        .output()
        .expect("outgate");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    Some((output.status.code().unwrap_or(-1), report))
}

fn cases(report: &Value) -> Vec<&Value> {
    let steps = list(&report["scenarios"])
        .iter()
        .flat_map(|scenario| list(&scenario["steps"]));
    steps.flat_map(|step| list(&step["cases"])).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn case<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = cases(report).into_iter().find(|case| case["name"] == name);
    found.unwrap_or_else(|| panic!("no case {name}"))
}

#[test]
fn the_six_steps_of_the_walkthrough_are_answered_as_expected() {
    let Some((status, report)) = run(&[]) else { return };
    assert_eq!((status, &report["failed"]), (0, &0.into()), "{report:#}");
    let skipped: Vec<&Value> = cases(&report)
        .into_iter()
        .filter(|case| !case["skipped"].is_null())
        .collect();
    assert!(skipped.is_empty(), "{skipped:#?}");
    let steps = list(&report["scenarios"][0]["steps"]);
    for step in ["1", "2", "3", "4", "5", "6"] {
        let of_step = |found: &Value| found["name"].as_str().is_some_and(|name| name.starts_with(step));
        assert!(steps.iter().any(of_step), "no step {step}");
    }
}

#[test]
fn a_server_that_answers_otherwise_is_a_difference_between_the_runs() {
    let server = always_gone();
    let mapping = format!("httpbin.default:8000={server}");
    let Some((status, report)) = run(&["--map", &mapping]) else {
        return;
    };
    assert_eq!(status, 1, "{report:#}");
    let through = case(&report, "sleep may read /status/200");
    let disagreements = list(&through["disagreements"]);
    assert!(
        disagreements.iter().any(|differs| differs.to_string().contains("410")),
        "{through:#}"
    );
    // Who is stopped at a gateway never gets that far.
    let stopped = case(&report, "sleep must not read /headers");
    assert!(
        list(&stopped["disagreements"]).is_empty() && list(&stopped["differences"]).is_empty(),
        "{stopped:#}"
    );
}

/// An HTTP server that answers everything with 410.
fn always_gone() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut request = [0; 4096];
                // A head fits in one read here; whatever goes wrong fails the case.
                while connection.read(&mut request).is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
                    if connection.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
