//! Where an Envoy runs, and what is there.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Placed;
use crate::filter_config::FilterConfig;
use crate::manifest::{ObjectName, Secret};
use crate::proxy::AccessLog;
use crate::rbac;

/// Where an Envoy runs: in a pod of its cluster, or on a machine where everything is elsewhere.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where the ports of its pod are; one that is not here is at all addresses of the machine.
    pub listeners: BTreeMap<u16, SocketAddr>,
    /// Where endpoints are; one that is not here is where the manifests say.
    pub endpoints: Placed,
    /// How a sidecar gets the connections of its workload.
    pub connections: Connections,
    /// Where Envoy is administered.
    pub admin: SocketAddr,
    /// Certificates and keys.
    pub secrets: Secrets,
    /// The file of authorities that are trusted where nothing else is said.
    pub system_authorities: PathBuf,
    /// Who decides about requests and connections.
    pub authorization: Authorization,
    /// How Envoy gets what may change.
    pub delivery: Delivery,
    /// Logs beside those of the manifests.
    pub access_logs: Vec<AccessLog>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            listeners: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            connections: Connections::Redirected,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 15000)),
            secrets: Secrets::default(),
            system_authorities: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            authorization: Authorization::None,
            delivery: Delivery::Whole,
            access_logs: Vec::new(),
        }
    }
}

/// How a sidecar gets the connections of its workload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connections {
    /// The kernel brings them all to one port, and Envoy tells them apart by where they were going.
    Redirected,
    /// Clients call each of the sidecar's ports, as a forward proxy for instance. What may pass unregistered is found by the name
    /// that the client asks for, since where it was going is not known.
    Addressed,
}

/// Who decides about requests, and about connections that are passed on as they are.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// Nobody.
    None,
    /// Outgate's filter.
    Filter {
        /// Its module.
        module: PathBuf,
        /// Its configuration for requests.
        http: Box<FilterConfig>,
        /// Its configuration for connections; absent: they are not decided.
        network: Option<Box<FilterConfig>>,
    },
    /// Envoy's own filters: what [`rbac::render`] makes.
    Native {
        /// For requests.
        http: rbac::Filters,
        /// For connections.
        network: rbac::Filters,
    },
}

/// How an Envoy gets what may change while it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// With the bootstrap, once.
    Whole,
    /// In files of this directory, which Envoy reads again when another takes their place by renaming.
    Watched(PathBuf),
}

/// Certificates and keys.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The proxy's own, and the mesh's authority.
    pub mesh: SecretContent,
    /// Those that manifests name.
    pub named: BTreeMap<ObjectName, SecretContent>,
}

/// A certificate chain, its key, and authorities to trust, all in PEM. What is not needed may be left empty.
#[derive(Clone, Default)]
pub enum SecretContent {
    /// Nothing.
    #[default]
    Missing,
    /// The texts themselves.
    Text {
        /// The certificate chain.
        certificate: String,
        /// Its key.
        key: String,
        /// The authorities.
        authorities: String,
    },
    /// Files.
    Files {
        /// The certificate chain.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
        /// The authorities.
        authorities: PathBuf,
    },
}

/// Keys stay out of logs.
impl fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Text { .. } => "Text",
            Self::Files { .. } => "Files",
        })
    }
}

impl From<&Secret> for SecretContent {
    fn from(secret: &Secret) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self::Text {
            certificate: text(secret.certificate()),
            key: text(secret.key()),
            authorities: text(secret.authorities()),
        }
    }
}
