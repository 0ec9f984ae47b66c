//! What one worker has seen is not new to another.

use serde_json::json;

use super::envoy::authority::Identity;
use super::envoy::client::Request;
use super::envoy::listener::{self, Listener};
use super::envoy::{Exchange, Lab, prerequisite};
use super::module;

const CART: &str = "cluster.local/ns/shop/sa/cart";
const OTHER: &str = "cluster.local/ns/shop/sa/other";
const NEW: &str = "outgate_first_contact_new";

#[test]
fn only_the_first_contact_is_flagged_and_only_what_is_approved_goes_out() {
    let Some(binary) = prerequisite::envoy() else { return };
    let approved = json!([{"principals": [CART], "hosts": ["approved.example"]}]);
    let module = module::example("first-contact");
    let listeners = ["flag", "deny"].map(|mode| {
        let extensions = json!({"first-contact": {"mode": mode, "approved": approved}});
        let filter = listener::wasm(&module, &module::configuration(&extensions));
        Listener::new(mode, vec![filter]).logging(NEW)
    });
    let lab = Lab::start_with_workers(&binary, &listeners, 2);
    let is_flagged = |principal: &str, host: &'static str| {
        let request = Request::new("GET", host, "/");
        let Exchange { reply, log } = lab.exchange("flag", &Identity::workload(principal), &request);
        assert_eq!(reply.status, 200);
        match log[NEW].as_str() {
            "yes" => true,
            "-" => false,
            other => panic!("{other}"),
        }
    };
    assert!(is_flagged(CART, "test.com"));
    for _ in 0..10 {
        assert!(!is_flagged(CART, "test.com"), "on a connection to either worker");
    }
    assert!(is_flagged(OTHER, "test.com"));
    assert!(!is_flagged(CART, "approved.example"));

    for (host, status, rule) in [
        ("approved.example", 200, "-"),
        ("test.com", 403, "extension[first-contact]-reason[not-approved]"),
    ] {
        let request = Request::new("GET", host, "/");
        let Exchange { reply, log } = lab.exchange("deny", &Identity::workload(CART), &request);
        assert_eq!((reply.status, log["outgate_rule"].as_str()), (status, rule), "{host}");
    }
}
