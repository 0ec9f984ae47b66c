//! The filter's configuration: from manifests, or built in Rust.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use outgate_policy::canonical::canonical_policy;
use outgate_policy::config::{
    AccessLog, ApiVersion, Config, HeaderMode, Identity, Matching, Mesh, OnAmbiguous, OutboundMode, PluginType,
    Provider, Registry, Revision,
};
use outgate_policy::resource::{AuthorizationPolicy, Metadata};
use outgate_policy::{Action, Constraint, FieldPath, Policy, PolicyName, Subject, Violation};
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::{CheckedPolicy, ForwardClientCertDetails, Manifest, Manifests};
use crate::scope::GatewayWorkload;

/// The configuration of a filter: with policies as they are written, and what its custom policies are configured with.
pub type FilterConfig = Config<Vec<AuthorizationPolicy>, Extensions>;

/// Configurations of custom policies, by name.
pub type Extensions = serde_json::Map<String, serde_json::Value>;

/// What a configuration holds that manifests do not say.
#[derive(Clone, Debug, Default)]
pub struct FilterOptions {
    /// Whether requests are decided or connections.
    pub plugin_type: PluginType,
    /// What a request's host and path are compared as.
    pub matching: Matching,
    /// What becomes of a request whose host or path servers may read differently. Only with canonical matching.
    pub on_ambiguous: Option<OnAmbiguous>,
    /// What the custom policies in the module are configured with.
    pub extensions: Option<Extensions>,
    /// How a header that came in several lines is compared.
    pub header_mode: HeaderMode,
    /// Where the peer's names come from.
    pub identity: Identity,
    /// Filter-state key that holds the direct peer's address; needed for `ipBlocks` behind the PROXY protocol.
    pub direct_address_filter_state: Option<String>,
    /// The properties that are written for the access log.
    pub access_log: AccessLog,
}

impl Manifests {
    /// The configuration of a gateway's filter: the policies that apply to it, the registered hosts and the mesh's settings.
    ///
    /// # Errors
    ///
    /// Located diagnostics, when the input is not complete or a policy cannot be enforced by the filter.
    pub fn filter_config(
        &self,
        gateway: &GatewayWorkload,
        options: &FilterOptions,
    ) -> Result<FilterConfig, Diagnostics> {
        if !self.is_complete() {
            let message = "the input has errors, so that a policy may be missing; nothing is built from it";
            return Err([Diagnostic::error(message)].into_iter().collect());
        }
        let mut mesh = self.mesh(gateway);
        mesh.header_mode = options.header_mode;
        mesh.identity = options.identity;
        mesh.direct_address_filter_state
            .clone_from(&options.direct_address_filter_state);
        let policies = self.policies_for(gateway);
        mesh.matching = options.matching;
        mesh.on_ambiguous = options.on_ambiguous;
        let registry = Some(self.registry(&gateway.name.namespace));
        let mut builder = FilterConfigBuilder::new()
            .plugin_type(options.plugin_type)
            .mesh(mesh)
            .extensions(options.extensions.clone())
            .registry(registry.filter(|registry| registry.mode == OutboundMode::RegistryOnly))
            .access_log(options.access_log.clone())
            .behind_proxy_protocol(gateway.topology.proxy_protocol.is_some())
            .client_cert_header(gateway.topology.forward_client_cert_details);
        let mut problems = Vec::new();
        let mut names: Vec<&str> = policies.iter().copied().filter_map(provider_of).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match self.authorizer(name) {
                Ok(provider) => builder = builder.provider(provider),
                Err(problem) => problems.extend(problem.located(self)),
            }
        }
        for policy in &policies {
            builder = builder.policy(policy.content().written().clone());
        }
        let built = builder.build();
        if problems.is_empty()
            && let Ok(config) = built
        {
            return Ok(config);
        }
        let mut diagnostics: Diagnostics = problems.into_iter().collect();
        for refused in built.err().into_iter().flatten() {
            // What is wrong with a provider has been told where it stands.
            let is_told = matches!(&refused, Refused::Provider { provider, .. } if self.has_provider(provider));
            if !is_told {
                diagnostics.push(located(&refused, &policies));
            }
        }
        diagnostics.sort();
        Err(diagnostics)
    }

    fn has_provider(&self, name: &str) -> bool {
        let mesh = self.mesh_config().map(Manifest::content);
        mesh.is_some_and(|mesh| mesh.extension_providers.iter().any(|provider| provider.name == name))
    }

    /// What the mesh configuration says that changes a decision at `gateway`.
    #[must_use]
    pub fn mesh(&self, gateway: &GatewayWorkload) -> Mesh {
        let mut mesh = Mesh {
            num_trusted_proxies: gateway.topology.num_trusted_proxies.unwrap_or_default(),
            ..Mesh::default()
        };
        if let Some(written) = self.mesh_config().map(Manifest::content) {
            if let Some(domain) = written.trust_domain.as_ref().filter(|domain| !domain.is_empty()) {
                mesh.trust_domain.clone_from(domain);
            }
            mesh.trust_domain_aliases.clone_from(&written.trust_domain_aliases);
        }
        mesh
    }
}

/// The authorizer that a policy asks.
fn provider_of(policy: &Manifest<CheckedPolicy>) -> Option<&str> {
    match policy.content().policy().action() {
        Action::Custom { provider } => Some(provider),
        Action::Allow | Action::Deny | Action::Audit => None,
    }
}

fn located(refused: &Refused, policies: &[&Manifest<CheckedPolicy>]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(refused.to_string());
    if let Some(help) = refused.help() {
        diagnostic = diagnostic.help(help);
    }
    let Some((name, path)) = refused.place() else {
        return diagnostic;
    };
    let policy = policies.iter().find(|policy| policy.content().name() == name);
    if let Some(policy) = policy {
        diagnostic = diagnostic.at(policy.span_at(&path), "");
    }
    diagnostic.of_policy(name.to_string()).in_field(path)
}

/// Builds a filter's configuration, and checks it.
///
/// ```
/// use outgate_policy::resource::{Action, AuthorizationPolicy, Metadata, Operation, Rule, Spec, To};
/// use outgate_sdk::filter_config::FilterConfigBuilder;
///
/// let paths = Operation { paths: Some(vec!["/headers".into()]), ..Operation::default() };
/// let rule = Rule { to: Some(vec![Some(To { operation: Some(paths) })]), ..Rule::default() };
/// let spec = Spec { action: Some(Action::Deny), rules: Some(vec![Some(rule)]), ..Spec::default() };
/// let policy = AuthorizationPolicy::new(Metadata::new("istio-system", "no-headers"), spec);
/// let config = FilterConfigBuilder::new().policy(policy).build().unwrap();
/// assert_eq!(config.revision.to_string().len(), 12);
/// ```
#[derive(Clone, Debug, Default)]
pub struct FilterConfigBuilder {
    plugin_type: PluginType,
    mesh: Mesh,
    policies: Vec<AuthorizationPolicy>,
    registry: Option<Registry>,
    providers: Vec<Provider>,
    access_log: AccessLog,
    extensions: Option<Extensions>,
    behind_proxy_protocol: bool,
    client_cert_header: Option<ForwardClientCertDetails>,
}

impl FilterConfigBuilder {
    /// A configuration without policies, which allows everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether requests are decided or connections.
    #[must_use]
    pub const fn plugin_type(mut self, plugin_type: PluginType) -> Self {
        self.plugin_type = plugin_type;
        self
    }

    /// What the mesh says about identities and addresses.
    #[must_use]
    pub fn mesh(mut self, mesh: Mesh) -> Self {
        self.mesh = mesh;
        self
    }

    /// Adds a policy. Of its metadata, the name, the namespace and the dry-run annotation are kept.
    #[must_use]
    pub fn policy(mut self, policy: AuthorizationPolicy) -> Self {
        self.policies.push(policy);
        self
    }

    /// Which hosts may be called at all; `None`: any.
    #[must_use]
    pub fn registry(mut self, registry: impl Into<Option<Registry>>) -> Self {
        self.registry = registry.into();
        self
    }

    /// Adds an external authorizer that `CUSTOM` policies name.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
        self
    }

    /// What the custom policies in the module are configured with.
    #[must_use]
    pub fn extensions(mut self, extensions: impl Into<Option<Extensions>>) -> Self {
        self.extensions = extensions.into();
        self
    }

    /// The properties that are written for the access log.
    #[must_use]
    pub fn access_log(mut self, access_log: AccessLog) -> Self {
        self.access_log = access_log;
        self
    }

    /// Says that a load balancer in front of the gateway uses the PROXY protocol.
    #[must_use]
    pub const fn behind_proxy_protocol(mut self, behind: bool) -> Self {
        self.behind_proxy_protocol = behind;
        self
    }

    /// Says what the gateway does to a client's `x-forwarded-client-cert` header; absent: what gateways do by default.
    #[must_use]
    pub const fn client_cert_header(mut self, details: Option<ForwardClientCertDetails>) -> Self {
        self.client_cert_header = details;
        self
    }

    /// Checks everything and makes the configuration: policies by namespace and name, the revision computed from the content.
    ///
    /// # Errors
    ///
    /// Everything that stands in the way; never an empty list.
    pub fn build(self) -> Result<FilterConfig, Vec<Refused>> {
        let mut refused = Vec::new();
        let mut policies = Vec::with_capacity(self.policies.len());
        for written in &self.policies {
            match Policy::check(written.clone()) {
                Ok(checked) => {
                    refused.extend(self.cannot_enforce(&checked.policy));
                    policies.push(trimmed(written));
                    if self.mesh.matching == Matching::Canonical
                        && let Err(violations) = canonical_policy(checked.policy)
                    {
                        refused.extend(violations.into_iter().map(Refused::Invalid));
                    }
                }
                Err(violations) => refused.extend(violations.into_iter().map(Refused::Invalid)),
            }
        }
        let name = |policy: &AuthorizationPolicy| PolicyName {
            namespace: policy.metadata.effective_namespace().to_owned(),
            name: policy.metadata.name.clone(),
        };
        policies.sort_by_cached_key(name);
        let namesakes = policies.windows(2).filter(|pair| name(&pair[0]) == name(&pair[1]));
        refused.extend(namesakes.map(|pair| Refused::Namesake { policy: name(&pair[0]) }));
        if self.mesh.identity == Identity::ForwardedClientCert && !self.header_is_trustworthy() {
            refused.push(Refused::ForgeableIdentity);
        }
        if self.mesh.on_ambiguous.is_some() && self.mesh.matching != Matching::Canonical {
            refused.push(Refused::AmbiguityUnseen);
        }
        if self.plugin_type == PluginType::Network && self.extensions.is_some() {
            refused.push(Refused::ExtensionsOfConnections);
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let mut providers = self.providers;
        providers.sort_by(|one, other| one.name.cmp(&other.name));
        let mut config = Config {
            api_version: ApiVersion::V1,
            revision: Revision::default(),
            plugin_type: self.plugin_type,
            mesh: self.mesh,
            policies,
            registry: self.registry,
            providers,
            access_log: self.access_log,
            extensions: self.extensions,
        };
        config.revision = revision_of(&config);
        Ok(config)
    }

    fn cannot_enforce(&self, policy: &Policy) -> Option<Refused> {
        if let Action::Custom { provider } = policy.action() {
            let policy = || policy.name().clone();
            if self.plugin_type == PluginType::Network {
                return Some(Refused::CustomOfConnections { policy: policy() });
            }
            if !self.providers.iter().any(|known| known.name == *provider) {
                return Some(Refused::Provider {
                    policy: policy(),
                    provider: provider.clone(),
                });
            }
        }
        if !self.behind_proxy_protocol || self.mesh.direct_address_filter_state.is_some() {
            return None;
        }
        source_ip(policy).map(|path| Refused::HiddenPeer {
            policy: policy.name().clone(),
            path,
        })
    }

    fn header_is_trustworthy(&self) -> bool {
        matches!(
            self.client_cert_header,
            None | Some(ForwardClientCertDetails::Undefined | ForwardClientCertDetails::SanitizeSet)
        )
    }
}

/// The first place of a policy that asks for the direct peer's address.
fn source_ip(policy: &Policy) -> Option<FieldPath> {
    let is_source_ip = |constraint: &Constraint| *constraint.subject() == Subject::SourceIp;
    let rules = FieldPath::root().field("spec").field("rules");
    policy.rules().iter().enumerate().find_map(|(index, rule)| {
        let path = rules.index(index);
        let from = rule.from.iter().position(|from| from.iter().any(is_source_ip));
        let when = || rule.when.iter().position(is_source_ip);
        match from {
            Some(index) => Some(path.field("from").index(index).field("source").field("ipBlocks")),
            None => when().map(|index| path.field("when").index(index).field("key")),
        }
    })
}

/// What the filter needs of a policy. `apiVersion` and `kind` are left out: all versions mean the same.
fn trimmed(written: &AuthorizationPolicy) -> AuthorizationPolicy {
    let mut metadata = Metadata::new(written.metadata.effective_namespace(), &written.metadata.name);
    let dry_run = written.metadata.annotations.get(Policy::DRY_RUN_ANNOTATION);
    metadata.annotations = dry_run
        .map(|value| (Policy::DRY_RUN_ANNOTATION, value))
        .into_iter()
        .collect();
    let mut spec = written.spec.clone();
    if let Some(selector) = &mut spec.selector {
        let sorted: BTreeMap<&str, &str> = selector.match_labels.iter().collect();
        selector.match_labels = sorted.into_iter().collect();
    }
    AuthorizationPolicy::new(metadata, spec)
}

/// The first half dozen bytes of the content's SHA-256. Fields are in a fixed order and maps are sorted, so that the same content
/// has the same revision everywhere.
fn revision_of(config: &FilterConfig) -> Revision {
    const BYTES: usize = 6;
    let without = Config {
        revision: Revision::default(),
        ..config.clone()
    };
    let mut hasher = Sha256::new();
    // Writing into a hasher cannot fail, and a configuration has string keys only.
    let _ = serde_json::to_writer(HashWriter(&mut hasher), &without);
    let mut revision = String::with_capacity(2 * BYTES);
    for byte in &hasher.finalize()[..BYTES] {
        let _ = write!(revision, "{byte:02x}");
    }
    Revision(revision)
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// A policy is not valid.
    Invalid(Violation),
    /// Two policies have the same name in the same namespace.
    Namesake {
        /// The name.
        policy: PolicyName,
    },
    /// A policy asks an external authorizer that is not there.
    Provider {
        /// The policy.
        policy: PolicyName,
        /// The authorizer.
        provider: String,
    },
    /// A policy asks an external authorizer about connections.
    CustomOfConnections {
        /// The policy.
        policy: PolicyName,
    },
    /// Custom policies would have to decide connections.
    ExtensionsOfConnections,
    /// Something is to become of ambiguous requests, and nothing tells which they are.
    AmbiguityUnseen,
    /// A policy compares the direct peer's address, which the filter does not see behind the PROXY protocol.
    HiddenPeer {
        /// The policy.
        policy: PolicyName,
        /// The field that compares it.
        path: FieldPath,
    },
    /// Identities would be read from a header that clients may write.
    ForgeableIdentity,
}

impl Refused {
    /// The policy and the field that are refused; `None` when it is not about a policy.
    #[must_use]
    pub fn place(&self) -> Option<(&PolicyName, FieldPath)> {
        let root = FieldPath::root();
        match self {
            Self::Invalid(violation) => Some((violation.policy(), violation.path().clone())),
            Self::Namesake { policy } => Some((policy, root.field("metadata").field("name"))),
            Self::Provider { policy, .. } => Some((policy, root.field("spec").field("provider").field("name"))),
            Self::CustomOfConnections { policy } => Some((policy, root.field("spec").field("action"))),
            Self::HiddenPeer { policy, path } => Some((policy, path.clone())),
            Self::ForgeableIdentity | Self::ExtensionsOfConnections | Self::AmbiguityUnseen => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(_) | Self::Namesake { .. } | Self::ExtensionsOfConnections => None,
            Self::Provider { .. } => Some(
                "add it to extensionProviders of the mesh configuration, with envoyExtAuthzHttp, and give that among the files",
            ),
            Self::CustomOfConnections { .. } => Some(
                "Istio itself leaves such a policy out on TCP; select other workloads with it, or decide in a DENY or ALLOW policy",
            ),
            Self::AmbiguityUnseen => Some("set `matching: canonical`, too"),
            Self::HiddenPeer { .. } => Some(
                "insert the filter `envoy.filters.http.set_filter_state` before this one (with an EnvoyFilter), let it write \
                 %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% under a key of your choice, and give that key as the direct \
                 address's filter state; or use remoteIpBlocks for the client's address",
            ),
            Self::ForgeableIdentity => Some(
                "set gatewayTopology.forwardClientCertDetails to SANITIZE_SET, or take identities from the certificate",
            ),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violation) => violation.problem().fmt(f),
            Self::Namesake { .. } => f.write_str("two policies have this name"),
            Self::Provider { provider, .. } => {
                write!(f, "there is no external authorizer `{provider}` that the filter could ask")
            }
            Self::CustomOfConnections { .. } => {
                f.write_str("an external authorizer is asked about requests, and this filter decides connections")
            }
            Self::ExtensionsOfConnections => {
                f.write_str("custom policies decide requests, and this filter decides connections")
            }
            Self::AmbiguityUnseen => f.write_str("what is ambiguous is told by canonical matching only"),
            Self::HiddenPeer { .. } => f.write_str(
                "the gateway is behind the PROXY protocol (gatewayTopology.proxyProtocol), where a Wasm filter does not see the \
                 address of its direct peer",
            ),
            Self::ForgeableIdentity => f.write_str(
                "identities cannot be taken from x-forwarded-client-cert: the gateway does not replace what clients send in it",
            ),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests;
