//! What is decided about requests, in rows that each state one rule of native RBAC.

#![allow(clippy::type_complexity, reason = "a row's type is the table's heading")]

mod support;

use std::collections::BTreeSet;

use outgate_policy::config::Config;
use outgate_policy::{Attribute, DecidedBy, Engine, Peer, RuleName, ShadowVerdict, Verdict};
use serde_json::{Value, json};
use support::Call;

fn engine(mut config: Value) -> Engine {
    config["apiVersion"] = json!("outgate/v1");
    config["revision"] = json!("test");
    let config: Config = serde_json::from_value(config).unwrap();
    Engine::new(&config).unwrap()
}

fn policy(name: &str, action: &str, rules: &Value) -> Value {
    json!({"metadata": {"namespace": "n", "name": name}, "spec": {"action": action, "rules": rules}})
}

fn dry_run(mut policy: Value) -> Value {
    policy["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    policy
}

fn policies(policies: &[Value]) -> Engine {
    engine(json!({ "policies": policies }))
}

fn paths(paths: &[&str]) -> Value {
    json!([{"to": [{"operation": {"paths": paths}}]}])
}

fn when(key: &str, values: &[&str]) -> Value {
    json!([{"when": [{"key": key, "values": values}]}])
}

/// Whether a `DENY` policy with these rules stops a request.
fn stops(rules: &Value, call: &Call) -> bool {
    let engine = policies(&[policy("p", "DENY", rules)]);
    engine.decide(call).unwrap().verdict == Verdict::Deny
}

#[test]
fn actions_take_precedence_as_native_runs_them() {
    let everything = json!([{}]);
    let rows: [(&str, Vec<Value>, Verdict, DecidedBy, Option<&str>); 9] = [
        ("no policy allows", vec![], Verdict::Allow, DecidedBy::Default, None),
        (
            "a DENY that does not match allows",
            vec![policy("d", "DENY", &paths(&["/other"]))],
            Verdict::Allow,
            DecidedBy::Default,
            None,
        ),
        (
            "a DENY goes before an ALLOW",
            vec![policy("d", "DENY", &everything), policy("a", "ALLOW", &everything)],
            Verdict::Deny,
            DecidedBy::Deny,
            Some("ns[n]-policy[d]-rule[0]"),
        ),
        (
            "an ALLOW that matches allows",
            vec![policy("a", "ALLOW", &everything)],
            Verdict::Allow,
            DecidedBy::Allow,
            Some("ns[n]-policy[a]-rule[0]"),
        ),
        (
            "an ALLOW that does not match denies",
            vec![policy("a", "ALLOW", &paths(&["/other"]))],
            Verdict::Deny,
            DecidedBy::Allow,
            None,
        ),
        (
            "an ALLOW without rules denies everything",
            vec![policy("a", "ALLOW", &json!([]))],
            Verdict::Deny,
            DecidedBy::Allow,
            None,
        ),
        (
            "an AUDIT changes nothing",
            vec![policy("l", "AUDIT", &everything)],
            Verdict::Allow,
            DecidedBy::Default,
            None,
        ),
        (
            "ALLOW policies that are all tried only do not deny",
            vec![dry_run(policy("a", "ALLOW", &json!([])))],
            Verdict::Allow,
            DecidedBy::Default,
            None,
        ),
        (
            "a DENY that is tried only does not deny",
            vec![dry_run(policy("d", "DENY", &everything))],
            Verdict::Allow,
            DecidedBy::Default,
            None,
        ),
    ];
    for (name, all, verdict, decided_by, rule) in rows {
        let engine = policies(&all);
        let call = Call::get("a.com/x");
        let decision = engine.decide(&call).unwrap();
        let actual = (
            decision.verdict,
            decision.decided_by,
            decision.rule.map(RuleName::as_str),
        );
        assert_eq!(actual, (verdict, decided_by, rule), "{name}");
    }
}

#[test]
fn the_first_rule_in_byte_order_is_reported() {
    let eleven: Vec<Value> = (0..11)
        .map(|index| json!({"to": [{"operation": {"paths": [if index == 1 { "/no" } else { "/x" }]}}]}))
        .collect();
    let engine = policies(&[
        policy("b", "DENY", &json!(eleven[2..])),
        policy("z", "DENY", &json!(eleven)),
    ]);
    let call = Call::get("a.com/x");
    assert_eq!(
        engine.decide(&call).unwrap().rule.unwrap().as_str(),
        "ns[n]-policy[b]-rule[0]"
    );

    let mut rules = vec![json!({"to": [{"operation": {"paths": ["/no"]}}]}); 2];
    rules.extend(vec![json!({"to": [{"operation": {"paths": ["/x"]}}]}); 9]);
    let engine = policies(&[policy("p", "DENY", &json!(rules))]);
    assert_eq!(
        engine.decide(&call).unwrap().rule.unwrap().as_str(),
        "ns[n]-policy[p]-rule[10]"
    );
}

#[test]
fn dry_run_policies_are_reported_by_action() {
    let engine = policies(&[
        dry_run(policy("d", "DENY", &paths(&["/x"]))),
        dry_run(policy("a", "ALLOW", &paths(&["/y"]))),
        policy("l", "AUDIT", &paths(&["/x"])),
    ]);
    let call = Call::get("a.com/x");
    let decision = engine.decide(&call).unwrap();
    let Some(ShadowVerdict::Denied(Some(rule))) = decision.shadow.deny else {
        panic!("{:?}", decision.shadow)
    };
    assert_eq!(rule.as_str(), "ns[n]-policy[d]-rule[0]");
    assert_eq!(decision.shadow.allow, Some(ShadowVerdict::Denied(None)));
    assert!(decision.audit.is_some());

    let call = Call::get("a.com/y");
    let decision = engine.decide(&call).unwrap();
    assert_eq!(decision.shadow.deny, Some(ShadowVerdict::Allowed(None)));
    assert!(matches!(decision.shadow.allow, Some(ShadowVerdict::Allowed(Some(_)))));
    assert!(decision.audit.is_none());
}

#[test]
fn a_request_fails_a_rule_where_native_does() {
    let operation = |operation: Value| json!([{"to": [{"operation": operation}]}]);
    let source = |source: Value| json!([{"from": [{"source": source}]}]);
    let workload = "td/ns/a/sa/b";
    let rows: Vec<(&str, Value, Call, bool)> = vec![
        (
            "hosts ignore case",
            operation(json!({"hosts": ["Test.com"]})),
            Call::get("tEST.com/"),
            true,
        ),
        (
            "hosts do not ignore a port",
            operation(json!({"hosts": ["test.com"]})),
            Call::get("test.com:80/"),
            false,
        ),
        (
            "hosts do not ignore a trailing dot",
            operation(json!({"hosts": ["test.com"]})),
            Call::get("test.com./"),
            false,
        ),
        (
            "a wildcard host does not take the bare one",
            operation(json!({"hosts": ["*.test.com"]})),
            Call::get("test.com/"),
            false,
        ),
        (
            "any host is there, even empty",
            operation(json!({"hosts": ["*"]})),
            Call::get("/x"),
            true,
        ),
        (
            "a host that is not there is none",
            operation(json!({"hosts": ["*"]})),
            Call::default(),
            false,
        ),
        (
            "a missing host satisfies notHosts",
            operation(json!({"notHosts": ["*"]})),
            Call::default(),
            true,
        ),
        (
            "paths end at the query",
            operation(json!({"paths": ["/x"]})),
            Call::get("a/x?y=/z"),
            true,
        ),
        (
            "paths end at a fragment",
            operation(json!({"paths": ["/x"]})),
            Call::get("a/x#y"),
            true,
        ),
        (
            "a missing path matches nothing",
            operation(json!({"paths": ["*"]})),
            Call::default(),
            false,
        ),
        (
            "a missing path satisfies notPaths",
            operation(json!({"notPaths": ["*"]})),
            Call::default(),
            true,
        ),
        (
            "paths regard case",
            operation(json!({"paths": ["/X"]})),
            Call::get("a/x"),
            false,
        ),
        (
            "methods regard case",
            operation(json!({"methods": ["get"]})),
            Call::get("a/x"),
            false,
        ),
        (
            "ports are numbers",
            operation(json!({"ports": ["08080"]})),
            Call::get("a/x").port(8080),
            true,
        ),
        (
            "all fields of an operation must match",
            operation(json!({"paths": ["/x"], "methods": ["PUT"]})),
            Call::get("a/x"),
            false,
        ),
        (
            "any of several operations may match",
            json!([{"to": [{"operation": {"paths": ["/y"]}}, {"operation": {"paths": ["/x"]}}]}]),
            Call::get("a/x"),
            true,
        ),
        (
            "demands and exclusions must both hold",
            operation(json!({"paths": ["/x*"], "notPaths": ["/xy"]})),
            Call::get("a/xy"),
            false,
        ),
        (
            "a principal is a SPIFFE identity",
            source(json!({"principals": [workload]})),
            Call::get("a/").by(workload),
            true,
        ),
        (
            "plaintext has no principal",
            source(json!({"principals": ["*"]})),
            Call::get("a/"),
            false,
        ),
        (
            "plaintext satisfies notPrincipals",
            source(json!({"notPrincipals": ["*"]})),
            Call::get("a/"),
            true,
        ),
        (
            "the second URI counts",
            source(json!({"principals": [workload]})),
            Call::get("a/").peer(Peer::new(["spiffe://x/ns/a/sa/b", "spiffe://td/ns/a/sa/b"], [], "")),
            true,
        ),
        (
            "notPrincipals is about every name",
            source(json!({"notPrincipals": [workload]})),
            Call::get("a/").peer(Peer::new(["spiffe://x/ns/a/sa/b", "spiffe://td/ns/a/sa/b"], [], "")),
            false,
        ),
        (
            "any name will do for a star",
            source(json!({"principals": ["*"]})),
            Call::get("a/").peer(Peer::new::<&str>([], [], "CN=x")),
            true,
        ),
        (
            "a certificate without names has none",
            source(json!({"principals": ["*"]})),
            Call::get("a/").peer(Peer::new::<&str>([], [], "")),
            false,
        ),
        (
            "a namespace may stand in a name that is no identity",
            source(json!({"namespaces": ["foo"]})),
            Call::get("a/").peer(Peer::new(["https://x/ns/foo/y"], [], "")),
            true,
        ),
        (
            "a service account is in the policy's namespace",
            source(json!({"serviceAccounts": ["b"]})),
            Call::get("a/").by("td/ns/n/sa/b"),
            true,
        ),
        (
            "addresses of the peer",
            source(json!({"ipBlocks": ["10.0.0.0/8"]})),
            Call::get("a/").source_ip("10.1.1.1"),
            true,
        ),
        (
            "addresses of the client are others",
            source(json!({"ipBlocks": ["10.0.0.0/8"]})),
            Call::get("a/").remote_ip("10.1.1.1"),
            false,
        ),
        (
            "no token satisfies notRequestPrincipals",
            source(json!({"notRequestPrincipals": ["*"]})),
            Call::get("a/"),
            true,
        ),
        (
            "a header's any line may match",
            when("request.headers[X-A]", &["1"]),
            Call::get("a/").header("x-a", "2").header("x-a", "1"),
            true,
        ),
        (
            "header lines are not joined",
            when("request.headers[x-a]", &["2,1"]),
            Call::get("a/").header("x-a", "2").header("x-a", "1"),
            false,
        ),
        (
            "an empty header is there",
            when("request.headers[x-a]", &["*"]),
            Call::get("a/").header("x-a", ""),
            true,
        ),
        (
            "bytes beyond ASCII are bytes",
            when("request.headers[x-a]", &["é*"]),
            Call::get("a/").header("x-a", "é\u{7F}"),
            true,
        ),
        (
            "a byte that is no character is a byte",
            when("request.headers[x-a]", &["*1"]),
            Call::get("a/").header("x-a", b"\xFF1"),
            true,
        ),
        (
            "the header host is the authority, with regard to case",
            when("request.headers[Host]", &["A"]),
            Call::get("a/"),
            false,
        ),
        (
            "the header :path has the query",
            when("request.headers[:path]", &["/x?y"]),
            Call::get("a/x?y"),
            true,
        ),
        (
            "a server name with a capital never matches",
            when("connection.sni", &["A.com"]),
            Call::get("a/").sni("a.com"),
            false,
        ),
        (
            "no server name is no presence",
            when("connection.sni", &["*"]),
            Call::get("a/"),
            false,
        ),
        (
            "a claim that is a text",
            when("request.auth.claims[c]", &["x*"]),
            Call::get("a/").claim("c", &json!("xy")),
            true,
        ),
        (
            "a claim that is a list with one",
            when("request.auth.claims[c]", &["x"]),
            Call::get("a/").claim("c", &json!([1, "x"])),
            true,
        ),
        (
            "a number matches nothing",
            when("request.auth.claims[c]", &["*", "1"]),
            Call::get("a/").claim("c", &json!(1)),
            false,
        ),
        (
            "a boolean matches nothing",
            when("request.auth.claims[c]", &["*", "true"]),
            Call::get("a/").claim("c", &json!(true)),
            false,
        ),
        (
            "null matches nothing",
            when("request.auth.claims[c]", &["*"]),
            Call::get("a/").claim("c", &json!(null)),
            false,
        ),
        (
            "an empty text is no presence",
            when("request.auth.claims[c]", &["*"]),
            Call::get("a/").claim("c", &json!("")),
            false,
        ),
        (
            "a list in a list matches nothing",
            when("request.auth.claims[c]", &["x"]),
            Call::get("a/").claim("c", &json!([["x"]])),
            false,
        ),
        (
            "a nested claim",
            when("request.auth.claims[a][b]", &["x"]),
            Call::get("a/").claim("a", &json!({"b": "x"})),
            true,
        ),
        (
            "a claim's name with brackets that do not pair",
            when("request.auth.claims[a][b]]", &["x"]),
            Call::get("a/").claim("a][b]", &json!("x")),
            true,
        ),
        (
            "no attribute satisfies notValues",
            json!([{"when": [{"key": "request.auth.claims[c]", "notValues": ["*"]}]}]),
            Call::get("a/"),
            true,
        ),
        (
            "conditions with one key must both hold",
            json!([{"when": [{"key": "request.headers[x]", "values": ["1"]}, {"key": "request.headers[x]", "values": ["2"]}]}]),
            Call::get("a/").header("x", "1").header("x", "2"),
            true,
        ),
    ];
    for (name, rules, call, stopped) in rows {
        assert_eq!(stops(&rules, &call), stopped, "{name}");
    }
}

/// The proxy puts header values into metadata as they came, and compares them byte by byte.
#[test]
fn metadata_that_is_not_utf8_is_compared_as_bytes() {
    let rows = [
        ("a", false),
        ("a*", true),
        ("*a", false),
        // Rendered as the expression `.+`.
        ("*", true),
    ];
    for (value, stopped) in rows {
        let rules = when("experimental.envoy.filters.http.header_to_metadata[k]", &[value]);
        let call = Call::get("a/").metadata("envoy.filters.http.header_to_metadata", "k", b"a\xFF");
        assert_eq!(stops(&rules, &call), stopped, "{value}");
    }
}

#[test]
fn old_proxies_join_header_lines() {
    let engine = engine(json!({
        "mesh": {"headerMode": "joined"},
        "policies": [policy("p", "DENY", &when("request.headers[x-a]", &["2,1"]))]
    }));
    let call = Call::get("a/").header("x-a", "2").header("x-a", "1");
    assert_eq!(engine.decide(&call).unwrap().verdict, Verdict::Deny);
}

#[test]
fn an_alias_of_the_trust_domain_is_the_same_identity() {
    let engine = engine(json!({
        "mesh": {"trustDomain": "td", "trustDomainAliases": ["old"]},
        "policies": [policy("p", "DENY", &json!([{"from": [{"source": {"principals": ["cluster.local/ns/a/sa/b"]}}]}]))]
    }));
    for (principal, verdict) in [
        ("td/ns/a/sa/b", Verdict::Deny),
        ("old/ns/a/sa/b", Verdict::Deny),
        ("cluster.local/ns/a/sa/b", Verdict::Allow),
    ] {
        assert_eq!(
            engine.decide(&Call::get("a/").by(principal)).unwrap().verdict,
            verdict,
            "{principal}"
        );
    }
}

#[test]
fn an_unregistered_host_is_stopped_before_any_policy() {
    let engine = engine(json!({
        "registry": {"mode": "REGISTRY_ONLY", "hosts": [{"host": "test.com", "ports": [80]}]},
        "policies": [policy("p", "DENY", &json!([{}]))]
    }));
    for (host, verdict, decided_by) in [
        ("test.com/", Verdict::Deny, DecidedBy::Deny),
        ("other.com/", Verdict::Unregistered, DecidedBy::Registry),
    ] {
        let call = Call::get(host);
        let decision = engine.decide(&call).unwrap();
        assert_eq!((decision.verdict, decision.decided_by), (verdict, decided_by), "{host}");
    }
    assert_eq!(
        engine.decide(&Call::default()).unwrap().verdict,
        Verdict::Unregistered,
        "no host"
    );
}

#[test]
fn custom_policies_name_the_authorizer_to_be_asked() {
    let mut custom = policy("c", "CUSTOM", &paths(&["/x"]));
    custom["spec"]["provider"] = json!({"name": "authz"});
    let engine = policies(&[custom]);
    assert_eq!(engine.authorizers().collect::<Vec<_>>(), ["authz"]);
    let rule = |path| engine.asks(0, &Call::get(path)).unwrap().map(ToString::to_string);
    assert_eq!(
        rule("a/x").as_deref(),
        Some("istio-ext-authz-authz-ns[n]-policy[c]-rule[0]")
    );
    assert_eq!(rule("a/y"), None);
    assert_eq!(engine.asks(1, &Call::get("a/x")), Ok(None));
}

#[test]
fn only_what_some_rule_needs_is_asked_for() {
    let engine = policies(&[
        policy(
            "p",
            "DENY",
            &json!([{"from": [{"source": {"principals": ["x"]}}], "to": [{"operation": {"hosts": ["a.com"]}}]}]),
        ),
        policy("q", "DENY", &when("connection.sni", &["b.com"])),
    ]);
    let all = [
        Attribute::Headers,
        Attribute::Peer,
        Attribute::SourceIp,
        Attribute::RemoteIp,
        Attribute::DestinationIp,
        Attribute::DestinationPort,
        Attribute::Sni,
        Attribute::Metadata,
    ];
    let needed: BTreeSet<Attribute> = all
        .into_iter()
        .filter(|attribute| engine.attributes().contains(*attribute))
        .collect();
    assert_eq!(
        needed,
        BTreeSet::from([Attribute::Headers, Attribute::Peer, Attribute::Sni])
    );
    for call in [Call::get("a.com/"), Call::get("b.com/"), Call::default()] {
        engine.decide(&call).unwrap();
        assert!(call.asked().is_subset(&needed), "{:?}", call.asked());
    }
    let nothing = policies(&[]);
    let call = Call::get("a.com/");
    nothing.decide(&call).unwrap();
    assert!(call.asked().is_empty());
}

#[test]
fn what_cannot_be_read_leaves_a_request_undecided_only_where_it_is_needed() {
    let by_peer = |action| policy("p", action, &json!([{"from": [{"source": {"principals": ["x"]}}]}]));
    let call = || Call::get("a.com/").unreadable(Attribute::Peer);

    let enforced = policies(&[by_peer("DENY")]);
    assert_eq!(enforced.decide(&call()).unwrap_err().attribute, Attribute::Peer);

    let tried = policies(&[dry_run(by_peer("DENY"))]);
    let undecided = call();
    let decision = tried.decide(&undecided).unwrap();
    assert_eq!(
        (decision.verdict, decision.shadow.deny),
        (Verdict::Allow, Some(ShadowVerdict::Unreadable))
    );

    let by_path = policies(&[policy("p", "DENY", &paths(&["/"]))]);
    assert_eq!(by_path.decide(&call()).unwrap().verdict, Verdict::Deny);
}

#[test]
fn two_policies_of_one_name_are_refused() {
    let config = json!({"apiVersion": "outgate/v1", "revision": "1", "policies": [
        policy("p", "DENY", &json!([{}])), policy("p", "ALLOW", &json!([{}]))
    ]});
    let config: Config = serde_json::from_value(config).unwrap();
    let error = Engine::new(&config).unwrap_err();
    assert_eq!(error.violations().len(), 1);
    assert!(
        error
            .to_string()
            .contains("n/p: metadata.name: there is another policy of this name"),
        "{error}"
    );
}
