//! One `when`: its key and its values.

use super::place::Place;
use super::values::{Context, Written, constraint};
use super::{Findings, Problem};
use crate::model::{Constraint, Subject};
use crate::resource;

pub(super) fn check_condition(
    written: Option<resource::Condition>,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Constraint> {
    let Some(written) = written else {
        findings.refuse(place, Problem::Null);
        return None;
    };
    let key_place = place.field("key");
    let key = written.key.as_deref().unwrap_or_default();
    if key.is_empty() {
        findings.refuse(&key_place, Problem::Required);
        return None;
    }
    let is_empty = |values: &resource::Values| values.as_ref().is_none_or(Vec::is_empty);
    if is_empty(&written.values) && is_empty(&written.not_values) {
        findings.refuse(place, Problem::NoValues);
    }
    let subject = match Subject::of_key(key) {
        Ok(subject) => subject,
        Err(problem) => {
            findings.refuse(&key_place, problem);
            return None;
        }
    };
    if context.is_custom() && !subject.works_with_custom() {
        let attribute = key.to_owned();
        findings.refuse(&key_place, Problem::NotWithCustom { attribute });
    }
    let written = Written {
        names: ["values", "notValues"],
        values: [written.values, written.not_values],
        is_field: false,
    };
    constraint(subject, written, context, place, findings)
}

impl Subject {
    /// What a `when.key` names.
    fn of_key(key: &str) -> Result<Self, Problem> {
        Ok(match key {
            "source.ip" => Self::SourceIp,
            "remote.ip" => Self::RemoteIp,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::Port,
            "source.namespace" => Self::Namespace,
            "source.serviceAccount" => Self::ServiceAccount,
            "source.principal" => Self::Principal,
            "source.trustDomain" => Self::TrustDomain,
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
                    filter: filter.strip_prefix("experimental.").unwrap_or(filter).to_owned(),
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
            Self::Namespace
            | Self::ServiceAccount
            | Self::Principal
            | Self::TrustDomain
            | Self::RequestPrincipal
            | Self::Claim(_) => false,
            Self::SourceIp
            | Self::RemoteIp
            | Self::DestinationIp
            | Self::Port
            | Self::Sni
            | Self::Header(_)
            | Self::Host
            | Self::Method
            | Self::Path
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
    let mut names = Vec::new();
    let mut rest = inner;
    while let Some((name, after)) = rest.split_once(']') {
        match after.strip_prefix('[') {
            Some(after) if !name.contains('[') => {
                names.push(name.to_owned());
                rest = after;
            }
            _ => return vec![inner.to_owned()],
        }
    }
    if rest.contains('[') {
        return vec![inner.to_owned()];
    }
    names.push(rest.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::claim_path;

    #[test]
    fn brackets_that_pair_up_part_the_names_of_nested_claims() {
        for (inner, path) in [
            ("a", &["a"][..]),
            ("a][b", &["a", "b"]),
            ("a][b][c", &["a", "b", "c"]),
            ("][", &["", ""]),
            ("a][", &["a", ""]),
            ("a]b", &["a]b"]),
            ("a[b", &["a[b"]),
            ("a[b]", &["a[b]"]),
            ("a][b]", &["a][b]"]),
            ("a][[b", &["a][[b"]),
            ("a]][b", &["a]][b"]),
            ("[a][b", &["[a][b"]),
        ] {
            assert_eq!(claim_path(inner), path, "{inner}");
        }
    }
}
