//! What policies say, where requests are matched in their canonical form.

use std::fmt;

use super::host::Host;
use super::path::Path;
use crate::check::place::Place;
use crate::check::{Problem, Violation};
use crate::model::{Constraint, Policy, Subject};
use crate::pattern::{PathPattern, TemplateSegment, TextPattern};

/// A policy as it is compared with canonical requests: `test.com:*`, which is how the ports of a host are taken along in Istio's
/// matching, stands for `test.com`, too. So what is decided about a request as it is spelled is what Istio decides, but for a policy
/// that names a host with all its ports and not the host without one.
///
/// # Errors
///
/// Every value of a host or a path that no canonical request has. It would match nothing, and in a `DENY` policy let through what
/// it was meant to stop.
pub fn canonical_policy(mut policy: Policy) -> Result<Policy, Vec<Violation>> {
    let mut violations = Vec::new();
    let Policy { name, rules, .. } = &mut policy;
    let mut check = |constraint: &mut Constraint, place: &Place<'_>| {
        constraint.add_values(|subject, side, index, value| match canonical_value(subject, value) {
            Ok(canonical) => canonical,
            Err(problem) => {
                violations.push(Violation {
                    policy: name.clone(),
                    path: place.field(subject.fields()[side]).index(index).path(),
                    problem: Problem::NotCanonical(problem),
                });
                None
            }
        });
    };
    let spec = Place::root("spec");
    let all = spec.field("rules");
    for (index, rule) in rules.iter_mut().enumerate() {
        let place = all.index(index);
        let to = place.field("to");
        for (index, operation) in rule.to.iter_mut().enumerate() {
            let element = to.index(index);
            let place = element.field("operation");
            for constraint in operation {
                check(constraint, &place);
            }
        }
        let when = place.field("when");
        for (index, constraint) in rule.when.iter_mut().enumerate() {
            check(constraint, &when.index(index));
        }
    }
    if violations.is_empty() {
        Ok(policy)
    } else {
        Err(violations)
    }
}

/// Why a value matches no canonical request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotCanonical {
    /// A host with a port.
    Port,
    /// A host that is written otherwise.
    Host {
        /// How it is written, where that is known.
        instead: Option<String>,
    },
    /// A path that is written otherwise.
    Path {
        /// How it is written, where that is known.
        instead: Option<String>,
    },
    /// A path with a query.
    Query,
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, instead) = match self {
            Self::Port => {
                return f.write_str(
                    "with `matching: canonical` hosts are compared without a port, so that this would match nothing; leave the port \
                     out",
                );
            }
            Self::Query => return f.write_str("paths are compared without a query, so that this would match nothing"),
            Self::Host { instead } => ("host", instead),
            Self::Path { instead } => ("path", instead),
        };
        write!(
            f,
            "with `matching: canonical` this is no form that a {form} is compared in, so that it would match nothing"
        )?;
        match instead {
            Some(instead) => write!(f, "; write `{instead}`"),
            None => Ok(()),
        }
    }
}

/// The value to compare with beside this one; `None` where this one does.
fn canonical_value(subject: &Subject, value: &str) -> Result<Option<String>, NotCanonical> {
    match subject {
        Subject::Host => canonical_host_pattern(value),
        Subject::Header(name) if name == ":authority" => canonical_host_pattern(value),
        Subject::Path => path(value).map(|()| None),
        // With its query, of which nothing is asked.
        Subject::Header(name) if name == ":path" => match value.split_once('?') {
            None => path(value).map(|()| None),
            Some((before, _)) => path(&format!("{before}*")).map(|()| None),
        },
        _ => Ok(None),
    }
}

/// Checks a host as policies write it, `*` at its beginning or its end included. What comes back is to be compared with, too.
///
/// # Errors
///
/// When no canonical request has such a host.
pub fn canonical_host_pattern(value: &str) -> Result<Option<String>, NotCanonical> {
    match TextPattern::parse(value) {
        TextPattern::Present => Ok(None),
        TextPattern::Exact(host) => exact_host(host).map(|()| None),
        TextPattern::Prefix(prefix) => match prefix.strip_suffix(':') {
            Some(host) => exact_host(host).map(|()| Some(host.to_owned())),
            None => part_of_host(prefix, "").map(|()| None),
        },
        TextPattern::Suffix(suffix) => part_of_host(suffix, "x").map(|()| None),
    }
}

fn exact_host(host: &str) -> Result<(), NotCanonical> {
    let canonical = Host::of(host.as_bytes());
    if canonical.has_port() {
        return Err(NotCanonical::Port);
    }
    let name = String::from_utf8_lossy(&canonical.name);
    if !name.eq_ignore_ascii_case(host) {
        let instead = Some(name.into_owned());
        return Err(NotCanonical::Host { instead });
    }
    if canonical.is_ambiguous {
        return Err(NotCanonical::Host { instead: None });
    }
    Ok(())
}

/// The beginning of hosts, or with something in front of it the end of hosts. That it could be either is all that is asked.
fn part_of_host(part: &str, in_front: &str) -> Result<(), NotCanonical> {
    let is_in_brackets = part.contains(['[', ']']);
    if part.contains(':') && !is_in_brackets {
        return Err(NotCanonical::Port);
    }
    let is_relative = in_front.is_empty() || !part.ends_with('.');
    let is_part_of_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let has_empty_label = part.contains("..") || (in_front.is_empty() && part.starts_with('.'));
    if is_in_brackets || (is_relative && !has_empty_label && part.bytes().all(is_part_of_name)) {
        Ok(())
    } else {
        Err(NotCanonical::Host { instead: None })
    }
}

fn path(value: &str) -> Result<(), NotCanonical> {
    if value.contains(['?', '#']) {
        return Err(NotCanonical::Query);
    }
    // Something in place of what is left open, so that an end like `/..` is still seen.
    let sample = match PathPattern::parse(value) {
        Ok(PathPattern::Text(TextPattern::Present)) => return Ok(()),
        Ok(PathPattern::Text(TextPattern::Exact(path))) => path.to_owned(),
        Ok(PathPattern::Text(TextPattern::Prefix(prefix))) => format!("{prefix}x"),
        Ok(PathPattern::Text(TextPattern::Suffix(suffix))) => format!("/x{suffix}"),
        Ok(PathPattern::Template(template)) => {
            let mut path = String::new();
            for segment in template.segments() {
                path.push('/');
                path.push_str(match segment {
                    TemplateSegment::Literal(literal) => literal,
                    TemplateSegment::One | TemplateSegment::Many => "x",
                });
            }
            path.push_str(if template.trailing_slash() { "/" } else { "" });
            path
        }
        // Refused before.
        Err(_) => return Ok(()),
    };
    let canonical = Path::of(sample.as_bytes());
    if *canonical.text == *sample.as_bytes() && sample.starts_with('/') {
        return Ok(());
    }
    let is_whole = sample == value;
    let instead = String::from_utf8_lossy(&canonical.text).into_owned();
    Err(NotCanonical::Path {
        instead: (is_whole && instead != value).then_some(instead),
    })
}

#[cfg(test)]
mod tests {
    use super::canonical_value;
    use crate::model::Subject;

    #[test]
    fn values_have_the_form_of_what_they_are_compared_with() {
        let authority = || Subject::Header(":authority".to_owned());
        let whole_path = || Subject::Header(":path".to_owned());
        for (subject, value, expected) in [
            (Subject::Host, "test.com", Ok(None)),
            (Subject::Host, "Test.com", Ok(None)),
            (Subject::Host, "*", Ok(None)),
            (Subject::Host, "*.test.com", Ok(None)),
            (Subject::Host, "test.*", Ok(None)),
            (Subject::Host, "10.*", Ok(None)),
            (Subject::Host, "test.com:*", Ok(Some("test.com"))),
            (Subject::Host, "[::1]", Ok(None)),
            (Subject::Host, "[::1]:*", Ok(Some("[::1]"))),
            (Subject::Host, "test.com:80", Err("without a port")),
            (Subject::Host, "test.com:8*", Err("without a port")),
            (Subject::Host, "*.test.com:443", Err("without a port")),
            (Subject::Host, "*:443", Err("without a port")),
            (Subject::Host, "test.com.", Err("write `test.com`")),
            (Subject::Host, "*.test.com.", Err("no form that a host")),
            (Subject::Host, "127.1", Err("write `127.0.0.1`")),
            (Subject::Host, "[0::1]", Err("write `[::1]`")),
            (Subject::Host, "a,b", Err("no form that a host")),
            (Subject::Host, "a b*", Err("no form that a host")),
            (Subject::Host, "b\u{fc}cher.example", Err("no form that a host")),
            (authority(), "test.com:80", Err("without a port")),
            (Subject::Path, "/headers", Ok(None)),
            (Subject::Path, "/headers/", Ok(None)),
            (Subject::Path, "*", Ok(None)),
            (Subject::Path, "/api/*", Ok(None)),
            (Subject::Path, "/api/.*", Ok(None)),
            (Subject::Path, "*/admin", Ok(None)),
            (Subject::Path, "*.json", Ok(None)),
            (Subject::Path, "/v1/{*}/items/{**}", Ok(None)),
            (Subject::Path, "/caf%C3%A9", Ok(None)),
            (Subject::Path, "/a;b", Ok(None)),
            (Subject::Path, "//headers", Err("write `/headers`")),
            (Subject::Path, "/a/../headers", Err("write `/headers`")),
            (Subject::Path, "/%2Fheaders", Err("write `/headers`")),
            (Subject::Path, "/caf%c3%a9", Err("write `/caf%C3%A9`")),
            (Subject::Path, "headers", Err("no form that a path")),
            (Subject::Path, "/a//*", Err("no form that a path")),
            (Subject::Path, "*//a", Err("no form that a path")),
            (Subject::Path, "*/..", Err("no form that a path")),
            (Subject::Path, "/v1/%2e%2e/{*}", Err("no form that a path")),
            (Subject::Path, "/headers?x", Err("without a query")),
            (whole_path(), "/headers?x=//", Ok(None)),
            (whole_path(), "//headers?x", Err("no form that a path")),
            (Subject::Method, "//", Ok(None)),
        ] {
            let found = canonical_value(&subject, value);
            match expected {
                Ok(expected) => assert_eq!(found, Ok(expected.map(str::to_owned)), "{value}"),
                Err(words) => {
                    let problem = found.expect_err(value).to_string();
                    assert!(problem.contains(words), "{value}: {problem}");
                }
            }
        }
    }
}
