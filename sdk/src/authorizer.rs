//! External authorizers: what a `CUSTOM` policy's provider is for the filter, and for Envoy.

use std::fmt;

use outgate_policy::FieldPath;
use outgate_policy::config::{ExtAuthzHttp, Provider, Timeout};

use crate::diagnostic::Diagnostic;
use crate::manifest::{EnvoyExtAuthzHttp, Manifest, Manifests};

impl Manifests {
    /// The authorizer that the mesh configuration has under this name.
    ///
    /// # Errors
    ///
    /// Why there is none that can be asked.
    pub fn authorizer(&self, name: &str) -> Result<Provider, NoAuthorizer> {
        let refused = |path: Option<FieldPath>, problem: AuthorizerProblem| NoAuthorizer {
            name: name.to_owned(),
            path,
            problem,
        };
        let providers = self
            .mesh_config()
            .map_or(&[][..], |mesh| &mesh.content().extension_providers);
        let mut of_name = providers
            .iter()
            .enumerate()
            .filter(|(_, provider)| provider.name == name);
        let Some((index, provider)) = of_name.next() else {
            return Err(refused(None, AuthorizerProblem::Unknown));
        };
        let path = FieldPath::root().field("extensionProviders").index(index);
        if of_name.next().is_some() {
            return Err(refused(Some(path.field("name")), AuthorizerProblem::Twice));
        }
        if provider.envoy_ext_authz_grpc.is_some() {
            return Err(refused(Some(path.field("envoyExtAuthzGrpc")), AuthorizerProblem::Grpc));
        }
        let Some(written) = &provider.envoy_ext_authz_http else {
            return Err(refused(Some(path), AuthorizerProblem::NoAuthorizer));
        };
        read(name, written).map_err(|(field, problem)| {
            let path = path.field("envoyExtAuthzHttp").field(field);
            refused(Some(path), problem)
        })
    }
}

fn read(name: &str, written: &EnvoyExtAuthzHttp) -> Result<Provider, (&'static str, AuthorizerProblem)> {
    let host = written.service.rsplit('/').next().unwrap_or_default();
    if host.is_empty() {
        return Err(("service", AuthorizerProblem::NoService));
    }
    if written.port == 0 {
        return Err(("port", AuthorizerProblem::NoPort));
    }
    if written.include_request_body_in_check.is_some() {
        return Err(("includeRequestBodyInCheck", AuthorizerProblem::Body));
    }
    if written.clear_route_cache == Some(false) && !written.headers_to_upstream_on_allow.is_empty() {
        return Err(("clearRouteCache", AuthorizerProblem::RouteCache));
    }
    let path_prefix = written.path_prefix.clone().unwrap_or_default();
    if !path_prefix.is_empty() && !path_prefix.starts_with('/') {
        return Err(("pathPrefix", AuthorizerProblem::PathPrefix));
    }
    let timeout = match written.timeout {
        None => None,
        Some(period) => {
            let milliseconds = u32::try_from(period.0.as_millis()).ok();
            let timeout = milliseconds.and_then(Timeout::from_milliseconds);
            Some(timeout.ok_or(("timeout", AuthorizerProblem::Timeout))?)
        }
    };
    if written
        .include_headers_in_check
        .iter()
        .any(|header| header.contains('*'))
    {
        return Err(("includeHeadersInCheck", AuthorizerProblem::NamesOnly));
    }
    if written
        .include_additional_headers_in_check
        .iter()
        .any(|(_, value)| value.contains('%'))
    {
        return Err(("includeAdditionalHeadersInCheck", AuthorizerProblem::Command));
    }
    let seen = written
        .include_request_headers_in_check
        .iter()
        .chain(&written.include_headers_in_check);
    Ok(Provider {
        name: name.to_owned(),
        cluster: format!("outbound|{}||{host}", written.port),
        envoy_ext_authz_http: ExtAuthzHttp {
            timeout,
            path_prefix,
            fail_open: written.fail_open,
            status_on_error: written.status_on_error,
            include_request_headers_in_check: seen.cloned().collect(),
            include_additional_headers_in_check: written.include_additional_headers_in_check.clone(),
            headers_to_upstream_on_allow: written.headers_to_upstream_on_allow.clone(),
            headers_to_downstream_on_deny: written.headers_to_downstream_on_deny.clone(),
            headers_to_downstream_on_allow: written.headers_to_downstream_on_allow.clone(),
        },
    })
}

/// Why the filter cannot ask an authorizer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoAuthorizer {
    name: String,
    /// In the mesh configuration.
    path: Option<FieldPath>,
    problem: AuthorizerProblem,
}

/// What is wrong with an authorizer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "`Display` says each in full")]
pub enum AuthorizerProblem {
    Unknown,
    Twice,
    Grpc,
    NoAuthorizer,
    NoService,
    NoPort,
    Body,
    RouteCache,
    PathPrefix,
    Timeout,
    NamesOnly,
    Command,
}

impl NoAuthorizer {
    /// What is wrong.
    #[must_use]
    pub const fn problem(&self) -> AuthorizerProblem {
        self.problem
    }

    /// As a finding at its place in the mesh configuration; `None` when that has no such provider.
    #[must_use]
    pub fn located(&self, manifests: &Manifests) -> Option<Diagnostic> {
        let path = self.path.clone()?;
        let span = manifests.mesh_config().map(|mesh: &Manifest<_>| mesh.span_at(&path))?;
        let diagnostic = Diagnostic::error(self.to_string()).at(span, "").in_field(path);
        Some(match self.problem.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }
}

impl AuthorizerProblem {
    /// What to do about it.
    #[must_use]
    pub const fn help(self) -> Option<&'static str> {
        match self {
            Self::Grpc => Some(
                "give the authorizer an HTTP endpoint (envoyExtAuthzHttp), or leave its policies to native enforcement",
            ),
            Self::Body => Some("leave the policies of this provider to native enforcement, or decide without the body"),
            Self::RouteCache => Some(
                "leave clearRouteCache out: where an authorizer changes headers, a Wasm filter always chooses the route anew",
            ),
            Self::Command => Some(
                "a literal value can be given; `%` introduces a command of Envoy's, which a Wasm filter cannot run",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for NoAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.problem {
            AuthorizerProblem::Unknown => write!(f, "the mesh configuration has no extension provider `{name}`"),
            AuthorizerProblem::Twice => write!(f, "two extension providers have the name `{name}`"),
            AuthorizerProblem::Grpc => write!(
                f,
                "the filter asks authorizers over HTTP only, and the extension provider `{name}` speaks gRPC"
            ),
            AuthorizerProblem::NoAuthorizer => write!(f, "the extension provider `{name}` is no external authorizer"),
            AuthorizerProblem::NoService => write!(f, "the extension provider `{name}` names no service"),
            AuthorizerProblem::NoPort => write!(f, "the extension provider `{name}` has no port"),
            AuthorizerProblem::Body => write!(
                f,
                "the extension provider `{name}` is to see the body of requests, which the filter does not read"
            ),
            AuthorizerProblem::RouteCache => write!(
                f,
                "the extension provider `{name}` is to change headers and to leave the route as it is, which a Wasm filter cannot do"
            ),
            AuthorizerProblem::PathPrefix => f.write_str("pathPrefix must begin with `/`"),
            AuthorizerProblem::Timeout => f.write_str("timeout must be a millisecond at least, and 49 days at most"),
            AuthorizerProblem::NamesOnly => {
                f.write_str("includeHeadersInCheck takes names only; patterns are for includeRequestHeadersInCheck")
            }
            AuthorizerProblem::Command => write!(
                f,
                "a value of includeAdditionalHeadersInCheck of the extension provider `{name}` has a `%`"
            ),
        }
    }
}

impl std::error::Error for NoAuthorizer {}
