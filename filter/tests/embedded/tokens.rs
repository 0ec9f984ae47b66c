//! Decisions by what earlier filters found out: a token's claims, and other metadata.

use outgate_test_host::Request;
use serde_json::{Value, json};

use crate::module::{decide, get, module};
use crate::policies::{config, deny_from, deny_when};

/// A request whose token has these claims.
fn claims(claims: &Value) -> Request {
    let namespaces = json!({
        "another.filter": {"payload": {"x": "y"}},
        "envoy.filters.http.jwt_authn": {"header": {"alg": "none"}, "payload": claims},
    });
    get("/").dynamic_metadata(&namespaces)
}

#[test]
fn a_claim_matches_as_text_or_as_a_list_with_a_text() {
    let Some(module) = module() else { return };
    for (value, is_y, is_any) in [
        (json!("y"), "deny", "deny"),
        (json!("yes"), "allow", "deny"),
        (json!("Y"), "allow", "deny"),
        (json!(""), "allow", "allow"),
        (json!(null), "allow", "allow"),
        (json!(true), "allow", "allow"),
        (json!(false), "allow", "allow"),
        (json!(1), "allow", "allow"),
        (json!(0.5), "allow", "allow"),
        (json!({}), "allow", "allow"),
        (json!({"y": "y"}), "allow", "allow"),
        (json!([]), "allow", "allow"),
        (json!([null, 1, true, {"y": "y"}, ["y"]]), "allow", "allow"),
        (json!([null, 1, true, {}, [], "y"]), "deny", "deny"),
        (json!(["x", ""]), "allow", "deny"),
        (json!([""]), "allow", "allow"),
    ] {
        let request = claims(&json!({"null": null, "x": value, "z": "y"}));
        for (pattern, decided) in [("y", is_y), ("*", is_any)] {
            let config = config(&[deny_when("request.auth.claims[x]", &[pattern])]);
            assert_eq!(
                decide(module, &config, request.clone()),
                decided,
                "{pattern} against {value}"
            );
        }
    }
}

#[test]
fn a_claim_is_found_by_its_path() {
    let Some(module) = module() else { return };
    for (name, key, payload, decided) in [
        ("nested", "request.auth.claims[a][b]", json!({"a": {"b": "y"}}), "deny"),
        (
            "not deep enough",
            "request.auth.claims[a][b]",
            json!({"a": "y"}),
            "allow",
        ),
        (
            "in a list",
            "request.auth.claims[a][b]",
            json!({"a": [{"b": "y"}]}),
            "allow",
        ),
        (
            "by a name with dots",
            "request.auth.claims[a.b]",
            json!({"a.b": "y"}),
            "deny",
        ),
        ("in another case", "request.auth.claims[a]", json!({"A": "y"}), "allow"),
        (
            "the audience",
            "request.auth.audiences",
            json!({"aud": ["x", "y"]}),
            "deny",
        ),
        ("the presenter", "request.auth.presenter", json!({"azp": "y"}), "deny"),
    ] {
        assert_eq!(
            decide(module, &config(&[deny_when(key, &["y"])]), claims(&payload)),
            decided,
            "{name}"
        );
    }
}

#[test]
fn issuer_and_subject_are_an_identity() {
    let Some(module) = module() else { return };
    let token = |iss: Value, sub: Value| claims(&json!({"iss": iss, "sub": sub}));
    let good = || token(json!("https://i/x"), json!("s"));
    for (name, pattern, request, decided) in [
        ("both", "https://i/x/s", good(), "deny"),
        ("another subject", "https://i/x/t", good(), "allow"),
        ("any", "*", good(), "deny"),
        ("any of an issuer", "https://i/x/*", good(), "deny"),
        ("a subject that is a number", "*", token(json!("i"), json!(1)), "allow"),
        ("no subject", "*", claims(&json!({"iss": "i"})), "allow"),
        ("no token", "*", get("/"), "allow"),
    ] {
        let config = config(&[deny_from(&json!({"requestPrincipals": [pattern]}))]);
        assert_eq!(decide(module, &config, request), decided, "{name}");
    }
    let without = config(&[deny_from(&json!({"notRequestPrincipals": ["*"]}))]);
    assert_eq!(
        decide(module, &without, get("/")),
        "deny",
        "no token is not an identity"
    );
    assert_eq!(decide(module, &without, good()), "allow");
}

#[test]
fn other_filters_metadata_is_a_text_or_a_list() {
    let Some(module) = module() else { return };
    let wrote = |value: Value| get("/").dynamic_metadata(&json!({"envoy.filters.http.lua": {"k": value}}));
    for (pattern, value, decided) in [
        ("y", json!("y"), "deny"),
        ("y", json!(["y"]), "allow"),
        ("[y]", json!(["x", "y"]), "deny"),
        ("[y]", json!("y"), "allow"),
        ("y", json!(null), "allow"),
    ] {
        let config = config(&[deny_when("experimental.envoy.filters.http.lua[k]", &[pattern])]);
        assert_eq!(
            decide(module, &config, wrote(value.clone())),
            decided,
            "{pattern} against {value}"
        );
    }
}
