//! The module that a gateway would load: budgets beside Outgate's authorization.

use std::time::Duration;

use outgate_filter::custom_policy::testing::certificate;
use outgate_test_host::{
    Host, HostBuilder, HostCall, LogLevel, Module, Outcome, Property, Request, Response, Status, filter_under_test,
};
use serde_json::{Value, json};

/// The second half of a minute.
const CLOCK: u64 = 90_000_000_000;

fn module() -> Module {
    filter_under_test!()
}

/// `/denied` is denied; `partner.example` has this budget.
fn builder(mode: &str, limit: &Value) -> HostBuilder {
    let mut whole = json!({"name": "partners", "hosts": ["*.partner.example"], "window": "1m"});
    for (name, value) in limit.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    configured(&json!({"budget": {"mode": mode, "limits": [whole]}}))
}

fn configured(extensions: &Value) -> HostBuilder {
    let deny = json!({"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/denied"]}}]}]});
    let configuration = json!({
        "apiVersion": "outgate/v1",
        "revision": "r1",
        "policies": [{"metadata": {"namespace": "n", "name": "p"}, "spec": deny}],
        "extensions": extensions,
    });
    Host::builder(&module())
        .configuration(configuration.to_string())
        .clock(CLOCK)
}

fn start(builder: HostBuilder) -> Host {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn call(account: &str) -> Request {
    Request::get("https://api.partner.example/orders")
        .mtls(true)
        .peer_certificate_pem(&certificate(&format!("td/ns/shop/sa/{account}")))
}

fn logged(outcome: &Outcome, name: &str) -> Option<String> {
    outcome.filter_state(&format!("wasm.outgate_{name}"))
}

fn count(host: &mut Host, event: &str) -> Option<u64> {
    host.advance(Duration::from_secs(1));
    host.metric(&format!("outgate_events_policy.=.budget;.;event.=.{event};.;"))
}

#[test]
fn a_spent_budget_is_429_until_the_window_ends() {
    let mut host = start(builder("enforce", &json!({"requests": 2})));
    for left in ["requests=1", "requests=0"] {
        let outcome = host.request(call("cart"));
        outcome
            .assert()
            .forwarded()
            .filter_state("wasm.outgate_budget_left", left);
    }
    let outcome = host.request(call("cart"));
    outcome
        .assert()
        .denied(429)
        .header("retry-after", "30")
        .body("the budget for this host is spent\n")
        .details("rbac_access_denied_matched_policy[extension[budget]-reason[partners:requests]]")
        .filter_state("wasm.outgate_decision", "deny")
        .filter_state("wasm.outgate_rule", "extension[budget]-reason[partners:requests]")
        .filter_state("wasm.outgate_principal", "td/ns/shop/sa/cart");
    host.request(call("other")).assert().forwarded();

    host.advance(Duration::from_millis(29_999));
    host.request(call("cart"))
        .assert()
        .denied(429)
        .header("retry-after", "1");
    host.advance(Duration::from_millis(1));
    host.request(call("cart")).assert().forwarded();
}

#[test]
fn bytes_are_those_that_the_proxy_counts_at_the_end() {
    let mut host = start(builder("enforce", &json!({"bytes": 1000})));
    let sized = |request: i64, response: i64| {
        call("cart")
            .property(["request", "total_size"], request)
            .property(["response", "total_size"], response)
    };
    let outcome = host.exchange(sized(400, 500), Response::new(200).body("x"));
    outcome
        .assert()
        .forwarded()
        .filter_state("wasm.outgate_budget_left", "bytes=1000");
    host.request(sized(99, 1))
        .assert()
        .filter_state("wasm.outgate_budget_left", "bytes=100");
    host.request(sized(1, 1))
        .assert()
        .denied(429)
        .filter_state("wasm.outgate_rule", "extension[budget]-reason[partners:bytes]");
    assert_eq!(count(&mut host, "bytes:partners"), Some(1000));
    host.advance(Duration::from_secs(30));
    host.request(sized(1, 1)).assert().forwarded();
}

#[test]
fn workers_spend_one_budget() {
    let mut host = start(builder("enforce", &json!({"requests": 30})).workers(3));
    for number in 0..30 {
        host.worker(number % 3).request(call("cart")).assert().forwarded();
    }
    for worker in 0..3 {
        host.worker(worker).request(call("cart")).assert().denied(429);
    }
}

#[test]
fn a_new_configuration_does_not_forget_what_was_spent() {
    let mut host = start(builder("enforce", &json!({"requests": 1})));
    host.request(call("cart")).assert().forwarded();
    let larger = json!({"apiVersion": "outgate/v1", "revision": "r2", "extensions": {"budget": {"mode": "enforce", "limits": [
        {"name": "partners", "hosts": ["*.partner.example"], "window": "1m", "requests": 2}]}}});
    host.reconfigure(larger.to_string())
        .unwrap_or_else(|error| panic!("{error}"));
    host.request(call("cart"))
        .assert()
        .forwarded()
        .filter_state("wasm.outgate_budget_left", "requests=0");
    host.request(call("cart")).assert().denied(429);
}

#[test]
fn reporting_tells_who_is_over() {
    let mut host = start(builder("report", &json!({"requests": 1})));
    host.request(call("cart"))
        .assert()
        .forwarded()
        .no_filter_state("wasm.outgate_budget_over");
    let outcome = host.request(call("cart"));
    outcome
        .assert()
        .forwarded()
        .filter_state("wasm.outgate_budget_over", "partners:requests");
    assert_eq!(count(&mut host, "over:partners:requests"), Some(1));
}

#[test]
fn denied_requests_spend_nothing() {
    let mut host = start(builder("enforce", &json!({"requests": 1})));
    let denied = call("cart").set_header(":path", "/denied");
    for _ in 0..3 {
        let outcome = host.request(denied.clone());
        outcome.assert().denied(403);
        assert_eq!(logged(&outcome, "rule").as_deref(), Some("ns[n]-policy[p]-rule[0]"));
    }
    host.request(call("cart")).assert().forwarded();
}

#[test]
fn without_shared_data_the_limited_host_is_closed_and_others_are_not() {
    let mut host = start(builder("enforce", &json!({"requests": 9})));
    host.fail_host_call(HostCall::GetSharedData, Status::InternalFailure);
    let outcome = host.request(call("cart"));
    outcome
        .assert()
        .denied(503)
        .log(LogLevel::Error, "budget: partners: the proxy refuses the shared data");
    host.request(Request::get("https://b.com/")).assert().forwarded();
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    for (extensions, expected) in [
        (json!({}), "extensions.budget is missing"),
        (
            json!({"budget": {"mode": "enforce", "limits": [{"name": "a", "hosts": ["*"], "window": "1m", "request": 1}]}}),
            "extensions.budget.limits[0].request: unknown field, expected one of",
        ),
        (
            json!({"budget": {"mode": "enforce", "limits": [{"name": "a", "hosts": ["*"], "window": 60, "requests": 1}]}}),
            "extensions.budget.limits[0].window: expected a string, not 60",
        ),
    ] {
        let error = configured(&extensions).start().expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn it_costs_two_calls_of_the_proxy_and_little_besides() {
    let mut host = start(builder("enforce", &json!({"requests": 1_000_000})));
    // Of a connection whose caller is known.
    let call = |url: &str| {
        let call = call("cart").set_header(":authority", url);
        call.property(["connection", "id"], Property::Uint(7))
    };
    let (limited, other) = (call("api.partner.example"), call("other.example"));
    host.request(limited.clone());
    let other = host.request(other);
    let limited = host.request(limited);
    for call in [HostCall::GetSharedData, HostCall::SetSharedData] {
        assert_eq!(
            (limited.host_calls.of(call), other.host_calls.of(call)),
            (1, 0),
            "{call:?}"
        );
    }
    limited.assert().strict();
    let instructions = limited.total_fuel() - other.total_fuel();
    println!(
        "{instructions} instructions more than the {} of another host",
        other.total_fuel()
    );
    assert!(instructions < 20_000, "{instructions}");
}
