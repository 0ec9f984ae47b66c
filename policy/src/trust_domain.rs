//! Trust-domain aliases: one identity written in a policy stands for the same identity in each trust domain of the mesh.

use crate::config::Mesh;
use crate::model::{Constraint, Values};
use crate::pattern::{PrincipalPattern, TrustDomainPattern};

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
        match written {
            Constraint::Principal(values) => {
                let expand = |written: &[_]| written.iter().flat_map(|one| self.expand_principal(one)).collect();
                Constraint::Principal(Values {
                    any_of: expand(&values.any_of),
                    none_of: expand(&values.none_of),
                })
            }
            Constraint::TrustDomain(values) => Constraint::TrustDomain(Values {
                any_of: self.expand_trust_domains(&values.any_of),
                none_of: self.expand_trust_domains(&values.none_of),
            }),
            other => other.clone(),
        }
    }

    /// The principals that a written one stands for; never none.
    ///
    /// Only a value of exactly five parts, `trust-domain/ns/namespace/sa/account`, whose trust domain is not `*`, is expanded,
    /// and only when that trust domain is `cluster.local` or one of the mesh's.
    #[must_use]
    pub fn expand_principal(&self, principal: &PrincipalPattern) -> Vec<PrincipalPattern> {
        let written = principal.text().to_string();
        let domain = match written.split_once('/') {
            Some((domain, rest)) if domain != "*" && rest.matches('/').count() == 3 => domain,
            _ => return vec![principal.clone()],
        };
        if domain != LOCAL && !self.0.iter().any(|entry| could_be_the_same(domain, entry)) {
            return vec![principal.clone()];
        }
        let identity = &written[domain.len()..];
        let mut expanded: Vec<PrincipalPattern> = Vec::with_capacity(self.0.len());
        for entry in &self.0 {
            let alias = if matches_suffix(entry, domain) {
                principal.clone()
            } else {
                PrincipalPattern::parse(&format!("{entry}{identity}"))
            };
            if !expanded.contains(&alias) {
                expanded.push(alias);
            }
        }
        expanded
    }

    /// The trust domains that written ones stand for: any of the mesh's stands for all of them. `cluster.local` is not special
    /// here.
    #[must_use]
    pub fn expand_trust_domains(&self, written: &[TrustDomainPattern]) -> Vec<TrustDomainPattern> {
        let mut expanded: Vec<TrustDomainPattern> = Vec::with_capacity(written.len());
        let mut push = |pattern: TrustDomainPattern| {
            if !expanded.contains(&pattern) {
                expanded.push(pattern);
            }
        };
        for pattern in written {
            if self.0.iter().any(|entry| entry == pattern.as_str()) {
                // INVARIANT: an entry that equals a valid pattern is valid, and so the written one is never lost.
                self.0
                    .iter()
                    .filter_map(|entry| TrustDomainPattern::parse(entry).ok())
                    .for_each(&mut push);
            } else {
                push(pattern.clone());
            }
        }
        expanded
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
            let expanded: Vec<String> = domains(bundle)
                .expand_principal(&PrincipalPattern::parse(written))
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(expanded, expected, "{written} in {bundle:?}");
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
            let written: Vec<_> = written
                .iter()
                .map(|td| TrustDomainPattern::parse(td).unwrap())
                .collect();
            let expanded: Vec<String> = domains(bundle)
                .expand_trust_domains(&written)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(expanded, expected, "{written:?} in {bundle:?}");
        }
    }
}
