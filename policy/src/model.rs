//! The checked model: what a valid policy says. It cannot hold what validation forbids, so nothing after it checks again.

use std::borrow::Cow;
use std::fmt;

use crate::FieldPath;
use crate::config::PluginType;
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

    /// The rules as a plugin of this type reads them, each with its place; without those that can match nothing there.
    pub fn rules_read_by(&self, plugin_type: PluginType) -> impl Iterator<Item = (usize, Cow<'_, Rule>)> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(move |(place, rule)| Some((place, rule.read_by(plugin_type, &self.action)?)))
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

/// One attribute of the request, the values of which it must have one, and the values of which it must have none. At least one
/// side has some.
///
/// A negation negates the match: an attribute that is absent satisfies `none_of`. Values are texts that [`Policy::check`] has
/// taken; how one matches is for its subject to say, see [`pattern`](crate::pattern).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Constraint {
    subject: Subject,
    any_of: Vec<String>,
    none_of: Vec<String>,
}

/// The attribute that a constraint is about, and with it the kind of its values.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// `principals`, `source.principal`: a name of the peer. [`PrincipalPattern`](crate::pattern::PrincipalPattern).
    Principal,
    /// `requestPrincipals`, `request.auth.principal`: issuer and subject of the token.
    /// [`RequestPrincipalPattern`](crate::pattern::RequestPrincipalPattern).
    RequestPrincipal,
    /// `namespaces`, `source.namespace`: a namespace in a name of the peer.
    /// [`NamespacePattern`](crate::pattern::NamespacePattern).
    Namespace,
    /// `serviceAccounts`, `source.serviceAccount`: a service account in a name of the peer, always written with its namespace.
    /// [`ServiceAccount`](crate::pattern::ServiceAccount).
    ServiceAccount,
    /// `trustDomains`, `source.trustDomain`: the trust domain in a name of the peer.
    /// [`TrustDomainPattern`](crate::pattern::TrustDomainPattern).
    TrustDomain,
    /// `ipBlocks`, `source.ip`: the address of the direct peer. [`IpBlock`](crate::pattern::IpBlock).
    SourceIp,
    /// `remoteIpBlocks`, `remote.ip`: the client's address, after `x-forwarded-for` or the PROXY protocol.
    /// [`IpBlock`](crate::pattern::IpBlock).
    RemoteIp,
    /// `request.auth.claims[…]`, `request.auth.audiences` (`aud`), `request.auth.presenter` (`azp`): a claim of the token, or any
    /// string in it when it is a list. The claim's name, and the names nested in it.
    /// [`TextPattern`](crate::pattern::TextPattern).
    Claim(Vec<String>),
    /// `request.headers[…]`: a line of the header of this name, in lower case; `host` has become `:authority`. Compared with
    /// regard to case. [`TextPattern`](crate::pattern::TextPattern).
    Header(String),
    /// `hosts`: `:authority` as received, port included, ASCII case ignored. [`TextPattern`](crate::pattern::TextPattern).
    Host,
    /// `methods`. [`TextPattern`](crate::pattern::TextPattern).
    Method,
    /// `paths`: the path up to `?` or `#`. [`PathPattern`](crate::pattern::PathPattern).
    Path,
    /// `ports`, `destination.port`: the port that the proxy listens on, in digits.
    Port,
    /// `destination.ip`: the address that the proxy was called on. [`IpBlock`](crate::pattern::IpBlock).
    DestinationIp,
    /// `connection.sni`: the server name that the client asked for, lower case.
    /// [`TextPattern`](crate::pattern::TextPattern).
    Sni,
    /// `experimental.envoy.filters.…[…]`: another filter's dynamic metadata, or any element of it.
    /// [`MetadataPattern`](crate::pattern::MetadataPattern).
    Metadata {
        /// The filter, such as `envoy.filters.http.lua`.
        filter: String,
        /// The key.
        key: String,
    },
}

impl Rule {
    /// The fields that ask for attributes of some kind. `rule` is where the rule stands.
    pub fn places(&self, rule: &FieldPath, is_asked: impl Fn(&Subject) -> bool) -> Vec<FieldPath> {
        let mut places = Vec::new();
        for (parts, part, all) in [("from", "source", &self.from), ("to", "operation", &self.to)] {
            for (position, constraints) in all.iter().enumerate() {
                let place = rule.field(parts).index(position).field(part);
                for constraint in constraints.iter().filter(|constraint| is_asked(&constraint.subject)) {
                    let [field, not_field] = constraint.subject.fields();
                    let sides = [(field, &constraint.any_of), (not_field, &constraint.none_of)];
                    let written = sides.into_iter().filter(|(_, values)| !values.is_empty());
                    places.extend(written.map(|(field, _)| place.field(field)));
                }
            }
        }
        for (position, constraint) in self.when.iter().enumerate() {
            if is_asked(&constraint.subject) {
                places.push(rule.field("when").index(position).field("key"));
            }
        }
        places
    }
}

impl Constraint {
    pub(crate) const fn new(subject: Subject, any_of: Vec<String>, none_of: Vec<String>) -> Self {
        Self {
            subject,
            any_of,
            none_of,
        }
    }

    /// The attribute.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Hands each value to `beside`: with the side that it is on, 0 for `any_of` and 1 for `none_of`, and its place there. A value
    /// that comes back is added, unless it is there.
    pub(crate) fn add_values(&mut self, mut beside: impl FnMut(&Subject, usize, usize, &str) -> Option<String>) {
        for (side, values) in [&mut self.any_of, &mut self.none_of].into_iter().enumerate() {
            for place in 0..values.len() {
                let added = beside(&self.subject, side, place, &values[place]);
                values.extend(added.filter(|added| !values.contains(added)));
            }
        }
    }

    /// `values`, `hosts`, …
    #[must_use]
    pub fn any_of(&self) -> &[String] {
        &self.any_of
    }

    /// `notValues`, `notHosts`, …
    #[must_use]
    pub fn none_of(&self) -> &[String] {
        &self.none_of
    }
}

impl Subject {
    /// The names of its field and of the `not` form, where sources, operations and conditions write it.
    #[must_use]
    pub const fn fields(&self) -> [&'static str; 2] {
        match self {
            Self::Principal => ["principals", "notPrincipals"],
            Self::RequestPrincipal => ["requestPrincipals", "notRequestPrincipals"],
            Self::Namespace => ["namespaces", "notNamespaces"],
            Self::ServiceAccount => ["serviceAccounts", "notServiceAccounts"],
            Self::TrustDomain => ["trustDomains", "notTrustDomains"],
            Self::SourceIp => ["ipBlocks", "notIpBlocks"],
            Self::RemoteIp => ["remoteIpBlocks", "notRemoteIpBlocks"],
            Self::Host => ["hosts", "notHosts"],
            Self::Method => ["methods", "notMethods"],
            Self::Path => ["paths", "notPaths"],
            Self::Port => ["ports", "notPorts"],
            Self::DestinationIp | Self::Claim(_) | Self::Header(_) | Self::Sni | Self::Metadata { .. } => {
                ["values", "notValues"]
            }
        }
    }

    /// Whether native renders a constraint about it among a rule's permissions (what is called) or its principals (who calls).
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(
            self,
            Self::Host
                | Self::Method
                | Self::Path
                | Self::Port
                | Self::DestinationIp
                | Self::Sni
                | Self::Metadata { .. }
        )
    }
}
