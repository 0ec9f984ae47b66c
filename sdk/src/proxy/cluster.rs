//! Where a proxy sends to.

use std::fmt;

use crate::manifest::{ObjectName, Period};

use super::tls::UpstreamTls;

/// One destination: a port of a host, or a part of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `outbound|port|subset|host`, or a name of Istio's own.
    pub name: String,
    /// How its endpoints are found.
    pub discovery: Discovery,
    /// Its endpoints, as far as manifests say.
    pub endpoints: Vec<Endpoint>,
    /// How one of them is picked.
    pub load_balancing: LoadBalancing,
    /// Whether it is spoken to in HTTP/2.
    pub http2: bool,
    /// How connections are secured; `None`: not at all.
    pub tls: Option<UpstreamTls>,
    /// Limits.
    pub pool: Pool,
}

/// How endpoints are found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Discovery {
    /// They are given.
    Static,
    /// All that DNS says.
    StrictDns,
    /// One that DNS says.
    LogicalDns,
    /// Where the connection was going, before the proxy took it.
    OriginalDestination,
}

/// How one endpoint is picked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LoadBalancing {
    #[default]
    LeastRequest,
    RoundRobin,
    Random,
}

/// One endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// Its port.
    pub port: u16,
    /// Its share of the load.
    pub weight: Option<u32>,
}

/// Where an endpoint is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Address {
    /// An IP address or a DNS name.
    Network(String),
    /// In the pods of a workload.
    Pods(ObjectName),
}

/// `192.0.2.1:80`, or `name.namespace:80` in the pods of a workload.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Network(address) => write!(f, "{address}:{}", self.port),
            Address::Pods(workload) => write!(f, "{}.{}:{}", workload.name, workload.namespace, self.port),
        }
    }
}

/// Limits of a cluster; what is absent is Envoy's default.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are those of DestinationRule")]
pub struct Pool {
    pub max_connections: Option<u32>,
    pub connect_timeout: Option<Period>,
    pub tcp_idle_timeout: Option<Period>,
    pub max_pending_requests: Option<u32>,
    pub max_requests: Option<u32>,
    pub max_requests_per_connection: Option<u32>,
    pub max_retries: Option<u32>,
    pub http_idle_timeout: Option<Period>,
}

/// The cluster without endpoints, to which nothing gets through.
pub(super) const BLACK_HOLE: &str = "BlackHoleCluster";
/// The cluster of what is not registered and may pass.
pub(super) const PASSTHROUGH: &str = "PassthroughCluster";

/// The name of the cluster of a host's port.
pub(super) fn outbound_name(port: u16, subset: Option<&str>, host: &str) -> String {
    format!("outbound|{port}|{}|{host}", subset.unwrap_or_default())
}

/// The server name by which a gateway of the mesh is asked for a host's port.
pub(super) fn outbound_sni(port: u16, subset: Option<&str>, host: &str) -> String {
    format!("outbound_.{port}_.{}_.{host}", subset.unwrap_or_default())
}
