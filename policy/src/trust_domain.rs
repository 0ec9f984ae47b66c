//! Trust-domain aliases: one identity written in a policy stands for the same identity in each trust domain of the mesh.

use std::borrow::Cow;

use crate::config::Mesh;
use crate::model::{Constraint, Subject};
use crate::pattern::TrustDomainPattern;

/// The name that stands for the mesh's own trust domain in `principals`.
const LOCAL: &str = "cluster.local";

/// The mesh's trust domain, then its aliases.
#[derive(Clone, Debug)]
pub struct TrustDomains(Vec<String>);

impl TrustDomains {
    /// The trust domains of a mesh.
    #[must_use]
    pub fn of(mesh: &Mesh) -> Self {
        Self(
            std::iter::once(&mesh.trust_domain)
                .chain(&mesh.trust_domain_aliases)
                .cloned()
                .collect(),
        )
    }

    /// A constraint with all aliases written out.
    #[must_use]
    pub fn expand(&self, written: &Constraint) -> Constraint {
        let expand = |values| {
            let expanded = self.expand_values(written.subject(), values);
            expanded.iter().map(|value| Box::from(&**value)).collect()
        };
        Constraint::new(
            written.subject().clone(),
            expand(written.any_of()),
            expand(written.none_of()),
        )
    }

    /// The values that written ones stand for, each once.
    pub(crate) fn expand_values<'a>(&self, subject: &Subject, written: &'a [Box<str>]) -> Vec<Cow<'a, str>> {
        let mut expanded: Vec<Cow<'a, str>> = Vec::with_capacity(written.len());
        for value in written {
            match subject {
                Subject::Principal => self.expand_principal(value, &mut expanded),
                Subject::TrustDomain => self.expand_trust_domain(value, &mut expanded),
                _ => expanded.push(Cow::Borrowed(value)),
            }
        }
        expanded
    }

    /// Only a value of exactly five parts, `trust-domain/ns/namespace/sa/account`, whose trust domain is not `*`, is expanded,
    /// and only when that trust domain is `cluster.local` or one of the mesh's.
    fn expand_principal<'a>(&self, written: &'a str, expanded: &mut Vec<Cow<'a, str>>) {
        let domain = match written.split_once('/') {
            Some((domain, rest)) if domain != "*" && rest.matches('/').count() == 3 => domain,
            _ => return expanded.push(Cow::Borrowed(written)),
        };
        if domain != LOCAL && !self.0.iter().any(|entry| could_be_the_same(domain, entry)) {
            return expanded.push(Cow::Borrowed(written));
        }
        let identity = &written[domain.len()..];
        let first = expanded.len();
        for entry in &self.0 {
            let alias = if entry == domain || matches_suffix(entry, domain) {
                Cow::Borrowed(written)
            } else {
                Cow::Owned([entry, identity].concat())
            };
            if !expanded[first..].contains(&alias) {
                expanded.push(alias);
            }
        }
    }

    /// Any of the mesh's trust domains stands for all of them. `cluster.local` is not special here.
    fn expand_trust_domain<'a>(&self, written: &'a str, expanded: &mut Vec<Cow<'a, str>>) {
        let mut push = |domain: Cow<'a, str>| {
            if !expanded.contains(&domain) {
                expanded.push(domain);
            }
        };
        if self.0.iter().any(|entry| entry == written) {
            // What is no trust domain matches nothing. The written one is, and so it is never lost.
            let valid = self.0.iter().filter(|entry| TrustDomainPattern::parse(entry).is_ok());
            valid.for_each(|entry| push(Cow::Owned(entry.clone())));
        } else {
            push(Cow::Borrowed(written));
        }
    }
}

/// Equality, or a wildcard at either end of either text.
fn could_be_the_same(a: &str, b: &str) -> bool {
    a == b || b == "*" || matches_prefix(a, b) || matches_prefix(b, a) || matches_suffix(a, b) || matches_suffix(b, a)
}

fn matches_prefix(text: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|prefix| text.starts_with(prefix))
}

fn matches_suffix(text: &str, pattern: &str) -> bool {
    pattern.strip_prefix('*').is_some_and(|suffix| text.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(all: &[&str]) -> TrustDomains {
        TrustDomains(all.iter().map(|&domain| domain.to_owned()).collect())
    }

    #[test]
    fn principals_are_expanded_as_istio_does() {
        for (bundle, written, expected) in [
            (&["td1"][..], "cluster.local/ns/a/sa/b", &["td1/ns/a/sa/b"][..]),
            (
                &["td1", "cluster.local"],
                "cluster.local/ns/a/sa/b",
                &["td1/ns/a/sa/b", "cluster.local/ns/a/sa/b"],
            ),
            (&["td1", "td2"], "td2/ns/a/sa/b", &["td1/ns/a/sa/b", "td2/ns/a/sa/b"]),
            (&["td1", "td2"], "other/ns/a/sa/b", &["other/ns/a/sa/b"]),
            (&["td1"], "cluster.local/ns/a/*", &["cluster.local/ns/a/*"]),
            (&["td1"], "*", &["*"]),
            (&["td1"], "*/ns/a/sa/b", &["*/ns/a/sa/b"]),
            (&["td1"], "td*/ns/a/sa/b", &["td1/ns/a/sa/b"]),
            (&["old-td", "new-td"], "*-td/ns/a/sa/b", &["*-td/ns/a/sa/b"]),
            (
                &["td1", "new-td"],
                "*-td/ns/a/sa/b",
                &["td1/ns/a/sa/b", "*-td/ns/a/sa/b"],
            ),
            (
                &["td1", "foobar"],
                "*bar/ns/a/sa/b",
                &["td1/ns/a/sa/b", "*bar/ns/a/sa/b"],
            ),
            (&["td1"], "cluster.local/ns/a/sa/*", &["td1/ns/a/sa/*"]),
            (&["td1"], "", &[""]),
        ] {
            let written = [written.into()];
            let expanded = domains(bundle).expand_values(&Subject::Principal, &written);
            assert_eq!(expanded, expected, "{written:?} in {bundle:?}");
        }
    }

    #[test]
    fn trust_domains_stand_for_the_whole_mesh() {
        for (bundle, written, expected) in [
            (&["td1", "td2"][..], &["td2"][..], &["td1", "td2"][..]),
            (&["td1", "td2"], &["td2", "td1", "x"], &["td1", "td2", "x"]),
            (&["td1"], &["cluster.local"], &["cluster.local"]),
            (&["td1"], &["td*"], &["td*"]),
        ] {
            let written: Vec<Box<str>> = written.iter().map(|&domain| domain.into()).collect();
            let expanded = domains(bundle).expand_values(&Subject::TrustDomain, &written);
            assert_eq!(expanded, expected, "{written:?} in {bundle:?}");
        }
    }
}
