//! Clusters.

use serde_json::{Value, json};

use super::place::{Connections, Place};
use super::{At, Unplaced, extension, set, socket, tls};
use crate::manifest::Period;
use crate::proxy::{Address, Cluster, Discovery, Endpoint, LoadBalancing};

/// How long Istio lets a connection take to come about.
const CONNECT_TIMEOUT: &str = "10s";
/// Istio sets no limits where nobody asked for any.
const NO_LIMIT: u32 = u32::MAX;

pub(super) fn cluster(cluster: &Cluster, at: At<'_>) -> Value {
    let place = at.place;
    let mut rendered = json!({
        "name": cluster.name,
        "connect_timeout": cluster.pool.connect_timeout.map_or_else(|| CONNECT_TIMEOUT.to_owned(), Period::to_proto),
        "circuit_breakers": {"thresholds": [{
            "max_connections": cluster.pool.max_connections.unwrap_or(NO_LIMIT),
            "max_pending_requests": cluster.pool.max_pending_requests.unwrap_or(NO_LIMIT),
            "max_requests": cluster.pool.max_requests.unwrap_or(NO_LIMIT),
            "max_retries": cluster.pool.max_retries.unwrap_or(NO_LIMIT),
            "track_remaining": true,
        }]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": super::typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                http_options(cluster, place),
            ),
        },
    });
    if cluster.discovery == Discovery::OriginalDestination {
        to_original_destination(cluster, place, &mut rendered);
    } else {
        let endpoints: Vec<Value> = cluster
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint_of(endpoint, place))
            .collect();
        rendered["type"] = discovery(cluster, place).into();
        rendered["lb_policy"] = match cluster.load_balancing {
            LoadBalancing::LeastRequest => "LEAST_REQUEST",
            LoadBalancing::RoundRobin => "ROUND_ROBIN",
            LoadBalancing::Random => "RANDOM",
        }
        .into();
        rendered["dns_lookup_family"] = "V4_PREFERRED".into();
        rendered["load_assignment"] = json!({
            "cluster_name": cluster.name,
            "endpoints": [{"lb_endpoints": endpoints}],
        });
    }
    set(
        &mut rendered,
        "transport_socket",
        cluster.tls.as_ref().map(|tls| tls::upstream(tls, at)),
    );
    rendered
}

/// The endpoints in workloads that are not at this place.
pub(super) fn unplaced(At { proxy, place }: At<'_>) -> Vec<Unplaced> {
    if place.connections == Connections::Redirected {
        return Vec::new();
    }
    let endpoints = proxy
        .clusters
        .iter()
        .flat_map(|cluster| cluster.endpoints.iter().map(move |endpoint| (cluster, endpoint)));
    let mut unplaced: Vec<_> = endpoints
        .filter(|(_, endpoint)| !place.endpoints.contains_key(&(endpoint.address.clone(), endpoint.port)))
        .filter_map(|(cluster, endpoint)| match &endpoint.address {
            Address::Pods(workload) => Some(Unplaced {
                cluster: cluster.name.clone(),
                workload: workload.clone(),
                port: endpoint.port,
            }),
            Address::Network(_) => None,
        })
        .collect();
    unplaced.sort();
    unplaced.dedup();
    unplaced
}

fn http_options(cluster: &Cluster, place: &Place) -> Value {
    let protocol = if cluster.http2 {
        "http2_protocol_options"
    } else {
        "http_protocol_options"
    };
    let mut options = json!({"explicit_http_config": {protocol: {}}});
    let mut common = json!({});
    set(
        &mut common,
        "idle_timeout",
        cluster.pool.http_idle_timeout.map(Period::to_proto),
    );
    set(
        &mut common,
        "max_requests_per_connection",
        cluster.pool.max_requests_per_connection,
    );
    if common != json!({}) {
        options["common_http_protocol_options"] = common;
    }
    if let Some(tls) = &cluster.tls {
        let is_dynamic =
            cluster.discovery == Discovery::OriginalDestination && place.connections == Connections::Addressed;
        if tls.sni.is_none() || is_dynamic {
            options["upstream_http_protocol_options"] = json!({
                "auto_sni": tls.sni.is_none(),
                "auto_san_validation": tls.checks_host(),
            });
        }
    }
    options
}

fn discovery(cluster: &Cluster, place: &Place) -> &'static str {
    // Pods that are not placed are called by the name of their workload.
    let has_names = cluster.endpoints.iter().any(|endpoint| {
        matches!(endpoint.address, Address::Pods(_))
            && place.connections == Connections::Redirected
            && !place.endpoints.contains_key(&(endpoint.address.clone(), endpoint.port))
    });
    match cluster.discovery {
        _ if has_names => "STRICT_DNS",
        Discovery::StrictDns => "STRICT_DNS",
        Discovery::LogicalDns => "LOGICAL_DNS",
        Discovery::Static | Discovery::OriginalDestination => "STATIC",
    }
}

fn endpoint_of(endpoint: &Endpoint, place: &Place) -> Option<Value> {
    let placed = place.endpoints.get(&(endpoint.address.clone(), endpoint.port));
    let address = match (placed, &endpoint.address) {
        (Some(placed), _) => socket(&placed.ip().to_string(), placed.port()),
        (None, Address::Network(address)) => socket(address, endpoint.port),
        (None, Address::Pods(workload)) if place.connections == Connections::Redirected => {
            let name = workload.service_host();
            socket(&name, endpoint.port)
        }
        (None, Address::Pods(_)) => return None,
    };
    let mut rendered = json!({"endpoint": {"address": address}});
    set(&mut rendered, "load_balancing_weight", endpoint.weight);
    Some(rendered)
}

/// The cluster of what keeps its destination; where that is not known, it is the host that the client asks for.
fn to_original_destination(cluster: &Cluster, place: &Place, rendered: &mut Value) {
    rendered["lb_policy"] = "CLUSTER_PROVIDED".into();
    match place.connections {
        Connections::Redirected => rendered["type"] = "ORIGINAL_DST".into(),
        Connections::Addressed => {
            let checks_host = cluster
                .tls
                .as_ref()
                .is_some_and(|tls| tls.sni.is_none() && tls.checks_host());
            rendered["cluster_type"] = extension(
                "envoy.clusters.dynamic_forward_proxy",
                "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
                json!({
                    "dns_cache_config": dns_cache(),
                    "allow_insecure_cluster_options": !checks_host,
                }),
            );
        }
    }
}

/// The cache of names that clients ask for, one for all that use it.
pub(super) fn dns_cache() -> Value {
    json!({"name": "clients", "dns_lookup_family": "V4_PREFERRED"})
}
