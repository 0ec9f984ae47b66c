//! A sidecar's way out: a listener for each port that hosts have, and what becomes of hosts that are not registered.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::manifest::{HeaderChanges, Manifest, ObjectName, OutboundTrafficMode, Sidecar};

use super::catalog::{Host, Protocol};
use super::cluster::{BLACK_HOLE, PASSTHROUGH, outbound_name};
use super::host_name;
use super::listener::{FilterChain, Handler, Listener};
use super::route::{Route, RouteAction, RouteTable, VirtualHost, WeightedCluster};
use super::virtual_services::{At, MESH, Written};
use super::{Builder, Place, VIRTUAL_OUTBOUND, rendered};

/// Where everything arrives that leaves the workload, before it is told apart by port.
const VIRTUAL_OUTBOUND_PORT: u16 = 15001;
/// The port of plain HTTP: a client without a host to call finds a listener there that says 502.
const HTTP: u16 = 80;

impl<'m> Builder<'m> {
    pub(super) fn sidecar_listeners(&mut self, place: &Place<'_>) -> Vec<Listener> {
        let hosts = self.visible(place);
        let is_open = self.is_open(place);
        let ports: BTreeSet<u16> = hosts
            .iter()
            .flat_map(|host| &host.ports)
            .map(|port| port.number)
            .chain([HTTP])
            .collect();
        let mut listeners = vec![catch_all(is_open)];
        for port in ports {
            let has =
                |host: &&Host, wanted: fn(Protocol) -> bool| host.port(port).is_some_and(|port| wanted(port.protocol));
            let is_http = port == HTTP || hosts.iter().any(|host| has(&host, Protocol::is_http));
            let chains = if is_http {
                self.note_hidden(&hosts, port);
                vec![FilterChain {
                    server_names: Vec::new(),
                    tls: None,
                    handler: Handler::Http(self.sidecar_routes(&hosts, port, is_open, place)),
                }]
            } else {
                self.connection_chains(&hosts, port, is_open)
            };
            listeners.push(Listener {
                name: format!("0.0.0.0_{port}"),
                port,
                chains,
            });
        }
        listeners
    }

    /// The hosts that the proxy sees: exported to its namespace and, for a sidecar, let in by its `Sidecar` object.
    pub(super) fn visible(&self, place: &Place<'_>) -> Vec<Host> {
        let visible = self.catalog.visible(place.namespace());
        let egress = match self.sidecar_object(place) {
            Some(sidecar) if !sidecar.egress.is_empty() => sidecar.egress.iter().flat_map(|egress| &egress.hosts),
            _ => return visible.into_iter().cloned().collect(),
        };
        let wanted: Vec<(&str, &str)> = egress.filter_map(|host| host.split_once('/')).collect();
        let lets_in = |host: &&Host| {
            wanted.iter().any(|(namespace, pattern)| {
                let is_namespace = match *namespace {
                    "*" => true,
                    "." => host.namespace == place.namespace(),
                    named => host.namespace == named,
                };
                is_namespace && host_name::matches(&pattern.to_lowercase(), &host.name)
            })
        };
        visible.into_iter().filter(lets_in).cloned().collect()
    }

    /// The `Sidecar` that counts: of the namespace and with the pods' labels, else of the namespace, else of the root namespace.
    fn sidecar_object(&self, place: &Place<'_>) -> Option<&'m Sidecar> {
        if place.is_gateway {
            return None;
        }
        let root = &place.workload.root_namespace;
        let mut found: Vec<(u8, &ObjectName, &Sidecar)> = rendered(self.manifests.sidecars())
            .filter_map(|(object, sidecar)| {
                let namespace = &object.name().namespace;
                let preference = match &sidecar.workload_selector {
                    Some(selector) if namespace == place.namespace() => {
                        selector.selects(&place.workload.labels).then_some(0)
                    }
                    None if namespace == place.namespace() => Some(1),
                    None if namespace == root => Some(2),
                    _ => None,
                };
                Some((preference?, object.name(), sidecar))
            })
            .collect();
        found.sort_by_key(|(preference, name, _)| (*preference, *name));
        found.first().map(|(_, _, sidecar)| *sidecar)
    }

    /// Whether hosts that are not registered may be called.
    fn is_open(&self, place: &Place<'_>) -> bool {
        let of_sidecar = self
            .sidecar_object(place)
            .and_then(|sidecar| sidecar.outbound_traffic_policy.as_ref()?.mode);
        let of_mesh = self
            .manifests
            .mesh_config()
            .map(Manifest::content)
            .and_then(|mesh| mesh.outbound_traffic_policy.mode);
        of_sidecar.or(of_mesh) != Some(OutboundTrafficMode::RegistryOnly)
    }

    fn sidecar_routes(&mut self, hosts: &[Host], port: u16, is_open: bool, place: &Place<'_>) -> RouteTable {
        let here: Vec<&Host> = hosts
            .iter()
            .filter(|host| host.port(port).is_some_and(|port| port.protocol.is_http()))
            .collect();
        let mut by_host: BTreeMap<String, VirtualHost> = BTreeMap::new();
        let mut taken: BTreeMap<String, Written<'m>> = BTreeMap::new();
        for written in self.virtual_services(place, MESH) {
            let routes = self.http_routes(written, place, At { gateway: MESH, port });
            if routes.is_empty() {
                continue;
            }
            for name in self.hosts_of(written, hosts, &here, port) {
                if let Some(first) = taken.insert(name.clone(), written) {
                    self.conflict(written, first, &name, "the sidecars");
                    continue;
                }
                let known = here.iter().find(|host| host.name == name);
                let domains = known.map_or_else(|| vec![name.clone()], |host| host.aliases(place.namespace()));
                by_host.insert(name.clone(), virtual_host(&name, port, domains, routes.clone()));
            }
        }
        for host in here {
            by_host.entry(host.name.clone()).or_insert_with(|| {
                let cluster = outbound_name(port, None, &host.name);
                virtual_host(
                    &host.name,
                    port,
                    host.aliases(place.namespace()),
                    vec![plain_route("default", cluster)],
                )
            });
        }
        let mut virtual_hosts = without_duplicates(by_host.into_values());
        virtual_hosts.push(rest(is_open));
        RouteTable {
            name: port.to_string(),
            stat_prefix: format!("outbound_0.0.0.0_{port}"),
            virtual_hosts,
        }
    }

    /// The hosts that a `VirtualService` has routes for, on one port. One that nobody registers counts on port 80.
    fn hosts_of(&self, written: Written<'m>, all: &[Host], here: &[&Host], port: u16) -> Vec<String> {
        let mut names = Vec::new();
        for pattern in written.hosts() {
            let covered = |host: &&Host| host_name::matches(&pattern, &host.name);
            names.extend(here.iter().copied().filter(covered).map(|host| host.name.clone()));
            if port == HTTP && !all.iter().any(|host| covered(&host)) {
                names.push(pattern);
            }
        }
        names.dedup();
        names
    }

    /// Two objects with routes for one host at one place: which goes first depends on their age, which files do not have.
    pub(super) fn conflict(&mut self, again: Written<'m>, first: Written<'m>, host: &str, place: &str) {
        let hosts = outgate_policy::FieldPath::root().field("spec").field("hosts");
        if again.object.name() == first.object.name() {
            return;
        }
        let message = format!(
            "VirtualService {} and VirtualService {} both have routes for `{host}` at {place}",
            first.object.name(),
            again.object.name()
        );
        let diagnostic = Diagnostic::error(message)
            .at(again.span(&hosts), "again here")
            .at(first.span(&hosts), "first here")
            .help("Istio orders them by their age, which files do not have: put the routes into one object");
        self.diagnostics.push(diagnostic);
    }

    /// What is done with connections whose requests cannot be seen: by server name, else by port alone.
    fn connection_chains(&mut self, hosts: &[Host], port: u16, is_open: bool) -> Vec<FilterChain> {
        let mut chains = Vec::new();
        let mut plain: Option<&Host> = None;
        for host in hosts {
            let Some(known) = host.port(port) else { continue };
            let cluster = outbound_name(port, None, &host.name);
            match known.protocol {
                Protocol::Tls => chains.push(FilterChain {
                    server_names: vec![host.name.clone()],
                    tls: None,
                    handler: pass_on(&cluster, host),
                }),
                _ if plain.is_none() => plain = Some(host),
                _ => self.hidden(host, port),
            }
        }
        chains.push(FilterChain {
            server_names: Vec::new(),
            tls: None,
            handler: match plain {
                Some(host) => pass_on(&outbound_name(port, None, &host.name), host),
                None => to_rest(is_open),
            },
        });
        chains
    }

    /// On a port with HTTP, hosts of other protocols are found by their own addresses, which only a cluster has.
    fn note_hidden(&mut self, hosts: &[Host], port: u16) {
        for host in hosts {
            if host.port(port).is_some_and(|port| !port.protocol.is_http()) {
                self.hidden(host, port);
            }
        }
    }

    fn hidden(&mut self, host: &Host, port: u16) {
        let message = format!(
            "`{}` shares port {port} with other hosts, and only an address of its own would tell it apart: its connections are \
             not routed here",
            host.name
        );
        self.diagnostics
            .push(Diagnostic::warning(message).at(host.span, "registered here"));
    }
}

/// Hosts may share an address, which can stand for one of them only: the first.
fn without_duplicates(hosts: impl Iterator<Item = VirtualHost>) -> Vec<VirtualHost> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<VirtualHost> = Vec::new();
    for mut host in hosts {
        host.domains.retain(|domain| seen.insert(domain.clone()));
        kept.push(host);
    }
    kept.retain(|host| !host.domains.is_empty());
    kept
}

fn pass_on(cluster: &str, host: &Host) -> Handler {
    Handler::Tcp {
        name: cluster.to_owned(),
        clusters: vec![WeightedCluster::only(cluster)],
        span: Some(host.span),
    }
}

fn to_rest(is_open: bool) -> Handler {
    let cluster = if is_open { PASSTHROUGH } else { BLACK_HOLE };
    Handler::Tcp {
        name: cluster.to_owned(),
        clusters: vec![WeightedCluster::only(cluster)],
        span: None,
    }
}

fn catch_all(is_open: bool) -> Listener {
    Listener {
        name: VIRTUAL_OUTBOUND.to_owned(),
        port: VIRTUAL_OUTBOUND_PORT,
        chains: vec![FilterChain {
            server_names: Vec::new(),
            tls: None,
            handler: to_rest(is_open),
        }],
    }
}

/// The virtual host of everything that is not registered.
fn rest(is_open: bool) -> VirtualHost {
    let (name, action) = if is_open {
        ("allow_any", forward(PASSTHROUGH.to_owned()))
    } else {
        let answer = RouteAction::Answer {
            status: 502,
            body: String::new(),
        };
        ("block_all", answer)
    };
    VirtualHost {
        name: name.to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![Route {
            name: name.to_owned(),
            matches: None,
            action,
            headers: HeaderChanges::default(),
            span: None,
        }],
        requires_tls: false,
    }
}

pub(super) fn virtual_host(host: &str, port: u16, domains: Vec<String>, routes: Vec<Route>) -> VirtualHost {
    VirtualHost {
        name: format!("{host}:{port}"),
        domains,
        routes,
        requires_tls: false,
    }
}

fn plain_route(name: &str, cluster: String) -> Route {
    Route {
        name: name.to_owned(),
        matches: None,
        action: forward(cluster),
        headers: HeaderChanges::default(),
        span: None,
    }
}

fn forward(cluster: String) -> RouteAction {
    RouteAction::Forward {
        clusters: vec![WeightedCluster::only(cluster)],
        rewrite: None,
        timeout: None,
        retries: None,
    }
}
