//! What crosses the border between Envoy and the filter, as Envoy itself tells it.

use std::thread;
use std::time::{Duration, Instant};

use crate::SLEEP;
use crate::connections::configuration;
use crate::envoy::authority::Identity;
use crate::envoy::client::Request;
use crate::envoy::listener::{self, Listener};
use crate::envoy::{Exchange, Lab, prerequisite};

const PATIENCE: Duration = Duration::from_secs(15);

/// A lab whose filter lets `/x` and `/y` through, by a rule, and nothing else.
fn lab() -> Option<Lab> {
    let (binary, module) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
    let filter = listener::wasm(&module, &configuration("one", &["/x", "/y"]));
    Some(Lab::start_tracing(&binary, &[Listener::new("filter", vec![filter])]))
}

/// The calls of streams so far, by name and in order: those of the filter by Envoy, and those of Envoy by the filter.
fn calls(lab: &Lab) -> (Vec<String>, Vec<String>) {
    // The filter is told of a stream's end after the stream was logged.
    let started = Instant::now();
    loop {
        let log = lab.envoy.log();
        let after = |arrow: &'static str| {
            let calls = log.lines().filter_map(move |line| line.split_once(arrow));
            calls.map(|(_, call)| call.split('(').next().unwrap_or_default().to_owned())
        };
        let called: Vec<String> = after("[host->vm] ").collect();
        let of = |name: &str| called.iter().filter(|call| *call == name).count();
        if of("proxy_on_delete") >= of("proxy_on_request_headers") {
            return (called, after("[vm->host] env.").collect());
        }
        assert!(started.elapsed() < PATIENCE, "a stream does not end:\n{log}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The new calls of `after`, without those that are for no request in particular.
fn since(before: &[String], after: &[String]) -> Vec<String> {
    let calls = after.iter().skip(before.len());
    calls
        .filter(|call| !matches!(call.as_str(), "proxy_on_tick" | "proxy_increment_metric"))
        .cloned()
        .collect()
}

#[test]
fn a_request_costs_five_calls() {
    let Some(lab) = lab() else { return };
    let mut connection = lab.connect("filter", &Identity::workload(SLEEP));
    let mut exchange = |path: &str| {
        let before = calls(&lab);
        let Exchange { reply, log } =
            lab.exchange_on(&mut connection, "filter", &Request::new("GET", "test.com", path));
        assert_eq!(log["outgate_principal"], SLEEP, "{path}");
        let after = calls(&lab);
        (reply.status, since(&before.0, &after.0), since(&before.1, &after.1))
    };
    // The caller is found out and written down, and with the second request the filter learns that Envoy keeps it. From then
    // on a rule's counter is all that is new.
    for path in ["/x", "/y", "/z"] {
        exchange(path);
    }

    let (status, called, made) = exchange("/x");
    assert_eq!(status, 200);
    let decided = [
        "proxy_get_header_map_pairs",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_set_property",
        "proxy_set_property",
    ];
    assert_eq!(made, decided, "headers, connection; decision, rule, revision");
    let told = [
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_memory_allocate",
        "proxy_on_memory_allocate",
        "proxy_on_delete",
    ];
    assert_eq!(called, told);

    let (status, called, made) = exchange("/z");
    assert_eq!(status, 403);
    // The path decides; who calls is asked for the log alone. No rule to write down, and a reply.
    let denied = [
        "proxy_get_header_map_pairs",
        "proxy_set_property",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_send_local_response",
    ];
    assert_eq!(made, denied);
    assert_eq!(called, told);
}

#[test]
fn bodies_and_responses_do_not_enter_the_filter() {
    let Some(lab) = lab() else { return };
    let request = Request::new("POST", "test.com", "/x").body("x".repeat(3_000_000));
    let Exchange { reply, log } = lab.exchange("filter", &Identity::workload(SLEEP), &request);
    assert_eq!((reply.status, log["bytes_received"].as_str()), (200, "3000000"));
    let (mut called, _) = calls(&lab);
    called.retain(|call| !matches!(call.as_str(), "proxy_on_memory_allocate" | "proxy_on_tick"));
    let streams = called.iter().skip_while(|call| *call != "proxy_on_request_headers");
    assert_eq!(
        streams.collect::<Vec<_>>(),
        ["proxy_on_request_headers", "proxy_on_delete"]
    );
}

/// Counts are handed on by the second, not by the request.
#[test]
fn what_is_counted_arrives() {
    let Some(lab) = lab() else { return };
    let mut connection = lab.connect("filter", &Identity::workload(SLEEP));
    for path in ["/x", "/z", "/x", "/z", "/x"] {
        lab.exchange_on(&mut connection, "filter", &Request::new("GET", "test.com", path));
    }
    let started = Instant::now();
    loop {
        let statistics = lab.envoy.statistics("outgate_decisions");
        let count = |verdict: &str| {
            let counters = statistics.iter().filter(|(name, _)| name.contains(verdict));
            counters.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        if (count("verdict.=.allow;"), count("verdict.=.deny;")) == (vec!["3"], vec!["2"]) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{statistics:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
