//! Which proxies there are: gateways, and clients with a sidecar; and where addresses of the cluster lead.

use std::net::IpAddr;

use crate::manifest::{Gateway, Manifest, Manifests, ObjectName, TargetPort, Workload, WorkloadKind};

use super::ProxyName;

impl Manifests {
    /// The workloads that a `Gateway` selects, by name.
    #[must_use]
    pub fn gateway_proxies(&self) -> Vec<ProxyName> {
        let mut names: Vec<_> = self
            .running()
            .filter(|workload| self.gateways().iter().any(|gateway| selects(gateway, workload)))
            .map(|workload| ProxyName::Gateway(workload.name().clone()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The workloads that only call others, by name: no `Gateway` and no `Service` selects them.
    #[must_use]
    pub fn client_proxies(&self) -> Vec<ProxyName> {
        let gateways = self.gateway_proxies();
        let is_served = |workload: &Manifest<Workload>| {
            self.services().iter().any(|service| {
                service.name().namespace == workload.name().namespace
                    && service.content().selects(&workload.content().labels)
            })
        };
        let mut names: Vec<_> = self
            .running()
            .filter(|workload| !is_served(workload))
            .filter(|workload| !gateways.iter().any(|gateway| gateway.workload() == workload.name()))
            .map(|workload| ProxyName::Sidecar(workload.name().clone()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The client that calls under a service account: a workload that runs under it, else the account itself.
    #[must_use]
    pub fn client_of(&self, account: &ObjectName) -> ProxyName {
        let clients = self.client_proxies();
        let runs_under = |proxy: &&ProxyName| self.identity_of(proxy.workload()) == self.identity_of_account(account);
        let found = clients.iter().find(runs_under);
        found.cloned().unwrap_or_else(|| ProxyName::Sidecar(account.clone()))
    }

    /// The identity of a workload's certificate, without `spiffe://`. A name that no workload has is a service account.
    #[must_use]
    pub fn identity_of(&self, workload: &ObjectName) -> String {
        let found = self.running().find(|known| known.name() == workload);
        let account = found.map(|known| known.content().service_account.as_deref().unwrap_or("default"));
        let account = account.unwrap_or(&workload.name);
        self.identity_of_account(&ObjectName::new(&workload.namespace, account))
    }

    fn identity_of_account(&self, account: &ObjectName) -> String {
        let trust_domain = self
            .mesh_config()
            .and_then(|mesh| mesh.content().trust_domain.clone())
            .filter(|domain| !domain.is_empty())
            .unwrap_or_else(|| "cluster.local".to_owned());
        format!("{trust_domain}/ns/{}/sa/{}", account.namespace, account.name)
    }

    /// The workload, and its port, that an address from outside leads to: a load balancer's.
    #[must_use]
    pub fn behind_load_balancer(&self, address: &str, port: u16) -> Option<(ObjectName, u16)> {
        let wanted: Option<IpAddr> = address.parse().ok();
        let is_address = |text: &String| text == address || (wanted.is_some() && text.parse().ok() == wanted);
        let service = self.services().iter().find(|service| {
            let mut external = service.content().external_ips.iter().flatten();
            external.any(is_address)
        })?;
        let spec = service.content();
        let port = spec.ports.iter().flatten().find(|known| known.port == port)?;
        let workload = self.running().find(|workload| {
            workload.name().namespace == service.name().namespace && spec.selects(&workload.content().labels)
        })?;
        let target = match &port.target_port {
            None => port.port,
            Some(TargetPort::Number(number)) => *number,
            Some(TargetPort::Name(name)) => *workload.content().named_ports.get(name)?,
        };
        Some((workload.name().clone(), target))
    }

    /// Whether there is a workload of this name.
    pub(super) fn runs(&self, workload: &ObjectName) -> bool {
        self.running().any(|known| known.name() == workload)
    }

    /// What runs: everything but services.
    fn running(&self) -> impl Iterator<Item = &Manifest<Workload>> {
        let workloads = self.workloads().iter();
        workloads.filter(|workload| workload.content().kind != WorkloadKind::Service)
    }
}

/// Whether a `Gateway` opens ports of a workload, whatever its namespace.
pub(super) fn selects(gateway: &Manifest<Gateway>, workload: &Manifest<Workload>) -> bool {
    selects_labels(gateway, &workload.content().labels)
}

pub(super) fn selects_labels(gateway: &Manifest<Gateway>, labels: &std::collections::BTreeMap<String, String>) -> bool {
    let mut selector = gateway.content().spec.selector.iter().flatten();
    selector.all(|(key, value)| labels.get(key) == Some(value))
}
