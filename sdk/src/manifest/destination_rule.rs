//! `DestinationRule`: how a host is called.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Period;
use super::service_entry::WorkloadSelector;
use super::unrendered::Unrendered;
use super::virtual_service::PortSelector;

/// `spec` of a `DestinationRule`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DestinationRule {
    /// The host; without a dot, a service of the object's namespace. May start with `*.`.
    pub host: String,
    /// How it is called.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Parts of it.
    pub subsets: Vec<Subset>,
    /// The namespaces that see the object; empty: all.
    pub export_to: Vec<String>,
    /// The pods that the object is for; absent: all.
    pub workload_selector: Option<LabelSelector>,
}

/// `workloadSelector` in the words of newer resources.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSelector {
    /// Labels that a workload must carry, all of them.
    pub match_labels: BTreeMap<String, String>,
}

impl LabelSelector {
    /// Whether a workload with these labels is meant.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }
}

impl WorkloadSelector {
    /// Whether a workload with these labels is meant.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut wanted = self.labels.iter().flatten();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// How a host is called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TrafficPolicy {
    /// How one of its endpoints is picked.
    pub load_balancer: Option<LoadBalancer>,
    /// How many connections and requests it gets at a time.
    pub connection_pool: Option<ConnectionPool>,
    /// How connections are secured.
    pub tls: Option<ClientTls>,
    /// The same for single ports; what is absent there is as if it were absent altogether.
    pub port_level_settings: Vec<PortPolicy>,
    #[serde(rename = "outlierDetection")]
    _outlier_detection: Unrendered,
    #[serde(rename = "tunnel")]
    _tunnel: Unrendered,
    #[serde(rename = "proxyProtocol")]
    _proxy_protocol: Unrendered,
    #[serde(rename = "retryBudget")]
    _retry_budget: Unrendered,
}

/// How one port of a host is called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortPolicy {
    /// The port.
    pub port: PortSelector,
    /// How one of its endpoints is picked.
    #[serde(default)]
    pub load_balancer: Option<LoadBalancer>,
    /// How many connections and requests it gets at a time.
    #[serde(default)]
    pub connection_pool: Option<ConnectionPool>,
    /// How connections are secured.
    #[serde(default)]
    pub tls: Option<ClientTls>,
    #[serde(default, rename = "outlierDetection")]
    _outlier_detection: Unrendered,
}

/// `loadBalancer`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// How an endpoint is picked.
    pub simple: Option<SimpleLoadBalancer>,
    #[serde(rename = "consistentHash")]
    _consistent_hash: Unrendered,
    #[serde(rename = "localityLbSetting")]
    _locality_lb_setting: Unrendered,
    #[serde(rename = "warmup")]
    _warmup: Unrendered,
    #[serde(rename = "warmupDurationSecs")]
    _warmup_duration_secs: Unrendered,
}

/// `loadBalancer.simple`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SimpleLoadBalancer {
    Unspecified,
    LeastConn,
    LeastRequest,
    Random,
    RoundRobin,
    /// The request goes where it was going.
    Passthrough,
}

/// `connectionPool`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConnectionPool {
    /// Of connections.
    pub tcp: Option<TcpPool>,
    /// Of requests.
    pub http: Option<HttpPool>,
}

/// `connectionPool.tcp`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpPool {
    /// At a time.
    pub max_connections: Option<u32>,
    /// Until a connection stands.
    pub connect_timeout: Option<Period>,
    /// Until an idle connection is closed.
    pub idle_timeout: Option<Period>,
    #[serde(rename = "tcpKeepalive")]
    _tcp_keepalive: Unrendered,
    #[serde(rename = "maxConnectionDuration")]
    _max_connection_duration: Unrendered,
}

/// `connectionPool.http`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpPool {
    /// That wait for a connection.
    pub http1_max_pending_requests: Option<u32>,
    /// At a time.
    pub http2_max_requests: Option<u32>,
    /// After which a connection is closed; 0: never.
    pub max_requests_per_connection: Option<u32>,
    /// At a time.
    pub max_retries: Option<u32>,
    /// Until a connection without requests is closed.
    pub idle_timeout: Option<Period>,
    #[serde(rename = "h2UpgradePolicy")]
    _h2_upgrade_policy: Unrendered,
    #[serde(rename = "useClientProtocol")]
    _use_client_protocol: Unrendered,
    #[serde(rename = "maxConcurrentStreams")]
    _max_concurrent_streams: Unrendered,
}

/// `tls`: how connections are secured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientTls {
    /// Whether, and with whose certificates.
    pub mode: ClientTlsMode,
    /// Path of the client's certificate.
    pub client_certificate: Option<String>,
    /// Path of its key.
    pub private_key: Option<String>,
    /// Path of the certificates that the server's is checked against; absent: the system's.
    pub ca_certificates: Option<String>,
    /// Secret with all three. Only gateways have it.
    pub credential_name: Option<String>,
    /// Names that the server's certificate must carry one of.
    pub subject_alt_names: Vec<String>,
    /// The server name asked for.
    pub sni: Option<String>,
    /// Do not check the server's certificate.
    pub insecure_skip_verify: bool,
    #[serde(rename = "caCrl")]
    _ca_crl: Unrendered,
}

/// `tls.mode`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClientTlsMode {
    /// Not at all.
    #[default]
    Disable,
    /// The server has a certificate.
    Simple,
    /// Both have one.
    Mutual,
    /// Both have one of the mesh.
    IstioMutual,
}

/// A part of a host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subset {
    /// Its name.
    pub name: String,
    /// Labels of its endpoints.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How it is called; goes before what is said of the host.
    #[serde(default)]
    pub traffic_policy: Option<TrafficPolicy>,
}
