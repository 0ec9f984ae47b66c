//! Requests followed through the proxies of a mesh without any proxy: routes by their rules, policies by the filter's own module.

mod access;
mod change;
mod way;

use std::collections::{BTreeMap, HashMap};

use outgate_sdk::envoy::{Authorization, SecretContent};
use outgate_sdk::manifest::ObjectName;
use outgate_sdk::proxy::{Credential, Proxy, ProxyName, Trust};
use outgate_test_host::{Host, Module};

use super::file::Case;
use super::observed::Observed;
use super::stage::Stage;
use crate::described::PeerNames;
use crate::failure::Failure;
use crate::local::secrets::Issuers;
use way::{Arrival, Shown, Way};

/// Runs requests with one module.
pub(super) struct Embedded {
    module: Module,
    issuers: Issuers,
    secrets: BTreeMap<ObjectName, SecretContent>,
    hosts: BTreeMap<ProxyName, Host>,
    connections: Connections,
}

impl Embedded {
    pub(super) fn new(module: Module) -> Result<Self, Failure> {
        Ok(Self {
            module,
            issuers: Issuers::new()?,
            secrets: BTreeMap::new(),
            hosts: BTreeMap::new(),
            connections: Connections::default(),
        })
    }

    /// Makes ready for the requests of a step: a host with the filter for each proxy that decides.
    pub(super) fn enter(&mut self, stage: &Stage) -> Result<(), Failure> {
        self.secrets = self.issuers.named(&stage.manifests)?;
        self.hosts.clear();
        for planned in &stage.plan.proxies {
            if let Authorization::Filter { http: config, .. } = &planned.authorization {
                let identity = &planned.proxy.identity;
                let host = Host::builder(&self.module)
                    .plugin_name("outgate")
                    .property(
                        "xds.node.metadata.NAMESPACE",
                        planned.proxy.name.workload().namespace.as_str(),
                    )
                    .property(
                        "xds.node.metadata.SERVICE_ACCOUNT",
                        identity.rsplit('/').next().unwrap_or_default(),
                    )
                    .configuration(serde_json::to_vec(config)?)
                    .start()
                    .map_err(|error| format!("{}: {error}", planned.proxy.name))?;
                self.hosts.insert(planned.proxy.name.clone(), host);
            }
        }
        Ok(())
    }

    /// What becomes of a case that goes to a port of a proxy.
    pub(super) fn play(
        &mut self,
        stage: &Stage,
        case: &Case,
        proxy: &ProxyName,
        port: u16,
    ) -> Result<Observed, Failure> {
        let mut description = case.request.describe()?;
        description.port = port;
        let certificate = match &description.peer {
            Some(names) => self
                .issuers
                .trusted(&Trust::Mesh, names)?
                .map(|issued| issued.certificate),
            None => None,
        };
        let arrival = Arrival {
            protocol: "HTTP/1.1",
            // The scheme of a URL says how a client speaks to the host; to the gateway itself, it speaks as the gateway wants.
            is_secured: case.request.is_direct() && has_tls(stage.proxy(proxy), port),
            certificate,
            description,
        };
        let mut way = Way::new(stage, self, case.upstream.status);
        let answer = way.visit(proxy, arrival)?;
        Ok(way.observed(answer, stage.decider(proxy)))
    }

    /// What a proxy shows of itself: its certificate, and the names in it.
    fn shown(&mut self, proxy: &Proxy, credential: &Credential) -> Result<Shown, Failure> {
        let content = match credential {
            Credential::Mesh => Some(self.issuers.workload(&proxy.identity)?),
            Credential::Secret(secret) => self.secrets.get(secret).cloned(),
            Credential::Files { .. } => None,
        };
        let Some(SecretContent::Text { certificate, .. }) = content else {
            return Ok(Shown::default());
        };
        let names = outgate_filter::certificate::names_in_pem(certificate.as_bytes())
            .map_err(|_| format!("{}: its certificate cannot be read", proxy.name))?;
        let texts = |names: Vec<Vec<u8>>| {
            let names = names.into_iter();
            names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
        };
        Ok(Shown {
            names: PeerNames {
                uris: texts(names.uris),
                dns: texts(names.dns),
                subject: String::new(),
            },
            certificate,
        })
    }
}

fn has_tls(proxy: Option<&Proxy>, port: u16) -> bool {
    let listener = proxy.and_then(|proxy| proxy.listener(port));
    listener.is_some_and(|listener| listener.chains.iter().any(|chain| chain.tls.is_some()))
}

/// A connection for each peer, as a proxy keeps them.
#[derive(Default)]
struct Connections(HashMap<Option<PeerNames>, u64>);

impl Connections {
    fn of(&mut self, peer: Option<&PeerNames>) -> u64 {
        let next = self.0.len() as u64 + 1;
        *self.0.entry(peer.cloned()).or_insert(next)
    }
}
