//! What Istio's admission refuses is refused, with the field that is wrong.
#![allow(
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    reason = "rows read better with values in place"
)]

use outgate_policy::resource::AuthorizationPolicy;
use outgate_policy::{Checked, Policy, Violation};
use serde_json::{Value, json};

fn check(policy: Value) -> Result<Checked, Vec<Violation>> {
    let written: AuthorizationPolicy = serde_json::from_value(policy).expect("the shape of a policy");
    Policy::check(written)
}

fn policy(spec: Value) -> Value {
    json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec})
}

/// A `DENY` policy with one rule.
fn rule(rule: Value) -> Value {
    policy(json!({"action": "DENY", "rules": [rule]}))
}

fn source(source: Value) -> Value {
    rule(json!({"from": [{"source": source}]}))
}

fn operation(operation: Value) -> Value {
    rule(json!({"to": [{"operation": operation}]}))
}

fn when(condition: Value) -> Value {
    rule(json!({"from": [{"source": {"ipBlocks": ["1.1.1.1"]}}], "when": [condition]}))
}

fn when_key(key: &str) -> Value {
    when(json!({"key": key, "values": ["x"]}))
}

fn paths(path: &str) -> Value {
    operation(json!({"paths": [path]}))
}

fn annotated(action: &str, key: &str, value: &str) -> Value {
    json!({
        "metadata": {"name": "p", "namespace": "n", "annotations": {key: value}},
        "spec": {"action": action, "rules": [{}]}
    })
}

fn custom(rule: Value) -> Value {
    policy(json!({"action": "CUSTOM", "provider": {"name": "authz"}, "rules": [rule]}))
}

fn target(target: Value) -> Value {
    policy(json!({"targetRefs": [target], "rules": [{}]}))
}

const GATEWAY: &str = "gateway.networking.k8s.io";

#[test]
fn what_is_wrong_is_refused_where_it_stands() {
    let many = |count: usize, item: Value| Value::Array(vec![item; count]);
    let long = "x".repeat(64);
    let rows: Vec<(&str, Value, &str, &str)> = vec![
        (
            "selector and targetRefs",
            policy(
                json!({"selector": {"matchLabels": {"a": "b"}}, "targetRefs": [{"kind": "Gateway", "group": GATEWAY, "name": "g"}], "rules": [{}]}),
            ),
            "spec",
            "only one of",
        ),
        (
            "selector and targetRef",
            policy(
                json!({"selector": {"matchLabels": {"a": "b"}}, "targetRef": {"kind": "Gateway", "group": GATEWAY, "name": "g"}, "rules": [{}]}),
            ),
            "spec",
            "only one of",
        ),
        (
            "an empty label key",
            policy(json!({"selector": {"matchLabels": {"": "b"}}})),
            "spec.selector.matchLabels",
            "empty",
        ),
        (
            "a wildcard in a label",
            policy(json!({"selector": {"matchLabels": {"a": "b*"}}})),
            "spec.selector.matchLabels.a",
            "`*`",
        ),
        (
            "a long label value",
            policy(json!({"selector": {"matchLabels": {"a": long}}})),
            "spec.selector.matchLabels.a",
            "63",
        ),
        (
            "a target without a name",
            target(json!({"kind": "Gateway", "group": GATEWAY})),
            "spec.targetRefs[0].name",
            "required",
        ),
        (
            "a target without a kind",
            target(json!({"group": GATEWAY, "name": "g"})),
            "spec.targetRefs[0].kind",
            "required",
        ),
        (
            "a target in another namespace",
            target(json!({"kind": "Gateway", "group": GATEWAY, "name": "g", "namespace": "o"})),
            "spec.targetRefs[0].namespace",
            "another namespace",
        ),
        (
            "an unsupported target",
            target(json!({"kind": "Deployment", "group": "apps", "name": "g"})),
            "spec.targetRefs[0]",
            "`Deployment`",
        ),
        ("a null target", target(Value::Null), "spec.targetRefs[0]", "null"),
        (
            "513 rules",
            policy(json!({"rules": many(513, json!({}))})),
            "spec.rules",
            "512",
        ),
        (
            "513 sources",
            rule(json!({"from": many(513, json!({"source": {"ipBlocks": ["1.1.1.1"]}}))})),
            "spec.rules[0].from",
            "512",
        ),
        (
            "17 targets",
            policy(json!({"targetRefs": many(17, json!({"kind": "Gateway", "group": GATEWAY, "name": "g"}))})),
            "spec.targetRefs",
            "16",
        ),
        (
            "CUSTOM without rules",
            policy(json!({"action": "CUSTOM", "provider": {"name": "a"}})),
            "spec",
            "never trigger",
        ),
        (
            "CUSTOM without a provider",
            policy(json!({"action": "CUSTOM", "rules": [{}]})),
            "spec.provider.name",
            "required",
        ),
        (
            "CUSTOM with an identity",
            custom(json!({"from": [{"source": {"notPrincipals": ["a"]}}]})),
            "spec.rules[0].from[0].source.notPrincipals",
            "CUSTOM",
        ),
        (
            "CUSTOM with a token's claim",
            custom(json!({"when": [{"key": "request.auth.claims[a]", "values": ["b"]}]})),
            "spec.rules[0].when[0].key",
            "CUSTOM",
        ),
        (
            "a provider without CUSTOM",
            policy(json!({"action": "ALLOW", "provider": {"name": "a"}})),
            "spec.provider",
            "CUSTOM",
        ),
        (
            "DENY without rules",
            policy(json!({"action": "DENY"})),
            "spec",
            "never trigger",
        ),
        (
            "DENY with an empty list of rules",
            policy(json!({"action": "DENY", "rules": []})),
            "spec",
            "never trigger",
        ),
        ("a null rule", policy(json!({"rules": [null]})), "spec.rules[0]", "null"),
        (
            "a null source entry",
            rule(json!({"from": [null]})),
            "spec.rules[0].from[0]",
            "null",
        ),
        (
            "a null operation entry",
            rule(json!({"to": [null]})),
            "spec.rules[0].to[0]",
            "null",
        ),
        (
            "a null condition",
            rule(json!({"when": [null]})),
            "spec.rules[0].when[0]",
            "null",
        ),
        (
            "an entry without a source",
            rule(json!({"from": [{}]})),
            "spec.rules[0].from[0].source",
            "required",
        ),
        (
            "an entry without an operation",
            rule(json!({"to": [{"operation": null}]})),
            "spec.rules[0].to[0].operation",
            "required",
        ),
        (
            "an empty source",
            source(json!({})),
            "spec.rules[0].from[0].source",
            "at least one field",
        ),
        (
            "an empty operation",
            operation(json!({"hosts": []})),
            "spec.rules[0].to[0].operation",
            "at least one field",
        ),
        (
            "service accounts beside principals",
            source(json!({"serviceAccounts": ["a"], "principals": ["b"]})),
            "spec.rules[0].from[0].source",
            "serviceAccounts",
        ),
        (
            "service accounts beside an empty list of namespaces",
            source(json!({"serviceAccounts": ["a"], "notNamespaces": []})),
            "spec.rules[0].from[0].source",
            "serviceAccounts",
        ),
        (
            "an empty value",
            source(json!({"principals": ["a", ""]})),
            "spec.rules[0].from[0].source.principals[1]",
            "empty",
        ),
        (
            "a control character",
            source(json!({"principals": ["a\n"]})),
            "spec.rules[0].from[0].source.principals[0]",
            "control",
        ),
        (
            "a bad address",
            source(json!({"ipBlocks": ["1.2.3.4", "1.2.3.04"]})),
            "spec.rules[0].from[0].source.ipBlocks[1]",
            "CIDR",
        ),
        (
            "a bad range",
            source(json!({"notRemoteIpBlocks": ["1.2.3.4/33"]})),
            "spec.rules[0].from[0].source.notRemoteIpBlocks[0]",
            "CIDR",
        ),
        (
            "a port too high",
            operation(json!({"ports": ["65536"]})),
            "spec.rules[0].to[0].operation.ports[0]",
            "65535",
        ),
        (
            "a signed port",
            operation(json!({"notPorts": ["+80"]})),
            "spec.rules[0].to[0].operation.notPorts[0]",
            "65535",
        ),
        (
            "17 service accounts",
            source(json!({"serviceAccounts": many(17, json!("a"))})),
            "spec.rules[0].from[0].source.serviceAccounts",
            "16",
        ),
        (
            "a wildcard service account",
            source(json!({"serviceAccounts": ["a*"]})),
            "spec.rules[0].from[0].source.serviceAccounts[0]",
            "wildcard",
        ),
        (
            "a service account of three parts",
            source(json!({"serviceAccounts": ["a/b/c"]})),
            "spec.rules[0].from[0].source.serviceAccounts[0]",
            "namespace/service-account",
        ),
        (
            "a trust domain with a slash",
            source(json!({"trustDomains": ["a/b"]})),
            "spec.rules[0].from[0].source.trustDomains[0]",
            "`/`",
        ),
        (
            "a trust domain with two stars",
            source(json!({"trustDomains": ["*a*"]})),
            "spec.rules[0].from[0].source.trustDomains[0]",
            "one `*`",
        ),
        (
            "a trust domain with a star inside",
            source(json!({"notTrustDomains": ["a*b"]})),
            "spec.rules[0].from[0].source.notTrustDomains[0]",
            "one `*`",
        ),
        (
            "a half operator",
            paths("/a/{*}b"),
            "spec.rules[0].to[0].operation.paths[0]",
            "brace",
        ),
        (
            "an operator after the last",
            paths("/{**}/{*}"),
            "spec.rules[0].to[0].operation.paths[0]",
            "last operator",
        ),
        (
            "a star beside an operator",
            paths("/a*/{*}"),
            "spec.rules[0].to[0].operation.paths[0]",
            "character",
        ),
        (
            "a template without a slash, which Envoy refuses",
            paths("a/{*}"),
            "spec.rules[0].to[0].operation.paths[0]",
            "begin with",
        ),
        (
            "a template with two slashes, which Envoy refuses",
            paths("//{*}"),
            "spec.rules[0].to[0].operation.paths[0]",
            "empty segment",
        ),
        (
            "a condition without a key",
            when(json!({"values": ["a"]})),
            "spec.rules[0].when[0].key",
            "required",
        ),
        (
            "a condition without values",
            when(json!({"key": "source.ip", "values": []})),
            "spec.rules[0].when[0]",
            "`values`",
        ),
        (
            "an unknown attribute",
            when_key("source.ipx"),
            "spec.rules[0].when[0].key",
            "no known attribute",
        ),
        (
            "a replaced attribute",
            when_key("destination.labels[a]"),
            "spec.rules[0].when[0].key",
            "selector",
        ),
        (
            "a key without brackets",
            when_key("request.headers"),
            "spec.rules[0].when[0].key",
            "request.headers[NAME]",
        ),
        (
            "a key with empty brackets",
            when_key("request.auth.claims[]"),
            "spec.rules[0].when[0].key",
            "request.auth.claims[NAME]",
        ),
        (
            "a key that passes Istio and fails in its rendering",
            when_key("request.headersX[a]"),
            "spec.rules[0].when[0].key",
            "request.headers[NAME]",
        ),
        (
            "a filter's metadata without a key",
            when_key("experimental.envoy.filters.a.b"),
            "spec.rules[0].when[0].key",
            "FILTER[KEY]",
        ),
        (
            "a condition's bad address",
            when_key("remote.ip"),
            "spec.rules[0].when[0].values[0]",
            "CIDR",
        ),
        (
            "a condition's bad port",
            when_key("destination.port"),
            "spec.rules[0].when[0].values[0]",
            "65535",
        ),
        (
            "a condition's bad trust domain",
            when(json!({"key": "source.trustDomain", "notValues": ["a*b"]})),
            "spec.rules[0].when[0].notValues[0]",
            "one `*`",
        ),
        (
            "a dry run that is no boolean",
            annotated("DENY", "istio.io/dry-run", "yes"),
            "metadata.annotations[\"istio.io/dry-run\"]",
            "no boolean",
        ),
        (
            "a dry run of AUDIT",
            annotated("AUDIT", "istio.io/dry-run", "true"),
            "metadata.annotations[\"istio.io/dry-run\"]",
            "AUDIT",
        ),
        (
            "a reserved annotation",
            annotated("DENY", "internal.istio.io/parents", "x"),
            "metadata.annotations[\"internal.istio.io/parents\"]",
            "reserved",
        ),
        (
            "no name",
            json!({"metadata": {"namespace": "n"}, "spec": {}}),
            "metadata.name",
            "required",
        ),
        (
            "another kind",
            json!({"kind": "Gateway", "metadata": {"name": "p"}}),
            "kind",
            "AuthorizationPolicy",
        ),
        (
            "another version",
            json!({"apiVersion": "security.istio.io/v2", "metadata": {"name": "p"}}),
            "apiVersion",
            "security.istio.io/v1",
        ),
    ];
    for (name, policy, path, word) in rows {
        let violations = check(policy).expect_err(name);
        let found = violations
            .iter()
            .any(|violation| violation.path().to_string() == path && violation.problem().to_string().contains(word));
        assert!(found, "{name}: {violations:?}");
        let in_rule = path.starts_with("spec.rules[0]");
        assert!(
            violations
                .iter()
                .all(|violation| violation.rule() == in_rule.then_some(0)),
            "{name}: {violations:?}"
        );
    }
}

#[test]
fn what_is_valid_is_taken() {
    for (name, policy) in [
        ("nothing but a name", json!({"metadata": {"name": "p"}})),
        ("ALLOW without rules", policy(json!({}))),
        ("AUDIT without rules", policy(json!({"action": "AUDIT"}))),
        ("a null spec", json!({"metadata": {"name": "p"}, "spec": null})),
        ("null rules", policy(json!({"action": "ALLOW", "rules": null}))),
        ("a rule that matches everything", rule(json!({}))),
        (
            "null and empty lists",
            rule(json!({"from": null, "to": [], "when": null})),
        ),
        (
            "host bits in a range",
            source(json!({"ipBlocks": ["127.3.2.1/8", "::1/64"]})),
        ),
        ("leading zeros in a port", operation(json!({"ports": ["0080"]}))),
        ("a star inside a path", paths("/a/*/b")),
        ("a template", paths("/v1/{*}/items/{**}/")),
        ("512 rules", policy(json!({"rules": vec![json!({}); 512]}))),
        (
            "CUSTOM without identities",
            custom(json!({"to": [{"operation": {"paths": ["/a"]}}]})),
        ),
        (
            "service accounts with a token and a trust domain",
            source(json!({"serviceAccounts": ["a"], "requestPrincipals": ["*"], "trustDomains": ["td*"]})),
        ),
        (
            "a trust domain condition with a slash",
            when(json!({"key": "source.trustDomain", "values": ["td/ns"]})),
        ),
        ("nested claims", when_key("request.auth.claims[a][b]")),
        (
            "metadata of another filter",
            when_key("experimental.envoy.filters.http.lua[k]"),
        ),
        ("a dry run", annotated("DENY", "istio.io/dry-run", "T")),
        ("a dry run that is off", annotated("ALLOW", "istio.io/dry-run", "0")),
        ("other annotations", annotated("DENY", "team", "x")),
        (
            "a target in the core group",
            target(json!({"kind": "Service", "group": "core", "name": "s"})),
        ),
        (
            "what the API server adds",
            json!({
                "apiVersion": "security.istio.io/v1beta1", "kind": "AuthorizationPolicy",
                "metadata": {"name": "p", "uid": "1", "generation": 3, "managedFields": [{"x": 1}], "labels": null},
                "status": {"conditions": []}
            }),
        ),
    ] {
        assert!(check(policy.clone()).is_ok(), "{name}: {:?}", check(policy));
    }
}

#[test]
fn what_is_rarely_meant_is_warned_of() {
    for (name, policy, path, word) in [
        (
            "a selector without labels",
            policy(json!({"selector": {}})),
            "spec.selector",
            "every workload",
        ),
        (
            "a DENY rule that TCP always matches",
            rule(json!({"to": [{"operation": {"methods": ["GET"]}}]})),
            "spec.rules[0]",
            "TCP",
        ),
    ] {
        let warnings = check(policy).expect(name).warnings;
        assert!(
            warnings.len() == 1 && warnings[0].path().to_string() == path && warnings[0].to_string().contains(word),
            "{name}: {warnings:?}"
        );
    }
    for (name, policy) in [
        ("with a port", operation(json!({"methods": ["GET"], "ports": ["80"]}))),
        (
            "with a principal",
            rule(json!({"from": [{"source": {"principals": ["a"]}}], "to": [{"operation": {"methods": ["GET"]}}]})),
        ),
        ("a rule for everything", rule(json!({}))),
    ] {
        assert!(check(policy).expect(name).warnings.is_empty(), "{name}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_in_order() {
    let violations = check(json!({
        "metadata": {"namespace": "n", "annotations": {"istio.io/dry-run": "maybe"}},
        "spec": {"action": "DENY", "rules": [
            {"from": [{"source": {"ipBlocks": ["x"], "trustDomains": ["a/b"]}}]},
            {"to": [{"operation": {"ports": ["y"]}}], "when": [{"key": "z", "values": ["1"]}]},
        ]}
    }))
    .unwrap_err();
    let paths: Vec<String> = violations
        .iter()
        .map(|violation| violation.path().to_string())
        .collect();
    assert_eq!(
        paths,
        [
            "metadata.name",
            "metadata.annotations[\"istio.io/dry-run\"]",
            "spec.rules[0].from[0].source.ipBlocks[0]",
            "spec.rules[0].from[0].source.trustDomains[0]",
            "spec.rules[1].to[0].operation.ports[0]",
            "spec.rules[1].when[0].key",
        ]
    );
    assert_eq!(
        violations[2].to_string(),
        "AuthorizationPolicy n/: spec.rules[0].from[0].source.ipBlocks[0]: expected an IP address or a CIDR range, such as \
         10.1.2.3, 10.0.0.0/8 or 2001:db8::/32"
    );
}

#[test]
fn another_shape_is_no_policy() {
    for (name, policy, word) in [
        ("a misspelt field", operation(json!({"notPath": ["/a"]})), "notPath"),
        ("a number for a port", operation(json!({"ports": [80]})), "string"),
        ("a text for a list", operation(json!({"paths": "/a"})), "sequence"),
        ("an unknown action", policy(json!({"action": "REFUSE"})), "REFUSE"),
        (
            "an unknown field of the metadata",
            json!({"metadata": {"nam": "p"}}),
            "nam",
        ),
        (
            "an unknown field of the policy",
            json!({"metadata": {"name": "p"}, "rules": []}),
            "rules",
        ),
    ] {
        let error = serde_json::from_value::<AuthorizationPolicy>(policy)
            .expect_err(name)
            .to_string();
        assert!(error.contains(word), "{name}: {error}");
    }
}
