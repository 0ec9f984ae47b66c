//! Canonical matching in a real Envoy: spellings that walk round native authorization do not walk round the filter, and what goes
//! upstream is what the client wrote.

use serde_json::json;

use crate::envoy::authority::Identity;
use crate::envoy::client::Request;
use crate::envoy::listener::{self, Listener};
use crate::envoy::rendered::{self, TEST_RULE};
use crate::envoy::{Exchange, Lab, prerequisite};
use crate::{NOTSLEEP, SLEEP};

const DENIED: u16 = 403;
const PASSES: u16 = 200;

/// The walkthrough's policy, to be matched in one of the ways.
fn configuration(mesh: &serde_json::Value) -> String {
    json!({
        "apiVersion": "outgate/v1",
        "revision": "canonical",
        "mesh": mesh,
        "policies": [{
            "metadata": {"namespace": "istio-system", "name": "test"},
            "spec": {"action": "DENY", "rules": [{
                "from": [{"source": {"principals": [SLEEP]}}],
                "to": [{"operation": {"hosts": ["test.com"], "paths": ["/headers"]}}],
            }]},
        }],
    })
    .to_string()
}

fn lab() -> Option<Lab> {
    let (binary, module) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
    let filter = |name, mesh| Listener::new(name, vec![listener::wasm(&module, &configuration(&mesh))]);
    let listeners = [
        Listener::new("native", vec![listener::native_rbac(&rendered::test_policy())]),
        filter("istio", json!({})),
        filter("canonical", json!({"matching": "canonical"})),
        filter("deny", json!({"matching": "canonical", "onAmbiguous": "deny"})),
        filter("400", json!({"matching": "canonical", "onAmbiguous": "400"})),
    ];
    Some(Lab::start(&binary, &listeners))
}

struct Row {
    host: &'static str,
    path: &'static str,
    /// With native authorization, and with `matching: istio`.
    native: u16,
    canonical: u16,
    ambiguous: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    let row = |host, path, native, canonical, ambiguous| Row {
        host,
        path,
        native,
        canonical,
        ambiguous,
    };
    vec![
        row("test.com", "/headers", DENIED, DENIED, None),
        row("test.com", "/ip", PASSES, PASSES, None),
        row("test.com:80", "/headers", PASSES, DENIED, None),
        row("test.com.", "/headers", PASSES, DENIED, Some("host")),
        row("TEST.com.:80", "/headers", PASSES, DENIED, Some("host")),
        row("t%65st.com", "/headers", PASSES, DENIED, Some("host")),
        row("test.com", "//headers", PASSES, DENIED, Some("path")),
        row("test.com", "/%2Fheaders", PASSES, DENIED, Some("path")),
        row("test.com", "/x/..%2fheaders", PASSES, DENIED, Some("path")),
        row("test.com", "/x/..%5Cheaders", PASSES, DENIED, Some("path")),
        // No server that decodes once reads this as the policy's path; those that decode twice are why it is ambiguous.
        row("test.com", "/%252Fheaders", PASSES, PASSES, Some("path")),
        row("test.com", "//ip?a=//headers", PASSES, PASSES, Some("path")),
        row("test.com", "/ip?a=//headers", PASSES, PASSES, None),
    ]
}

#[test]
fn spellings_do_not_walk_round_a_policy_and_go_upstream_as_they_are() {
    let Some(lab) = lab() else { return };
    let sleep = Identity::workload(SLEEP);
    for row in rows() {
        let request = Request::new("GET", row.host, row.path);
        let strict = |status| if row.ambiguous.is_some() { status } else { row.canonical };
        let ways = [
            ("native", row.native),
            ("istio", row.native),
            ("canonical", row.canonical),
            ("deny", strict(403)),
            ("400", strict(400)),
        ];
        for (listener, status) in ways {
            let name = format!("{} {} by {listener}", row.host, row.path);
            let Exchange { reply, log } = lab.exchange(listener, &sleep, &request);
            assert_eq!(reply.status, status, "{name}");
            assert_eq!(log["authority_for"], row.host, "{name}");
            let upstream: &[String] = if status == PASSES {
                &[format!("GET {}", row.path)]
            } else {
                &[]
            };
            assert_eq!(lab.upstream.take_seen(), upstream, "{name}");
            if matches!(listener, "deny" | "400") && row.ambiguous.is_some() {
                let rule = format!("ambiguous[{}]", row.ambiguous.unwrap_or_default());
                assert_eq!(log["outgate_rule"], rule, "{name}");
            } else if listener != "native" && status == DENIED {
                assert_eq!(log["outgate_rule"], TEST_RULE, "{name}");
            }
        }
    }
}

#[test]
fn the_log_says_what_the_decision_would_have_been_as_the_request_is_spelled() {
    let Some(lab) = lab() else { return };
    let sleep = Identity::workload(SLEEP);
    for (host, path, literal) in [
        ("test.com", "/headers", "-"),
        ("test.com:80", "/headers", "allow:-"),
        ("test.com", "//headers", "allow:-"),
        ("test.com", "//ip", "-"),
    ] {
        let Exchange { log, .. } = lab.exchange("canonical", &sleep, &Request::new("GET", host, path));
        assert_eq!(log["outgate_literal"], literal, "{host}{path}: {log:?}");
    }
}

/// A policy is walked round by nobody whom it does not name, whatever they write.
#[test]
fn who_is_not_named_is_let_through_in_every_spelling() {
    let Some(lab) = lab() else { return };
    for row in rows() {
        let request = Request::new("GET", row.host, row.path);
        let Exchange { reply, .. } = lab.exchange("canonical", &Identity::workload(NOTSLEEP), &request);
        assert_eq!(reply.status, PASSES, "{} {}", row.host, row.path);
    }
}
