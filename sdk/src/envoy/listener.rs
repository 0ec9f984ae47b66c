//! Listeners and the chains in them.

use serde_json::{Value, json};

use super::place::{Connections, Delivery};
use super::{At, access_log, extension, filters, route, set, socket, tls, watched_file};
use crate::manifest::{ForwardClientCertDetails, Normalization};
use crate::proxy::{FilterChain, Handler, Listener, ProxyName, RouteTable, VIRTUAL_OUTBOUND, WeightedCluster};

/// What Istio's proxies call themselves.
const SERVER_NAME: &str = "istio-envoy";

pub(super) fn listeners(at: At<'_>) -> Vec<Value> {
    // Nothing is redirected to it where clients call the other ports themselves.
    let is_needed =
        |listener: &&Listener| at.place.connections == Connections::Redirected || listener.name != VIRTUAL_OUTBOUND;
    let listeners = at.proxy.listeners.iter().filter(is_needed);
    listeners.map(|known| listener(known, at)).collect()
}

fn listener(listener: &Listener, at: At<'_>) -> Value {
    let address = match at.place.listeners.get(&listener.port) {
        Some(address) => socket(&address.ip().to_string(), address.port()),
        None => socket("0.0.0.0", listener.port),
    };
    let chains: Vec<Value> = listener.chains.iter().map(|known| chain(known, at)).collect();
    let mut rendered = json!({
        "name": listener.name,
        "address": address,
        "traffic_direction": "OUTBOUND",
        "filter_chains": chains,
        "listener_filters": listener_filters(listener, at),
    });
    let is_redirected =
        matches!(at.proxy.name, ProxyName::Sidecar(_)) && at.place.connections == Connections::Redirected;
    if is_redirected && listener.name == VIRTUAL_OUTBOUND {
        rendered["use_original_dst"] = true.into();
    } else if is_redirected {
        rendered["bind_to_port"] = false.into();
    }
    rendered
}

fn listener_filters(listener: &Listener, at: At<'_>) -> Vec<Value> {
    let mut filters = Vec::new();
    if at.proxy.topology.proxy_protocol.is_some() {
        filters.push(extension(
            "envoy.filters.listener.proxy_protocol",
            "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
            json!({}),
        ));
    }
    let sees_names = |chain: &FilterChain| {
        chain.tls.is_some() || !chain.server_names.is_empty() || finds_by_name(&chain.handler, at)
    };
    if listener.chains.iter().any(sees_names) {
        filters.push(extension(
            "envoy.filters.listener.tls_inspector",
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            json!({}),
        ));
    }
    filters
}

fn chain(chain: &FilterChain, at: At<'_>) -> Value {
    let mut rendered = json!({"filters": network_filters(&chain.handler, at)});
    if !chain.server_names.is_empty() {
        rendered["filter_chain_match"] = json!({"server_names": chain.server_names});
    }
    let is_http = matches!(chain.handler, Handler::Http(_));
    set(
        &mut rendered,
        "transport_socket",
        chain.tls.as_ref().map(|own| tls::downstream(own, is_http, at)),
    );
    rendered
}

fn network_filters(handler: &Handler, at: At<'_>) -> Vec<Value> {
    match handler {
        Handler::Http(table) => vec![http_connection_manager(table, at)],
        Handler::Tcp { name, clusters, .. } => {
            let mut filters = filters::network_authorization(at);
            if finds_by_name(handler, at) {
                filters.push(extension(
                    "envoy.filters.network.sni_dynamic_forward_proxy",
                    "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
                    json!({"dns_cache_config": super::cluster::dns_cache(), "port_value": 443}),
                ));
            }
            filters.push(tcp_proxy(name, clusters, at));
            filters
        }
    }
}

/// Whether a connection goes where the server name says that it asks for.
fn finds_by_name(handler: &Handler, at: At<'_>) -> bool {
    let Handler::Tcp { clusters, .. } = handler else {
        return false;
    };
    at.place.connections == Connections::Addressed
        && clusters.iter().any(|to| {
            let cluster = at.proxy.cluster(&to.cluster);
            cluster.is_some_and(|cluster| cluster.discovery == crate::proxy::Discovery::OriginalDestination)
        })
}

fn tcp_proxy(name: &str, clusters: &[WeightedCluster], at: At<'_>) -> Value {
    let mut fields = json!({"stat_prefix": name, "access_log": access_logs(at)});
    match clusters {
        [only] => fields["cluster"] = only.cluster.clone().into(),
        several => {
            let several = several.iter();
            let several = several.map(|to| json!({"name": to.cluster, "weight": to.weight}));
            fields["weighted_clusters"] = json!({"clusters": several.collect::<Vec<_>>()});
        }
    }
    extension(
        "envoy.filters.network.tcp_proxy",
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        fields,
    )
}

fn http_connection_manager(table: &RouteTable, at: At<'_>) -> Value {
    let is_gateway = matches!(at.proxy.name, ProxyName::Gateway(_));
    let mut fields = json!({
        "stat_prefix": table.stat_prefix,
        "http_filters": filters::http_filters(at),
        "access_log": access_logs(at),
        "use_remote_address": is_gateway,
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_protocol_options": {},
    });
    match &at.place.delivery {
        Delivery::Whole => fields["route_config"] = route::route_config(table),
        Delivery::Watched(directory) => {
            let config_source = watched_file(directory, &route::file(table));
            fields["rds"] = json!({"route_config_name": table.name, "config_source": config_source});
        }
    }
    normalize(&mut fields, at.proxy.normalization);
    if is_gateway {
        let topology = &at.proxy.topology;
        fields["server_name"] = SERVER_NAME.into();
        fields["xff_num_trusted_hops"] = topology.num_trusted_proxies.unwrap_or_default().into();
        let details = topology.forward_client_cert_details;
        fields["forward_client_cert_details"] = forward_client_cert(details).into();
        fields["set_current_client_cert_details"] = json!({"subject": true, "cert": true, "dns": true, "uri": true});
    }
    extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        fields,
    )
}

fn access_logs(at: At<'_>) -> Vec<Value> {
    let logs = at.proxy.access_logs.iter().chain(&at.place.access_logs);
    logs.map(access_log::access_log).collect()
}

fn normalize(fields: &mut Value, normalization: Normalization) {
    let (resolves, merges, decodes) = match normalization {
        Normalization::None => (false, false, false),
        Normalization::Default | Normalization::Base => (true, false, false),
        Normalization::MergeSlashes => (true, true, false),
        Normalization::DecodeAndMergeSlashes => (true, true, true),
    };
    fields["normalize_path"] = resolves.into();
    fields["merge_slashes"] = merges.into();
    if decodes {
        fields["path_with_escaped_slashes_action"] = "UNESCAPE_AND_FORWARD".into();
    }
}

const fn forward_client_cert(details: Option<ForwardClientCertDetails>) -> &'static str {
    match details {
        None | Some(ForwardClientCertDetails::Undefined | ForwardClientCertDetails::SanitizeSet) => "SANITIZE_SET",
        Some(ForwardClientCertDetails::Sanitize) => "SANITIZE",
        Some(ForwardClientCertDetails::ForwardOnly) => "FORWARD_ONLY",
        Some(ForwardClientCertDetails::AppendForward) => "APPEND_FORWARD",
        Some(ForwardClientCertDetails::AlwaysForwardOnly) => "ALWAYS_FORWARD_ONLY",
    }
}
