//! The proxies of a mesh: what Istio makes of manifests for one of them, by the names that Istio uses.
//!
//! ```text
//! Manifests ──▶ Catalog ──▶ Proxy ──▶ an Envoy bootstrap       (crate::envoy)
//!               hosts,      listeners,
//!               endpoints   routes,     ──▶ where a request goes  (RouteTable::find)
//!                           clusters
//! ```
//!
//! A [`Proxy`] knows nothing of Envoy's configuration language and nothing of the machine that it may run on: ports and addresses
//! are those of the cluster.

mod access_log;
mod authentication;
mod authorizers;
mod catalog;
mod cluster;
mod clusters;
mod destination;
mod gateway;
mod host_name;
mod listener;
mod plugins;
mod review;
mod route;
mod sidecar;
#[cfg(test)]
mod tests;
mod tls;
mod virtual_services;
mod workloads;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use access_log::{AccessLog, LogFormat};
pub use authentication::TokenIssuers;
pub use catalog::{Host, HostPort, Protocol};
pub use cluster::{Address, Cluster, Discovery, Endpoint, LoadBalancing, Pool};
pub use host_name::matches as host_matches;
pub use listener::{FilterChain, Handler, Listener};
pub use plugins::{PlacedPlugin, Slot};
pub use route::{Found, RequestLine, Route, RouteAction, RouteTable, VirtualHost, WeightedCluster};
pub use tls::{ClientCertificates, Credential, ServerTls, Trust, UpstreamTls};

use catalog::Catalog;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::{GatewayTopology, Manifest, Manifests, Normalization, ObjectName};
use crate::scope::GatewayWorkload;

/// Which proxy; displays and parses as `sidecar:namespace/name` or `gateway:namespace/name`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProxyName {
    /// The one beside a workload: its name, or a service account's.
    Sidecar(ObjectName),
    /// A gateway's.
    Gateway(ObjectName),
}

impl ProxyName {
    /// The workload's namespace and name.
    #[must_use]
    pub const fn workload(&self) -> &ObjectName {
        match self {
            Self::Sidecar(name) | Self::Gateway(name) => name,
        }
    }
}

impl fmt::Display for ProxyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sidecar(name) => write!(f, "sidecar:{name}"),
            Self::Gateway(name) => write!(f, "gateway:{name}"),
        }
    }
}

/// A text names no proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoProxyName;

impl fmt::Display for NoProxyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected sidecar:NAMESPACE/NAME or gateway:NAMESPACE/NAME, such as sidecar:default/sleep")
    }
}

impl std::error::Error for NoProxyName {}

impl FromStr for ProxyName {
    type Err = NoProxyName;

    fn from_str(text: &str) -> Result<Self, NoProxyName> {
        let (kind, name) = text.split_once(':').ok_or(NoProxyName)?;
        let (namespace, name) = name.split_once('/').ok_or(NoProxyName)?;
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err(NoProxyName);
        }
        let name = ObjectName::new(namespace, name);
        match kind {
            "sidecar" => Ok(Self::Sidecar(name)),
            "gateway" => Ok(Self::Gateway(name)),
            _ => Err(NoProxyName),
        }
    }
}

/// The sidecar's listener for everything that no other takes.
pub(crate) const VIRTUAL_OUTBOUND: &str = "virtualOutbound";

/// A port takes requests for some names, and passes connections on for others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MixedPort(pub u16);

impl fmt::Display for MixedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "port {} takes requests for some server names and passes connections on for others, and a WasmPlugin of type NETWORK \
             would run on both: let the Gateway use different ports",
            self.0
        )
    }
}

impl std::error::Error for MixedPort {}

/// What one proxy does with what comes to it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Which proxy it is.
    pub name: ProxyName,
    /// The identity that its mesh certificate shows, without `spiffe://`.
    pub identity: String,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// Where it listens, by port.
    pub listeners: Vec<Listener>,
    /// Where it sends to, by name.
    pub clusters: Vec<Cluster>,
    /// Where it logs accesses.
    pub access_logs: Vec<AccessLog>,
    /// Whose tokens it checks.
    pub token_issuers: Option<TokenIssuers>,
    /// The filters of others that it runs, in order.
    pub plugins: Vec<PlacedPlugin>,
    /// What stands in front of it.
    pub topology: GatewayTopology,
    /// What it does with paths.
    pub normalization: Normalization,
}

impl Proxy {
    /// Whether some of what comes to it is passed on as connections, and not routed as requests.
    #[must_use]
    pub fn passes_connections(&self) -> bool {
        let mut chains = self.listeners.iter().flat_map(|listener| &listener.chains);
        chains.any(|chain| matches!(chain.handler, Handler::Tcp { .. }))
    }

    /// The ports of listeners that pass connections on.
    ///
    /// # Errors
    ///
    /// A port that also takes requests.
    pub fn connection_ports(&self) -> Result<Vec<u16>, MixedPort> {
        let mut ports = Vec::new();
        for listener in self
            .listeners
            .iter()
            .filter(|listener| listener.name != VIRTUAL_OUTBOUND)
        {
            let passes_on = |chain: &FilterChain| matches!(chain.handler, Handler::Tcp { .. });
            let count = listener.chains.iter().filter(|chain| passes_on(chain)).count();
            if count == listener.chains.len() {
                ports.push(listener.port);
            } else if count > 0 {
                return Err(MixedPort(listener.port));
            }
        }
        ports.sort_unstable();
        ports.dedup();
        Ok(ports)
    }

    /// The cluster of this name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == name)
    }

    /// The listener of this port.
    #[must_use]
    pub fn listener(&self, port: u16) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.port == port)
    }
}

/// A proxy, and what is doubtful about it.
#[derive(Clone, Debug)]
pub struct Built {
    /// The proxy.
    pub proxy: Proxy,
    /// Warnings.
    pub doubts: Diagnostics,
}

impl Manifests {
    /// What Istio makes of the manifests for one proxy.
    ///
    /// # Errors
    ///
    /// Located diagnostics: the input is not complete, has a field that is not rendered, or names what is not there.
    pub fn proxy(&self, name: &ProxyName) -> Result<Built, Diagnostics> {
        if !self.is_complete() {
            let message = "the input has errors; no proxy is made from it";
            return Err([Diagnostic::error(message)].into_iter().collect());
        }
        let mut diagnostics = self.review();
        let mut builder = Builder {
            manifests: self,
            catalog: Catalog::of(self),
            diagnostics: Diagnostics::default(),
        };
        let proxy = if diagnostics.errors() == 0 {
            builder.proxy(name)
        } else {
            None
        };
        diagnostics.extend(builder.diagnostics);
        diagnostics.sort();
        match proxy {
            Some(proxy) if diagnostics.errors() == 0 => Ok(Built {
                proxy,
                doubts: diagnostics,
            }),
            _ => Err(diagnostics),
        }
    }
}

/// Makes proxies, and collects what is wrong.
struct Builder<'m> {
    manifests: &'m Manifests,
    catalog: Catalog,
    diagnostics: Diagnostics,
}

/// The proxy that something is made for.
struct Place<'p> {
    workload: &'p GatewayWorkload,
    is_gateway: bool,
}

impl Place<'_> {
    fn namespace(&self) -> &str {
        &self.workload.name.namespace
    }
}

impl Builder<'_> {
    fn proxy(&mut self, name: &ProxyName) -> Option<Proxy> {
        let workload = self.manifests.gateway_workload(name.workload(), &BTreeMap::new());
        let is_gateway = matches!(name, ProxyName::Gateway(_));
        if is_gateway && workload.labels.is_empty() {
            let message = format!("there is no workload for {name}: no Deployment, Pod or Service has this name");
            let known: Vec<_> = self.manifests.gateway_proxies();
            let diagnostic = Diagnostic::error(message).help(match known.as_slice() {
                [] => "the input has no workload that a Gateway selects".to_owned(),
                known => {
                    let known: Vec<_> = known.iter().map(ProxyName::to_string).collect();
                    format!("the gateways here are {}", known.join(", "))
                }
            });
            self.diagnostics.push(diagnostic);
            return None;
        }
        let place = Place {
            workload: &workload,
            is_gateway,
        };
        let listeners = if is_gateway {
            self.gateway_listeners(&place)
        } else {
            self.sidecar_listeners(&place)
        };
        let clusters = self.clusters(&place);
        self.refuse_unknown_clusters(&listeners, &clusters);
        self.refuse_unknown_authorizers(&place, &clusters);
        Some(Proxy {
            identity: self.manifests.identity_of(name.workload()),
            listeners,
            clusters,
            access_logs: self.access_logs(&place),
            token_issuers: self.token_issuers(&place),
            plugins: self.plugins(&place),
            topology: if is_gateway {
                workload.topology.clone()
            } else {
                GatewayTopology::default()
            },
            normalization: self.manifests.normalization(),
            name: name.clone(),
            labels: workload.labels.clone(),
        })
    }

    /// A route to a cluster that does not exist answers 503 in a cluster; here it is a mistake to be told.
    fn refuse_unknown_clusters(&mut self, listeners: &[Listener], clusters: &[Cluster]) {
        let known = |name: &str| clusters.iter().any(|cluster| cluster.name == name);
        let mut refused = Vec::new();
        for (cluster, span) in listeners.iter().flat_map(Listener::destinations) {
            if !known(cluster) && !refused.contains(&span) {
                refused.push(span);
                let message =
                    format!("nothing is registered that this route could send to: there is no cluster {cluster}");
                let mut diagnostic = Diagnostic::error(message).help(
                    "register the host with a ServiceEntry or a Service that has this port, and that this proxy sees (exportTo, \
                     Sidecar)",
                );
                if let Some(span) = span {
                    diagnostic = diagnostic.at(span, "");
                }
                self.diagnostics.push(diagnostic);
            }
        }
    }
}

/// `exportTo`: `*` is every namespace, `.` the object's own, `~` none; empty, the mesh's default counts, and then `*`.
fn is_exported(export_to: &[String], default: &[String], own: &str, namespace: &str) -> bool {
    let export_to = if export_to.is_empty() { default } else { export_to };
    export_to.is_empty()
        || export_to.iter().any(|to| match to.as_str() {
            "*" => true,
            "." => own == namespace,
            "~" => false,
            named => named == namespace,
        })
}

/// The objects that can be rendered; those that cannot have been refused before.
fn rendered<T>(
    objects: &[Manifest<crate::manifest::Rendered<T>>],
) -> impl Iterator<Item = (&Manifest<crate::manifest::Rendered<T>>, &T)> {
    objects
        .iter()
        .filter_map(|object| Some((object, object.content().as_ref().ok()?)))
}
