//! An authorizer for Envoy's own filter, as Istio renders it.

use outgate_policy::config::{PluginType, StatusCode};
use serde_json::{Map, Value, json};

use super::{Address, Problem, Protocol, Written, check_http, seen};
use crate::manifest::{EnvoyExtAuthzGrpc, EnvoyExtAuthzHttp, Period, RequestBodyInCheck};

/// How long Istio lets an authorizer take where nobody says.
const TIMEOUT: &str = "600s";

/// An authorizer, with the filter of Envoy's that asks it.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeAuthorizer {
    name: String,
    of_requests: Value,
    of_connections: Option<Value>,
}

impl NativeAuthorizer {
    /// The name that policies call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The filter that asks about requests or connections, an entry of `http_filters` of Envoy's HTTP connection manager or of
    /// `filters` of a chain of network filters. It asks where the filter before it has found a rule of this authorizer's policies.
    /// `None`: an authorizer that speaks HTTP cannot be asked about connections.
    #[must_use]
    pub const fn filter(&self, plugin_type: PluginType) -> Option<&Value> {
        match plugin_type {
            PluginType::Http => Some(&self.of_requests),
            PluginType::Network => self.of_connections.as_ref(),
        }
    }

    pub(super) fn new(written: &Written<'_>) -> Result<Self, Problem> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            fields.extend(value.map(|value| (name.to_owned(), value)));
        };
        set(
            "@type",
            Some(json!(
                "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
            )),
        );
        set("transportApiVersion", Some(json!("V3")));
        set("filterEnabledMetadata", Some(found_rule_of(written.name, "http")));
        let (of_connections, common) = match written.protocol {
            Protocol::Http(http) => {
                check_http(http)?;
                let address = Address::read(&http.service, http.port)?;
                set("allowedHeaders", header_names(seen(http)));
                set("httpService", Some(http_service(http, &address)));
                (None, Common::of_http(http))
            }
            Protocol::Grpc(grpc) => {
                let address = Address::read(&grpc.service, grpc.port)?;
                set("grpcService", Some(grpc_service(grpc, &address)));
                let of_connections = of_connections(written.name, grpc, &address);
                (Some(of_connections), Common::of_grpc(grpc))
            }
        };
        set("failureModeAllow", common.fail_open.then_some(json!(true)));
        set(
            "statusOnError",
            common.status_on_error.map(|code| json!({ "code": code })),
        );
        set("withRequestBody", common.body.map(body));
        set("clearRouteCache", common.clear_route_cache.then_some(json!(true)));
        Ok(Self {
            name: written.name.to_owned(),
            of_requests: json!({ "name": "envoy.filters.http.ext_authz", "typedConfig": fields }),
            of_connections,
        })
    }
}

/// What both kinds of provider have.
struct Common<'m> {
    fail_open: bool,
    status_on_error: Option<u16>,
    body: Option<&'m RequestBodyInCheck>,
    clear_route_cache: bool,
}

impl<'m> Common<'m> {
    fn of_http(http: &'m EnvoyExtAuthzHttp) -> Self {
        Self {
            fail_open: http.fail_open,
            status_on_error: http.status_on_error.map(StatusCode::code),
            body: http.include_request_body_in_check.as_ref(),
            clear_route_cache: http.clear_route_cache == Some(true),
        }
    }

    fn of_grpc(grpc: &'m EnvoyExtAuthzGrpc) -> Self {
        Self {
            fail_open: grpc.fail_open,
            status_on_error: grpc.status_on_error.map(StatusCode::code),
            body: grpc.include_request_body_in_check.as_ref(),
            clear_route_cache: grpc.clear_route_cache == Some(true),
        }
    }
}

/// Envoy's matcher of what the filter before has written down: the name of a rule, which begins like this.
fn found_rule_of(provider: &str, layer: &str) -> Value {
    json!({
        "filter": format!("envoy.filters.{layer}.rbac"),
        "path": [{ "key": "istio_ext_authz_shadow_effective_policy_id" }],
        "value": { "stringMatch": { "prefix": format!("istio-ext-authz-{provider}") } },
    })
}

fn of_connections(name: &str, written: &EnvoyExtAuthzGrpc, address: &Address<'_>) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
        "transportApiVersion": "V3",
        "filterEnabledMetadata": found_rule_of(name, "network"),
        "grpcService": grpc_service(written, address),
        "statPrefix": "tcp.",
    });
    if written.fail_open {
        config["failureModeAllow"] = json!(true);
    }
    json!({ "name": "envoy.filters.network.ext_authz", "typedConfig": config })
}

fn http_service(written: &EnvoyExtAuthzHttp, address: &Address<'_>) -> Value {
    let mut service = json!({ "serverUri": {
        // Envoy wants one, and goes by the cluster.
        "uri": format!("http://{}", address.host),
        "cluster": address.cluster(),
        "timeout": timeout(written.timeout),
    } });
    if let Some(prefix) = written.path_prefix.as_ref().filter(|prefix| !prefix.is_empty()) {
        service["pathPrefix"] = json!(prefix);
    }
    let mut added: Vec<(&str, &str)> = written.include_additional_headers_in_check.iter().collect();
    added.sort_unstable();
    if !added.is_empty() {
        let added = added.iter().map(|(key, value)| json!({ "key": key, "value": value }));
        service["authorizationRequest"] = json!({ "headersToAdd": added.collect::<Vec<_>>() });
    }
    let passed_on = [
        ("allowedUpstreamHeaders", &written.headers_to_upstream_on_allow),
        ("allowedClientHeaders", &written.headers_to_downstream_on_deny),
        ("allowedClientHeadersOnSuccess", &written.headers_to_downstream_on_allow),
    ];
    let passed_on: Map<String, Value> = passed_on
        .into_iter()
        .filter_map(|(field, names)| Some((field.to_owned(), header_names(names)?)))
        .collect();
    if !passed_on.is_empty() {
        service["authorizationResponse"] = Value::Object(passed_on);
    }
    service
}

fn grpc_service(written: &EnvoyExtAuthzGrpc, address: &Address<'_>) -> Value {
    json!({
        "envoyGrpc": { "clusterName": address.cluster(), "authority": address.host },
        "timeout": timeout(written.timeout),
    })
}

fn timeout(written: Option<Period>) -> String {
    written.map_or_else(|| TIMEOUT.to_owned(), Period::to_proto)
}

/// Names of headers, each exact, `*suffix` or `prefix*`; a leading asterisk is read before a trailing one.
fn header_names(names: &[String]) -> Option<Value> {
    let pattern = |name: &String| {
        let (kind, text) = match (name.strip_prefix('*'), name.strip_suffix('*')) {
            (Some(suffix), _) => ("suffix", suffix),
            (None, Some(prefix)) => ("prefix", prefix),
            (None, None) => ("exact", name.as_str()),
        };
        json!({ kind: text, "ignoreCase": true })
    };
    (!names.is_empty()).then(|| json!({ "patterns": names.iter().map(pattern).collect::<Vec<_>>() }))
}

fn body(written: &RequestBodyInCheck) -> Value {
    let mut settings = json!({ "maxRequestBytes": written.max_request_bytes });
    for (field, is_set) in [
        ("allowPartialMessage", written.allow_partial_message),
        ("packAsBytes", written.pack_as_bytes),
    ] {
        if is_set {
            settings[field] = json!(true);
        }
    }
    settings
}
