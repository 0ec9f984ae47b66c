//! The policy without a proxy.

use std::time::Duration;

use outgate_filter::custom_policy::DecidedBy;
use outgate_filter::custom_policy::prelude::*;
use outgate_filter::custom_policy::testing::{Call, Policy, Proxy, Trouble};

use crate::Budget;

fn install<'p>(proxy: &'p Proxy, mode: &str, limit: &str) -> Policy<'p> {
    let limit = format!(r#"{{"name": "a", "hosts": ["*.a.com"], "window": "1m", {limit}}}"#);
    let config = format!(r#"{{"mode": "{mode}", "limits": [{limit}]}}"#);
    proxy
        .install::<Budget>(&config)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn call() -> Call {
    Call::get("https://api.a.com/").principal("td/ns/shop/sa/cart")
}

fn spent(reason: &str, retry_after: &str) -> Result<Answer, Trouble> {
    let denied = Deny::new(reason).status(429).header("retry-after", retry_after);
    Ok(denied.body("the budget for this host is spent\n").into())
}

#[test]
fn requests_are_counted_for_each_caller_and_window() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "enforce", r#""requests": 2"#);
    proxy.set_time(Duration::from_secs(90));
    for left in ["requests=1", "requests=0"] {
        let call = call();
        assert_eq!(policy.check(&call), Ok(Answer::Abstain));
        assert_eq!(call.log_field("outgate_budget_left").as_deref(), Some(left));
    }
    assert_eq!(policy.check(&call()), spent("a:requests", "30"));
    let other = Call::get("https://api.a.com/").principal("td/ns/shop/sa/other");
    assert_eq!(policy.check(&other), Ok(Answer::Abstain), "another caller");
    let elsewhere = Call::get("https://b.com/").principal("td/ns/shop/sa/cart");
    assert_eq!(policy.check(&elsewhere), Ok(Answer::Abstain), "another host");

    proxy.set_time(Duration::from_secs(119));
    assert_eq!(policy.check(&call()), spent("a:requests", "1"));
    proxy.set_time(Duration::from_secs(120));
    assert_eq!(policy.check(&call()), Ok(Answer::Abstain), "the next window");
}

#[test]
fn a_port_and_capital_letters_are_no_way_round() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "enforce", r#""requests": 1"#);
    assert_eq!(policy.check(&call()), Ok(Answer::Abstain));
    for url in [
        "https://API.A.COM/",
        "https://api.a.com:8443/",
        "https://api.a.com./",
        "https://www.a.com/",
    ] {
        let call = Call::get(url).principal("td/ns/shop/sa/cart");
        assert_eq!(policy.check(&call), spent("a:requests", "60"), "{url}");
    }
}

#[test]
fn bytes_are_known_at_the_end_and_stop_the_next_request() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "enforce", r#""bytes": 1000"#);
    let first = call();
    assert_eq!(policy.check(&first), Ok(Answer::Abstain));
    policy.ended(&first, 200, 300, 699);
    let second = call();
    assert_eq!(policy.check(&second), Ok(Answer::Abstain));
    assert_eq!(second.log_field("outgate_budget_left").as_deref(), Some("bytes=1"));
    policy.ended(&second, 200, 1, 0);
    assert_eq!(policy.check(&call()), spent("a:bytes", "60"));
    assert_eq!(proxy.count("budget", "bytes:a"), 1000);

    // Bytes that move over the end of a window are spent in the one in which they end.
    let long = Call::get("https://api.a.com/").principal("td/ns/shop/sa/long");
    assert_eq!(policy.check(&long), Ok(Answer::Abstain));
    proxy.set_time(Duration::from_secs(60));
    policy.ended(&long, 200, 0, 2000);
    let next = Call::get("https://api.a.com/").principal("td/ns/shop/sa/long");
    assert_eq!(policy.check(&next), spent("a:bytes", "60"));
}

#[test]
fn what_is_stopped_spends_nothing() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "enforce", r#""requests": 1, "bytes": 1"#);
    for _ in 0..3 {
        let stopped = call().decided(Verdict::Deny, DecidedBy::Deny);
        assert_eq!(policy.check(&stopped), Ok(Answer::Abstain));
        policy.stopped(&stopped);
    }
    assert_eq!(proxy.shared_keys(), 0);
    // One that a later policy stops has been counted, but its bytes are not.
    let later = call();
    assert_eq!(policy.check(&later), Ok(Answer::Abstain));
    policy.stopped(&later);
    assert_eq!(policy.check(&call()), spent("a:requests", "60"));
}

#[test]
fn reporting_stops_nothing_and_goes_on_counting() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "report", r#""requests": 1"#);
    for (over, left) in [(None, "requests=0"), (Some("a:requests"), "requests=0")] {
        let call = call();
        assert_eq!(policy.check(&call), Ok(Answer::Abstain));
        assert_eq!(call.log_field("outgate_budget_over").as_deref(), over);
        assert_eq!(call.log_field("outgate_budget_left").as_deref(), Some(left));
    }
    assert_eq!(proxy.count("budget", "over:a:requests"), 1);
}

#[test]
fn without_shared_data_nothing_is_let_through_that_has_a_limit() {
    let proxy = Proxy::new();
    let (enforcing, reporting) = (
        install(&proxy, "enforce", r#""requests": 9"#),
        install(&proxy, "report", r#""requests": 9"#),
    );
    proxy.refuse_shared_data(true);
    let unknown = Deny::new("a:unknown").status(503).header("retry-after", "1");
    assert_eq!(enforcing.check(&call()), Ok(unknown.into()));
    assert_eq!(enforcing.check(&Call::get("https://b.com/")), Ok(Answer::Abstain));
    assert_eq!(reporting.check(&call()), Ok(Answer::Abstain));
    assert!(proxy.log().iter().all(|(level, _)| *level == LogLevel::Error));
    assert_eq!(proxy.log().len(), 2);
}

#[test]
fn the_first_limit_counts_and_may_name_callers() {
    let proxy = Proxy::new();
    let config = r#"{"mode": "enforce", "limits": [
        {"name": "cart", "hosts": ["api.a.com"], "principals": ["td/ns/shop/sa/cart"], "window": "1h", "requests": 2},
        {"name": "rest", "hosts": ["*"], "window": "1h", "requests": 1}]}"#;
    let policy = proxy
        .install::<Budget>(config)
        .unwrap_or_else(|error| panic!("{error}"));
    let nobody = || Call::get("https://api.a.com/");
    assert_eq!(policy.check(&nobody()), Ok(Answer::Abstain));
    assert_eq!(
        policy.check(&nobody()),
        spent("rest:requests", "3600"),
        "all without a certificate are one"
    );
    assert_eq!(policy.check(&call()), Ok(Answer::Abstain));
    assert_eq!(policy.check(&call()), Ok(Answer::Abstain));
    assert_eq!(policy.check(&call()), spent("cart:requests", "3600"));
}

#[test]
fn callers_without_end_do_not_fill_the_proxys_memory() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "enforce", r#""requests": 1000"#);
    for number in 0..20_000 {
        let call = Call::get("https://api.a.com/").principal(&format!("td/ns/{number}/sa/a"));
        assert_eq!(policy.check(&call), Ok(Answer::Abstain));
    }
    assert_eq!(proxy.shared_keys(), 64);
}

#[test]
fn what_makes_no_sense_is_refused_by_its_path() {
    let proxy = Proxy::new();
    let limit = r#""name": "a", "hosts": ["*"], "window": "1m""#;
    for (config, expected) in [
        (r#"{"limits": []}"#.to_owned(), "missing field `mode`"),
        (
            r#"{"mode": "report", "limits": []}"#.to_owned(),
            "extensions.budget.limits: there is none",
        ),
        (
            r#"{"mode": "off", "limits": []}"#.to_owned(),
            "extensions.budget.mode: unknown variant `off`",
        ),
        (
            format!(r#"{{"mode": "report", "limits": [{{{limit}}}]}}"#),
            "extensions.budget.limits[0].requests: neither",
        ),
        (
            format!(r#"{{"mode": "report", "limits": [{{{limit}, "requests": 1}}, {{{limit}, "requests": 2}}]}}"#),
            "extensions.budget.limits[1].name: another",
        ),
        (
            format!(r#"{{"mode": "report", "limits": [{{{limit}, "requests": -1}}]}}"#),
            "extensions.budget.limits[0].requests: expected u64, not -1",
        ),
        (
            format!(r#"{{"mode": "report", "limits": [{{{limit}, "requestz": 1}}]}}"#),
            "extensions.budget.limits[0].requestz: unknown field, expected one of `name`, `hosts`",
        ),
    ] {
        let error = proxy.install::<Budget>(&config).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    for window in ["", "m", "0s", "1", "-1s", "1w", "1.5h", "99999999999s", "1 m"] {
        let config = format!(
            r#"{{"mode": "report", "limits": [{{"name": "a", "hosts": ["*"], "window": "{window}", "requests": 1}}]}}"#
        );
        let error = proxy.install::<Budget>(&config).expect_err("it is refused").to_string();
        assert!(
            error.contains("limits[0].window: expected a window such as 30s"),
            "{window}: {error}"
        );
    }
}
