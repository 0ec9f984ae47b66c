//! `ServiceEntry`: a host outside of the mesh, or one that the mesh does not know by itself.

use std::collections::BTreeMap;

use outgate_policy::resource::Metadata;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// One `ServiceEntry` object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceEntry {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// Name and namespace.
    pub metadata: Metadata,
    /// What it registers.
    pub spec: ServiceEntrySpec,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

/// `spec` of a `ServiceEntry`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceEntrySpec {
    /// The hosts: DNS names, which may start with `*.`.
    pub hosts: Vec<String>,
    /// Virtual addresses of the hosts.
    #[serde(default)]
    pub addresses: Option<Vec<String>>,
    /// The ports of the hosts.
    #[serde(default)]
    pub ports: Option<Vec<ServicePort>>,
    /// Whether the hosts are part of the mesh.
    #[serde(default)]
    pub location: Option<Location>,
    /// How the hosts' addresses are found.
    #[serde(default)]
    pub resolution: Option<Resolution>,
    /// Where the hosts are.
    #[serde(default)]
    pub endpoints: Option<Vec<Endpoint>>,
    /// Workloads that stand in for the endpoints.
    #[serde(default)]
    pub workload_selector: Option<WorkloadSelector>,
    /// The namespaces that see the entry; absent: all.
    #[serde(default)]
    pub export_to: Option<Vec<String>>,
    /// Names that the hosts' certificates must carry.
    #[serde(default)]
    pub subject_alt_names: Option<Vec<String>>,
}

/// One port of a `ServiceEntry`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePort {
    /// The port.
    pub number: u16,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, …
    #[serde(default)]
    pub protocol: Option<String>,
    /// The port of the endpoints; absent: `number`.
    #[serde(default)]
    pub target_port: Option<u16>,
}

/// `spec.location`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Location {
    /// Outside of the mesh.
    MeshExternal,
    /// Part of the mesh.
    MeshInternal,
}

/// `spec.resolution`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resolution {
    /// Connections go where they were going.
    None,
    /// To the endpoints.
    Static,
    /// To what DNS says.
    Dns,
    /// To one of what DNS says.
    DnsRoundRobin,
    /// To what DNS says of the host that is asked for.
    DynamicDns,
}

/// One endpoint of a `ServiceEntry`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// An IP address, a DNS name, or `unix://` and a path.
    #[serde(default)]
    pub address: Option<String>,
    /// Port names and the endpoint's ports.
    #[serde(default)]
    pub ports: Option<BTreeMap<String, u16>>,
    /// The endpoint's labels.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
    /// The network it is in.
    #[serde(default)]
    pub network: Option<String>,
    /// `region/zone/subzone`.
    #[serde(default)]
    pub locality: Option<String>,
    /// Its share of the load.
    #[serde(default)]
    pub weight: Option<u32>,
    /// The service account it runs under.
    #[serde(default)]
    pub service_account: Option<String>,
}

/// `spec.workloadSelector`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSelector {
    /// Labels that a workload must carry, all of them.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}
