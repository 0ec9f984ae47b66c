//! What a rule can ask about: the fields of an `AuthorizationPolicy`, with values that requests are likely to meet.

use crate::random::Random;

/// A field of a source or an operation, or the key of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// As manifests write it.
    pub(crate) name: &'static str,
    /// The field that excludes values.
    pub(crate) negated: &'static str,
    pub(crate) about: About,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Principal,
    RequestPrincipal,
    Namespace,
    ServiceAccount,
    TrustDomain,
    DirectAddress,
    RemoteAddress,
    DestinationAddress,
    Port,
    ServerName,
    Host,
    Method,
    Path,
    /// The path with its query.
    PathHeader,
    Scheme,
    Header(&'static str),
    Claim(&'static [&'static str]),
    /// Dynamic metadata that a filter copies from the header [`METADATA_HEADER`].
    Metadata,
    /// Dynamic metadata that a filter sets to [`METADATA_LIST`].
    MetadataList,
}

/// The header whose value becomes metadata.
pub(crate) const METADATA_HEADER: &str = "x-metadata";
/// The filters in whose names metadata are written.
pub(crate) const METADATA_FILTER: &str = "envoy.filters.http.header_to_metadata";
pub(crate) const LIST_FILTER: &str = "envoy.filters.http.set_metadata";
pub(crate) const METADATA_KEY: &str = "k";
pub(crate) const METADATA_LIST: [&str; 2] = ["x", "zz"];

const fn field(name: &'static str, negated: &'static str, about: About) -> Attribute {
    Attribute { name, negated, about }
}

const fn key(name: &'static str, about: About) -> Attribute {
    field(name, "notValues", about)
}

/// The fields of a `source`.
pub(crate) const SOURCE: [Attribute; 7] = [
    field("principals", "notPrincipals", About::Principal),
    field("requestPrincipals", "notRequestPrincipals", About::RequestPrincipal),
    field("namespaces", "notNamespaces", About::Namespace),
    field("serviceAccounts", "notServiceAccounts", About::ServiceAccount),
    field("trustDomains", "notTrustDomains", About::TrustDomain),
    field("ipBlocks", "notIpBlocks", About::DirectAddress),
    field("remoteIpBlocks", "notRemoteIpBlocks", About::RemoteAddress),
];

/// The fields of an `operation`.
pub(crate) const OPERATION: [Attribute; 4] = [
    field("hosts", "notHosts", About::Host),
    field("methods", "notMethods", About::Method),
    field("paths", "notPaths", About::Path),
    field("ports", "notPorts", About::Port),
];

/// The keys of a condition.
pub(crate) const CONDITION: [Attribute; 30] = [
    key("source.principal", About::Principal),
    key("source.namespace", About::Namespace),
    key("source.serviceAccount", About::ServiceAccount),
    key("source.trustDomain", About::TrustDomain),
    key("source.ip", About::DirectAddress),
    key("remote.ip", About::RemoteAddress),
    key("destination.ip", About::DestinationAddress),
    key("destination.port", About::Port),
    key("connection.sni", About::ServerName),
    key("request.auth.principal", About::RequestPrincipal),
    key("request.auth.audiences", About::Claim(&["aud"])),
    key("request.auth.presenter", About::Claim(&["azp"])),
    key("request.auth.claims[groups]", About::Claim(&["groups"])),
    key("request.auth.claims[scope]", About::Claim(&["scope"])),
    key("request.auth.claims[iss]", About::Claim(&["iss"])),
    key("request.auth.claims[a][b]", About::Claim(&["a", "b"])),
    key("request.auth.claims[a][b][c]", About::Claim(&["a", "b", "c"])),
    key("request.auth.claims[a][b]]", About::Claim(&["a][b]"])),
    key("request.headers[x-a]", About::Header("x-a")),
    key("request.headers[X-B]", About::Header("x-b")),
    key("request.headers[x_c]", About::Header("x_c")),
    key("request.headers[cookie]", About::Header("cookie")),
    key("request.headers[user-agent]", About::Header("user-agent")),
    key("request.headers[x-forwarded-for]", About::Header("x-forwarded-for")),
    key("request.headers[host]", About::Host),
    key("request.headers[:path]", About::PathHeader),
    key("request.headers[:method]", About::Method),
    key("request.headers[:scheme]", About::Scheme),
    key("experimental.envoy.filters.http.header_to_metadata[k]", About::Metadata),
    key("experimental.envoy.filters.http.set_metadata[k]", About::MetadataList),
];

impl About {
    /// Whether the caller decides it, and not the request.
    pub(crate) const fn is_of_caller(self) -> bool {
        matches!(
            self,
            Self::Principal | Self::Namespace | Self::ServiceAccount | Self::TrustDomain | Self::ServerName
        )
    }

    /// A value for a policy. `port` is the gateway's.
    pub(crate) fn value(self, random: &mut Random, port: u16) -> String {
        let values = match self {
            Self::Principal => PRINCIPALS,
            Self::RequestPrincipal => REQUEST_PRINCIPALS,
            Self::Namespace => NAMESPACES,
            Self::ServiceAccount => SERVICE_ACCOUNTS,
            Self::TrustDomain => TRUST_DOMAINS,
            Self::DirectAddress | Self::DestinationAddress => LOCAL_BLOCKS,
            Self::RemoteAddress => REMOTE_BLOCKS,
            Self::Port => return port_value(random, port),
            Self::ServerName => SERVER_NAMES,
            Self::Host => HOSTS,
            Self::Method => METHODS,
            Self::Path => PATHS,
            Self::PathHeader => PATH_HEADERS,
            Self::Scheme => SCHEMES,
            Self::Header("x-forwarded-for") => FORWARDED_FOR,
            Self::Header("cookie") => COOKIES,
            Self::Header(_) => HEADER_VALUES,
            Self::Claim(_) => CLAIM_VALUES,
            Self::Metadata | Self::MetadataList => METADATA_VALUES,
        };
        random.text(values)
    }
}

fn port_value(random: &mut Random, port: u16) -> String {
    match random.below(6) {
        0..3 => port.to_string(),
        3 => format!("0{port}"),
        4 => (port - 1).to_string(),
        _ => random.text(&["80", "443", "8443", "0"]),
    }
}

const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/default/sa/sleep",
    "cluster.local/ns/default/sa/notsleep",
    "cluster.local/ns/prod/sa/web.v1",
    "td/ns/default/sa/sleep",
    "old/ns/default/sa/sleep",
    "cluster.local/ns/default/*",
    "*/sa/sleep",
    "*/ns/default/sa/sleep",
    "*d/ns/default/sa/sleep",
    "t*/ns/default/sa/sleep",
    "td/ns/default/sa/s*",
    "td*",
    "*leep",
    "*",
    "other/ns/x/sa/y",
];
const NAMESPACES: &[&str] = &[
    "default",
    "prod",
    "def*",
    "*ault",
    "*",
    "d*t",
    "default/sa",
    "*/*",
    "pro.",
    "x",
];
const SERVICE_ACCOUNTS: &[&str] = &[
    "default/sleep",
    "sleep",
    "prod/web.v1",
    "default/notsleep",
    "istio-system/gw",
];
const TRUST_DOMAINS: &[&str] = &["cluster.local", "td", "old", "*", "t*", "*d", "*.local", "other"];
const REQUEST_PRINCIPALS: &[&str] = &[
    "https://issuer.example/alice",
    "https://issuer.example/*",
    "https://issuer.example/a*",
    "*/alice",
    "*",
    "*e",
    "https://*",
    "*.example/bob",
    "i/s",
    "i/*",
    "i",
    "https://issuer.example",
];
const LOCAL_BLOCKS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.0/8",
    "127.3.2.1/9",
    "0.0.0.0/0",
    "::/0",
    "::1",
    "10.0.0.0/8",
    "::ffff:127.0.0.1",
    "127.0.0.2/31",
    "::ffff:0:0/96",
];
const REMOTE_BLOCKS: &[&str] = &[
    "127.0.0.1",
    "::1",
    "10.0.0.0/8",
    "10.1.2.3",
    "192.168.7.0/24",
    "2001:db8::/32",
    "0.0.0.0/0",
    "::/0",
    "203.0.113.7",
    "10.1.2.128/25",
];
const SERVER_NAMES: &[&str] = &[
    "test.com",
    "*.test.com",
    "Test.com",
    "*",
    "api*",
    "outbound_.80_._.*",
    "*.local",
];
const HOSTS: &[&str] = &[
    "test.com",
    "Test.COM",
    "*.test.com",
    "test.*",
    "*",
    "test.com:443",
    "test.com:*",
    "*.COM:*",
    "*:8080",
    "api.test.com",
    "test.com.",
    "10.0.0.1",
    "[::1]:80",
    "test.com,api.test.com",
];
const METHODS: &[&str] = &[
    "GET", "POST", "P*", "*T", "*", "get", "HEAD", "OPTIONS", "D*", "PROPFIND",
];
const PATHS: &[&str] = &[
    "/",
    "/headers",
    "/status/*",
    "*/y",
    "*",
    "/x/{*}",
    "/{**}/y",
    "/x/{*}/{**}",
    "/x*y",
    "/x/{**}/",
    "/{*}",
    "/x/{**}",
    "*a*",
    "/x*",
    "/a//b",
    "/a%2Fb",
    "/a%20b",
    "/a;v=1",
    "/a;v=1/{*}",
    "/{*}/a=b",
    "*.html",
    "/a/../b",
    "/a\\b",
    "/%C3%A9*",
    "/v1/{*}/items/{**}",
];
const PATH_HEADERS: &[&str] = &["/headers", "/headers?*", "*?q=1", "*", "/x*", "*/y", "/a?b#c"];
const SCHEMES: &[&str] = &["https", "http", "*", "ht*"];
const FORWARDED_FOR: &[&str] = &["127.0.0.1", "10.1.2.3", "10.*", "*,127.0.0.1", "*", "*10.1.2.3"];
const COOKIES: &[&str] = &["a=1", "a=1; b=2", "a=*", "*b=2", "*"];
const CLAIM_VALUES: &[&str] = &[
    "x",
    "read",
    "re*",
    "*d",
    "*",
    "read write",
    "https://*",
    "1*",
    "[x]",
    "true",
];
const HEADER_VALUES: &[&str] = &["1", "1*", "*1", "*", "a", "1,2", "1, 2", "a b", "*,*", "curl/8*"];
const METADATA_VALUES: &[&str] = &["x", "[x]", "*", "[z*]", "[*]", "*z", "zz", "[*q]"];
