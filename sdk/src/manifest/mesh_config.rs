//! `MeshConfig`: what the mesh says about identities, addresses and outbound traffic.

use outgate_policy::FieldPath;
use serde::{Deserialize, Deserializer};

use super::ExtensionProvider;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::located::{self, Entry, Node, Value};
use crate::suggest;

/// The part of `MeshConfig` that has a bearing on egress. The other fields are accepted by name and ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshConfig {
    /// The trust domain of the mesh's identities; absent: `cluster.local`.
    pub trust_domain: Option<String>,
    /// Trust domains whose identities count as the mesh's own.
    #[serde(deserialize_with = "null_as_default")]
    pub trust_domain_aliases: Vec<String>,
    /// The namespace whose policies apply in all of them; absent: `istio-system`.
    pub root_namespace: Option<String>,
    /// What happens to traffic to hosts that are not registered.
    #[serde(deserialize_with = "null_as_default")]
    pub outbound_traffic_policy: OutboundTrafficPolicy,
    /// How paths are rewritten before anything looks at them.
    #[serde(deserialize_with = "null_as_default")]
    pub path_normalization: PathNormalization,
    /// Defaults of the proxies.
    #[serde(deserialize_with = "null_as_default")]
    pub default_config: ProxyConfig,
    /// External authorizers, log and trace receivers.
    #[serde(deserialize_with = "null_as_default")]
    pub extension_providers: Vec<ExtensionProvider>,
    /// Where access logs go; absent or empty: nowhere.
    pub access_log_file: Option<String>,
    /// The format of access logs.
    pub access_log_format: Option<String>,
    /// The encoding of access logs.
    pub access_log_encoding: Option<AccessLogEncoding>,
    /// The namespaces that see a `ServiceEntry` without `exportTo`; absent: all.
    pub default_service_export_to: Option<Vec<String>>,
}

impl MeshConfig {
    /// The namespace whose policies apply in all of them.
    #[must_use]
    pub fn root_namespace(&self) -> &str {
        let named = self.root_namespace.as_deref().filter(|namespace| !namespace.is_empty());
        named.unwrap_or("istio-system")
    }
}

/// `outboundTrafficPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutboundTrafficPolicy {
    /// What happens to traffic to hosts that are not registered; absent: `ALLOW_ANY`.
    pub mode: Option<OutboundTrafficMode>,
}

/// `outboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutboundTrafficMode {
    /// It goes nowhere.
    RegistryOnly,
    /// It goes where it was going.
    AllowAny,
    /// It goes where DNS says.
    AllowAnyDynamicDns,
}

/// `pathNormalization`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PathNormalization {
    /// How far paths are normalized; absent: `DEFAULT`.
    pub normalization: Option<Normalization>,
}

/// `pathNormalization.normalization`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Normalization {
    /// As `BASE`.
    #[default]
    Default,
    /// Paths stay as they came.
    None,
    /// Dot segments and backslashes are resolved.
    Base,
    /// Slashes in a row become one, too.
    MergeSlashes,
    /// Escaped slashes are decoded before, too.
    DecodeAndMergeSlashes,
}

/// `defaultConfig`, and the annotation `proxy.istio.io/config` of a workload. Of its fields, one concerns authorization.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// What stands in front of a gateway.
    #[serde(alias = "gateway_topology")]
    pub gateway_topology: Option<GatewayTopology>,
}

/// `gatewayTopology`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GatewayTopology {
    /// How many proxies in front of the gateway may speak for their clients in `x-forwarded-for`.
    #[serde(alias = "num_trusted_proxies")]
    pub num_trusted_proxies: Option<u32>,
    /// What happens to the `x-forwarded-client-cert` header of a request.
    #[serde(alias = "forward_client_cert_details")]
    pub forward_client_cert_details: Option<ForwardClientCertDetails>,
    /// Given when a load balancer in front of the gateway uses the PROXY protocol; it has no fields.
    #[serde(alias = "proxy_protocol")]
    pub proxy_protocol: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `gatewayTopology.forwardClientCertDetails`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForwardClientCertDetails {
    /// As `SANITIZE_SET` on gateways.
    Undefined,
    /// It is removed.
    Sanitize,
    /// It is kept when the client has a certificate.
    ForwardOnly,
    /// The client's certificate is appended.
    AppendForward,
    /// It is replaced by the client's certificate.
    SanitizeSet,
    /// It is kept.
    AlwaysForwardOnly,
}

/// `accessLogEncoding`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessLogEncoding {
    /// One line of text.
    Text,
    /// One line of JSON.
    Json,
}

/// The fields of `MeshConfig` that have no bearing on egress authorization, those of older releases included.
const IGNORED: [&str; 55] = [
    "authPolicy",
    "ca",
    "caCertificates",
    "certificates",
    "compliancePolicy",
    "configSources",
    "connectTimeout",
    "defaultDestinationRuleExportTo",
    "defaultHttpRetryPolicy",
    "defaultProviders",
    "defaultVirtualServiceExportTo",
    "disableEnvoyListenerLog",
    "disableMixerHttpReports",
    "disablePolicyChecks",
    "disableReportBatch",
    "discoverySelectors",
    "dnsRefreshRate",
    "enableAutoMtls",
    "enableClientSidePolicyCheck",
    "enableEnvoyAccessLogService",
    "enablePrometheusMerge",
    "enableSdsTokenMount",
    "enableTracing",
    "h2UpgradePolicy",
    "inboundClusterStatName",
    "inboundTrafficPolicy",
    "ingressClass",
    "ingressControllerMode",
    "ingressSelector",
    "ingressService",
    "localityLbSetting",
    "meshMTLS",
    "mixerAddress",
    "mixerCheckServer",
    "mixerReportServer",
    "outboundClusterStatName",
    "policyCheckFailOpen",
    "protocolDetectionTimeout",
    "proxyHttpPort",
    "proxyInboundListenPort",
    "proxyListenPort",
    "rdsRefreshDelay",
    "reportBatchMaxEntries",
    "reportBatchMaxTime",
    "sdsRefreshDelay",
    "sdsUdsPath",
    "sdsUseK8sSaJwt",
    "serviceScopeConfigs",
    "serviceSettings",
    "sidecarToTelemetrySessionAffinity",
    "tcpKeepalive",
    "terminationDrainDuration",
    "thriftConfig",
    "tlsDefaults",
    "verifyCertificateAtClient",
];

/// Reads a `MeshConfig`. Names may also be written with underscores, as its own schema has them.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<MeshConfig> {
    let Value::Map(entries) = &node.value else {
        let message = format!("MeshConfig: expected an object, found {}", node.described());
        diagnostics.push(Diagnostic::error(message).at(node.span, ""));
        return None;
    };
    let read_fields = located::fields_of::<MeshConfig>();
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for entry in entries {
        let name = camel_case(&entry.key);
        if read_fields.contains(&name.as_str()) {
            read.push(Entry {
                key: name.into(),
                ..entry.clone()
            });
        } else if !IGNORED.contains(&name.as_str()) {
            problems.push(unknown_field(entry, read_fields.iter().copied().chain(IGNORED)));
        }
    }
    let proxy_config = read.iter().find(|entry| &*entry.key == "defaultConfig");
    problems.extend(proxy_config.and_then(|entry| misspelt_topology(&entry.value)));
    let known = Node {
        value: Value::Map(read),
        ..node.clone()
    };
    let config = match known.read() {
        Ok(config) => Some(config),
        Err(error) => {
            problems.push(error.into());
            None
        }
    };
    let is_usable = problems.iter().all(|problem| problem.severity() == Severity::Warning);
    diagnostics.extend(problems);
    config.filter(|_| is_usable)
}

/// Reads a `ProxyConfig`, of which there may be an entry that is not ours.
pub(super) fn read_proxy_config(node: &Node) -> Result<ProxyConfig, Diagnostic> {
    match misspelt_topology(node) {
        Some(problem) => Err(problem),
        None => Ok(node.read()?),
    }
}

/// `ProxyConfig` has dozens of fields that are nothing to us; the one that matters must not be lost to a typing error.
fn misspelt_topology(proxy_config: &Node) -> Option<Diagnostic> {
    const TOPOLOGY: &str = "gatewayTopology";
    let misspelt = |entry: &&Entry| {
        let name = camel_case(&entry.key);
        name != TOPOLOGY && suggest::closest(&name, [TOPOLOGY]).is_some()
    };
    let entry = proxy_config.entries().iter().find(misspelt)?;
    Some(unknown_field(entry, [TOPOLOGY]))
}

fn unknown_field(entry: &Entry, known: impl IntoIterator<Item = &'static str>) -> Diagnostic {
    let message = format!("unknown field `{}` in the mesh configuration", entry.key);
    let diagnostic = match suggest::closest(&camel_case(&entry.key), known) {
        Some(meant) => Diagnostic::error(message).help(format!("did you mean `{meant}`?")),
        // Newer releases of Istio have newer fields: said, and no reason to stop.
        None => Diagnostic::warning(message).help("it is ignored"),
    };
    diagnostic
        .at(entry.key_span, "")
        .in_field(FieldPath::root().field(&entry.key))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
