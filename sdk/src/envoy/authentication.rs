//! Tokens, as Istio has a gateway check them.

use serde_json::{Map, Value, json};

use super::{extension, set};
use crate::manifest::JwtRule;
use crate::proxy::TokenIssuers;

/// The key under which a token's claims are found.
const PAYLOAD: &str = "payload";

/// The filter that checks tokens. A request without any passes: whether that may be is for policies to say.
pub(super) fn filter(issuers: &TokenIssuers) -> Value {
    let providers: Map<String, Value> = issuers
        .rules
        .iter()
        .enumerate()
        .map(|(index, rule)| (provider_name(index), provider(rule)))
        .collect();
    extension(
        "envoy.filters.http.jwt_authn",
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        json!({
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requirement(issuers.rules.len())}],
            "bypass_cors_preflight": true,
        }),
    )
}

fn provider_name(index: usize) -> String {
    format!("origins-{index}")
}

fn provider(rule: &JwtRule) -> Value {
    let mut provider = json!({
        "issuer": rule.issuer,
        "local_jwks": {"inline_string": rule.jwks.clone().unwrap_or_default()},
        "payload_in_metadata": PAYLOAD,
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "permission"]},
        "forward": rule.forward_original_token,
    });
    set(
        &mut provider,
        "audiences",
        (!rule.audiences.is_empty()).then(|| rule.audiences.clone()),
    );
    set(
        &mut provider,
        "forward_payload_header",
        rule.output_payload_to_header.clone(),
    );
    if !rule.from_headers.is_empty() {
        let headers = rule.from_headers.iter();
        let headers = headers.map(|header| {
            let mut place = json!({"name": header.name});
            set(&mut place, "value_prefix", header.prefix.clone());
            place
        });
        provider["from_headers"] = headers.collect();
    }
    set(
        &mut provider,
        "from_params",
        (!rule.from_params.is_empty()).then(|| rule.from_params.clone()),
    );
    set(
        &mut provider,
        "from_cookies",
        (!rule.from_cookies.is_empty()).then(|| rule.from_cookies.clone()),
    );
    if !rule.output_claim_to_headers.is_empty() {
        let claims = rule.output_claim_to_headers.iter();
        let claims = claims.map(|claim| json!({"header_name": claim.header, "claim_name": claim.claim}));
        provider["claim_to_headers"] = claims.collect();
    }
    provider
}

/// A valid token of any issuer, or no token at all. A token that no issuer vouches for is refused.
fn requirement(issuers: usize) -> Value {
    let of = |index: usize| json!({"provider_name": provider_name(index)});
    let allow_missing = || json!({"allow_missing": {}});
    let any = |requirements: Vec<Value>| json!({"requires_any": {"requirements": requirements}});
    if issuers == 1 {
        return any(vec![of(0), allow_missing()]);
    }
    let each = (0..issuers).map(|index| any(vec![of(index), allow_missing()]));
    let all = json!({"requires_all": {"requirements": each.collect::<Vec<_>>()}});
    any((0..issuers).map(of).chain([all]).collect())
}
