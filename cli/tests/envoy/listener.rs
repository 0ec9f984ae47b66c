//! The gateway's configuration: what Istio renders for a Gateway server with `ISTIO_MUTUAL`, as far as decisions see it.

use std::net::SocketAddr;
use std::path::Path;

use outgate_sdk::access_log::{LogProperty, format};
use serde_json::{Value, json};

use super::access_log;
use super::authority::{Authority, Identity};
use super::token::{self, TokenIssuer};

/// The name in the gateway's own certificate. Clients check it, whatever server name they ask for.
pub(crate) const SERVER_NAME: &str = "egress-gateway.test";

/// The name of our filter.
pub(crate) const WASM_NAME: &str = "istio-system.outgate";

const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// A port of the gateway with the HTTP filters that decide there. The kernel picks the port.
pub(crate) struct Listener {
    name: &'static str,
    filters: Vec<Value>,
    log_properties: Vec<LogProperty>,
}

impl Listener {
    pub(crate) fn new(name: &'static str, filters: Vec<Value>) -> Self {
        Self {
            name,
            filters,
            log_properties: Vec::new(),
        }
    }

    /// Logs what a custom policy writes, too.
    pub(crate) fn logging(mut self, property: &str) -> Self {
        let property = LogProperty::parse(property).expect("a custom policy's property");
        self.log_properties.push(property);
        self
    }

    fn http_connection_manager(&self, folder: &Path) -> Value {
        let mut manager = http_connection_manager(self.name, &self.filters, folder);
        let all = format(&self.log_properties);
        let logged = &mut manager["typed_config"]["access_log"][0]["typed_config"]["log_format"]["json_format"];
        for property in &self.log_properties {
            logged[property.as_str()] = all[property.as_str()].clone();
        }
        manager
    }
}

/// Native authorization, with the rules in the JSON form of Envoy's `RBAC` message.
pub(crate) fn native_rbac(rules: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {"@type": format!("{TYPES}.filters.http.rbac.v3.RBAC"), "rules": rules},
    })
}

/// Checks a request's token, if it has one, as Istio renders a `RequestAuthentication`: the claims go into metadata.
pub(crate) fn jwt_authn(issuer: &TokenIssuer) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.jwt_authn.v3.JwtAuthentication"),
            "providers": {"origins-0": {
                "issuer": token::ISSUER,
                "local_jwks": {"inline_string": issuer.key_set().to_string()},
                "payload_in_metadata": "payload",
                "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "permission"]},
            }},
            "rules": [{
                "match": {"prefix": "/"},
                "requires": {"requires_any": {"requirements": [
                    {"provider_name": "origins-0"},
                    {"allow_missing": {}},
                ]}},
            }],
        },
    })
}

/// Our filter, attached as Istio attaches a `WasmPlugin`: the configuration is text, and a dead VM lets nothing pass.
pub(crate) fn wasm(module: &Path, configuration: &str) -> Value {
    json!({
        "name": WASM_NAME,
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.wasm.v3.Wasm"),
            "config": {
                "name": WASM_NAME,
                "failure_policy": "FAIL_CLOSED",
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
            },
        },
    })
}

/// The whole of Envoy's configuration. Access logs go into `folder`.
pub(crate) fn bootstrap(listeners: &[Listener], authority: &Authority, upstream: SocketAddr, folder: &Path) -> Value {
    let tls = transport_socket(authority);
    let listeners: Vec<Value> = listeners
        .iter()
        .map(|listener| {
            json!({
                "name": listener.name,
                "address": loopback(0),
                "traffic_direction": "OUTBOUND",
                "listener_filters": [tls_inspector()],
                "filter_chains": [{
                    "transport_socket": tls,
                    "filters": [listener.http_connection_manager(folder)],
                }],
            })
        })
        .collect();
    around(&listeners, upstream)
}

/// The configuration around listeners.
pub(crate) fn around(listeners: &[Value], upstream: SocketAddr) -> Value {
    json!({
        "node": {"id": "egress-gateway", "cluster": "lab"},
        "admin": {"address": loopback(0)},
        "static_resources": {
            "listeners": listeners,
            "clusters": [{
                "name": "outbound|80||test.com",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "outbound|80||test.com",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": loopback(upstream.port())}}]}],
                },
            }],
        },
    })
}

/// Mutual TLS, as the gateway's own name.
pub(crate) fn transport_socket(authority: &Authority) -> Value {
    let server = authority.certify(&Identity::dns(SERVER_NAME));
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{
                    "certificate_chain": {"inline_string": server.certificate_pem()},
                    "private_key": {"inline_string": server.key_pem()},
                }],
                "validation_context": {"trusted_ca": {"inline_string": authority.certificate_pem()}},
            },
        },
    })
}

/// Reads what a client says in clear before TLS begins.
pub(crate) fn tls_inspector() -> Value {
    json!({
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": format!("{TYPES}.filters.listener.tls_inspector.v3.TlsInspector")},
    })
}

/// The HTTP half of a listener: `filters`, then the way upstream.
pub(crate) fn http_connection_manager(name: &str, filters: &[Value], folder: &Path) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{TYPES}.filters.http.router.v3.Router")},
    });
    let filters: Vec<&Value> = filters.iter().chain([&router]).collect();
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": name,
            "use_remote_address": true,
            "normalize_path": true,
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
            "http_protocol_options": {},
            // Not Istio's: a test finds its log line by the id that it sent.
            "preserve_external_request_id": true,
            "access_log": [access_log::configuration(name, folder)],
            "http_filters": filters,
            "route_config": {
                "virtual_hosts": [{
                    "name": "everything",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "outbound|80||test.com"}}],
                }],
            },
        },
    })
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
