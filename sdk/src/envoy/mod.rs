//! A proxy as an Envoy's configuration: the bootstrap that `envoy -c` takes, with the names that Istio gives.
//!
//! ```text
//! Proxy ──┐
//!         ├──▶ Configuration ──▶ bootstrap, and with Delivery::Watched the files beside it
//! Place ──┘     listener  route  cluster  tls  filters  access_log
//! ```
//!
//! A [`Proxy`] speaks of ports and addresses in a cluster. A [`Place`] says where they are when Envoy runs somewhere else, where
//! its certificates come from, and who decides about requests.

mod access_log;
mod authentication;
mod cluster;
mod filters;
mod listener;
mod place;
mod route;
mod tls;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::manifest::ObjectName;
use crate::proxy::{Address, Proxy, ProxyName};
pub use place::{Authorization, Connections, Delivery, Place, SecretContent, Secrets};

/// The configuration of one Envoy.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What Envoy starts with, as JSON.
    pub bootstrap: Value,
    /// What it reads beside and watches, by file name, in the order in which changes must be written. Empty with
    /// [`Delivery::Whole`].
    pub watched: Vec<(String, Value)>,
    /// Endpoints that nothing is known to be at: the cluster of each, the workload and the port.
    pub unplaced: Vec<Unplaced>,
}

/// An endpoint in a workload that is not at this place.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unplaced {
    /// The cluster.
    pub cluster: String,
    /// The workload.
    pub workload: ObjectName,
    /// Its port.
    pub port: u16,
}

impl Configuration {
    /// Writes a proxy down for an Envoy at a place.
    #[must_use]
    pub fn new(proxy: &Proxy, place: &Place) -> Self {
        let at = At { proxy, place };
        let secrets = tls::secrets(at);
        let listeners = listener::listeners(at);
        let clusters: Vec<Value> = proxy.clusters.iter().map(|known| cluster::cluster(known, at)).collect();
        let admin = json!({"address": socket(&place.admin.ip().to_string(), place.admin.port())});
        let mut bootstrap = json!({
            "node": node(proxy),
            "admin": admin,
            "overload_manager": {"resource_monitors": [extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                json!({"max_active_downstream_connections": NO_LIMIT}),
            )]},
        });
        let mut watched = Vec::new();
        match &place.delivery {
            Delivery::Whole => {
                bootstrap["static_resources"] = json!({
                    "listeners": listeners,
                    "clusters": clusters,
                    "secrets": secrets.into_values().collect::<Vec<_>>(),
                });
            }
            Delivery::Watched(directory) => {
                const TLS_SECRET: &str = "envoy.extensions.transport_sockets.tls.v3.Secret";
                watched.extend(
                    secrets
                        .into_iter()
                        .map(|(name, secret)| (tls::secret_file(&name), response(TLS_SECRET, vec![secret]))),
                );
                watched.push((
                    CLUSTERS.to_owned(),
                    response("envoy.config.cluster.v3.Cluster", clusters),
                ));
                watched.extend(route::watched(at));
                watched.extend(filters::watched(at));
                watched.push((
                    LISTENERS.to_owned(),
                    response("envoy.config.listener.v3.Listener", listeners),
                ));
                bootstrap["dynamic_resources"] = json!({
                    "cds_config": watched_file(directory, CLUSTERS),
                    "lds_config": watched_file(directory, LISTENERS),
                });
            }
        }
        Self {
            bootstrap,
            watched,
            unplaced: cluster::unplaced(at),
        }
    }
}

/// A proxy, where it runs.
#[derive(Clone, Copy)]
struct At<'a> {
    proxy: &'a Proxy,
    place: &'a Place,
}

/// Istio sets no limit to connections, and Envoy wants to hear so.
const NO_LIMIT: u32 = i32::MAX.unsigned_abs();
/// The file with the listeners.
const LISTENERS: &str = "listeners.json";
/// The file with the clusters.
const CLUSTERS: &str = "clusters.json";

fn node(proxy: &Proxy) -> Value {
    let kind = match proxy.name {
        ProxyName::Sidecar(_) => "sidecar",
        ProxyName::Gateway(_) => "router",
    };
    let ObjectName { namespace, name } = proxy.name.workload();
    let account = proxy.identity.rsplit('/').next().unwrap_or_default();
    json!({
        "id": format!("{kind}~127.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"),
        "cluster": format!("{name}.{namespace}"),
        "metadata": {
            "NAMESPACE": namespace,
            "SERVICE_ACCOUNT": account,
            "WORKLOAD_NAME": name,
            "LABELS": proxy.labels,
        },
    })
}

/// What a file that Envoy watches holds. Its version is of its content, so that the same is never taken for new.
fn response(message: &str, resources: Vec<Value>) -> Value {
    let resources: Vec<Value> = resources.into_iter().map(|resource| typed(message, resource)).collect();
    let hash = Sha256::digest(Value::from(resources.clone()).to_string());
    let version: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    json!({"version_info": version, "resources": resources})
}

/// A name without the characters that are not for files.
fn file_name(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    let letters = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' });
    letters.collect()
}

fn watched_file(directory: &Path, name: &str) -> Value {
    json!({"resource_api_version": "V3", "path_config_source": {"path": directory.join(name)}})
}

/// A message with its type, as `Any` has it in JSON.
fn typed(message: &str, fields: Value) -> Value {
    let mut object = Map::from_iter([("@type".to_owned(), format!("type.googleapis.com/{message}").into())]);
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

/// An extension of Envoy by its name, with its configuration.
fn extension(name: &str, message: &str, fields: Value) -> Value {
    json!({"name": name, "typed_config": typed(message, fields)})
}

fn socket(address: &str, port: u16) -> Value {
    json!({"socket_address": {"address": address, "port_value": port}})
}

/// Sets a field, if there is something to set.
fn set(object: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}

/// Where the endpoints of a workload, or an address, are instead.
pub type Placed = BTreeMap<(Address, u16), std::net::SocketAddr>;
