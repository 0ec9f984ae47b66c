//! What Istio accepts and people rarely mean.
//!
//! | code | what |
//! | --- | --- |
//! | `OG001` | a `*` that is neither first nor last is an ordinary character |
//! | `OG002` | a host in a `DENY` rule, or in `notHosts` of an `ALLOW` rule, does not match when the client names the port |
//! | `OG003` | a gateway's `ports` are those that its proxy listens on (8080, 8443), not those of its service (80, 443) |
//! | `OG004` | a server name with a capital letter never matches, because proxies compare it in lower case |
//! | `OG005` | a policy that applies to no gateway |
//! | `OG006` | a method with a small letter never matches |
//! | `OG007` | a `CUSTOM` policy whose provider the mesh configuration does not have: Istio denies what it is about |
//! | `OG008` | a provider that the filter cannot ask as the mesh configuration says |
//! | `OG009` | a host with letters that are not ASCII never matches, because proxies take hosts in ASCII only |

mod written;

use outgate_policy::FieldPath;
use outgate_policy::config::Provider;

use crate::authorizer::{AuthorizerProblem, named_by};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::internationalized::ascii_form;
use crate::manifest::{CheckedPolicy, Manifest, Manifests};

use written::{WrittenValue, written_values};

/// A lint, by what it finds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Lint {
    /// `OG001`
    LiteralStar,
    /// `OG002`
    HostWithoutPort,
    /// `OG003`
    ServicePort,
    /// `OG004`
    UpperCaseServerName,
    /// `OG005`
    NotSelected,
    /// `OG006`
    LowerCaseMethod,
    /// `OG007`
    UnknownProvider,
    /// `OG008`
    UnaskableProvider,
    /// `OG009`
    InternationalizedHost,
}

impl Lint {
    /// The code, which stays the same in every release.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LiteralStar => "OG001",
            Self::HostWithoutPort => "OG002",
            Self::ServicePort => "OG003",
            Self::UpperCaseServerName => "OG004",
            Self::NotSelected => "OG005",
            Self::LowerCaseMethod => "OG006",
            Self::UnknownProvider => "OG007",
            Self::UnaskableProvider => "OG008",
            Self::InternationalizedHost => "OG009",
        }
    }
}

impl Manifests {
    /// Warnings about the policies and what they name, in the order of the files.
    #[must_use]
    pub fn lint(&self) -> Diagnostics {
        let mut diagnostics: Diagnostics = self.policies().iter().flat_map(lint_policy).collect();
        diagnostics.extend(lint_providers(self));
        diagnostics.sort();
        diagnostics
    }
}

/// The providers of `CUSTOM` policies, where the input has the mesh configuration that they are in.
fn lint_providers(manifests: &Manifests) -> Vec<Diagnostic> {
    if manifests.mesh_config().is_none() {
        return Vec::new();
    }
    let policies: Vec<_> = manifests.policies().iter().collect();
    let named = named_by(&policies).into_iter();
    named
        .filter_map(|(name, policy)| match manifests.authorizer(name) {
            Ok(provider) => changed_responses(&provider, manifests),
            Err(refused) => {
                let lint = match refused.problem() {
                    AuthorizerProblem::Unknown => Lint::UnknownProvider,
                    _ => Lint::UnaskableProvider,
                };
                Some(refused.placed(Diagnostic::lint(lint, refused.to_string()), manifests, policy))
            }
        })
        .collect()
}

/// A provider that is for another module than the one that ships.
fn changed_responses(provider: &Provider, manifests: &Manifests) -> Option<Diagnostic> {
    if provider.envoy_ext_authz_http.headers_to_downstream_on_allow.is_empty() {
        return None;
    }
    let (name, field) = (&provider.name, "headersToDownstreamOnAllow");
    let message = format!(
        "the extension provider `{name}` has {field}, for which the filter's module must export proxy_on_response_headers: \
         the one that ships does not, and refuses to start with it"
    );
    let diagnostic = Diagnostic::lint(Lint::UnaskableProvider, message)
        .help("`cargo xtask wasm --response-headers` builds a module that has it; or leave the field out");
    let place = manifests
        .extension_providers()
        .iter()
        .position(|known| known.name == *name);
    let Some((mesh, place)) = manifests.mesh_config().zip(place) else {
        return Some(diagnostic);
    };
    let provider = FieldPath::root().field("extensionProviders").index(place);
    let path = provider.field("envoyExtAuthzHttp").field(field);
    Some(diagnostic.at(mesh.span_at(&path), "").in_field(path))
}

fn lint_policy(policy: &Manifest<CheckedPolicy>) -> Vec<Diagnostic> {
    const LINTS: [fn(&WrittenValue<'_>) -> Option<Diagnostic>; 6] = [
        literal_star,
        host_without_port,
        service_port,
        upper_case_server_name,
        lower_case_method,
        internationalized_host,
    ];
    let name = policy.name().to_string();
    written_values(policy)
        .iter()
        .flat_map(|value| {
            let found = LINTS.iter().filter_map(|lint| lint(value));
            found.map(|diagnostic| diagnostic.of_policy(&name).in_field(value.path.clone()))
        })
        .collect()
}

fn literal_star(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    // Stars stand for something anywhere in these, and are refused by validation where they do not.
    let has_own_rules = matches!(
        &*value.attribute,
        "namespaces" | "source.namespace" | "trustDomains" | "source.trustDomain"
    );
    let is_template = value.attribute == "paths" && value.text.contains(['{', '}']);
    let rest = value.text.strip_prefix('*').or_else(|| value.text.strip_suffix('*'));
    if has_own_rules || is_template || !rest.unwrap_or(value.text).contains('*') {
        return None;
    }
    let message = if value.text.starts_with('*') {
        "only the first `*` stands for any text; the others are ordinary characters"
    } else {
        "a `*` inside of a value is an ordinary character"
    };
    let diagnostic = value.warning(Lint::LiteralStar, message);
    Some(if value.attribute == "paths" {
        diagnostic.help("write `{*}` for one segment of a path, `{**}` for any number of them")
    } else {
        diagnostic
    })
}

fn host_without_port(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    let opens_a_hole = match value.action {
        outgate_policy::Action::Deny => !value.is_negated,
        outgate_policy::Action::Allow => value.is_negated,
        _ => false,
    };
    let has_port = value.text.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    if value.attribute != "hosts" || !opens_a_hole || has_port || value.text.ends_with('*') {
        return None;
    }
    let with_port = format!("{}:", value.text);
    if value.siblings().any(|sibling| sibling.starts_with(&with_port)) {
        return None;
    }
    let message = "the host is compared with its port: this does not match when the client names one";
    let diagnostic = value.warning(Lint::HostWithoutPort, message);
    let text = value.text;
    Some(if text.starts_with('*') {
        diagnostic.help(format!(
            "add `{text}:80`, `{text}:443` and every other port that is served"
        ))
    } else {
        diagnostic.help(format!("add `{text}:*`"))
    })
}

fn service_port(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    let listening = match value.text.trim_start_matches('0') {
        "80" => "8080",
        "443" => "8443",
        _ => return None,
    };
    matches!(&*value.attribute, "ports" | "destination.port").then(|| {
        value
            .warning(
                Lint::ServicePort,
                "a gateway's port is the one that its proxy listens on, not that of its service",
            )
            .help(format!("on a default gateway, that is {listening}"))
    })
}

fn upper_case_server_name(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    let is_lower = !value.text.bytes().any(|byte| byte.is_ascii_uppercase());
    (value.attribute == "connection.sni" && !is_lower).then(|| {
        value
            .warning(
                Lint::UpperCaseServerName,
                "server names are compared in lower case, so that this never matches",
            )
            .help(format!("write `{}`", value.text.to_ascii_lowercase()))
    })
}

fn lower_case_method(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    let is_upper = !value.text.bytes().any(|byte| byte.is_ascii_lowercase());
    (value.attribute == "methods" && !is_upper).then(|| {
        value
            .warning(
                Lint::LowerCaseMethod,
                "methods are compared with regard to case, and proxies take none with small letters",
            )
            .help(format!("write `{}`", value.text.to_ascii_uppercase()))
    })
}

fn internationalized_host(value: &WrittenValue<'_>) -> Option<Diagnostic> {
    let is_host = matches!(&*value.attribute, "hosts" | "request.headers[:authority]");
    if !is_host || value.text.is_ascii() {
        return None;
    }
    let message = "proxies take hosts in ASCII only, so that this never matches";
    let diagnostic = value.warning(Lint::InternationalizedHost, message);
    Some(match ascii_form(value.text) {
        Some(form) => diagnostic.help(format!("write `{form}`")),
        None => diagnostic,
    })
}

#[cfg(test)]
mod tests;
