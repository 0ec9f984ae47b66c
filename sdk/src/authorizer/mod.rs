//! External authorizers: what a `CUSTOM` policy's provider is for the filter, and for Envoy.
//!
//! ```text
//! extensionProviders ──▶ Written ──┬──▶ filter: the provider in the filter's configuration
//!                                  └──▶ native: Envoy's own filter, as Istio renders it
//! ```
//!
//! The filter asks over HTTP and without the request's body. What it cannot do is refused, never done in part; Envoy's own filter
//! can do all of it.

mod filter;
mod native;
mod problem;

pub use native::NativeAuthorizer;
pub use problem::{AuthorizerProblem, NoAuthorizer};

use std::collections::BTreeMap;

use outgate_policy::config::Provider;
use outgate_policy::{Action, FieldPath};

use crate::diagnostic::Diagnostics;
use crate::manifest::{CheckedPolicy, EnvoyExtAuthzGrpc, EnvoyExtAuthzHttp, ExtensionProvider, Manifest, Manifests};
use crate::scope::GatewayWorkload;

impl Manifests {
    /// The authorizer that the mesh configuration has under this name, for the filter to ask.
    ///
    /// # Errors
    ///
    /// Why there is none that it can ask.
    pub fn authorizer(&self, name: &str) -> Result<Provider, NoAuthorizer> {
        let written = self.written_authorizer(name)?;
        match written.protocol {
            Protocol::Http(http) => filter::provider(name, http).map_err(|problem| written.refused(problem)),
            Protocol::Grpc(_) => Err(written.refused(Problem::whole(AuthorizerProblem::Grpc))),
        }
    }

    /// The same authorizer, for Envoy's own filter to ask.
    ///
    /// # Errors
    ///
    /// Why there is none that can be asked.
    pub fn native_authorizer(&self, name: &str) -> Result<NativeAuthorizer, NoAuthorizer> {
        let written = self.written_authorizer(name)?;
        NativeAuthorizer::new(&written).map_err(|problem| written.refused(problem))
    }

    /// Where the authorizer of this name is.
    pub(crate) fn authorizer_service(&self, name: &str) -> Result<Service, NoAuthorizer> {
        let written = self.written_authorizer(name)?;
        let address = match written.protocol {
            Protocol::Http(http) => Address::read(&http.service, http.port),
            Protocol::Grpc(grpc) => Address::read(&grpc.service, grpc.port),
        };
        let address = address.map_err(|problem| written.refused(problem))?;
        Ok(Service {
            cluster: address.cluster(),
            host: address.host.to_owned(),
            path: written.path.field("service"),
        })
    }

    /// The authorizers of a gateway's policies, each as `read` makes it.
    ///
    /// # Errors
    ///
    /// Located diagnostics for those that cannot be asked.
    pub(crate) fn authorizers_of<T>(
        &self,
        gateway: &GatewayWorkload,
        read: impl Fn(&Self, &str) -> Result<T, NoAuthorizer>,
    ) -> Result<Vec<T>, Diagnostics> {
        let mut authorizers = Vec::new();
        let mut refused = Diagnostics::default();
        for (name, policy) in named_by(&self.policies_for(gateway)) {
            match read(self, name) {
                Ok(authorizer) => authorizers.push(authorizer),
                Err(problem) => refused.push(problem.located(self, policy)),
            }
        }
        if refused.is_empty() {
            Ok(authorizers)
        } else {
            Err(refused)
        }
    }

    /// The mesh configuration's `extensionProviders`.
    pub(crate) fn extension_providers(&self) -> &[ExtensionProvider] {
        self.mesh_config()
            .map_or(&[][..], |mesh| &mesh.content().extension_providers)
    }

    fn written_authorizer(&self, name: &str) -> Result<Written<'_>, NoAuthorizer> {
        let refused = |path: Option<FieldPath>, problem: AuthorizerProblem| NoAuthorizer {
            name: name.to_owned(),
            path,
            problem,
        };
        let providers = self.extension_providers().iter().enumerate();
        let mut of_name = providers.filter(|(_, provider)| provider.name == name);
        let Some((index, provider)) = of_name.next() else {
            return Err(refused(None, AuthorizerProblem::Unknown));
        };
        let path = FieldPath::root().field("extensionProviders").index(index);
        if of_name.next().is_some() {
            return Err(refused(Some(path.field("name")), AuthorizerProblem::Twice));
        }
        let (field, protocol) = match (&provider.envoy_ext_authz_grpc, &provider.envoy_ext_authz_http) {
            (Some(grpc), _) => ("envoyExtAuthzGrpc", Protocol::Grpc(grpc)),
            (None, Some(http)) => ("envoyExtAuthzHttp", Protocol::Http(http)),
            (None, None) => return Err(refused(Some(path), AuthorizerProblem::NoAuthorizer)),
        };
        Ok(Written {
            name: &provider.name,
            path: path.field(field),
            protocol,
        })
    }
}

/// The authorizers that policies name, in byte order, each with the first policy that does.
pub(crate) fn named_by<'m>(policies: &[&'m Manifest<CheckedPolicy>]) -> BTreeMap<&'m str, &'m Manifest<CheckedPolicy>> {
    let mut named = BTreeMap::new();
    for &policy in policies {
        if let Action::Custom { provider } = policy.content().policy().action() {
            named.entry(provider.as_str()).or_insert(policy);
        }
    }
    named
}

/// The service of an authorizer.
pub(crate) struct Service {
    /// The name of its cluster.
    pub(crate) cluster: String,
    /// Its host.
    pub(crate) host: String,
    /// Where it is written in the mesh configuration.
    pub(crate) path: FieldPath,
}

/// An authorizer as it is written.
struct Written<'m> {
    name: &'m str,
    /// In the mesh configuration.
    path: FieldPath,
    protocol: Protocol<'m>,
}

/// What an authorizer speaks.
enum Protocol<'m> {
    Http(&'m EnvoyExtAuthzHttp),
    Grpc(&'m EnvoyExtAuthzGrpc),
}

impl Written<'_> {
    fn refused(&self, Problem { field, problem }: Problem) -> NoAuthorizer {
        NoAuthorizer {
            name: self.name.to_owned(),
            path: Some(field.map_or_else(|| self.path.clone(), |field| self.path.field(field))),
            problem,
        }
    }
}

/// What is wrong, and with which field.
struct Problem {
    field: Option<&'static str>,
    problem: AuthorizerProblem,
}

impl Problem {
    /// With all of it.
    const fn whole(problem: AuthorizerProblem) -> Self {
        Self { field: None, problem }
    }

    const fn of(field: &'static str, problem: AuthorizerProblem) -> Self {
        Self {
            field: Some(field),
            problem,
        }
    }
}

/// A service as `host` or `namespace/host`, and its port: where an authorizer is.
struct Address<'m> {
    host: &'m str,
    port: u16,
}

impl<'m> Address<'m> {
    fn read(service: &'m str, port: u16) -> Result<Self, Problem> {
        let host = service.rsplit('/').next().unwrap_or_default();
        if host.is_empty() {
            return Err(Problem::of("service", AuthorizerProblem::NoService));
        }
        if port == 0 {
            return Err(Problem::of("port", AuthorizerProblem::NoPort));
        }
        Ok(Self { host, port })
    }

    /// The name that Istio gives to its cluster.
    fn cluster(&self) -> String {
        format!("outbound|{}||{}", self.port, self.host)
    }
}

/// Refuses what Istio refuses in every provider over HTTP.
fn check_http(written: &EnvoyExtAuthzHttp) -> Result<(), Problem> {
    if let Some(prefix) = &written.path_prefix
        && !prefix.is_empty()
        && !prefix.starts_with('/')
    {
        return Err(Problem::of("pathPrefix", AuthorizerProblem::PathPrefix));
    }
    let lists = [
        (
            "includeRequestHeadersInCheck",
            &written.include_request_headers_in_check,
        ),
        ("includeHeadersInCheck", &written.include_headers_in_check),
        ("headersToUpstreamOnAllow", &written.headers_to_upstream_on_allow),
        ("headersToDownstreamOnDeny", &written.headers_to_downstream_on_deny),
        ("headersToDownstreamOnAllow", &written.headers_to_downstream_on_allow),
    ];
    match lists.iter().find(|(_, names)| names.iter().any(|name| name == "*")) {
        Some((field, _)) => Err(Problem::of(field, AuthorizerProblem::Everything)),
        None => Ok(()),
    }
}

/// Headers of the request that an authorizer sees: the older field counts only where the newer one is not given.
fn seen(written: &EnvoyExtAuthzHttp) -> &[String] {
    if written.include_request_headers_in_check.is_empty() {
        &written.include_headers_in_check
    } else {
        &written.include_request_headers_in_check
    }
}

#[cfg(test)]
mod tests;
