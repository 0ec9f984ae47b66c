//! The policy without a proxy, and with a clock of the tests' own.

use std::time::Duration;

use outgate_filter::custom_policy::prelude::*;
use outgate_filter::custom_policy::testing::{Call, Policy, Proxy, Trouble};

use crate::ChangeWindow;
use crate::calendar::{DAY, Day, minutes};

fn install<'p>(proxy: &'p Proxy, window: &str) -> Policy<'p> {
    let config = format!(r#"{{"windows": [{{"name": "changes", "hosts": ["admin.example"], {window}}}]}}"#);
    let installed = proxy.install::<ChangeWindow>(&config);
    installed.unwrap_or_else(|error| panic!("{error}"))
}

/// Some time in UTC: `2026-01-05 22:00`.
fn utc(written: &str) -> Duration {
    let (day, time) = written.split_once(' ').expect("a day and a time");
    let day: Day = day.parse().expect("a day");
    let seconds = day.0 * DAY + minutes(time).expect("a time") * 60;
    Duration::from_secs(seconds.try_into().expect("after 1970"))
}

fn call() -> Call {
    Call::get("https://admin.example/change")
}

fn closed(opens: Option<&str>) -> Result<Answer, Trouble> {
    let body = match opens {
        Some(opens) => format!("outside of the change window; it opens at {opens}\n"),
        None => "outside of the change window\n".to_owned(),
    };
    Ok(Deny::new("changes").body(body).into())
}

#[test]
fn it_is_open_from_the_first_second_to_the_last() {
    let proxy = Proxy::new();
    let policy = install(&proxy, r#""open": [{"days": ["Mon"], "from": "09:00", "to": "17:30"}]"#);
    // The fifth of January 2026 is a Monday.
    let begin = utc("2026-01-05 09:00");
    let end = utc("2026-01-05 17:30");
    let second = Duration::from_secs(1);
    for (time, expected) in [
        (begin - second, closed(Some("2026-01-05T09:00+00:00"))),
        (begin, Ok(Answer::Abstain)),
        (end - Duration::from_nanos(1), Ok(Answer::Abstain)),
        (end, closed(Some("2026-01-12T09:00+00:00"))),
        (begin + second * 86_400, closed(Some("2026-01-12T09:00+00:00"))),
    ] {
        proxy.set_time(time);
        assert_eq!(policy.check(&call()), expected, "{time:?}");
    }
}

#[test]
fn nights_belong_to_the_day_on_which_they_begin() {
    let proxy = Proxy::new();
    let policy = install(
        &proxy,
        r#""open": [{"days": ["Mon", "Thu"], "from": "22:00", "to": "04:00"}]"#,
    );
    for (time, opens) in [
        ("2026-01-05 21:59", Some("2026-01-05T22:00+00:00")),
        ("2026-01-05 22:00", None),
        ("2026-01-06 00:00", None),
        ("2026-01-06 03:59", None),
        ("2026-01-06 04:00", Some("2026-01-08T22:00+00:00")),
        ("2026-01-06 22:00", Some("2026-01-08T22:00+00:00")),
        ("2026-01-05 03:00", Some("2026-01-05T22:00+00:00")),
    ] {
        proxy.set_time(utc(time));
        let expected = opens.map_or(Ok(Answer::Abstain), |opens| closed(Some(opens)));
        assert_eq!(policy.check(&call()), expected, "{time}");
    }
}

#[test]
fn the_clock_on_the_wall_counts() {
    let proxy = Proxy::new();
    for (offset, time, is_open) in [
        ("+02:00", "2026-01-05 07:00", true),
        ("+02:00", "2026-01-05 06:59", false),
        ("-05:30", "2026-01-05 14:30", true),
        ("-05:30", "2026-01-05 14:29", false),
        // It is Monday there already, or still.
        ("+14:00", "2026-01-04 19:00", true),
        ("-12:00", "2026-01-06 04:59", true),
        ("-12:00", "2026-01-06 05:00", false),
    ] {
        let window =
            format!(r#""utcOffset": "{offset}", "open": [{{"days": ["Mon"], "from": "09:00", "to": "17:00"}}]"#);
        let policy = install(&proxy, &window);
        proxy.set_time(utc(time));
        assert_eq!(policy.check(&call()) == Ok(Answer::Abstain), is_open, "{offset} {time}");
    }
    let policy = install(
        &proxy,
        r#""utcOffset": "-05:30", "open": [{"days": ["Mon"], "from": "09:00", "to": "17:00"}]"#,
    );
    proxy.set_time(utc("2026-01-05 14:29"));
    let call = call();
    assert_eq!(policy.check(&call), closed(Some("2026-01-05T09:00-05:30")));
    assert_eq!(
        call.log_field("outgate_change_window_opens").as_deref(),
        Some("2026-01-05T09:00-05:30")
    );
}

#[test]
fn excepted_days_are_closed_from_midnight_to_midnight() {
    let proxy = Proxy::new();
    let policy = install(
        &proxy,
        r#""open": [{"days": ["Mon", "Tue", "Wed"], "from": "22:00", "to": "04:00"}], "except": ["2026-01-06"]"#,
    );
    for (time, opens) in [
        ("2026-01-05 23:59", None),
        // What began on Monday ends at midnight.
        ("2026-01-06 00:00", Some("2026-01-07T22:00+00:00")),
        ("2026-01-06 23:00", Some("2026-01-07T00:00+00:00")),
        // What would have begun on Tuesday goes on when Tuesday is over.
        ("2026-01-07 00:00", None),
        ("2026-01-07 04:00", Some("2026-01-07T22:00+00:00")),
    ] {
        proxy.set_time(utc(time));
        let is_open = policy.check(&call()) == Ok(Answer::Abstain);
        assert_eq!(is_open, opens.is_none(), "{time}");
    }
}

#[test]
fn a_window_that_never_opens_says_no_time() {
    let proxy = Proxy::new();
    let policy = install(&proxy, r#""open": []"#);
    assert_eq!(policy.check(&call()), closed(None));
    proxy.set_time(Duration::from_nanos(u64::MAX));
    assert_eq!(policy.check(&call()), closed(None));
}

#[test]
fn whole_days_leave_no_gap() {
    let proxy = Proxy::new();
    let all = r#"["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]"#;
    let policy = install(
        &proxy,
        &format!(r#""open": [{{"days": {all}, "from": "00:00", "to": "24:00"}}]"#),
    );
    for minute in 0..3 * 24 * 60 {
        proxy.set_time(utc("2026-02-27 00:00") + Duration::from_secs(60 * minute));
        assert_eq!(policy.check(&call()), Ok(Answer::Abstain), "{minute}");
    }
}

#[test]
fn other_hosts_are_always_open_and_other_callers_have_their_own_window() {
    let proxy = Proxy::new();
    proxy.set_time(utc("2026-01-05 12:00"));
    let config = r#"{"windows": [
        {"name": "ops", "hosts": ["admin.example"], "principals": ["td/ns/ops/*"],
         "open": [{"days": ["Mon"], "from": "00:00", "to": "24:00"}]},
        {"name": "rest", "hosts": ["*.example"], "open": []}]}"#;
    let policy = proxy
        .install::<ChangeWindow>(config)
        .unwrap_or_else(|error| panic!("{error}"));
    let ops = call().principal("td/ns/ops/sa/bot");
    assert_eq!(policy.check(&ops), Ok(Answer::Abstain));
    assert_eq!(ops.log_field("outgate_change_window_open").as_deref(), Some("ops"));
    for (call, expected) in [
        (call().principal("td/ns/shop/sa/cart"), Some("rest")),
        (call(), Some("rest")),
        (Call::get("https://ADMIN.example:8443/"), Some("rest")),
        (Call::get("https://example/"), None),
        (Call::get("https://other.test/"), None),
    ] {
        let denied = expected.map(|name| Deny::new(name).body("outside of the change window\n").into());
        assert_eq!(policy.check(&call), Ok(denied.unwrap_or(Answer::Abstain)), "{call:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_its_path() {
    let proxy = Proxy::new();
    for (window, expected) in [
        (
            r#""open": [{"days": ["Monday"], "from": "0", "to": "0"}]"#,
            "windows[0].open[0].days[0]: unknown variant `Monday`",
        ),
        (
            r#""open": [{"days": [], "from": "00:00", "to": "01:00"}]"#,
            "windows[0].open[0].days: there is none",
        ),
        (
            r#""open": [{"days": ["Mon"], "from": "9:00", "to": "10:00"}]"#,
            "windows[0].open[0].from: expected a time",
        ),
        (
            r#""open": [{"days": ["Mon"], "from": "09:00", "to": "24:30"}]"#,
            "windows[0].open[0].to: expected a time",
        ),
        (
            r#""open": [{"days": ["Mon"], "from": "24:00", "to": "01:00"}]"#,
            "windows[0].open[0].from: a day begins",
        ),
        (
            r#""open": [], "utcOffset": "02:00""#,
            "windows[0].utcOffset: expected an offset",
        ),
        (
            r#""open": [], "utcOffset": "+15:00""#,
            "windows[0].utcOffset: expected an offset",
        ),
        (
            r#""open": [], "utcOffset": "é""#,
            "windows[0].utcOffset: expected an offset",
        ),
        (
            r#""open": [], "except": ["2026-02-30"]"#,
            "windows[0].except[0]: expected a day",
        ),
        (
            r#""open": [], "timezone": "CET""#,
            "windows[0].timezone: unknown field, expected one of `name`",
        ),
        (r#""name": """#, "duplicate field `name`"),
        (r#""opened": []"#, "windows[0].opened: unknown field"),
    ] {
        let config = format!(r#"{{"windows": [{{"name": "a", "hosts": ["*"], {window}}}]}}"#);
        let error = proxy
            .install::<ChangeWindow>(&config)
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains(expected), "{window}: {error}");
    }
}
