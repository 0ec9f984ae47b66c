//! What is counted, and when the host is told.

use std::time::Duration;

use outgate_test_host::{Host, HostCall, LogLevel, MetricKind, Request, Status};
use serde_json::{Value, json};

use crate::module::{decision, get, module, start};
use crate::policies::{allow_paths, config, deny_from, deny_paths, with};

fn counter(verdict: &str, engine: &str, rule: &str) -> String {
    format!("outgate_decisions_verdict.=.{verdict};.;engine.=.{engine};.;rule.=.{rule};.;")
}

/// Lets the time pass after which the host has been told of all decisions.
fn wait(host: &mut Host) {
    host.advance(Duration::from_secs(1));
}

/// The counters that a host has after a while, with their values, and nothing else.
fn counters(host: &mut Host) -> Vec<(String, u64)> {
    wait(host);
    let metrics = host.metrics().into_iter();
    let counters = metrics.filter(|(_, kind, _)| *kind == MetricKind::Counter);
    counters.map(|(name, _, value)| (name, value)).collect()
}

#[test]
fn decisions_are_counted_by_verdict_engine_and_rule() {
    let Some(module) = module() else { return };
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "a.com", "ports": [80]}]});
    let policies = [deny_paths(&["/x"]), allow_paths(&["/y"])];
    let mut host = start(module, &with(config(&policies), "registry", &registry));
    for path in ["/x", "/x", "/y", "/z", "/y", "/x"] {
        host.request(get(path));
    }
    host.request(Request::get("http://b.com/"));
    let mut expected = vec![
        (counter("deny", "deny", "ns[n]-policy[p0]-rule[0]"), 3),
        (counter("allow", "allow", "ns[n]-policy[p1]-rule[0]"), 2),
        (counter("deny", "allow", "-"), 1),
        (counter("unregistered", "registry", "-"), 1),
    ];
    expected.sort();
    assert_eq!(counters(&mut host), expected);

    let mut host = start(module, &config(&[]));
    host.request(get("/"));
    assert_eq!(counters(&mut host), [(counter("allow", "default", "-"), 1)]);
}

#[test]
fn requests_that_cannot_be_decided_are_counted_by_attribute() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_from(&json!({"principals": ["x"]}))]));
    for _ in 0..3 {
        host.request(get("/").mtls(true));
    }
    assert_eq!(counters(&mut host), [(counter("error", "peer", "-"), 3)]);
}

#[test]
fn the_live_revision_is_a_gauge() {
    let Some(module) = module() else { return };
    let host = start(module, &with(config(&[]), "revision", &json!("4f1d9a0c77b2")));
    let name = "outgate_config_revision.=.4f1d9a0c77b2;.;".to_owned();
    assert_eq!(host.metrics(), [(name, MetricKind::Gauge, 1)]);
}

#[test]
fn a_large_configuration_does_not_have_a_counter_for_each_rule() {
    let Some(module) = module() else { return };
    // A policy has 512 rules at most.
    let policy = |first: usize| {
        let paths = (first..first + 300).map(|number| json!({"paths": [format!("/{number}")]}));
        let rules: Vec<Value> = paths
            .map(|operation| json!({"to": [{"operation": operation}]}))
            .collect();
        json!({"action": "DENY", "rules": rules})
    };
    let mut host = start(module, &config(&[policy(0), policy(300)]));
    for round in 1..=2 {
        for number in 0..600 {
            assert_eq!(host.request(get(&format!("/{number}"))).status(), 403);
        }
        assert_eq!(counters(&mut host).len(), 513, "round {round}");
        assert_eq!(host.metric(&counter("deny", "deny", "other")), Some(88 * round));
        assert_eq!(
            host.metric(&counter("deny", "deny", "ns[n]-policy[p1]-rule[211]")),
            Some(round)
        );
    }
    host.request(get("/600"));
    wait(&mut host);
    assert_eq!(host.metric(&counter("allow", "default", "other")), Some(1));
    let total: u64 = counters(&mut host).iter().map(|(_, value)| value).sum();
    assert_eq!(total, 1201, "nothing is lost");
}

#[test]
fn decisions_are_handed_on_once_a_second() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    let allowed = counter("allow", "default", "-");
    for second in 1..=3 {
        for path in ["/x", "/y", "/y"] {
            assert_eq!(host.request(get(path)).host_calls.of(HostCall::IncrementMetric), 0);
        }
        host.advance(Duration::from_millis(999));
        assert_eq!(host.metric(&allowed), Some(2 * (second - 1)));
        let before = host.host_calls().of(HostCall::IncrementMetric);
        host.advance(Duration::from_millis(1));
        assert_eq!(host.metric(&allowed), Some(2 * second));
        assert_eq!(
            host.host_calls().of(HostCall::IncrementMetric) - before,
            2,
            "one for each counter"
        );
    }
    let before = host.host_calls().total();
    host.advance(Duration::from_secs(60));
    assert_eq!(host.host_calls().total(), before, "who decides nothing says nothing");
}

#[test]
fn a_replaced_configuration_hands_on_what_it_has_counted_and_ticks_no_more() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    host.request(get("/x"));
    let open = host.http_stream(get("/x")).id();
    host.reconfigure(config(&[deny_paths(&["/y"])]).to_string()).unwrap();
    host.stream(open).unwrap().request_headers();
    let denied = counter("deny", "deny", "ns[n]-policy[p0]-rule[0]");
    assert_eq!(host.metric(&denied), Some(0));
    host.stream(open).unwrap().finish();
    assert_eq!(host.metric(&denied), Some(2), "with its last stream");
    host.request(get("/y"));
    wait(&mut host);
    assert_eq!(host.metric(&denied), Some(3));
}

#[test]
fn on_a_host_without_ticks_each_decision_is_handed_on_at_once() {
    let Some(module) = module() else { return };
    let builder = Host::builder(module).configuration(config(&[deny_paths(&["/x"])]).to_string());
    let refusing = builder.fail_host_call(HostCall::SetTickPeriod, Status::Unimplemented);
    let mut host = refusing.start().unwrap();
    for round in 1..=3 {
        host.request(get("/x"));
        let denied = counter("deny", "deny", "ns[n]-policy[p0]-rule[0]");
        assert_eq!(host.metric(&denied), Some(round));
    }
}

#[test]
fn a_host_that_refuses_metrics_does_not_disturb_decisions() {
    let Some(module) = module() else { return };
    for call in [
        HostCall::DefineMetric,
        HostCall::IncrementMetric,
        HostCall::RecordMetric,
    ] {
        let builder = Host::builder(module).configuration(config(&[deny_paths(&["/x"])]).to_string());
        let mut host = builder.fail_host_call(call, Status::InternalFailure).start().unwrap();
        for round in 0..3 {
            let outcome = host.request(get("/x"));
            assert_eq!(decision(&outcome), "deny", "{call}");
            // A counter that cannot be defined is reported once, and not asked for again.
            let said = usize::from(call == HostCall::DefineMetric && round == 0);
            assert_eq!(outcome.logs_from(LogLevel::Warn).count(), said, "{call}: {outcome}");
            assert_eq!(decision(&host.request(get("/y"))), "allow", "{call}");
            wait(&mut host);
        }
        let said = host.logs().iter().filter(|line| line.level == LogLevel::Warn).count();
        assert_eq!(said, usize::from(call != HostCall::IncrementMetric), "{call}");
    }
}
