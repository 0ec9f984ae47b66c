//! One `when`: its key and its values.

use super::rule::{Context, parse_port, parse_values, plain};
use super::{Findings, Problem};
use crate::FieldPath;
use crate::model::{Constraint, Values};
use crate::pattern::{
    MetadataPattern, NamespacePattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount, TextPattern,
    TrustDomainPattern,
};
use crate::resource;

pub(super) fn check_condition(
    written: Option<&resource::Condition>,
    context: &Context<'_>,
    path: &FieldPath,
    findings: &mut Findings,
) -> Option<Constraint> {
    let Some(written) = written else {
        findings.refuse(path, Problem::Null);
        return None;
    };
    let key_path = path.field("key");
    let key = written.key.as_deref().unwrap_or_default();
    if key.is_empty() {
        findings.refuse(&key_path, Problem::Required);
        return None;
    }
    let is_empty = |values: &resource::Values| values.as_ref().is_none_or(Vec::is_empty);
    if is_empty(&written.values) && is_empty(&written.not_values) {
        findings.refuse(path, Problem::NoValues);
    }
    let attribute = match Attribute::parse(key) {
        Ok(attribute) => attribute,
        Err(problem) => {
            findings.refuse(&key_path, problem);
            return None;
        }
    };
    if context.is_custom() && !attribute.works_with_custom() {
        let attribute = key.to_owned();
        findings.refuse(&key_path, Problem::NotWithCustom { attribute });
    }
    let mut lists = Lists {
        written,
        path,
        findings,
    };
    Some(match attribute {
        Attribute::SourceIp => Constraint::SourceIp(lists.parse(|value| value.parse().map_err(Problem::IpBlock))),
        Attribute::RemoteIp => Constraint::RemoteIp(lists.parse(|value| value.parse().map_err(Problem::IpBlock))),
        Attribute::DestinationIp => {
            Constraint::DestinationIp(lists.parse(|value| value.parse().map_err(Problem::IpBlock)))
        }
        Attribute::DestinationPort => Constraint::Port(lists.parse(parse_port)),
        Attribute::SourceNamespace => Constraint::Namespace(lists.parse(plain(NamespacePattern::parse))),
        Attribute::SourceServiceAccount => Constraint::ServiceAccount(
            lists.parse(|value| ServiceAccount::parse(value, context.namespace).map_err(Problem::ServiceAccount)),
        ),
        Attribute::SourcePrincipal => Constraint::Principal(lists.parse(plain(PrincipalPattern::parse))),
        Attribute::SourceTrustDomain => {
            Constraint::TrustDomain(lists.parse(|value| TrustDomainPattern::parse(value).map_err(Problem::TrustDomain)))
        }
        Attribute::RequestPrincipal => Constraint::RequestPrincipal(lists.parse(plain(RequestPrincipalPattern::parse))),
        Attribute::Sni => Constraint::Sni(lists.parse(plain(TextPattern::parse))),
        Attribute::Claim(path) => Constraint::Claim {
            path,
            values: lists.parse(plain(TextPattern::parse)),
        },
        Attribute::Header(name) => Constraint::Header {
            name,
            values: lists.parse(plain(TextPattern::parse)),
        },
        Attribute::Metadata { filter, key } => Constraint::Metadata {
            filter,
            key,
            values: lists.parse(plain(MetadataPattern::parse)),
        },
    })
}

struct Lists<'a> {
    written: &'a resource::Condition,
    path: &'a FieldPath,
    findings: &'a mut Findings,
}

impl Lists<'_> {
    fn parse<T>(&mut self, parse: impl Fn(&str) -> Result<T, Problem>) -> Values<T> {
        Values {
            any_of: parse_values(&self.written.values, &self.path.field("values"), &parse, self.findings),
            none_of: parse_values(
                &self.written.not_values,
                &self.path.field("notValues"),
                &parse,
                self.findings,
            ),
        }
    }
}

/// What a `when.key` names.
enum Attribute {
    SourceIp,
    RemoteIp,
    DestinationIp,
    DestinationPort,
    SourceNamespace,
    SourceServiceAccount,
    SourcePrincipal,
    SourceTrustDomain,
    RequestPrincipal,
    Sni,
    Claim(Vec<String>),
    Header(String),
    Metadata { filter: String, key: String },
}

impl Attribute {
    fn parse(key: &str) -> Result<Self, Problem> {
        Ok(match key {
            "source.ip" => Self::SourceIp,
            "remote.ip" => Self::RemoteIp,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::DestinationPort,
            "source.namespace" => Self::SourceNamespace,
            "source.serviceAccount" => Self::SourceServiceAccount,
            "source.principal" => Self::SourcePrincipal,
            "source.trustDomain" => Self::SourceTrustDomain,
            "request.auth.principal" => Self::RequestPrincipal,
            "request.auth.audiences" => Self::Claim(vec!["aud".to_owned()]),
            "request.auth.presenter" => Self::Claim(vec!["azp".to_owned()]),
            "connection.sni" => Self::Sni,
            "destination.namespace" | "destination.name" | "destination.user" => {
                return Err(Problem::ReplacedKey {
                    key: key.to_owned(),
                    instead: "put the policy into the destination's namespace and use a selector",
                });
            }
            _ if key.starts_with("destination.labels") => {
                return Err(Problem::ReplacedKey {
                    key: key.to_owned(),
                    instead: "use a selector",
                });
            }
            _ if key.starts_with("request.headers") => {
                let inner = in_brackets(key, "request.headers", "request.headers[NAME]")?;
                Self::Header(header_name(inner))
            }
            _ if key.starts_with("request.auth.claims") => {
                let inner = in_brackets(key, "request.auth.claims", "request.auth.claims[NAME]")?;
                Self::Claim(claim_path(inner))
            }
            _ if key.starts_with("experimental.envoy.filters.") => {
                let form = "experimental.envoy.filters.FILTER[KEY]";
                let filter = key.split('[').next().unwrap_or(key);
                let inner = in_brackets(key, filter, form)?;
                Self::Metadata {
                    filter: filter["experimental.".len()..].to_owned(),
                    key: inner.to_owned(),
                }
            }
            _ => {
                return Err(Problem::UnknownKey { key: key.to_owned() });
            }
        })
    }

    const fn works_with_custom(&self) -> bool {
        match self {
            Self::SourceNamespace
            | Self::SourceServiceAccount
            | Self::SourcePrincipal
            | Self::SourceTrustDomain
            | Self::RequestPrincipal
            | Self::Claim(_) => false,
            Self::SourceIp
            | Self::RemoteIp
            | Self::DestinationIp
            | Self::DestinationPort
            | Self::Sni
            | Self::Header(_)
            | Self::Metadata { .. } => true,
        }
    }
}

fn in_brackets<'a>(key: &'a str, map: &str, form: &'static str) -> Result<&'a str, Problem> {
    key.strip_prefix(map)
        .and_then(|rest| rest.strip_prefix('['))
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| !inner.is_empty())
        .ok_or(Problem::MalformedKey {
            key: key.to_owned(),
            form,
        })
}

/// Header names are compared in lower case, and Envoy keeps `host` as `:authority`.
fn header_name(inner: &str) -> String {
    let name = inner.to_ascii_lowercase();
    if name == "host" { ":authority".to_owned() } else { name }
}

/// `a][b` is the claim `b` in the claim `a`; where the brackets do not pair up, the whole text is one claim's name.
fn claim_path(inner: &str) -> Vec<String> {
    let names: Vec<&str> = inner.split("][").collect();
    if names.iter().any(|name| name.contains(['[', ']'])) {
        return vec![inner.to_owned()];
    }
    names.into_iter().map(str::to_owned).collect()
}
