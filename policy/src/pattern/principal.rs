//! Peer identities as `principals` writes them: without `spiffe://`.

use std::fmt;

use super::{SPIFFE, TextPattern, regex_dot};

/// A value of `principals` or `source.principal`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrincipalPattern<'a>(TextPattern<'a>);

impl<'a> PrincipalPattern<'a> {
    /// Reads a value as Istio does.
    #[must_use]
    pub fn parse(value: &'a str) -> Self {
        Self(TextPattern::parse(value))
    }

    /// The value without the `spiffe://` that matching adds.
    #[must_use]
    pub const fn text(self) -> TextPattern<'a> {
        self.0
    }

    /// Whether one name of the peer matches.
    ///
    /// `*` takes any name, a DNS name or a subject as well; every other form takes SPIFFE identities only.
    #[must_use]
    pub fn matches(self, name: &[u8]) -> bool {
        match self.0 {
            TextPattern::Present => regex_dot::is_non_empty_line(name),
            TextPattern::Exact(text) => name.strip_prefix(SPIFFE.as_bytes()) == Some(text.as_bytes()),
            TextPattern::Prefix(text) => name
                .strip_prefix(SPIFFE.as_bytes())
                .is_some_and(|identity| identity.starts_with(text.as_bytes())),
            // Rendered as the expression `spiffe://.*` + suffix, so what comes before the suffix has no newline.
            TextPattern::Suffix(text) => name
                .strip_prefix(SPIFFE.as_bytes())
                .and_then(|identity| identity.strip_suffix(text.as_bytes()))
                .is_some_and(regex_dot::is_line),
        }
    }
}

impl fmt::Display for PrincipalPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::PrincipalPattern;

    #[test]
    fn only_a_star_takes_names_that_are_no_spiffe_identity() {
        for (pattern, name, expected) in [
            ("td/ns/a/sa/b", &b"spiffe://td/ns/a/sa/b"[..], true),
            ("td/ns/a/sa/b", b"td/ns/a/sa/b", false),
            ("td/ns/a/*", b"spiffe://td/ns/a/sa/b", true),
            ("td/ns/a/*", b"https://td/ns/a/sa/b", false),
            ("*/sa/b", b"spiffe://td/ns/a/sa/b", true),
            ("*/sa/b", b"spiffe:///sa/b", true),
            ("*/sa/b", b"spiffe:/sa/b", false),
            ("*/sa/b", b"spiffe://t\nd/sa/b", false),
            ("*/sa/b", b"spiffe://t\xFFd/sa/b", true),
            ("*", b"CN=x", true),
            ("*", b"", false),
        ] {
            assert_eq!(
                PrincipalPattern::parse(pattern).matches(name),
                expected,
                "{pattern} {name:?}"
            );
        }
    }
}
