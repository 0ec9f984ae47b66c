//! Istio's `Gateway`: which ports a gateway's proxies listen on, and for which hosts.

use std::collections::BTreeMap;

use outgate_policy::resource::Metadata;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// One `Gateway` object of `networking.istio.io`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// Name and namespace.
    pub metadata: Metadata,
    /// What it opens.
    pub spec: GatewaySpec,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

/// `spec` of a `Gateway`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewaySpec {
    /// What is listened for.
    #[serde(default)]
    pub servers: Option<Vec<Server>>,
    /// Labels of the proxies that listen.
    #[serde(default)]
    pub selector: Option<BTreeMap<String, String>>,
}

/// One server of a `Gateway`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// The port.
    pub port: GatewayPort,
    /// The address to listen on; absent: all.
    #[serde(default)]
    pub bind: Option<String>,
    /// The hosts, each of which may start with `namespace/`.
    pub hosts: Vec<String>,
    /// How TLS is terminated; absent: not at all.
    #[serde(default)]
    pub tls: Option<ServerTls>,
    /// Where to send what matches no route.
    #[serde(default)]
    pub default_endpoint: Option<String>,
    /// A name for the server.
    #[serde(default)]
    pub name: Option<String>,
}

/// `servers[].port`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayPort {
    /// The port of the gateway's service.
    pub number: u16,
    /// `HTTP`, `HTTPS`, `GRPC`, `TLS`, `TCP`, …
    pub protocol: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Deprecated, and without effect.
    #[serde(default)]
    pub target_port: Option<u16>,
}

/// `servers[].tls`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTls {
    /// Answer plain HTTP with a redirect to HTTPS.
    #[serde(default)]
    pub https_redirect: Option<bool>,
    /// How the peer is authenticated.
    #[serde(default)]
    pub mode: Option<TlsMode>,
    /// Path of the certificate.
    #[serde(default)]
    pub server_certificate: Option<String>,
    /// Path of its key.
    #[serde(default)]
    pub private_key: Option<String>,
    /// Path of the certificates that client certificates are checked against.
    #[serde(default)]
    pub ca_certificates: Option<String>,
    /// Path of the revocation list for client certificates.
    #[serde(default)]
    pub ca_crl: Option<String>,
    /// Several certificates and keys by path.
    #[serde(default)]
    pub tls_certificates: Option<Vec<TlsCertificate>>,
    /// Secret with certificate and key.
    #[serde(default)]
    pub credential_name: Option<String>,
    /// Several such secrets.
    #[serde(default)]
    pub credential_names: Option<Vec<String>>,
    /// Secret with the certificates that client certificates are checked against.
    #[serde(default)]
    pub ca_cert_credential_name: Option<String>,
    /// Names that client certificates must carry.
    #[serde(default)]
    pub subject_alt_names: Option<Vec<String>>,
    /// Hashes of the keys of client certificates that are taken.
    #[serde(default)]
    pub verify_certificate_spki: Option<Vec<String>>,
    /// Hashes of client certificates that are taken.
    #[serde(default)]
    pub verify_certificate_hash: Option<Vec<String>>,
    /// Do not check the client certificate.
    #[serde(default)]
    pub insecure_skip_verify: Option<bool>,
    /// The oldest version of TLS.
    #[serde(default)]
    pub min_protocol_version: Option<TlsVersion>,
    /// The newest version of TLS.
    #[serde(default)]
    pub max_protocol_version: Option<TlsVersion>,
    /// The cipher suites, in OpenSSL's names.
    #[serde(default)]
    pub cipher_suites: Option<Vec<String>>,
}

/// `tls.tlsCertificates[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsCertificate {
    /// Path of the certificate.
    #[serde(default)]
    pub server_certificate: Option<String>,
    /// Path of its key.
    #[serde(default)]
    pub private_key: Option<String>,
    /// Path of the certificates that client certificates are checked against.
    #[serde(default)]
    pub ca_certificates: Option<String>,
}

/// `tls.mode`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TlsMode {
    /// Not terminated; routed by server name.
    Passthrough,
    /// The server has a certificate.
    Simple,
    /// Both have certificates.
    Mutual,
    /// Not terminated; the server name says where to.
    AutoPassthrough,
    /// Both have certificates of the mesh.
    IstioMutual,
    /// The client may have a certificate.
    OptionalMutual,
}

/// `tls.minProtocolVersion`, `tls.maxProtocolVersion`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    #[serde(rename = "TLS_AUTO")]
    Auto,
    #[serde(rename = "TLSV1_0")]
    V1_0,
    #[serde(rename = "TLSV1_1")]
    V1_1,
    #[serde(rename = "TLSV1_2")]
    V1_2,
    #[serde(rename = "TLSV1_3")]
    V1_3,
}
