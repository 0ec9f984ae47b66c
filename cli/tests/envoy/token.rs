//! An issuer of JSON Web Tokens, whose key Envoy is given.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example";

/// Signs with Ed25519, the one algorithm whose signatures are the same bytes in certificates and in tokens.
pub(crate) struct TokenIssuer(KeyPair);

impl TokenIssuer {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ED25519).expect("a key can be generated"))
    }

    /// A signed token with these claims, and the issuer's name among them.
    pub(crate) fn token(&self, mut claims: Value) -> String {
        claims["iss"] = json!(ISSUER);
        self.sign(&claims)
    }

    /// A signed token with these claims and no others.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": "lab", "typ": "JWT"});
        let content = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.0.sign(content.as_bytes()).expect("a token can be signed");
        format!("{content}.{}", encode(signature))
    }

    /// The public key, as a JSON Web Key Set.
    pub(crate) fn key_set(&self) -> Value {
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "lab",
            "x": encode(self.0.der_bytes()),
        }]})
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
