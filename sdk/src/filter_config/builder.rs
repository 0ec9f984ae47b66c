//! Builds a filter's configuration, and checks it.

use std::collections::BTreeMap;
use std::fmt::Write;

use outgate_policy::canonical::canonical_policy;
use outgate_policy::config::{
    AccessLog, ApiVersion, Config, Egress, Identity, Matching, Mesh, PluginType, Provider, Registry, Revision,
};
use outgate_policy::resource::{AuthorizationPolicy, Metadata};
use outgate_policy::{Action, FieldPath, Policy, PolicyName, Subject};
use sha2::{Digest, Sha256};

use super::{Extensions, FilterConfig, Refused, sidecar};
use crate::manifest::ForwardClientCertDetails;

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
    egress: Option<Egress>,
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

    /// Says that the filter runs at sidecars: callers are the workload itself, and only what leaves the mesh is decided.
    #[must_use]
    pub fn at_sidecars(mut self, egress: Egress) -> Self {
        self.mesh.identity = Identity::Workload;
        // Nobody stands in front of a sidecar.
        self.mesh.num_trusted_proxies = 0;
        self.egress = Some(egress);
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
                    if self.mesh.identity == Identity::Workload {
                        refused.extend(sidecar::other_meaning(&checked.policy, self.plugin_type));
                    }
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
            egress: self.egress,
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
        let source_ip = places(policy, |subject| *subject == Subject::SourceIp).next();
        source_ip.map(|path| Refused::HiddenPeer {
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

/// The places of a policy that ask for attributes of some kind.
pub(super) fn places(policy: &Policy, is_asked: fn(&Subject) -> bool) -> impl Iterator<Item = FieldPath> {
    let rules = FieldPath::root().field("spec").field("rules");
    let all = policy.rules().iter().enumerate();
    all.flat_map(move |(index, rule)| rule.places(&rules.index(index), is_asked))
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
