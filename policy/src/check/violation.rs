//! What validation finds, written for the person who must mend the policy.

use std::fmt;

use crate::canonical::NotCanonical;
use crate::pattern::{InvalidIpBlock, InvalidServiceAccount, InvalidTemplate, InvalidTrustDomain};
use crate::{FieldPath, PolicyName};

/// Why a policy is refused, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    pub(crate) policy: PolicyName,
    pub(crate) path: FieldPath,
    pub(crate) problem: Problem,
}

impl Violation {
    /// The policy that is refused.
    #[must_use]
    pub const fn policy(&self) -> &PolicyName {
        &self.policy
    }

    /// The field, from the resource's root.
    #[must_use]
    pub const fn path(&self) -> &FieldPath {
        &self.path
    }

    /// The index of the rule that the field belongs to, if it belongs to one.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        self.path.rule()
    }

    /// What is wrong with the field.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "AuthorizationPolicy {}: {}: {}",
            self.policy, self.path, self.problem
        )
    }
}

impl std::error::Error for Violation {}

/// What a policy says that is allowed but rarely meant, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    pub(crate) policy: PolicyName,
    pub(crate) path: FieldPath,
    pub(crate) doubt: Doubt,
}

impl Warning {
    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &PolicyName {
        &self.policy
    }

    /// The field, from the resource's root.
    #[must_use]
    pub const fn path(&self) -> &FieldPath {
        &self.path
    }

    /// What is doubtful about the field.
    #[must_use]
    pub const fn doubt(&self) -> Doubt {
        self.doubt
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationPolicy {}: {}: {}", self.policy, self.path, self.doubt)
    }
}

/// What is doubtful about a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// A selector that selects everything.
    SelectorWithoutLabels,
    /// A `DENY` rule that has only HTTP attributes.
    DeniesAllTcp,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SelectorWithoutLabels => {
                "a selector without labels selects every workload in scope; leave it out, or add labels"
            }
            Self::DeniesAllTcp => {
                "a DENY rule with only HTTP attributes denies all TCP traffic in its scope, because TCP has none of them; \
                 add `ports` to keep it to HTTP"
            }
        })
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "`Display` says each in full")]
pub enum Problem {
    WrongKind { expected: &'static str },
    Required,
    Duplicate,
    OnlyOneAttachment,
    EmptyLabelKey,
    WildcardInSelector,
    LongLabelValue,
    TooMany { what: &'static str, limit: usize },
    CrossNamespaceTarget,
    UnsupportedTarget { group: String, kind: String },
    NeverTriggers { action: &'static str },
    ProviderWithoutCustom,
    NotWithCustom { attribute: String },
    Null,
    EmptyObject { what: &'static str },
    ServiceAccountsWithPrincipals,
    EmptyValue,
    ControlCharacter,
    IpBlock(InvalidIpBlock),
    Port,
    ServiceAccount(InvalidServiceAccount),
    TrustDomain(InvalidTrustDomain),
    Template(InvalidTemplate),
    NoValues,
    UnknownKey { key: String },
    ReplacedKey { key: String, instead: &'static str },
    MalformedKey { key: String, form: &'static str },
    DryRunNotBoolean { value: String },
    DryRunUnsupported { action: &'static str },
    ReservedAnnotation,
    NotCanonical(NotCanonical),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind { expected } => write!(f, "expected `{expected}`"),
            Self::Required => f.write_str("is required"),
            Self::Duplicate => f.write_str("there is another policy of this name in the namespace"),
            Self::OnlyOneAttachment => {
                f.write_str("only one of `selector`, `targetRef` and `targetRefs` may be given")
            }
            Self::EmptyLabelKey => f.write_str("a label key cannot be empty"),
            Self::WildcardInSelector => f.write_str("a selector compares whole labels; `*` is not supported in it"),
            Self::LongLabelValue => f.write_str("a label value has at most 63 characters"),
            Self::TooMany { what, limit } => write!(f, "at most {limit} {what} are taken"),
            Self::CrossNamespaceTarget => {
                f.write_str("a target in another namespace is not supported; put the policy into the target's namespace")
            }
            Self::UnsupportedTarget { group, kind } => write!(
                f,
                "a policy cannot target the kind `{kind}` of the group `{group}`; it can target Gateway and GatewayClass \
                 (gateway.networking.k8s.io), Service (core) and ServiceEntry (networking.istio.io)"
            ),
            Self::NeverTriggers { action } => write!(
                f,
                "a policy with action {action} and no rules would never trigger; for one that matches every request, write \
                 `rules: [{{}}]`"
            ),
            Self::ProviderWithoutCustom => f.write_str("`provider` is only for the action CUSTOM"),
            Self::NotWithCustom { attribute } => write!(
                f,
                "`{attribute}` is not supported with the action CUSTOM, which is decided before identities and tokens are \
                 known"
            ),
            Self::Null => f.write_str("must not be null"),
            Self::EmptyObject { what } => write!(
                f,
                "{what} must have at least one field with a value; leave the whole entry out to match anything"
            ),
            Self::ServiceAccountsWithPrincipals => f.write_str(
                "`serviceAccounts` and `notServiceAccounts` cannot stand beside `principals`, `namespaces` or their `not` \
                 forms in one source",
            ),
            Self::EmptyValue => f.write_str("a value cannot be empty"),
            Self::ControlCharacter => f.write_str(
                "a value cannot have control characters; no request that a proxy forwards carries them (is a line break \
                 left over from quoting?)",
            ),
            Self::IpBlock(error) => error.fmt(f),
            Self::Port => f.write_str("expected a port number from 0 to 65535, in quotes"),
            Self::ServiceAccount(error) => error.fmt(f),
            Self::TrustDomain(error) => error.fmt(f),
            Self::Template(error) => error.fmt(f),
            Self::NoValues => f.write_str("a condition needs `values` or `notValues`"),
            Self::UnknownKey { key } => write!(
                f,
                "`{key}` is no known attribute; known are request.headers[…], request.auth.principal, \
                 request.auth.audiences, request.auth.presenter, request.auth.claims[…], source.ip, source.namespace, \
                 source.principal, source.serviceAccount, source.trustDomain, remote.ip, destination.ip, \
                 destination.port, connection.sni and experimental.envoy.filters.…[…]"
            ),
            Self::ReplacedKey { key, instead } => write!(f, "`{key}` is no longer supported; {instead}"),
            Self::MalformedKey { key, form } => write!(f, "`{key}` must have the form `{form}`"),
            Self::DryRunNotBoolean { value } => {
                write!(f, "`{value}` is no boolean; write \"true\" or \"false\"")
            }
            Self::DryRunUnsupported { action } => {
                write!(f, "dry-run is only for ALLOW and DENY policies, not for {action}")
            }
            Self::ReservedAnnotation => f.write_str("this annotation is reserved for Istio's own use"),
            Self::NotCanonical(problem) => problem.fmt(f),
        }
    }
}
