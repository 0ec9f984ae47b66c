//! Why an authorizer cannot be asked.

use std::fmt;

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::{CheckedPolicy, Manifest, Manifests};
use crate::suggest;

/// Why an authorizer cannot be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoAuthorizer {
    pub(super) name: String,
    /// In the mesh configuration; `None` when that has no such provider.
    pub(super) path: Option<FieldPath>,
    pub(super) problem: AuthorizerProblem,
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
    Everything,
    Command,
}

impl NoAuthorizer {
    /// What is wrong.
    #[must_use]
    pub const fn problem(&self) -> AuthorizerProblem {
        self.problem
    }

    /// As an error at its place in the mesh configuration, or in the policy that names a provider which is not there.
    #[must_use]
    pub fn located(&self, manifests: &Manifests, policy: &Manifest<CheckedPolicy>) -> Diagnostic {
        self.placed(Diagnostic::error(self.to_string()), manifests, policy)
    }

    /// The same for any kind of finding.
    pub(crate) fn placed(
        &self,
        finding: Diagnostic,
        manifests: &Manifests,
        policy: &Manifest<CheckedPolicy>,
    ) -> Diagnostic {
        let finding = match self.help(manifests) {
            Some(help) => finding.help(help),
            None => finding,
        };
        if let Some((path, mesh)) = self.path.clone().zip(manifests.mesh_config()) {
            return finding.at(mesh.span_at(&path), "").in_field(path);
        }
        let path = FieldPath::root().field("spec").field("provider").field("name");
        finding
            .at(policy.span_at(&path), "")
            .of_policy(policy.name().to_string())
            .in_field(path)
    }

    fn help(&self, manifests: &Manifests) -> Option<String> {
        match self.problem {
            AuthorizerProblem::Unknown => {
                let known = manifests.extension_providers().iter();
                let known = known.filter(|provider| provider.is_authorizer());
                Some(
                    match suggest::closest(&self.name, known.map(|provider| provider.name.as_str())) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "add it to extensionProviders of the mesh configuration, with envoyExtAuthzHttp, and give that \
                                 among the files"
                            .to_owned(),
                    },
                )
            }
            AuthorizerProblem::Grpc => Some(
                "give the authorizer an HTTP endpoint (envoyExtAuthzHttp), or leave its policies to native enforcement".to_owned(),
            ),
            AuthorizerProblem::Body => Some(
                "decide without the body, or leave the policies of this provider to native enforcement".to_owned(),
            ),
            AuthorizerProblem::RouteCache => Some(
                "leave clearRouteCache out: where an authorizer changes headers, a Wasm filter always chooses the route anew"
                    .to_owned(),
            ),
            AuthorizerProblem::Everything => Some("list the names, or write `prefix*` or `*suffix`".to_owned()),
            AuthorizerProblem::Command => Some(
                "a literal value can be given, in which `%%` stands for `%`; a single `%` introduces a command of Envoy's, which a \
                 Wasm filter cannot run"
                    .to_owned(),
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
            AuthorizerProblem::Everything => f.write_str("`*` alone is not taken for all headers"),
            AuthorizerProblem::Command => write!(
                f,
                "a value of includeAdditionalHeadersInCheck of the extension provider `{name}` has a `%`"
            ),
        }
    }
}

impl std::error::Error for NoAuthorizer {}
