//! Trust domains of peer identities.

use std::fmt;

use super::{SPIFFE, regex_dot};

/// A value of `trustDomains` or `source.trustDomain`: exact, or with one `*` at either end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrustDomainPattern<'a>(&'a str);

impl<'a> TrustDomainPattern<'a> {
    /// Reads a value of `when.key: source.trustDomain`, which may hold slashes.
    ///
    /// # Errors
    ///
    /// For an empty value, a second `*`, or one that is neither first nor last.
    pub fn parse(value: &'a str) -> Result<Self, InvalidTrustDomain> {
        if value.is_empty() {
            return Err(InvalidTrustDomain::Empty);
        }
        let stars = value.matches('*').count();
        if stars > 1 || (stars == 1 && !value.starts_with('*') && !value.ends_with('*')) {
            return Err(InvalidTrustDomain::Wildcard);
        }
        Ok(Self(value))
    }

    /// Reads a value of `trustDomains`, which may hold no slash.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`], and for a slash.
    pub fn parse_without_slash(value: &'a str) -> Result<Self, InvalidTrustDomain> {
        if value.contains('/') {
            return Err(InvalidTrustDomain::Slash);
        }
        Self::parse(value)
    }

    /// The value as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether one name of the peer matches.
    #[must_use]
    pub fn matches(self, name: &[u8]) -> bool {
        let Some(identity) = name.strip_prefix(SPIFFE.as_bytes()) else {
            return false;
        };
        let Some((left, right)) = self.0.split_once('*') else {
            return identity
                .strip_prefix(self.0.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"/"));
        };
        if left.is_empty() && right.is_empty() {
            return true;
        }
        // `spiffe://` left `[^/]*` right `/.*`: the wildcard ends before the first slash, so there is one way to place it.
        let Some(rest) = identity.strip_prefix(left.as_bytes()) else {
            return false;
        };
        let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
        let until_slash = right.find('/').unwrap_or(right.len());
        slash
            .checked_sub(until_slash)
            .and_then(|wildcard| {
                let path = rest[wildcard..].strip_prefix(right.as_bytes())?.strip_prefix(b"/")?;
                // Unlike `.`, the wildcard's `[^/]` takes a newline.
                Some(regex_dot::is_line(path))
            })
            .unwrap_or(false)
    }
}

impl fmt::Display for TrustDomainPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a value is no trust domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidTrustDomain {
    /// Nothing in it.
    Empty,
    /// More than one `*`, or one inside.
    Wildcard,
    /// A `/`.
    Slash,
}

impl fmt::Display for InvalidTrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a trust domain cannot be empty",
            Self::Wildcard => "a trust domain takes one `*`, as its first or its last character",
            Self::Slash => "a trust domain has no `/`; use `principals` to match more of an identity",
        })
    }
}

impl std::error::Error for InvalidTrustDomain {}

#[cfg(test)]
mod tests {
    use super::TrustDomainPattern;

    #[test]
    fn the_wildcard_stops_at_the_first_slash() {
        for (pattern, name, expected) in [
            ("td", &b"spiffe://td/ns/a"[..], true),
            ("td", b"spiffe://td", false),
            ("td", b"spiffe://td2/ns/a", false),
            ("td", b"spiffe://td/\n", true),
            ("*", b"spiffe://", true),
            ("*", b"https://td/", false),
            ("td*", b"spiffe://td2/x", true),
            ("td*", b"spiffe://td/x", true),
            ("td*", b"spiffe://x/td/", false),
            ("td*", b"spiffe://td2", false),
            ("*.prod", b"spiffe://eu.prod/x", true),
            ("*.prod", b"spiffe://eu/x.prod/", false),
            ("*.prod", b"spiffe://.prod/", true),
            ("*.prod", b"spiffe://prod/", false),
            ("*.prod", b"spiffe://e\nu.prod/x", true),
            ("*.prod", b"spiffe://eu.prod/x\n", false),
            ("*a/b", b"spiffe://xa/b/c", true),
            ("*a/b", b"spiffe://x/a/b/c", false),
            ("a/b*", b"spiffe://a/bc/d", true),
        ] {
            assert_eq!(
                TrustDomainPattern::parse(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name:?}"
            );
        }
    }
}
