//! Whom and what a policy is about, in the words of `AuthorizationPolicy`.

use outgate_policy::Peer;
use outgate_policy::canonical::canonical_host_pattern;
use outgate_policy::pattern::{self, TextPattern};
use serde::Deserialize;

/// Hosts, as `hosts` of an `AuthorizationPolicy` names them: `api.example.com`, `*.example.com`, `api.*` or `*`.
///
/// They are compared with [`Request::host_name`](super::Request::host_name), so that no port and no capital letter leads round a
/// policy. A port in the pattern is an error.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct HostPattern(String);

impl TryFrom<String> for HostPattern {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let written = written.to_ascii_lowercase();
        let (TextPattern::Exact(part) | TextPattern::Prefix(part) | TextPattern::Suffix(part)) =
            TextPattern::parse(&written)
        else {
            return Ok(Self(written));
        };
        if part.is_empty() || part.contains('*') {
            return Err("a host is `name`, `*suffix`, `prefix*` or `*`");
        }
        match canonical_host_pattern(&written) {
            Ok(None) => Ok(Self(written)),
            // With ports or without, in an `AuthorizationPolicy`; here there are none.
            Ok(Some(_)) | Err(_) => Err("a host is compared in its canonical form: without a port and a trailing dot"),
        }
    }
}

impl HostPattern {
    /// Whether a host is meant, by its [name](super::Request::host_name).
    #[must_use]
    pub fn matches(&self, host_name: &[u8]) -> bool {
        TextPattern::parse(&self.0).matches_string(host_name)
    }
}

/// Callers, as `principals` of an `AuthorizationPolicy` names them: `cluster.local/ns/shop/sa/cart`, `cluster.local/ns/shop/*`,
/// `*/sa/cart` or `*`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct PrincipalPattern(String);

impl TryFrom<String> for PrincipalPattern {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        if written.is_empty() {
            return Err("a principal is `trust-domain/ns/NAMESPACE/sa/ACCOUNT`, `*suffix`, `prefix*` or `*`");
        }
        if written.starts_with(pattern::SPIFFE) {
            return Err("a principal is written without `spiffe://`");
        }
        Ok(Self(written))
    }
}

impl PrincipalPattern {
    /// Whether a caller is meant. One without a certificate is not, not even by `*`.
    #[must_use]
    pub fn matches(&self, peer: &Peer) -> bool {
        let pattern = pattern::PrincipalPattern::parse(&self.0);
        peer.names().any(|name| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{HostPattern, Peer, PrincipalPattern};

    #[test]
    fn hosts_are_named_as_in_policies() {
        for (pattern, host, expected) in [
            ("a.com", "a.com", true),
            ("A.com", "a.com", true),
            ("a.com", "b.a.com", false),
            ("*.a.com", "b.a.com", true),
            ("*.a.com", "a.com", false),
            ("api.*", "api.a.com", true),
            ("*", "a.com", true),
            ("*", "", false),
            ("[::1]", "[::1]", true),
        ] {
            let pattern = HostPattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(pattern.matches(host.as_bytes()), expected, "{pattern:?} {host}");
        }
        for (refused, word) in [
            ("", "prefix*"),
            ("**", "prefix*"),
            ("*a*", "prefix*"),
            ("a*b", "prefix*"),
            ("a.com:80", "without a port"),
            ("a.com.", "trailing dot"),
            ("*.a.com:80", "without a port"),
            ("a.com:*", "without a port"),
            ("*.a.com.", "trailing dot"),
            ("a b*", "canonical form"),
            ("*..com", "canonical form"),
            ("127.1", "canonical form"),
        ] {
            let error = HostPattern::try_from(refused.to_owned()).unwrap_err();
            assert!(error.contains(word), "{refused}: {error}");
        }
    }

    #[test]
    fn callers_are_named_as_in_policies() {
        let sleep = Peer::workload("td/ns/default/sa/sleep");
        for (pattern, expected) in [
            ("td/ns/default/sa/sleep", true),
            ("td/ns/default/*", true),
            ("*/sa/sleep", true),
            ("*", true),
            ("td/ns/other/*", false),
            ("sleep", false),
        ] {
            let pattern = PrincipalPattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(pattern.matches(&sleep), expected, "{pattern:?}");
        }
        let nobody = Peer::new(Vec::<String>::new(), Vec::new(), "");
        assert!(!PrincipalPattern("*".to_owned()).matches(&nobody));
        assert!(PrincipalPattern::try_from(String::new()).is_err());
        assert!(PrincipalPattern::try_from("spiffe://td/ns/a/sa/b".to_owned()).is_err());
    }
}
