//! What a step plays on: its manifests, and the proxies that its requests may meet.

use std::collections::BTreeMap;

use outgate_sdk::filter_config::{FilterOptions, Site};
use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifests, ObjectName};
use outgate_sdk::proxy::{Address, Endpoint};
use outgate_sdk::proxy::{
    ClientCertificates, Cluster, Credential, Discovery, FilterChain, Handler, Listener, LoadBalancing, Pool, Proxy,
    ProxyName, Route, RouteAction, RouteTable, ServerTls, Trust, VirtualHost, WeightedCluster,
};

use super::file::{Scenario, Step};
use crate::arguments::{gateway_workload, object_name};
use crate::failure::Failure;
use crate::local::plan::{Plan, Planned, Refused, Wishes, authorization_of, client_of};
use crate::output;

/// The cluster behind a gateway that the manifests do not open.
const UPSTREAM: &str = "upstream";
/// An address that nothing has: the range is kept for documentation.
const NOWHERE: &str = "192.0.2.1";

/// What a step plays on.
pub(super) struct Stage {
    pub(super) manifests: Manifests,
    pub(super) plan: Plan,
    gateway: ProxyName,
    site: Site,
}

impl Stage {
    pub(super) fn new(scenario: &Scenario, step: &Step, wishes: &Wishes) -> Result<Self, Failure> {
        let place = format!("{}, step `{}`", scenario.file.display(), step.name);
        let gateway = scenario
            .gateway(step)
            .ok_or_else(|| format!("{place}: there is no `gateway`"))?;
        let gateway = object_name(gateway).map_err(|error| format!("{place}: `gateway`: {error}"))?;
        let mut inputs: Vec<Input> = scenario.manifests(step).into_iter().map(Input::Path).collect();
        inputs.extend(scenario.inline(step).map(|(name, text)| Input::Text { name, text }));
        let (manifests, diagnostics) = Manifests::load(&inputs);
        if diagnostics.errors() > 0 {
            return Err(Failure::input(&diagnostics, manifests.sources()));
        }
        let shown = |refused: Refused| match refused {
            Refused::Input(diagnostics) => {
                output::show_diagnostics(&diagnostics, manifests.sources());
                Failure::Message(format!("{place}: the manifests cannot be played"))
            }
            Refused::Other(failure) => failure,
        };
        let gateway = ProxyName::Gateway(gateway);
        let mut names = manifests.gateway_proxies();
        let is_opened = names.contains(&gateway);
        for client in scenario.clients()? {
            let name = client_of(&manifests, &client).map_err(shown)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let wishes = Wishes {
            options: FilterOptions {
                extensions: wishes.options.extensions.clone(),
                ..scenario.enforcement(step).options()
            },
            gateway: Some(gateway_workload(&manifests, gateway.workload(), &scenario.labels(step))),
            ..wishes.clone()
        };
        let (mut plan, _) = Plan::of(&manifests, &names, &wishes).map_err(shown)?;
        let is_called = step.requests.iter().any(|case| case.request.is_direct());
        if is_called && !is_opened {
            let planned = bare_gateway(scenario, step, &manifests, &gateway, &wishes).map_err(shown)?;
            plan.proxies.push(planned);
        }
        Ok(Self {
            manifests,
            plan,
            gateway,
            site: wishes.options.site,
        })
    }

    pub(super) fn proxy(&self, name: &ProxyName) -> Option<&Proxy> {
        let planned = self.plan.proxies.iter().find(|planned| planned.proxy.name == *name);
        planned.map(|planned| &planned.proxy)
    }

    /// The proxy that the expectations are about, of a request that goes to `entrance` first.
    pub(super) fn decider<'a>(&'a self, entrance: &'a ProxyName) -> &'a ProxyName {
        match self.site {
            Site::Gateway => &self.gateway,
            Site::Sidecar => entrance,
        }
    }

    /// The proxy and the port that a request goes to first.
    pub(super) fn entrance(&self, case: &super::file::Case) -> Result<(ProxyName, u16), Failure> {
        match case.request.client()? {
            None => Ok((self.gateway.clone(), case.request.gateway_port())),
            Some(client) => Ok((self.manifests.client_of(&client), case.request.url_port())),
        }
    }
}

/// A gateway that no `Gateway` opens: it listens where the step's requests come, for clients with and without a certificate, and
/// sends everything that its policies let pass to one upstream. So policies can be tried without the rest of a mesh.
fn bare_gateway(
    scenario: &Scenario,
    step: &Step,
    manifests: &Manifests,
    name: &ProxyName,
    wishes: &Wishes,
) -> Result<Planned, Refused> {
    let workload = gateway_workload(manifests, name.workload(), &scenario.labels(step));
    let mut ports: Vec<u16> = step.requests.iter().map(|case| case.request.gateway_port()).collect();
    ports.sort_unstable();
    ports.dedup();
    let from_manifests = manifests.proxy(name).ok().map(|built| built.proxy);
    let proxy = Proxy {
        name: name.clone(),
        identity: manifests.identity_of(name.workload()),
        labels: workload.labels.clone(),
        listeners: ports.into_iter().map(open_to_all).collect(),
        clusters: vec![upstream()],
        access_logs: from_manifests
            .as_ref()
            .map(|proxy| proxy.access_logs.clone())
            .unwrap_or_default(),
        token_issuers: from_manifests.and_then(|proxy| proxy.token_issuers),
        plugins: Vec::new(),
        topology: workload.topology.clone(),
        normalization: manifests.normalization(),
    };
    Ok(Planned {
        authorization: authorization_of(manifests, wishes, Site::Gateway, &workload, &proxy)?,
        proxy,
    })
}

fn open_to_all(port: u16) -> Listener {
    let everything = VirtualHost {
        name: format!("*:{port}"),
        domains: vec!["*".to_owned()],
        routes: vec![Route {
            name: String::new(),
            matches: None,
            action: RouteAction::Forward {
                clusters: vec![WeightedCluster::only(UPSTREAM)],
                rewrite: None,
                timeout: None,
                retries: None,
            },
            headers: outgate_sdk::manifest::HeaderChanges::default(),
            span: None,
        }],
        requires_tls: false,
    };
    Listener {
        name: format!("0.0.0.0_{port}"),
        port,
        chains: vec![FilterChain {
            server_names: Vec::new(),
            tls: Some(ServerTls {
                credentials: vec![Credential::Mesh],
                clients: ClientCertificates::Optional(Trust::Mesh),
                subject_alt_names: Vec::new(),
                certificate_hashes: Vec::new(),
                key_hashes: Vec::new(),
                oldest: None,
                newest: None,
                cipher_suites: Vec::new(),
            }),
            handler: Handler::Http(RouteTable {
                name: format!("http.{port}"),
                stat_prefix: format!("outbound_0.0.0.0_{port}"),
                virtual_hosts: vec![everything],
            }),
        }],
    }
}

fn upstream() -> Cluster {
    Cluster {
        name: UPSTREAM.to_owned(),
        discovery: Discovery::Static,
        endpoints: vec![Endpoint {
            address: Address::Network(NOWHERE.to_owned()),
            port: 80,
            weight: None,
        }],
        load_balancing: LoadBalancing::default(),
        http2: false,
        tls: None,
        pool: Pool::default(),
    }
}

impl Scenario {
    /// Every client that a request of the scenario comes from.
    fn clients(&self) -> Result<Vec<ObjectName>, Failure> {
        let cases = self.spec.steps.iter().flat_map(|step| &step.requests);
        let mut clients: BTreeMap<ObjectName, ()> = BTreeMap::new();
        for case in cases {
            clients.extend(case.request.client()?.map(|client| (client, ())));
        }
        Ok(clients.into_keys().collect())
    }
}
