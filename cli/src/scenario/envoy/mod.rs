//! Requests sent through real Envoys.

mod client;
mod collector;
mod stand_in;

use std::collections::BTreeMap;
use std::time::Duration;

use outgate_sdk::envoy::Placed;
use outgate_sdk::proxy::{Address, ClientCertificates, Discovery, Endpoint, FilterChain, ProxyName, Trust};
use tokio::runtime::Runtime;

use super::Played;
use super::file::Case;
use super::observed::Observed;
use super::stage::Stage;
use crate::arguments::Test;
use crate::described::Description;
use crate::failure::Failure;
use crate::local::binary::Binary;
use crate::local::mesh::{LocalMesh, Outcome};
use crate::local::plan::Plan;
use crate::local::ports::Ports;
use client::{Call, Credentials};
use collector::Collector;
use stand_in::StandIns;

/// How long connections may go on after their listener has been changed: the next step's requests come on new ones.
const DRAIN: Duration = Duration::from_secs(1);

/// The Envoys of a run, which go from step to step with the manifests, as they would in a cluster.
pub(super) struct Envoys {
    runtime: Runtime,
    mesh: LocalMesh,
    collector: Collector,
    stand_ins: StandIns,
    /// How many requests have been sent.
    sent: u64,
}

impl Envoys {
    pub(super) fn new(arguments: &Test) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let binary = Binary::find(arguments.envoy.as_ref())?;
        let (mesh, events) = LocalMesh::new(binary, arguments.map.clone(), Ports::new(&[], true), DRAIN)?;
        Ok(Self {
            stand_ins: StandIns::new(),
            collector: Collector::new(events),
            runtime,
            mesh,
            sent: 0,
        })
    }

    /// Brings the proxies to what a step wants. What the manifests lead out of the mesh goes to stand-ins: nothing that a scenario
    /// does leaves the machine, unless `--map` says so.
    pub(super) fn enter(&mut self, stage: &Stage) -> Result<(), Failure> {
        let Self {
            runtime,
            mesh,
            stand_ins,
            ..
        } = self;
        runtime.block_on(async {
            let mut plan = stage.plan.clone();
            keep_in(&mut plan);
            mesh.issuers.named(&stage.manifests)?;
            let placed: Placed = stand_ins.place(&plan, &mut mesh.issuers).await?;
            mesh.stand_ins = placed;
            let applied = mesh.apply(&plan, &stage.manifests).await?;
            match applied
                .changed
                .iter()
                .find(|changed| changed.outcome != Outcome::Accepted)
            {
                Some(changed) => Err(Failure::from(format!(
                    "{}: Envoy does not take {}",
                    changed.proxy, changed.file
                ))),
                None => {
                    mesh.drained().await;
                    Ok(())
                }
            }
        })
    }

    /// What becomes of a case that goes to a port of a proxy.
    pub(super) fn play(&mut self, stage: &Stage, case: &Case, proxy: &ProxyName, port: u16) -> Result<Played, Failure> {
        let description = case.request.describe()?;
        if let Some(why) = unplayable(&description) {
            return Ok(Played::Skipped(why.to_owned()));
        }
        let Some(address) = self.mesh.address(proxy, port) else {
            return Ok(Played::Observed(Box::default()));
        };
        let credentials = self.credentials(stage, &description, proxy, port)?;
        self.sent += 1;
        let call = Call {
            address,
            description,
            is_proxied: matches!(proxy, ProxyName::Sidecar(_)),
            case: self.sent.to_string(),
        };
        self.stand_ins.answer_with(case.upstream.status);
        let Self {
            runtime,
            mesh,
            collector,
            ..
        } = self;
        let observed = runtime.block_on(async {
            let reply = client::send(&call, credentials).await;
            let way = collector.way(proxy, &call.case, mesh).await?;
            Ok::<Observed, Failure>(way.observed(reply, stage.decider(proxy), mesh))
        })?;
        Ok(Played::Observed(Box::new(observed)))
    }

    pub(super) fn stop(self) {
        self.runtime.block_on(self.mesh.stop());
    }

    /// What the client shows to a gateway that takes TLS.
    fn credentials(
        &mut self,
        stage: &Stage,
        description: &Description,
        proxy: &ProxyName,
        port: u16,
    ) -> Result<Option<Credentials>, Failure> {
        let listener = stage.proxy(proxy).and_then(|proxy| proxy.listener(port));
        let name = description.sni.as_deref().map(str::to_ascii_lowercase);
        let chain = listener.and_then(|listener| listener.chain(name.as_deref()));
        let Some(tls) = chain.and_then(|chain: &FilterChain| chain.tls.as_ref()) else {
            if description.peer.is_some() {
                return Err(format!(
                    "port {port} of {proxy} asks for no certificate: `principal` and `peer` cannot be shown"
                )
                .into());
            }
            return Ok(None);
        };
        let trust = match &tls.clients {
            ClientCertificates::NotAsked => &Trust::Unchecked,
            ClientCertificates::Optional(trust) | ClientCertificates::Required(trust) => trust,
        };
        let issued = match &description.peer {
            None => None,
            Some(names) => {
                let issued = self.mesh.issuers.trusted(trust, names)?;
                Some(issued.ok_or_else(|| {
                    format!(
                        "port {port} of {proxy} trusts an authority whose key is not here: send the request `from` a client, or let a \
                         cert-manager Certificate make the Secret"
                    )
                })?)
            }
        };
        Ok(Some(Credentials {
            issued,
            server_name: description.sni.clone(),
        }))
    }
}

/// What cannot be said of a connection that is made here.
fn unplayable(description: &Description) -> Option<&'static str> {
    let has_token = description
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if description.claims.is_some() && !has_token {
        return Some("`claims` come from a signed token, and there is none: give one in the header `authorization`");
    }
    if description.source_ip.is_some() || description.remote_ip.is_some() {
        return Some("`sourceIp` and `remoteIp` cannot be chosen: connections come from this machine");
    }
    None
}

/// What would leave the mesh to wherever it was going goes to a stand-in.
fn keep_in(plan: &mut Plan) {
    let clusters = plan.proxies.iter_mut().flat_map(|planned| &mut planned.proxy.clusters);
    for cluster in clusters.filter(|cluster| cluster.discovery == Discovery::OriginalDestination) {
        cluster.discovery = Discovery::Static;
        cluster.endpoints = vec![Endpoint {
            address: Address::Network(cluster.name.clone()),
            port: 80,
            weight: None,
        }];
    }
}

/// Where a request was, from proxy to proxy.
struct RealWay(Vec<collector::Stop>);

impl RealWay {
    fn observed(
        self,
        reply: Result<crate::local::http::Reply, String>,
        decider: &ProxyName,
        mesh: &LocalMesh,
    ) -> Observed {
        let at_decider = self.0.iter().find(|stop| stop.proxy == *decider);
        let last = at_decider.or(self.0.last());
        let details = last.and_then(|stop| stop.access.details.clone()).unwrap_or_default();
        let mut report: String = self.0.iter().map(|stop| format!("{stop}\n")).collect();
        let (status, body) = match reply {
            Ok(reply) => (u32::from(reply.status), reply.text()),
            Err(error) => {
                report.push_str(&format!("no reply: {error}\n"));
                (0, String::new())
            }
        };
        let log: Option<BTreeMap<String, String>> = at_decider.map(|stop| stop.log(mesh));
        Observed {
            status,
            body,
            details,
            log,
            report,
        }
    }
}
