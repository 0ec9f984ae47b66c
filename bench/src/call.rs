//! A request that families are measured with, as plain data.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

/// What a gateway's listener is called on.
pub const PORT: u16 = 8443;
/// Who calls when a family does not care.
pub const CALLER: &str = "cluster.local/ns/default/sa/sleep";

/// A request, before it is made one for the engine, for the test host or for a wire.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The authority.
    pub host: String,
    /// The path, with its query.
    pub path: String,
    /// Header lines beside the usual ones.
    pub headers: Vec<(String, String)>,
    /// The peer's SPIFFE names, without `spiffe://`.
    pub principals: Vec<String>,
    /// The peer's address.
    pub source: IpAddr,
    /// The claims of a validated token, an object.
    pub claims: Option<Value>,
}

impl Call {
    /// A `GET` by [`CALLER`].
    #[must_use]
    pub fn get(host: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            host: host.into(),
            path: path.into(),
            headers: Vec::new(),
            principals: vec![CALLER.to_owned()],
            source: Ipv4Addr::new(192, 0, 2, 7).into(),
            claims: None,
        }
    }

    /// The same by another method.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// The same with one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same by another caller.
    #[must_use]
    pub fn by(self, principal: impl Into<String>) -> Self {
        self.by_any([principal.into()])
    }

    /// The same by a caller with several names.
    #[must_use]
    pub fn by_any(mut self, principals: impl IntoIterator<Item = String>) -> Self {
        self.principals = principals.into_iter().collect();
        self
    }

    /// The same from another address.
    #[must_use]
    pub fn from(mut self, source: impl Into<IpAddr>) -> Self {
        self.source = source.into();
        self
    }

    /// The same with a token.
    #[must_use]
    pub fn claims(mut self, claims: Value) -> Self {
        self.claims = Some(claims);
        self
    }

    /// All header lines, as a gateway's filter sees them: what a client sends and what the connection manager adds.
    pub fn header_lines(&self) -> impl Iterator<Item = (&str, String)> {
        let principal = self.principals.first().map_or("", String::as_str);
        let usual = [
            (":authority", self.host.clone()),
            (":path", self.path.clone()),
            (":method", self.method.to_owned()),
            (":scheme", "https".to_owned()),
            ("user-agent", "curl/8.5.0".to_owned()),
            ("accept", "*/*".to_owned()),
            ("x-forwarded-for", self.source.to_string()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-envoy-internal", "true".to_owned()),
            ("x-request-id", "7c1f6a0e-5d1b-4c5e-9d0a-2f8a4c0b9e11".to_owned()),
            ("x-envoy-decorator-operation", "api.example.com:443/*".to_owned()),
            ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124".to_owned()),
            ("x-b3-spanid", "a2fb4a1d1a96d312".to_owned()),
            ("x-b3-sampled", "0".to_owned()),
            (
                "x-forwarded-client-cert",
                format!(
                    "By=spiffe://cluster.local/ns/istio-system/sa/istio-egressgateway;Hash={};Subject=\"\";URI=spiffe://{principal}",
                    "0a".repeat(32)
                ),
            ),
        ];
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        usual.into_iter().chain(own)
    }
}
