//! Which `DestinationRule` counts for a host, and what it says for one port.

use crate::manifest::{ClientTls, ConnectionPool, DestinationRule, LoadBalancer, Manifest, Rendered, TrafficPolicy};

use super::catalog::Host;
use super::{Builder, Place, host_name, is_exported, rendered};

/// What a `DestinationRule` says for one port of a host, or of a part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct PortRules {
    pub(super) load_balancer: Option<LoadBalancer>,
    pub(super) pool: Option<ConnectionPool>,
    pub(super) tls: Option<ClientTls>,
}

impl PortRules {
    fn of(policy: Option<&TrafficPolicy>, port: u16) -> Self {
        let Some(policy) = policy else {
            return Self::default();
        };
        let own = policy.port_level_settings.iter().find(|own| own.port.number == port);
        // Istio does not merge: what a port's settings leave out is as if the whole rule left it out.
        match own {
            Some(own) => Self {
                load_balancer: own.load_balancer.clone(),
                pool: own.connection_pool.clone(),
                tls: own.tls.clone(),
            },
            None => Self {
                load_balancer: policy.load_balancer.clone(),
                pool: policy.connection_pool.clone(),
                tls: policy.tls.clone(),
            },
        }
    }

    /// These, and where they are silent, others.
    fn or(self, others: Self) -> Self {
        Self {
            load_balancer: self.load_balancer.or(others.load_balancer),
            pool: self.pool.or(others.pool),
            tls: self.tls.or(others.tls),
        }
    }
}

/// The rules of a host, with where they are written.
pub(super) struct Rules<'m> {
    pub(super) object: &'m Manifest<Rendered<DestinationRule>>,
    pub(super) rule: &'m DestinationRule,
}

impl Rules<'_> {
    pub(super) fn of_port(&self, subset: Option<&str>, port: u16) -> PortRules {
        let of_host = PortRules::of(self.rule.traffic_policy.as_ref(), port);
        let subset = self
            .rule
            .subsets
            .iter()
            .find(|known| Some(known.name.as_str()) == subset);
        match subset {
            Some(subset) => PortRules::of(subset.traffic_policy.as_ref(), port).or(of_host),
            None => of_host,
        }
    }
}

impl<'m> Builder<'m> {
    /// The rule that counts: of the client's namespace, else of the host's, else of the root namespace; the most exact host.
    pub(super) fn rules_for(&self, host: &Host, place: &Place<'_>) -> Option<Rules<'m>> {
        let namespace = place.namespace();
        let root = &place.workload.root_namespace;
        let candidates = rendered(self.manifests.destination_rules()).filter(|(object, rule)| {
            let own = &object.name().namespace;
            let is_for_pods = rule
                .workload_selector
                .as_ref()
                .is_none_or(|selector| own == namespace && selector.selects(&place.workload.labels));
            is_for_pods
                && is_exported(&rule.export_to, &[], own, namespace)
                && host_name::matches(&host_name::full_name(&rule.host, own), &host.name)
        });
        let preference = |own: &str| match own {
            own if own == namespace => 0,
            own if own == host.namespace => 1,
            own if own == root.as_str() => 2,
            _ => 3,
        };
        candidates
            .filter(|(object, _)| preference(&object.name().namespace) < 3)
            .min_by_key(|(object, rule)| {
                (
                    preference(&object.name().namespace),
                    rule.workload_selector.is_none(),
                    rule.host.starts_with('*'),
                    std::cmp::Reverse(rule.host.len()),
                )
            })
            .map(|(object, rule)| Rules { object, rule })
    }
}
