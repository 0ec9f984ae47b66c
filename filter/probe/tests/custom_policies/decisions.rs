//! Who decides: the policies, and the probes in their order.

use outgate_test_host::{Host, Request};
use serde_json::{Value, json};

use crate::probes::{assert_decided, builder, config, deny, get, idle, logged, says, start, with};

const DENY_RULE: &str = "ns[n]-policy[deny]-rule[0]";
const ALLOW_RULE: &str = "ns[n]-policy[allow]-rule[0]";

fn allow() -> Value {
    json!("allow")
}

fn all_say(path: &str, first: Value, second: Value, third: Value) -> Host {
    let say = |answer| says(&[(path, answer)]);
    start(&config(say(first), say(second), say(third)))
}

#[test]
fn each_answer_has_its_effect() {
    let abstain = || json!("abstain");
    for (path, answers, decision, rule) in [
        // Nobody says anything.
        ("/x", [abstain(), abstain(), abstain()], "allow", ALLOW_RULE),
        ("/denied", [abstain(), abstain(), abstain()], "deny", DENY_RULE),
        ("/other", [abstain(), abstain(), abstain()], "deny", "-"),
        // Only what no ALLOW policy lets through can be let through.
        ("/other", [abstain(), allow(), abstain()], "allow", "extension[second]"),
        ("/other", [allow(), allow(), abstain()], "allow", "extension[first]"),
        ("/x", [allow(), abstain(), abstain()], "allow", ALLOW_RULE),
        ("/denied", [allow(), allow(), allow()], "deny", DENY_RULE),
        // A denial counts at once, and cannot be lifted.
        (
            "/x",
            [deny("a"), deny("b"), allow()],
            "deny",
            "extension[first]-reason[a]",
        ),
        (
            "/x",
            [abstain(), deny("b"), allow()],
            "deny",
            "extension[second]-reason[b]",
        ),
        (
            "/other",
            [allow(), abstain(), deny("c")],
            "deny",
            "extension[third]-reason[c]",
        ),
        (
            "/other",
            [deny("a"), allow(), abstain()],
            "deny",
            "extension[first]-reason[a]",
        ),
        // It does not take the place of another reason.
        ("/denied", [deny("a"), abstain(), abstain()], "deny", DENY_RULE),
    ] {
        let name = format!("{path} {answers:?}");
        let [first, second, third] = answers;
        let outcome = all_say(path, first, second, third).request(get(path));
        let found = (logged(&outcome, "decision"), logged(&outcome, "rule"));
        let expected = (Some(decision.to_owned()), (rule != "-").then(|| rule.to_owned()));
        assert_eq!(found, expected, "{name}: {outcome}");
    }
}

#[test]
fn after_a_denial_nobody_is_asked() {
    let mut host = all_say("/x", json!("abstain"), deny("no"), json!("allow"));
    let outcome = host.request(get("/x"));
    assert!(logged(&outcome, "first_saw").is_some());
    assert!(logged(&outcome, "second_saw").is_some());
    assert_eq!(logged(&outcome, "third_saw"), None);
}

#[test]
fn probes_see_the_decision_so_far_and_what_is_stopped() {
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "a.com", "ports": [80]}]});
    let first = says(&[("/other", allow()), ("/denied", allow())]);
    let config = with(config(first, idle(), idle()), "registry", registry);
    let mut host = start(&config);
    let unregistered = Request::get("http://b.com/x");
    for (request, first, second) in [
        (
            get("/x"),
            format!("allow by allow {ALLOW_RULE}"),
            format!("allow by allow {ALLOW_RULE}"),
        ),
        (
            get("/other"),
            "deny by allow -".to_owned(),
            "allow by extension extension[first]".to_owned(),
        ),
        (
            get("/denied"),
            format!("deny by deny {DENY_RULE}"),
            format!("deny by deny {DENY_RULE}"),
        ),
        (
            unregistered,
            "unregistered by registry -".to_owned(),
            "unregistered by registry -".to_owned(),
        ),
    ] {
        let outcome = host.request(request);
        assert_eq!(logged(&outcome, "first_saw").as_deref(), Some(&*first), "{outcome}");
        assert_eq!(logged(&outcome, "second_saw").as_deref(), Some(&*second), "{outcome}");
    }
}

#[test]
fn what_probes_say_of_stopped_requests_has_no_effect() {
    let asks = json!({"ask": {"cluster": "quota"}});
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "a.com", "ports": [80]}]});
    let answers = |answer: Value| says(&[("/denied", answer.clone()), ("/x", answer)]);
    for answer in [allow(), deny("mine"), asks] {
        let config = with(
            config(answers(answer.clone()), answers(answer.clone()), idle()),
            "registry",
            registry.clone(),
        );
        let mut host = start(&config);
        assert_decided(&host.request(get("/denied")), "deny", DENY_RULE);
        let outcome = host.request(Request::get("http://b.com/x"));
        assert_decided(&outcome, "unregistered", "-");
        assert_eq!(outcome.status(), 502, "{answer}");
        assert!(host.callouts().is_empty(), "{answer}");
    }
}

#[test]
fn what_an_authorizer_or_ambiguity_stops_does_not_come_to_them() {
    let custom = json!({"metadata": {"namespace": "n", "name": "custom"},
        "spec": {"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]}});
    let provider = json!([{"name": "a", "cluster": "authz", "envoyExtAuthzHttp": {}}]);
    let mut asked = with(config(idle(), idle(), idle()), "providers", provider);
    asked["policies"] = json!([custom]);
    // There is no such cluster.
    let outcome = start(&asked).request(get("/x"));
    assert_decided(&outcome, "error", "authorizer has no answer from authz");
    assert_eq!(logged(&outcome, "first_saw"), None);

    let mesh = json!({"matching": "canonical", "onAmbiguous": "deny"});
    let outcome = start(&with(config(idle(), idle(), idle()), "mesh", mesh)).request(get("//x"));
    assert_decided(&outcome, "deny", "ambiguous[path]");
    assert_eq!(logged(&outcome, "first_saw"), None);
}

#[test]
fn a_denial_is_what_the_policy_says() {
    let denial = |fields: Value| {
        let outcome = start(&config(says(&[("/x", json!({"deny": fields}))]), idle(), idle())).request(get("/x"));
        assert!(outcome.trap.is_none(), "{outcome}");
        outcome
    };
    let plain = denial(json!({"reason": "too many"}));
    assert_decided(&plain, "deny", "extension[first]-reason[too_many]");
    let details = "rbac_access_denied_matched_policy[extension[first]-reason[too_many]]";
    plain.assert().denied(403).details(details).body("RBAC: access denied");

    denial(json!({"reason": "a", "status": 429, "body": "slow down", "header": ["Retry-After", "30"]}))
        .assert()
        .denied(429)
        .body("slow down")
        .header("retry-after", "30");
    for status in [0, 99, 199, 600, 65_535] {
        denial(json!({"reason": "a", "status": status})).assert().denied(403);
    }
    let hostile = denial(json!({"reason": "a\"]\nb;.;c=%d é"}));
    assert_decided(&hostile, "deny", "extension[first]-reason[a___b_._c__d__]");

    let grpc = Request::post("http://a.com/x").header("content-type", "application/grpc");
    let mut host = start(&config(says(&[("/x", deny("a"))]), idle(), idle()));
    let response = host.request(grpc).response.expect("a response");
    assert_eq!(response.headers().text("grpc-status").as_deref(), Some("7"));
}

#[test]
fn denials_and_allowances_are_counted_like_those_of_rules() {
    let probes = config(says(&[("/x", deny("no")), ("/other", allow())]), idle(), idle());
    let mut host = start(&probes);
    for path in ["/x", "/x", "/other"] {
        host.request(get(path));
    }
    host.advance(std::time::Duration::from_secs(1));
    let counter = |verdict: &str, rule: &str| {
        host.metric(&format!(
            "outgate_decisions_verdict.=.{verdict};.;engine.=.extension;.;rule.=.{rule};.;"
        ))
    };
    assert_eq!(counter("deny", "extension[first]-reason[no]"), Some(2));
    assert_eq!(counter("allow", "extension[first]"), Some(1));
}

#[test]
fn a_denial_keeps_what_dry_run_policies_say() {
    let mut probes = config(says(&[("/x", deny("no"))]), idle(), idle());
    probes["policies"][0]["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    let outcome = start(&probes).request(get("/x"));
    assert_decided(&outcome, "deny", "extension[first]-reason[no]");
    assert_eq!(logged(&outcome, "shadow").as_deref(), Some("deny:allowed:-"));
}

#[test]
fn a_policy_can_be_left_out_and_others_not_configured() {
    let probes = config(says(&[("/x", deny("no"))]), Value::Null, idle());
    let outcome = start(&probes).request(get("/x"));
    assert_decided(&outcome, "deny", "extension[first]-reason[no]");
    let outcome = start(&probes).request(get("/y"));
    assert_eq!(logged(&outcome, "second_saw"), None);
    assert!(logged(&outcome, "third_saw").is_some());
}

#[test]
fn each_configuration_has_policies_of_its_own() {
    let mut host = start(&config(says(&[("/x", deny("before"))]), idle(), idle()));
    assert_decided(&host.request(get("/x")), "deny", "extension[first]-reason[before]");
    let after = config(says(&[("/x", deny("after"))]), Value::Null, idle());
    host.reconfigure(after.to_string())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_decided(&host.request(get("/x")), "deny", "extension[first]-reason[after]");
    let refused = config(json!({"cases": [{"path": "x", "answer": "allow"}]}), idle(), idle());
    assert!(host.reconfigure(refused.to_string()).is_err());
    assert_decided(&host.request(get("/x")), "deny", "extension[first]-reason[after]");
}

#[test]
fn connections_have_no_custom_policies() {
    let error = builder(&with(config(idle(), idle(), idle()), "type", json!("NETWORK"))).start();
    let error = error.expect_err("it is refused").to_string();
    assert!(
        error.contains("custom policies decide requests, and a plugin of the type NETWORK decides connections"),
        "{error}"
    );
    // With all of them left out there is nothing to refuse.
    let none = with(config(Value::Null, Value::Null, Value::Null), "type", json!("NETWORK"));
    start(&none);
}
