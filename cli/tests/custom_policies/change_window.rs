//! A change window opens by the real clock.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::envoy::authority::Identity;
use super::envoy::client::Request;
use super::envoy::listener::{self, Listener};
use super::envoy::{Exchange, Lab, prerequisite};
use super::module;

const LISTENER: &str = "change-window";
/// The first of January 1970 was the first of these.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The day of the week that is some days from now.
fn day_in(days: usize) -> &'static str {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let today = usize::try_from(since.as_secs() / 86_400).expect("a number of days");
    DAYS[(today + days) % 7]
}

#[test]
fn a_host_is_open_on_its_days_only() {
    let Some(binary) = prerequisite::envoy() else { return };
    // Whatever the time is, and should midnight pass.
    let whole = |days: &[&str]| json!([{"days": days, "from": "00:00", "to": "24:00"}]);
    let windows = json!({"change-window": {"windows": [
        {"name": "always", "hosts": ["test.com"], "open": whole(&DAYS)},
        {"name": "in-three-days", "hosts": ["later.example"], "open": whole(&[day_in(3)])},
    ]}});
    let filter = listener::wasm(&module::example("change-window"), &module::configuration(&windows));
    let listener = Listener::new(LISTENER, vec![filter])
        .logging("outgate_change_window_open")
        .logging("outgate_change_window_opens");
    let lab = Lab::start(&binary, &[listener]);
    let caller = Identity::workload("cluster.local/ns/ops/sa/admin");

    let Exchange { reply, log } = lab.exchange(LISTENER, &caller, &Request::new("POST", "test.com", "/"));
    assert_eq!(reply.status, 200);
    assert_eq!(log["outgate_change_window_open"], "always");

    let Exchange { reply, log } = lab.exchange(LISTENER, &caller, &Request::new("POST", "later.example", "/"));
    assert_eq!(reply.status, 403);
    let opens = &log["outgate_change_window_opens"];
    assert!(opens.ends_with("T00:00+00:00"), "{opens}");
    assert_eq!(
        reply.body,
        format!("outside of the change window; it opens at {opens}\n")
    );
    assert_eq!(log["outgate_rule"], "extension[change-window]-reason[in-three-days]");
}
