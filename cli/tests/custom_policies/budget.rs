//! Budgets are spent once, whichever worker a connection comes to.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::envoy::authority::Identity;
use super::envoy::client::Request;
use super::envoy::listener::{self, Listener};
use super::envoy::{Exchange, Lab, prerequisite};
use super::module;

const CART: &str = "cluster.local/ns/shop/sa/cart";
const OTHER: &str = "cluster.local/ns/shop/sa/other";
const LISTENER: &str = "budget";
/// The end of a request, at which its bytes are counted, may be told after it is logged.
const PATIENCE: Duration = Duration::from_secs(10);

fn lab(binary: &Path, limit: &Value) -> Lab {
    let budget = json!({"budget": {"mode": "enforce", "limits": [limit]}});
    let filter = listener::wasm(&module::example("budget"), &module::configuration(&budget));
    let listener = Listener::new(LISTENER, vec![filter]).logging("outgate_budget_left");
    Lab::start_with_workers(binary, &[listener], 2)
}

#[test]
fn workers_spend_one_budget() {
    let Some(binary) = prerequisite::envoy() else { return };
    // So long that none ends during the test.
    let lab = lab(
        &binary,
        &json!({"name": "all", "hosts": ["*"], "window": "7d", "requests": 20}),
    );
    let cart = Identity::workload(CART);
    let request = Request::new("GET", "test.com", "/");
    let statuses: Vec<u16> = thread::scope(|scope| {
        // Each request on a connection of its own, which the kernel gives to one worker or the other.
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let exchange = |_| lab.exchange(LISTENER, &cart, &request).reply.status;
                    (0..10).map(exchange).collect::<Vec<u16>>()
                })
            })
            .collect();
        let statuses = clients.into_iter().map(|client| client.join().expect("a client"));
        statuses.flatten().collect()
    });
    let count = |status| statuses.iter().filter(|known| **known == status).count();
    assert_eq!((count(200), count(429)), (20, 20), "{statuses:?}");
    let of_workers = lab.envoy.statistics("worker_[01].downstream_cx_total");
    let of_workers = of_workers.iter().filter(|(name, _)| !name.contains("admin"));
    assert_eq!(
        of_workers.filter(|(_, count)| *count != "0").count(),
        2,
        "both had some"
    );

    let Exchange { reply, log } = lab.exchange(LISTENER, &cart, &request);
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (429, "the budget for this host is spent\n")
    );
    assert_eq!(log["outgate_decision"], "deny");
    assert_eq!(log["outgate_rule"], "extension[budget]-reason[all:requests]");
    assert_eq!(log["outgate_principal"], CART);
    assert_eq!(log["outgate_budget_left"], "requests=0");

    let Exchange { reply, log } = lab.exchange(LISTENER, &Identity::workload(OTHER), &request);
    assert_eq!(reply.status, 200);
    assert_eq!(log["outgate_budget_left"], "requests=19");
}

#[test]
fn bytes_are_those_that_envoy_counts() {
    let Some(binary) = prerequisite::envoy() else { return };
    let lab = lab(
        &binary,
        &json!({"name": "all", "hosts": ["test.com"], "window": "7d", "bytes": 1}),
    );
    let cart = Identity::workload(CART);
    let request = Request::new("GET", "test.com", "/");
    assert_eq!(lab.exchange(LISTENER, &cart, &request).reply.status, 200);
    let started = Instant::now();
    let log = loop {
        let Exchange { reply, log } = lab.exchange(LISTENER, &cart, &request);
        if reply.status == 429 {
            break log;
        }
        assert!(started.elapsed() < PATIENCE, "no bytes are counted: {log:?}");
    };
    assert_eq!(log["outgate_rule"], "extension[budget]-reason[all:bytes]");
    let other = Request::new("GET", "other.example", "/");
    let Exchange { reply, log } = lab.exchange(LISTENER, &cart, &other);
    assert_eq!((reply.status, log["outgate_budget_left"].as_str()), (200, "-"));
}
