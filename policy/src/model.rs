//! The checked model: what a valid policy says. It cannot hold what validation forbids, so nothing after it checks again.

use std::fmt;

use crate::pattern::{
    IpBlock, MetadataPattern, NamespacePattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount,
    TextPattern, TrustDomainPattern,
};
use crate::string_map::StringMap;

/// A policy's namespace and name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PolicyName {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A valid `AuthorizationPolicy`. Made by [`Policy::check`].
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) name: PolicyName,
    pub(crate) action: Action,
    pub(crate) dry_run: bool,
    pub(crate) attachment: Attachment,
    pub(crate) rules: Vec<Rule>,
}

impl Policy {
    /// The policy's namespace and name.
    #[must_use]
    pub const fn name(&self) -> &PolicyName {
        &self.name
    }

    /// What a matching request meets.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// Whether the policy is only tried: it is reported on and changes no verdict.
    #[must_use]
    pub const fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// Which workloads the policy is for.
    #[must_use]
    pub const fn attachment(&self) -> &Attachment {
        &self.attachment
    }

    /// The rules, as written; a request matches the policy when any of them matches.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// What a matching request meets.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// Let through; once one such policy exists, everything that matches none is denied.
    Allow,
    /// Stopped.
    Deny,
    /// Marked.
    Audit,
    /// An external authorizer is asked.
    Custom {
        /// The `extensionProviders` entry of `MeshConfig`.
        provider: String,
    },
}

/// As `spec.action` writes it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Audit => "AUDIT",
            Self::Custom { .. } => "CUSTOM",
        })
    }
}

/// Which workloads a policy is for, in its namespace, or in every namespace when it is the mesh's root namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attachment {
    /// Workloads that carry all of these labels; none given: every workload.
    Labels(StringMap),
    /// Gateway-API objects.
    Targets(Vec<Target>),
}

/// One `targetRefs` entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// API group; empty is the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name, in the policy's namespace.
    pub name: String,
}

/// A rule matches when any source, any operation and every condition do. No source: anyone; no operation: anything.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The constraints of each `from`.
    pub from: Vec<Vec<Constraint>>,
    /// The constraints of each `to`.
    pub to: Vec<Vec<Constraint>>,
    /// The constraints of each `when`.
    pub when: Vec<Constraint>,
}

/// Values of which one must match, and values of which none may. At least one side has some.
///
/// A negation negates the match: an attribute that is absent satisfies `none_of`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Values<T> {
    /// `values`, `hosts`, …
    pub any_of: Vec<T>,
    /// `notValues`, `notHosts`, …
    pub none_of: Vec<T>,
}

impl<T> Values<T> {
    /// Whether the constraint holds, given how one value is matched.
    pub fn hold(&self, mut matches: impl FnMut(&T) -> bool) -> bool {
        (self.any_of.is_empty() || self.any_of.iter().any(&mut matches)) && !self.none_of.iter().any(matches)
    }
}

/// One attribute of the request and the values that it must and must not have.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Constraint {
    /// `principals`, `source.principal`: a name of the peer.
    Principal(Values<PrincipalPattern>),
    /// `requestPrincipals`, `request.auth.principal`: issuer and subject of the token.
    RequestPrincipal(Values<RequestPrincipalPattern>),
    /// `namespaces`, `source.namespace`: a namespace in a name of the peer.
    Namespace(Values<NamespacePattern>),
    /// `serviceAccounts`, `source.serviceAccount`: a service account in a name of the peer.
    ServiceAccount(Values<ServiceAccount>),
    /// `trustDomains`, `source.trustDomain`: the trust domain in a name of the peer.
    TrustDomain(Values<TrustDomainPattern>),
    /// `ipBlocks`, `source.ip`: the address of the direct peer.
    SourceIp(Values<IpBlock>),
    /// `remoteIpBlocks`, `remote.ip`: the client's address, after `x-forwarded-for` or the PROXY protocol.
    RemoteIp(Values<IpBlock>),
    /// `request.auth.claims[…]`, `request.auth.audiences` (`aud`), `request.auth.presenter` (`azp`): a claim of the token.
    Claim {
        /// The claim's name, and the names nested in it.
        path: Vec<String>,
        /// Of the claim, or of any string in it when it is a list.
        values: Values<TextPattern>,
    },
    /// `request.headers[…]`: a line of a header.
    Header {
        /// Lower case; `host` has become `:authority`.
        name: String,
        /// Compared with regard to case.
        values: Values<TextPattern>,
    },
    /// `hosts`: `:authority` as received, port included, ASCII case ignored.
    Host(Values<TextPattern>),
    /// `methods`.
    Method(Values<TextPattern>),
    /// `paths`: the path up to `?` or `#`.
    Path(Values<PathPattern>),
    /// `ports`, `destination.port`: the port that the proxy listens on.
    Port(Values<u16>),
    /// `destination.ip`: the address that the proxy was called on.
    DestinationIp(Values<IpBlock>),
    /// `connection.sni`: the server name that the client asked for, lower case.
    Sni(Values<TextPattern>),
    /// `experimental.envoy.filters.…[…]`: another filter's dynamic metadata.
    Metadata {
        /// The filter, such as `envoy.filters.http.lua`.
        filter: String,
        /// The key.
        key: String,
        /// Of the value, or of its elements.
        values: Values<MetadataPattern>,
    },
}

impl Constraint {
    /// Whether native renders the constraint among a rule's permissions (what is called) or its principals (who calls).
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(
            self,
            Self::Host(_)
                | Self::Method(_)
                | Self::Path(_)
                | Self::Port(_)
                | Self::DestinationIp(_)
                | Self::Sni(_)
                | Self::Metadata { .. }
        )
    }
    /// Hands the values to a visitor, with a way to make the same constraint of other values.
    pub(crate) fn visit<V: VisitValues>(&self, visitor: &V) -> V::Output {
        match self {
            Self::Principal(values) => visitor.visit(values, &Self::Principal),
            Self::RequestPrincipal(values) => visitor.visit(values, &Self::RequestPrincipal),
            Self::Namespace(values) => visitor.visit(values, &Self::Namespace),
            Self::ServiceAccount(values) => visitor.visit(values, &Self::ServiceAccount),
            Self::TrustDomain(values) => visitor.visit(values, &Self::TrustDomain),
            Self::SourceIp(values) => visitor.visit(values, &Self::SourceIp),
            Self::RemoteIp(values) => visitor.visit(values, &Self::RemoteIp),
            Self::DestinationIp(values) => visitor.visit(values, &Self::DestinationIp),
            Self::Host(values) => visitor.visit(values, &Self::Host),
            Self::Method(values) => visitor.visit(values, &Self::Method),
            Self::Path(values) => visitor.visit(values, &Self::Path),
            Self::Port(values) => visitor.visit(values, &Self::Port),
            Self::Sni(values) => visitor.visit(values, &Self::Sni),
            Self::Claim { path, values } => visitor.visit(values, &|values| Self::Claim {
                path: path.clone(),
                values,
            }),
            Self::Header { name, values } => visitor.visit(values, &|values| Self::Header {
                name: name.clone(),
                values,
            }),
            Self::Metadata { filter, key, values } => visitor.visit(values, &|values| Self::Metadata {
                filter: filter.clone(),
                key: key.clone(),
                values,
            }),
        }
    }
}

/// Something done with a constraint's values, whatever their type.
pub(crate) trait VisitValues {
    type Output;

    fn visit<T: Clone + fmt::Display>(
        &self,
        values: &Values<T>,
        constraint: &dyn Fn(Values<T>) -> Constraint,
    ) -> Self::Output;
}
