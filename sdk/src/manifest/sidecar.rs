//! `Sidecar`: what a workload's own proxy lets out.

use serde::Deserialize;

use super::mesh_config::OutboundTrafficMode;
use super::service_entry::WorkloadSelector;
use super::unrendered::Unrendered;

/// `spec` of a `Sidecar`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sidecar {
    /// The pods that it is for; absent: all of the namespace that no other names.
    pub workload_selector: Option<WorkloadSelector>,
    /// The hosts that may be called; empty: as if there were no `Sidecar`.
    pub egress: Vec<EgressListener>,
    /// What happens to the others.
    pub outbound_traffic_policy: Option<SidecarOutboundPolicy>,
    #[serde(rename = "ingress")]
    _ingress: Unrendered,
    #[serde(rename = "inboundConnectionPool")]
    _inbound_connection_pool: Unrendered,
}

/// `egress[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EgressListener {
    /// `namespace/host`; `*`, `.` and `~` for any namespace, the own one and none.
    pub hosts: Vec<String>,
    #[serde(rename = "port")]
    _port: Unrendered,
    #[serde(rename = "bind")]
    _bind: Unrendered,
    #[serde(rename = "captureMode")]
    _capture_mode: Unrendered,
}

/// `outboundTrafficPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SidecarOutboundPolicy {
    /// What happens to hosts that are not registered.
    pub mode: Option<OutboundTrafficMode>,
    #[serde(rename = "egressProxy")]
    _egress_proxy: Unrendered,
}
