//! The filter's configuration, `outgate/v1`: what the SDK writes and the filter reads.

mod provider;

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::by_field::by_field;
use crate::by_name::by_name;
use crate::resource::AuthorizationPolicy;

pub use provider::{ExtAuthzHttp, Provider, StatusCode, Timeout};

/// Everything that one gateway's filter needs to decide. Unknown fields are errors.
///
/// `P` is what is made of the policies when a configuration is read, `X` what is made of the extensions' configurations.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Config<P = Vec<AuthorizationPolicy>, X = IgnoredAny> {
    /// The version of this schema.
    pub api_version: ApiVersion,
    /// Identifies this content in log lines and metrics.
    pub revision: Revision,
    /// Whether requests are decided or connections.
    #[serde(rename = "type", skip_serializing_if = "PluginType::is_http")]
    pub plugin_type: PluginType,
    /// What the mesh says about identities and addresses.
    pub mesh: Mesh,
    /// The policies that apply to this gateway, verbatim.
    pub policies: P,
    /// At a sidecar, through which everything goes that its workload calls: what of that is decided; absent: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Which hosts may be called at all, before any policy; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
    /// The external authorizers that `CUSTOM` policies name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    /// Which enrichment properties to write; absent: all of them.
    pub access_log: AccessLog,
    /// Configurations of the custom policies that are compiled into the filter, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<X>,
}

by_field!(Config<P, X> = "a configuration of the filter" {
    api_version = "apiVersion" (required),
    revision = "revision" (required),
    plugin_type = "type",
    mesh = "mesh",
    policies = "policies",
    egress = "egress",
    registry = "registry",
    providers = "providers",
    access_log = "accessLog",
    extensions = "extensions",
});

/// The version of the configuration's schema.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApiVersion {
    /// The only one so far.
    #[default]
    V1,
}

by_name!(ApiVersion {
    V1 = "outgate/v1",
});

/// What the filter is in its proxy: `type` of a `WasmPlugin`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PluginType {
    /// An HTTP filter, which decides requests.
    #[default]
    Http,
    /// A network filter, which decides connections. Rules about HTTP are read as Istio reads them for TCP.
    Network,
}

by_name!(PluginType {
    Http = "HTTP",
    Network = "NETWORK",
});

impl PluginType {
    /// Whether requests are decided.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    pub const fn is_http(&self) -> bool {
        matches!(self, Self::Http)
    }
}

/// A short name for a configuration's content, such as `4f1d9a0c77b2`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Revision(pub String);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the mesh configuration says that changes a decision.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mesh {
    /// `meshConfig.trustDomain`.
    pub trust_domain: String,
    /// `meshConfig.trustDomainAliases`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust_domain_aliases: Vec<String>,
    /// `gatewayTopology.numTrustedProxies`: how many proxies in front of the gateway may speak for their clients.
    pub num_trusted_proxies: u32,
    /// How a header that came in several lines is compared.
    pub header_mode: HeaderMode,
    /// Where the peer's names come from.
    pub identity: Identity,
    /// What a request's host and path are compared as.
    #[serde(skip_serializing_if = "Matching::is_istio")]
    pub matching: Matching,
    /// What becomes of a request whose host or path different servers may read differently; absent: it is decided like any other.
    /// Only with `canonical` matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_ambiguous: Option<OnAmbiguous>,
    /// Filter-state key that holds the direct peer's address, for gateways behind the PROXY protocol; absent: the address is
    /// derived from `source.address` and `x-forwarded-for`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_address_filter_state: Option<String>,
}

by_field!(Mesh = "what the mesh says" {
    trust_domain = "trustDomain",
    trust_domain_aliases = "trustDomainAliases",
    num_trusted_proxies = "numTrustedProxies",
    header_mode = "headerMode",
    identity = "identity",
    matching = "matching",
    on_ambiguous = "onAmbiguous",
    direct_address_filter_state = "directAddressFilterState",
});

impl Default for Mesh {
    fn default() -> Self {
        Self {
            trust_domain: "cluster.local".to_owned(),
            trust_domain_aliases: Vec::new(),
            num_trusted_proxies: 0,
            header_mode: HeaderMode::default(),
            identity: Identity::default(),
            matching: Matching::default(),
            on_ambiguous: None,
            direct_address_filter_state: None,
        }
    }
}

/// How a header that came in several lines is compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HeaderMode {
    /// Each line by itself; any may match. Envoy since its fix of CVE-2026-26308.
    #[default]
    Individual,
    /// The lines joined with commas, as older proxies do.
    Joined,
}

by_name!(HeaderMode {
    Individual = "individual",
    Joined = "joined",
});

/// Where the peer's names come from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Identity {
    /// The certificate of the downstream connection.
    #[default]
    PeerCertificate,
    /// The `x-forwarded-client-cert` header. Only for gateways whose listener overwrites what a client sends in it
    /// (`forwardClientCertDetails: SANITIZE_SET`).
    ForwardedClientCert,
    /// The proxy's own workload: at a sidecar, where the callers are the workload's own processes.
    Workload,
}

by_name!(Identity {
    PeerCertificate = "peerCertificate",
    ForwardedClientCert = "forwardedClientCert",
    Workload = "self",
});

/// What a request's host and path are compared as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Matching {
    /// As the bytes that native RBAC compares.
    #[default]
    Istio,
    /// In their canonical form, which has one spelling for what servers take as the same.
    Canonical,
}

by_name!(Matching {
    Istio = "istio",
    Canonical = "canonical",
});

impl Matching {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    const fn is_istio(&self) -> bool {
        matches!(self, Self::Istio)
    }
}

/// What becomes of a request whose host or path different servers may read differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnAmbiguous {
    /// 403, as by a policy.
    Deny,
    /// 400.
    BadRequest,
}

by_name!(OnAmbiguous {
    Deny = "deny",
    BadRequest = "400",
});

/// Which requests leave the mesh: those that the proxy sends to an egress gateway, and those that it sends to no host of the mesh.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Egress {
    /// The hosts of egress gateways.
    pub gateways: Vec<String>,
    /// The hosts of the mesh, exact or as `*.suffix`.
    pub internal_hosts: Vec<String>,
}

by_field!(Egress = "which requests leave the mesh" {
    gateways = "gateways",
    internal_hosts = "internalHosts",
});

/// Which hosts may be called.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// What happens to hosts that are not listed.
    pub mode: OutboundMode,
    /// The registered hosts.
    pub hosts: Vec<RegisteredHost>,
}

by_field!(Registry = "a registry" {
    mode = "mode" (required),
    hosts = "hosts",
});

/// `outboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OutboundMode {
    /// Any host may be called.
    #[default]
    AllowAny,
    /// A host that is not listed gets 502 before any policy runs.
    RegistryOnly,
}

by_name!(OutboundMode {
    AllowAny = "ALLOW_ANY",
    RegistryOnly = "REGISTRY_ONLY",
});

/// One host of a `ServiceEntry`.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredHost {
    /// A DNS name, or `*.` and a DNS name.
    pub host: String,
    /// The ports it is registered on.
    pub ports: Vec<u16>,
}

by_field!(RegisteredHost = "a registered host" {
    host = "host" (required),
    ports = "ports" (required),
});

/// The properties that the filter writes for the access log.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessLog {
    /// Which of them. A field costs a host call a request; the principal one for each connection, where the proxy lets it.
    pub fields: Vec<LogField>,
}

by_field!(AccessLog = "what to write for the access log" {
    fields = "fields",
});

impl Default for AccessLog {
    fn default() -> Self {
        Self {
            fields: LogField::ALL.to_vec(),
        }
    }
}

/// One property that the filter writes for the access log.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LogField {
    /// `allow`, `deny`, `unregistered` or `error`.
    Decision,
    /// The rule that decided, by native's name; `-` when a default did.
    Rule,
    /// The identity that the decision was made on, without `spiffe://`.
    Principal,
    /// What dry-run policies would have done, and by which rule.
    Shadow,
    /// What the verdict would have been on the host and the path as they were sent, and by which rule; only where canonical matching
    /// has changed it.
    Literal,
    /// The configuration's revision.
    Revision,
}

by_name!(LogField {
    Decision = "decision",
    Rule = "rule",
    Principal = "principal",
    Shadow = "shadow",
    Literal = "literal",
    Revision = "revision",
});

impl LogField {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 6] = [
        Self::Decision,
        Self::Rule,
        Self::Principal,
        Self::Shadow,
        Self::Literal,
        Self::Revision,
    ];

    /// The property's name; Envoy shows it as `%FILTER_STATE(wasm.<name>:PLAIN)%`.
    #[must_use]
    pub const fn property(self) -> &'static str {
        match self {
            Self::Decision => "outgate_decision",
            Self::Rule => "outgate_rule",
            Self::Principal => "outgate_principal",
            Self::Shadow => "outgate_shadow",
            Self::Literal => "outgate_literal",
            Self::Revision => "outgate_revision",
        }
    }
}
