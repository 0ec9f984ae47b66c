//! `VirtualService`: where requests go.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Period;
use super::unrendered::Unrendered;

/// `spec` of a `VirtualService`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VirtualService {
    /// The hosts that requests are for: DNS names, which may start with `*.`, or `*`.
    pub hosts: Vec<String>,
    /// The gateways that follow the routes, as `namespace/name` or a name; `mesh` is all sidecars, and what is meant without any.
    pub gateways: Vec<String>,
    /// Routes of HTTP requests; the first that matches counts.
    pub http: Vec<HttpRoute>,
    /// Routes of TLS connections that are passed on unopened.
    pub tls: Vec<TlsRoute>,
    /// Routes of other connections.
    pub tcp: Vec<TcpRoute>,
    /// The namespaces that see the object; empty: all.
    pub export_to: Vec<String>,
}

/// One route of HTTP requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpRoute {
    /// Its name in logs.
    pub name: Option<String>,
    /// What a request must be like, one of these; empty: anything.
    #[serde(rename = "match")]
    pub matches: Vec<HttpMatch>,
    /// Where it goes, by weight.
    pub route: Vec<HttpDestination>,
    /// The client is sent elsewhere.
    pub redirect: Option<Redirect>,
    /// The proxy answers.
    pub direct_response: Option<DirectResponse>,
    /// What is changed in the request line.
    pub rewrite: Option<Rewrite>,
    /// How long the answer may take; absent: as long as it wants.
    pub timeout: Option<Period>,
    /// How often it is tried again.
    pub retries: Option<Retries>,
    /// What is changed in headers.
    pub headers: Option<HeaderChanges>,
    #[serde(rename = "delegate")]
    _delegate: Unrendered,
    #[serde(rename = "fault")]
    _fault: Unrendered,
    #[serde(rename = "mirror")]
    _mirror: Unrendered,
    #[serde(rename = "mirrors")]
    _mirrors: Unrendered,
    #[serde(rename = "mirrorPercent", alias = "mirror_percent")]
    _mirror_percent: Unrendered,
    #[serde(rename = "mirrorPercentage")]
    _mirror_percentage: Unrendered,
    #[serde(rename = "corsPolicy")]
    _cors_policy: Unrendered,
}

/// What a request must be like, in all respects that are given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpMatch {
    /// A name, for people.
    pub name: Option<String>,
    /// Its path.
    pub uri: Option<StringMatch>,
    /// `http` or `https`.
    pub scheme: Option<StringMatch>,
    /// Its method.
    pub method: Option<StringMatch>,
    /// Its host.
    pub authority: Option<StringMatch>,
    /// Its headers, by lower-case name; an empty match asks that the header be there.
    pub headers: BTreeMap<String, StringMatch>,
    /// Headers that it must not have so.
    pub without_headers: BTreeMap<String, StringMatch>,
    /// The parameters of its query.
    pub query_params: BTreeMap<String, StringMatch>,
    /// Whether capitals in the path count.
    pub ignore_uri_case: bool,
    /// The port that it came to.
    pub port: Option<u16>,
    /// The gateways at which the match counts; empty: those of the object.
    pub gateways: Vec<String>,
    /// Labels of the client's pods.
    pub source_labels: BTreeMap<String, String>,
    /// The client's namespace.
    pub source_namespace: Option<String>,
    #[serde(rename = "statPrefix")]
    _stat_prefix: Unrendered,
}

/// How a text must be. Nothing given: any.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StringMatch {
    /// All of it.
    pub exact: Option<String>,
    /// Its beginning.
    pub prefix: Option<String>,
    /// All of it, as an RE2 expression.
    pub regex: Option<String>,
}

/// One destination of a route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpDestination {
    /// The destination.
    pub destination: Destination,
    /// Its share of the requests.
    #[serde(default)]
    pub weight: u32,
    /// What is changed in headers for it.
    #[serde(default)]
    pub headers: Option<HeaderChanges>,
}

/// A service, or a part of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// A host of the registry; without a dot, a service of the object's namespace.
    pub host: String,
    /// A part of it that a `DestinationRule` names.
    #[serde(default)]
    pub subset: Option<String>,
    /// The port; may be absent when the host has one only.
    #[serde(default)]
    pub port: Option<PortSelector>,
}

/// A port by its number.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortSelector {
    /// The number.
    pub number: u16,
}

/// What is changed in headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HeaderChanges {
    /// In those of the request.
    pub request: Option<HeaderOperations>,
    /// In those of the response.
    pub response: Option<HeaderOperations>,
}

/// Headers that are set, added and removed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HeaderOperations {
    /// Replaced, or added.
    pub set: BTreeMap<String, String>,
    /// Added beside what is there.
    pub add: BTreeMap<String, String>,
    /// Removed.
    pub remove: Vec<String>,
}

/// Sends the client elsewhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Redirect {
    /// The new path.
    pub uri: Option<String>,
    /// The new host.
    pub authority: Option<String>,
    /// The new port.
    pub port: Option<u16>,
    /// The new scheme.
    pub scheme: Option<String>,
    /// The status; absent: 301.
    pub redirect_code: Option<u16>,
    #[serde(rename = "derivePort")]
    _derive_port: Unrendered,
}

/// An answer of the proxy's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectResponse {
    /// The status.
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub body: Option<DirectBody>,
}

/// The body of an answer of the proxy's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DirectBody {
    /// Text.
    pub string: Option<String>,
    #[serde(rename = "bytes")]
    _bytes: Unrendered,
}

/// What is changed in the request line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rewrite {
    /// The new path, or the new beginning of it where the route matches by prefix.
    pub uri: Option<String>,
    /// The new host.
    pub authority: Option<String>,
    #[serde(rename = "uriRegexRewrite")]
    _uri_regex_rewrite: Unrendered,
}

/// How often a request is tried again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retries {
    /// How often; 0 is never.
    pub attempts: u32,
    /// How long each attempt may take.
    pub per_try_timeout: Option<Period>,
    /// After which failures, in Envoy's words.
    pub retry_on: Option<String>,
    #[serde(rename = "retryRemoteLocalities")]
    _retry_remote_localities: Unrendered,
    #[serde(rename = "retryIgnorePreviousHosts")]
    _retry_ignore_previous_hosts: Unrendered,
    #[serde(rename = "backoff")]
    _backoff: Unrendered,
}

/// One route of TLS connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsRoute {
    /// What a connection must be like, one of these.
    #[serde(rename = "match")]
    pub matches: Vec<TlsMatch>,
    /// Where it goes, by weight.
    pub route: Vec<ConnectionDestination>,
}

/// What a TLS connection must be like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsMatch {
    /// Server names, one of these.
    pub sni_hosts: Vec<String>,
    /// The port that it came to.
    #[serde(default)]
    pub port: Option<u16>,
    /// The gateways at which the match counts; empty: those of the object.
    #[serde(default)]
    pub gateways: Vec<String>,
    #[serde(default, rename = "destinationSubnets")]
    _destination_subnets: Unrendered,
    #[serde(default, rename = "sourceLabels")]
    _source_labels: Unrendered,
    #[serde(default, rename = "sourceNamespace")]
    _source_namespace: Unrendered,
}

/// One route of connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpRoute {
    /// What a connection must be like, one of these; empty: anything.
    #[serde(rename = "match")]
    pub matches: Vec<TcpMatch>,
    /// Where it goes, by weight.
    pub route: Vec<ConnectionDestination>,
}

/// What a connection must be like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TcpMatch {
    /// The port that it came to.
    pub port: Option<u16>,
    /// The gateways at which the match counts; empty: those of the object.
    pub gateways: Vec<String>,
    #[serde(rename = "destinationSubnets")]
    _destination_subnets: Unrendered,
    #[serde(rename = "sourceLabels")]
    _source_labels: Unrendered,
    #[serde(rename = "sourceNamespace")]
    _source_namespace: Unrendered,
    #[serde(rename = "sourceSubnet")]
    _source_subnet: Unrendered,
}

/// One destination of connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionDestination {
    /// The destination.
    pub destination: Destination,
    /// Its share of the connections.
    #[serde(default)]
    pub weight: u32,
}
