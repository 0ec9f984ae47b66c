//! How connections are secured, on either side.

use crate::manifest::{ObjectName, TlsVersion};

/// A certificate and its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// The proxy's own, from the mesh's authority.
    Mesh,
    /// In a Secret.
    Secret(ObjectName),
    /// In files.
    Files {
        /// Path of the certificate chain.
        certificate: String,
        /// Path of its key.
        key: String,
    },
}

/// What the other end's certificate is checked against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// The mesh's authority.
    Mesh,
    /// The authorities in a Secret.
    Secret(ObjectName),
    /// The authorities in a file.
    File(String),
    /// The authorities that the system trusts.
    System,
    /// Nothing.
    Unchecked,
}

/// How a proxy secures connections to others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpstreamTls {
    /// What it shows of itself.
    pub credential: Option<Credential>,
    /// What the server's certificate is checked against.
    pub trust: Trust,
    /// Names that the server's certificate must carry one of; empty: any.
    pub subject_alt_names: Vec<String>,
    /// The server name asked for; `None`: the request's host.
    pub sni: Option<String>,
    /// Protocols offered.
    pub alpn: Vec<&'static str>,
}

impl UpstreamTls {
    /// Whether the server's certificate must carry the request's host.
    #[must_use]
    pub const fn checks_host(&self) -> bool {
        self.sni.is_none() && self.subject_alt_names.is_empty() && !matches!(self.trust, Trust::Unchecked)
    }
}

/// Which certificates clients show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientCertificates {
    /// None are asked for.
    NotAsked,
    /// They may show one.
    Optional(Trust),
    /// They must show one.
    Required(Trust),
}

/// How a proxy secures connections of others to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerTls {
    /// What it shows of itself; the first that suits the client counts.
    pub credentials: Vec<Credential>,
    /// What clients show.
    pub clients: ClientCertificates,
    /// Names that a client's certificate must carry one of; empty: any.
    pub subject_alt_names: Vec<String>,
    /// SHA-256 hashes that a client's certificate must have one of; empty: any.
    pub certificate_hashes: Vec<String>,
    /// SHA-256 hashes that a client's key must have one of; empty: any.
    pub key_hashes: Vec<String>,
    /// The oldest version of TLS.
    pub oldest: Option<TlsVersion>,
    /// The newest version of TLS.
    pub newest: Option<TlsVersion>,
    /// The cipher suites; empty: Envoy's.
    pub cipher_suites: Vec<String>,
}
