//! Whose tokens a gateway checks.

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::JwtRule;

use super::{Builder, Place, rendered};

/// The issuers of tokens, in the order of their objects.
#[derive(Clone, Debug)]
pub struct TokenIssuers {
    /// Each with its keys.
    pub rules: Vec<JwtRule>,
}

impl Builder<'_> {
    pub(super) fn token_issuers(&mut self, place: &Place<'_>) -> Option<TokenIssuers> {
        if !place.is_gateway {
            return None;
        }
        let workload = place.workload;
        let mut found: Vec<_> = rendered(self.manifests.request_authentications())
            .filter(|(object, authentication)| {
                let namespace = &object.name().namespace;
                let is_near = *namespace == workload.root_namespace || *namespace == workload.name.namespace;
                let selector = authentication.selector.as_ref();
                is_near && selector.is_none_or(|selector| selector.selects(&workload.labels))
            })
            .collect();
        found.sort_by_key(|(object, _)| object.name());
        let mut rules = Vec::new();
        for (object, authentication) in found {
            for (index, rule) in authentication.jwt_rules.iter().enumerate() {
                if rule.jwks.is_none() {
                    let path = FieldPath::root().field("spec").field("jwtRules").index(index);
                    let field = if rule.jwks_uri.is_some() {
                        path.field("jwksUri")
                    } else {
                        path
                    };
                    let message = format!(
                        "RequestAuthentication {}: the keys of `{}` are not in the manifest",
                        object.name(),
                        rule.issuer
                    );
                    self.diagnostics.push(
                        Diagnostic::error(message)
                            .at(object.span_at(&field), "nothing is fetched from the network")
                            .in_field(field)
                            .help("put the issuer's JSON Web Key Set into `jwks`"),
                    );
                    continue;
                }
                rules.push(rule.clone());
            }
        }
        (!rules.is_empty()).then_some(TokenIssuers { rules })
    }
}
