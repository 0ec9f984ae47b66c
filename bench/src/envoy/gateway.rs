//! The gateway's configuration: an egress gateway's listener as Istio renders it, as far as decisions see it.

use serde_json::{Value, json};

use super::Error;
use super::authority::Authority;

const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// Envoy's whole configuration, with these filters before the router. No access log: its lines cost every variant the same.
pub(super) fn bootstrap(filters: Vec<Value>, authority: &Authority) -> Result<Value, Error> {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{TYPES}.filters.http.router.v3.Router")},
    });
    let filters: Vec<Value> = filters.into_iter().chain([router]).collect();
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "gateway",
            "use_remote_address": true,
            "normalize_path": true,
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{
                "name": "everything",
                "domains": ["*"],
                "routes": [{
                    "match": {"prefix": "/"},
                    "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}},
                }],
            }]},
        },
    });
    Ok(json!({
        "node": {"id": "egress-gateway", "cluster": "bench"},
        "admin": {"address": loopback()},
        "static_resources": {"listeners": [{
            "name": "gateway",
            "address": loopback(),
            "traffic_direction": "OUTBOUND",
            "filter_chains": [{"transport_socket": mutual_tls(authority)?, "filters": [manager]}],
        }]},
    }))
}

fn mutual_tls(authority: &Authority) -> Result<Value, Error> {
    let gateway = authority.gateway()?;
    Ok(json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": {
                "tls_certificates": [{
                    "certificate_chain": {"inline_string": gateway.certificate_pem()},
                    "private_key": {"inline_string": gateway.key_pem()},
                }],
                "validation_context": {"trusted_ca": {"inline_string": authority.certificate_pem()}},
            },
        },
    }))
}

/// A port that the kernel picks.
fn loopback() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}
