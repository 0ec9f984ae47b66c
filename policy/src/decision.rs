//! What is decided about a request, and by what.

use std::fmt;

use crate::digits::with_digits;
use crate::model::{Action, PolicyName};

/// A rule's visible name, exactly native's: `ns[<namespace>]-policy[<name>]-rule[<index>]`.
///
/// Where several rules match, the one whose name comes first in byte order is reported, so `rule[10]` goes before `rule[2]`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleName(Box<str>);

impl RuleName {
    /// The name of a policy's rule.
    #[must_use]
    pub fn new(policy: &PolicyName, action: &Action, index: usize) -> Self {
        let PolicyName { namespace, name } = policy;
        let (prefix, provider, separator) = match action {
            Action::Custom { provider } => ("istio-ext-authz-", provider.as_str(), "-"),
            Action::Allow | Action::Deny | Action::Audit => ("", "", ""),
        };
        // Joined rather than formatted: there can be a hundred thousand, and the gateway waits for them.
        let parts = |index: &str| {
            let parts = [
                prefix,
                provider,
                separator,
                "ns[",
                namespace,
                "]-policy[",
                name,
                "]-rule[",
                index,
                "]",
            ];
            Self(parts.concat().into())
        };
        with_digits(index, parts)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name of what decides like a rule and is none: an extension.
impl From<String> for RuleName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is decided about a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision<'e> {
    /// Whether the request goes on.
    pub verdict: Verdict,
    /// What gave the verdict.
    pub decided_by: DecidedBy,
    /// The rule that matched; `None` when the verdict is what happens if none does.
    pub rule: Option<&'e RuleName>,
    /// What dry-run policies would have done.
    pub shadow: Shadow<'e>,
    /// The `AUDIT` rule that matched.
    pub audit: Option<&'e RuleName>,
}

/// Whether a request goes on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// It goes on.
    Allow,
    /// It is stopped with 403.
    Deny,
    /// Its host is not registered; it is stopped with 502.
    Unregistered,
}

impl Verdict {
    /// The word used in log lines and in output for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Unregistered => "unregistered",
        }
    }
}

/// What gave a verdict.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DecidedBy {
    /// The list of registered hosts.
    Registry,
    /// That servers may read the request in several ways.
    Ambiguity,
    /// An external authorizer, for a `CUSTOM` policy.
    Custom,
    /// A `DENY` policy.
    Deny,
    /// The `ALLOW` policies: one of them matched, or none did although there are some.
    Allow,
    /// A custom policy that is compiled into the filter.
    Extension,
    /// Nothing spoke against it.
    Default,
}

impl DecidedBy {
    /// The word used in log lines and in output for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Ambiguity => "ambiguity",
            Self::Custom => "custom",
            Self::Deny => "deny",
            Self::Allow => "allow",
            Self::Extension => "extension",
            Self::Default => "default",
        }
    }
}

/// What dry-run policies would have done; each action by itself, as native records it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shadow<'e> {
    /// Of the dry-run `DENY` policies; `None` when there are none.
    pub deny: Option<ShadowVerdict<'e>>,
    /// Of the dry-run `ALLOW` policies; `None` when there are none.
    pub allow: Option<ShadowVerdict<'e>>,
}

/// What the dry-run policies of one action would have done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShadowVerdict<'e> {
    /// Let the request go on; by a rule, or because none denies.
    Allowed(Option<&'e RuleName>),
    /// Stopped it; by a rule, or because none allows.
    Denied(Option<&'e RuleName>),
    /// Something they need cannot be read. The enforced verdict does not suffer from it.
    Unreadable,
}
