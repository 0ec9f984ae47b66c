//! Service accounts in peer identities.

use std::fmt;

use super::{SPIFFE, regex_dot};

/// A value of `serviceAccounts` or `source.serviceAccount`, with its namespace.
///
/// Rendered as the expression `spiffe://.+/ns/<namespace>/(.+/|)sa/<name>(/.+)?`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServiceAccount<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl<'a> ServiceAccount<'a> {
    const LONGEST: usize = 320;

    /// Reads `namespace/name`, or `name` in the namespace of the policy.
    ///
    /// # Errors
    ///
    /// For a wildcard, an empty part, a second slash or more than 320 characters.
    pub fn parse(value: &'a str, policy_namespace: &'a str) -> Result<Self, InvalidServiceAccount> {
        if value.chars().count() > Self::LONGEST {
            return Err(InvalidServiceAccount::TooLong);
        }
        if value.contains('*') {
            return Err(InvalidServiceAccount::Wildcard);
        }
        let (namespace, name) = value.split_once('/').unwrap_or((policy_namespace, value));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err(InvalidServiceAccount::Format);
        }
        Ok(Self { namespace, name })
    }

    /// Reads what [`Display`](fmt::Display) has written of an account that was found valid: the namespace is always there.
    pub(crate) fn of_checked(text: &'a str) -> Self {
        let (namespace, name) = text.rsplit_once('/').unwrap_or(("", text));
        Self { namespace, name }
    }

    /// The namespace.
    #[must_use]
    pub const fn namespace(self) -> &'a str {
        self.namespace
    }

    /// The service account's name.
    #[must_use]
    pub const fn name(self) -> &'a str {
        self.name
    }

    /// Whether one name of the peer matches.
    #[must_use]
    pub fn matches(self, name: &[u8]) -> bool {
        let Some(identity) = name.strip_prefix(SPIFFE.as_bytes()) else {
            return false;
        };
        if !regex_dot::is_line(identity) {
            return false;
        }
        // The first namespace leaves the most room for what may stand between it and `sa/`; one character must come before it.
        let Some(path) = identity
            .get(1..)
            .and_then(|rest| after_each(rest, "/ns/").find_map(|rest| self.strip_namespace(rest)))
        else {
            return false;
        };
        path.strip_prefix(b"sa/").is_some_and(|rest| self.ends_name(rest))
            || path
                .get(1..)
                .is_some_and(|rest| after_each(rest, "/sa/").any(|rest| self.ends_name(rest)))
    }

    fn strip_namespace(self, text: &[u8]) -> Option<&[u8]> {
        text.strip_prefix(self.namespace.as_bytes())?.strip_prefix(b"/")
    }

    fn ends_name(self, text: &[u8]) -> bool {
        text.strip_prefix(self.name.as_bytes())
            .is_some_and(|rest| rest.is_empty() || (rest.len() > 1 && rest[0] == b'/'))
    }
}

impl fmt::Display for ServiceAccount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What follows each occurrence of `marker`, overlapping ones included.
pub(crate) fn after_each<'a>(text: &'a [u8], marker: &'static str) -> impl Iterator<Item = &'a [u8]> {
    (0..text.len()).filter_map(move |start| text[start..].strip_prefix(marker.as_bytes()))
}

/// Why a value names no service account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidServiceAccount {
    /// Longer than 320 characters.
    TooLong,
    /// A `*`.
    Wildcard,
    /// Neither `name` nor `namespace/name`.
    Format,
}

impl fmt::Display for InvalidServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a service account has at most 320 characters"),
            Self::Wildcard => {
                f.write_str("a service account takes no wildcard; use `principals` or `namespaces` for patterns")
            }
            Self::Format => f.write_str("expected `service-account` or `namespace/service-account`"),
        }
    }
}

impl std::error::Error for InvalidServiceAccount {}

#[cfg(test)]
mod tests {
    use super::ServiceAccount;

    #[test]
    fn matches_as_the_rendered_expression() {
        for (value, name, expected) in [
            ("ns/sa", "spiffe://td/ns/ns/sa/sa", true),
            ("ns/sa", "spiffe://td/ns/ns/sa/sa/more", true),
            ("ns/sa", "spiffe://td/ns/ns/sa/sa/", false),
            ("ns/sa", "spiffe://td/ns/ns/sa/sa2", false),
            ("ns/sa", "spiffe://td/ns/ns/x/sa/sa", true),
            ("ns/sa", "spiffe://td/ns/ns//sa/sa", false),
            ("ns/sa", "spiffe://td/ns/ns/xsa/sa", false),
            ("ns/sa", "spiffe://td/ns/other/ns/ns/sa/sa", true),
            ("ns/sa", "spiffe:///ns/ns/sa/sa", false),
            ("ns/sa", "spiffe://x/ns/ns/sa/sa", true),
            ("ns/sa", "https://td/ns/ns/sa/sa", false),
            ("sa", "spiffe://td/ns/home/sa/sa", true),
            ("sa", "spiffe://td/ns/ns/sa/sa", false),
            ("n.s/sa", "spiffe://td/ns/nxs/sa/sa", false),
            ("ns/sa", "spiffe://td/ns/ns/sa/other/sa/sa", true),
            ("ns/ns", "spiffe://td/ns/ns/ns/ns/sa/ns", true),
        ] {
            let account = ServiceAccount::parse(value, "home").unwrap();
            assert_eq!(account.matches(name.as_bytes()), expected, "{value} {name}");
        }
    }

    #[test]
    fn refuses_other_forms() {
        for value in ["*", "ns/*", "a/b/c", "/b", "a/", "", &"x".repeat(321)] {
            assert!(ServiceAccount::parse(value, "home").is_err(), "{value}");
        }
    }
}
