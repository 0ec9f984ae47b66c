//! JWT identities: `<iss>/<sub>`.

use std::fmt;

use super::TextPattern;

/// A value of `requestPrincipals` or `request.auth.principal`: a pattern for `iss` and one for `sub`, both of which must be
/// strings of the token and match.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestPrincipalPattern<'a> {
    written: &'a str,
    issuer: TextPattern<'a>,
    subject: TextPattern<'a>,
}

impl<'a> RequestPrincipalPattern<'a> {
    /// Reads a value as Istio does: split at the last `/`, a leading `*` belongs to the issuer, a trailing one to the subject.
    #[must_use]
    pub fn parse(value: &'a str) -> Self {
        let exact = TextPattern::Exact;
        let (issuer, subject) = if value == "*" {
            (TextPattern::Present, TextPattern::Present)
        } else if let Some(rest) = value.strip_prefix('*') {
            match rest.rsplit_once('/') {
                None => (TextPattern::Present, TextPattern::Suffix(rest)),
                Some(("", subject)) => (TextPattern::Present, exact(subject)),
                Some((issuer, subject)) => (TextPattern::Suffix(issuer), exact(subject)),
            }
        } else if let Some(rest) = value.strip_suffix('*') {
            match rest.rsplit_once('/') {
                None => (TextPattern::Prefix(rest), TextPattern::Present),
                Some((issuer, "")) => (exact(issuer), TextPattern::Present),
                Some((issuer, subject)) => (exact(issuer), TextPattern::Prefix(subject)),
            }
        } else {
            match value.rsplit_once('/') {
                // Native compares `sub` with the empty text here, which practically no token has.
                None => (exact(value), exact("")),
                Some((issuer, subject)) => (exact(issuer), exact(subject)),
            }
        };
        Self {
            written: value,
            issuer,
            subject,
        }
    }

    /// What the claim `iss` must match.
    #[must_use]
    pub const fn issuer(self) -> TextPattern<'a> {
        self.issuer
    }

    /// What the claim `sub` must match.
    #[must_use]
    pub const fn subject(self) -> TextPattern<'a> {
        self.subject
    }

    /// Whether a token with these two claims matches.
    #[must_use]
    pub fn matches(self, issuer: &[u8], subject: &[u8]) -> bool {
        self.issuer.matches_string(issuer) && self.subject.matches_string(subject)
    }
}

impl fmt::Display for RequestPrincipalPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::RequestPrincipalPattern;

    #[test]
    fn reads_as_istio_does() {
        for (value, issuer, subject) in [
            ("*", "*", "*"),
            ("*S", "*", "*S"),
            ("*/S", "*", "S"),
            ("*I/S", "*I", "S"),
            ("I*", "I*", "*"),
            ("I/*", "I", "*"),
            ("I/S*", "I", "S*"),
            ("I/S", "I", "S"),
            ("https://i/S", "https://i", "S"),
            ("I", "I", ""),
            ("*a/b*", "*a", "b*"),
        ] {
            let pattern = RequestPrincipalPattern::parse(value);
            assert_eq!(pattern.issuer().to_string(), issuer, "{value}");
            assert_eq!(pattern.subject().to_string(), subject, "{value}");
        }
        let literal = RequestPrincipalPattern::parse("*a/b*");
        assert!(literal.matches(b"xa", b"b*"));
        assert!(!literal.matches(b"xa", b"bc"));
    }
}
