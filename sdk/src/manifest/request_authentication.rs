//! `RequestAuthentication`: whose tokens are valid.

use serde::Deserialize;

use super::destination_rule::LabelSelector;
use super::duration::Period;
use super::unrendered::Unrendered;

/// `spec` of a `RequestAuthentication`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestAuthentication {
    /// The pods that check tokens; absent: all of the namespace.
    pub selector: Option<LabelSelector>,
    /// The issuers of tokens.
    pub jwt_rules: Vec<JwtRule>,
    #[serde(rename = "targetRef")]
    _target_ref: Unrendered,
    #[serde(rename = "targetRefs")]
    _target_refs: Unrendered,
}

/// One issuer of tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtRule {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `aud` must be one of these; empty: any.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The issuer's keys, as a JSON Web Key Set.
    #[serde(default)]
    pub jwks: Option<String>,
    /// Where to fetch the keys, which is not done here.
    #[serde(default, alias = "jwks_uri")]
    pub jwks_uri: Option<String>,
    /// Headers that a token may stand in; with no place given, `Authorization: Bearer` and the parameter `access_token`.
    #[serde(default)]
    pub from_headers: Vec<JwtHeader>,
    /// Query parameters that it may stand in.
    #[serde(default)]
    pub from_params: Vec<String>,
    /// Cookies that it may stand in.
    #[serde(default)]
    pub from_cookies: Vec<String>,
    /// Header that gets the payload.
    #[serde(default)]
    pub output_payload_to_header: Option<String>,
    /// Headers that get single claims.
    #[serde(default)]
    pub output_claim_to_headers: Vec<ClaimHeader>,
    /// Whether the token is sent on.
    #[serde(default)]
    pub forward_original_token: bool,
    /// How long fetching keys may take.
    #[serde(default)]
    pub timeout: Option<Period>,
    #[serde(default, rename = "spaceDelimitedClaims")]
    _space_delimited_claims: Unrendered,
}

/// A header that a token may stand in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtHeader {
    /// The header.
    pub name: String,
    /// What stands before the token.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// A header that gets a claim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimHeader {
    /// The header.
    pub header: String,
    /// The claim.
    pub claim: String,
}
