//! The filter's configuration: from manifests, or built in Rust.

mod builder;
mod refused;
mod sidecar;
#[cfg(test)]
mod tests;

use outgate_policy::Problem;
use outgate_policy::canonical::NotCanonical;
use outgate_policy::config::{
    AccessLog, Config, HeaderMode, Identity, Matching, Mesh, OnAmbiguous, OutboundMode, PluginType,
};
use outgate_policy::resource::AuthorizationPolicy;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::internationalized::ascii_form;
use crate::located::Node;
use crate::manifest::{CheckedPolicy, Manifest, Manifests};
use crate::scope::GatewayWorkload;

pub use builder::FilterConfigBuilder;
pub use refused::Refused;

/// The configuration of a filter: with policies as they are written, and what its custom policies are configured with.
pub type FilterConfig = Config<Vec<AuthorizationPolicy>, Extensions>;

/// Configurations of custom policies, by name.
pub type Extensions = serde_json::Map<String, serde_json::Value>;

/// What a configuration holds that manifests do not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterOptions {
    /// Where the filter runs.
    pub site: Site,
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
    /// Where the peer's names come from; of no effect at a sidecar, where they are the workload's.
    pub identity: Identity,
    /// Filter-state key that holds the direct peer's address; needed for `ipBlocks` behind the PROXY protocol.
    pub direct_address_filter_state: Option<String>,
    /// The properties that are written for the access log.
    pub access_log: AccessLog,
}

/// Where a gateway's policies are enforced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Site {
    /// At the gateway.
    #[default]
    Gateway,
    /// At the sidecars of those that call through it.
    Sidecar,
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
        self.require_complete()?;
        let mesh = Mesh {
            header_mode: options.header_mode,
            identity: options.identity,
            direct_address_filter_state: options.direct_address_filter_state.clone(),
            matching: options.matching,
            on_ambiguous: options.on_ambiguous,
            ..self.mesh(gateway)
        };
        let policies = self.policies_for(gateway);
        let builder = FilterConfigBuilder::new()
            .plugin_type(options.plugin_type)
            .mesh(mesh)
            .extensions(options.extensions.clone())
            .access_log(options.access_log.clone());
        let mut builder = match options.site {
            Site::Gateway => {
                let registry = Some(self.registry(&gateway.name.namespace));
                builder
                    .registry(registry.filter(|registry| registry.mode == OutboundMode::RegistryOnly))
                    .behind_proxy_protocol(gateway.topology.proxy_protocol.is_some())
                    .client_cert_header(gateway.topology.forward_client_cert_details)
            }
            // Which hosts are registered is for the sidecar itself to say, which sees more of them than a gateway.
            Site::Sidecar => builder.at_sidecars(self.egress(gateway)),
        };
        let mut diagnostics = Diagnostics::default();
        if options.plugin_type == PluginType::Http {
            match self.authorizers_of(gateway, Self::authorizer) {
                Ok(providers) => builder = providers.into_iter().fold(builder, FilterConfigBuilder::provider),
                Err(refused) => diagnostics.extend(refused),
            }
        }
        for policy in &policies {
            builder = builder.policy(policy.content().written().clone());
        }
        let refused = match builder.build() {
            Ok(config) if diagnostics.is_empty() => return Ok(config),
            built => built.err().unwrap_or_default(),
        };
        // What is wrong with an authorizer has been told.
        let untold = refused
            .iter()
            .filter(|refused| !matches!(refused, Refused::Provider { .. }));
        diagnostics.extend(untold.map(|refused| located(refused, &policies)));
        diagnostics.sort();
        Err(diagnostics)
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
        let written = policy.node().at(&path).and_then(Node::as_str);
        if let Some(form) = written.filter(|_| is_about_host(refused)).and_then(ascii_form) {
            diagnostic = diagnostic.help(format!("proxies take hosts in ASCII only: write `{form}`"));
        }
    }
    diagnostic.of_policy(name.to_string()).in_field(path)
}

fn is_about_host(refused: &Refused) -> bool {
    let Refused::Invalid(violation) = refused else {
        return false;
    };
    matches!(violation.problem(), Problem::NotCanonical(NotCanonical::Host { .. }))
}
