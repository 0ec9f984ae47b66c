//! The tests' policies as Istio renders them: the rules of Envoy's `RBAC` message, in JSON.
//!
//! Written out and not generated, so that our own rendering has no part in saying what native authorization does.

use serde_json::{Value, json};

use super::token;

/// The name of the rule in [`test_policy`].
pub(crate) const TEST_RULE: &str = "ns[istio-system]-policy[test]-rule[0]";

/// The walkthrough's policy `test`: DENY `sleep` the path `/headers` of `test.com`.
pub(crate) fn test_policy() -> Value {
    json!({
        "action": "DENY",
        "policies": {TEST_RULE: {
            "permissions": [{"and_rules": {"rules": [
                {"or_rules": {"rules": [{"header": {
                    "name": ":authority", "string_match": {"exact": "test.com", "ignore_case": true},
                }}]}},
                {"or_rules": {"rules": [{"url_path": {"path": {"exact": "/headers"}}}]}},
            ]}}],
            "principals": [{"and_ids": {"ids": [{"or_ids": {"ids": [
                {"authenticated": {"principal_name": {"exact": "spiffe://cluster.local/ns/default/sa/sleep"}}},
            ]}}]}}],
        }},
    })
}

/// ALLOW whoever has a token of the lab's issuer that names the group `egress`.
pub(crate) fn token_policy() -> Value {
    let claim = |name: &str, value: &Value| {
        json!({"sourced_metadata": {"metadata_matcher": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "payload"}, {"key": name}],
            "value": value,
        }}})
    };
    let group = json!({"exact": "egress"});
    json!({
        "action": "ALLOW",
        "policies": {"ns[istio-system]-policy[tokens]-rule[0]": {
            "permissions": [{"and_rules": {"rules": [{"any": true}]}}],
            "principals": [{"and_ids": {"ids": [
                {"or_ids": {"ids": [{"and_ids": {"ids": [
                    claim("iss", &json!({"string_match": {"exact": token::ISSUER}})),
                    claim("sub", &json!({"string_match": {"safe_regex": {"regex": ".+"}}})),
                ]}}]}},
                {"or_ids": {"ids": [claim("groups", &json!({"or_match": {"value_matchers": [
                    {"string_match": group},
                    {"list_match": {"one_of": {"string_match": group}}},
                ]}}))]}},
            ]}}],
        }},
    })
}
