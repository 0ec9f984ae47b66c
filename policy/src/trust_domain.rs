//! Trust-domain aliases: one identity written in a policy stands for the same identity in each trust domain of the mesh.

use crate::config::Mesh;
use crate::model::{Constraint, Subject};
use crate::pattern::TrustDomainPattern;

/// The name that stands for the mesh's own trust domain in `principals`.
const LOCAL: &str = "cluster.local";

/// The mesh's trust domain, then its aliases, each once.
#[derive(Clone, Debug)]
pub struct TrustDomains(Vec<String>);

impl TrustDomains {
    /// The trust domains of a mesh.
    #[must_use]
    pub fn of(mesh: &Mesh) -> Self {
        let mut domains: Vec<String> = Vec::with_capacity(1 + mesh.trust_domain_aliases.len());
        for domain in std::iter::once(&mesh.trust_domain).chain(&mesh.trust_domain_aliases) {
            if !domains.contains(domain) {
                domains.push(domain.clone());
            }
        }
        Self(domains)
    }

    /// A constraint with all aliases written out.
    #[must_use]
    pub fn expand(&self, written: &Constraint) -> Constraint {
        let expand = |values| {
            let mut expanded = Vec::new();
            self.each_value(written.subject(), values, &mut |value| expanded.push(value.to_owned()));
            expanded
        };
        Constraint::new(
            written.subject().clone(),
            expand(written.any_of()),
            expand(written.none_of()),
        )
    }

    /// Calls `visit` with each value that written ones stand for.
    pub(crate) fn each_value(&self, subject: &Subject, written: &[String], visit: &mut dyn FnMut(&str)) {
        match subject {
            Subject::Principal => written.iter().for_each(|value| self.each_principal(value, visit)),
            Subject::TrustDomain => self.each_trust_domain(written, visit),
            _ => written.iter().for_each(|value| visit(value)),
        }
    }

    /// Only a value of exactly five parts, `trust-domain/ns/namespace/sa/account`, whose trust domain is not `*`, is expanded,
    /// and only when that trust domain is `cluster.local` or one of the mesh's.
    fn each_principal(&self, written: &str, visit: &mut dyn FnMut(&str)) {
        let (domain, identity) = match written.split_once('/') {
            Some((domain, rest)) if domain != "*" && rest.matches('/').count() == 3 => (domain, rest),
            _ => return visit(written),
        };
        if domain != LOCAL && !self.0.iter().any(|entry| could_be_the_same(domain, entry)) {
            return visit(written);
        }
        let mut is_as_written = false;
        for entry in &self.0 {
            if entry != domain && !matches_suffix(entry, domain) {
                visit(&[entry, "/", identity].concat());
            } else if !is_as_written {
                is_as_written = true;
                visit(written);
            }
        }
    }

    /// Any of the mesh's trust domains stands for all of them. `cluster.local` is not special here. Each comes once.
    fn each_trust_domain(&self, written: &[String], visit: &mut dyn FnMut(&str)) {
        let mut is_mesh_in = false;
        for (place, domain) in written.iter().enumerate() {
            if self.0.contains(domain) {
                if !is_mesh_in {
                    is_mesh_in = true;
                    // What is no trust domain matches nothing. The written one is, and so it is never lost.
                    let valid = self.0.iter().filter(|entry| TrustDomainPattern::parse(entry).is_ok());
                    valid.for_each(|entry| visit(entry));
                }
            } else if !written[..place].contains(domain) {
                visit(domain);
            }
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

    fn expand(domains: &[&str], subject: &Subject, written: &[&str]) -> Vec<String> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let mut expanded = Vec::new();
        TrustDomains(owned(domains)).each_value(subject, &owned(written), &mut |value| expanded.push(value.to_owned()));
        expanded
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
            let expanded = expand(bundle, &Subject::Principal, &[written]);
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
            let expanded = expand(bundle, &Subject::TrustDomain, written);
            assert_eq!(expanded, expected, "{written:?} in {bundle:?}");
        }
    }
}
