//! `extensionProviders` of a `MeshConfig`: what logs go to, and who is asked about requests.

use outgate_policy::config::StatusCode;
use outgate_policy::resource::StringMap;
use serde::Deserialize;

use super::Period;

/// One provider. Those that have no bearing on egress are known by their name alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtensionProvider {
    /// The name that other objects call it by.
    pub name: String,
    /// A file that accesses are logged to; as written.
    pub envoy_file_access_log: Option<serde_json::Value>,
    /// An external authorizer over HTTP.
    pub envoy_ext_authz_http: Option<EnvoyExtAuthzHttp>,
    /// An external authorizer over gRPC.
    pub envoy_ext_authz_grpc: Option<EnvoyExtAuthzGrpc>,
}

impl ExtensionProvider {
    /// Whether it is one that `CUSTOM` policies can name.
    #[must_use]
    pub const fn is_authorizer(&self) -> bool {
        self.envoy_ext_authz_http.is_some() || self.envoy_ext_authz_grpc.is_some()
    }
}

/// `envoyExtAuthzHttp`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EnvoyExtAuthzHttp {
    /// The service: `host`, or `namespace/host`.
    pub service: String,
    /// The service's port.
    pub port: u16,
    /// How long to wait for an answer.
    pub timeout: Option<Period>,
    /// What is put in front of the request's path.
    pub path_prefix: Option<String>,
    /// Whether a request goes on when there is no answer.
    pub fail_open: bool,
    /// The status of a request that is stopped because there is none.
    pub status_on_error: Option<StatusCode>,
    /// The older form of `include_request_headers_in_check`, which counts only without that.
    pub include_headers_in_check: Vec<String>,
    /// Headers of the request that the authorizer sees.
    pub include_request_headers_in_check: Vec<String>,
    /// Headers that are set in what the authorizer sees.
    pub include_additional_headers_in_check: StringMap,
    /// How much of the request's body the authorizer sees.
    pub include_request_body_in_check: Option<RequestBodyInCheck>,
    /// Headers of an allowing answer that are set in the request.
    pub headers_to_upstream_on_allow: Vec<String>,
    /// Headers of a denying answer that the client gets.
    pub headers_to_downstream_on_deny: Vec<String>,
    /// Headers of an allowing answer that are added to the response.
    pub headers_to_downstream_on_allow: Vec<String>,
    /// Whether the route is chosen anew when the authorizer has changed the request.
    pub clear_route_cache: Option<bool>,
}

/// `envoyExtAuthzGrpc`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EnvoyExtAuthzGrpc {
    /// The service: `host`, or `namespace/host`.
    pub service: String,
    /// The service's port.
    pub port: u16,
    /// How long to wait for an answer.
    pub timeout: Option<Period>,
    /// Whether a request goes on when there is no answer.
    pub fail_open: bool,
    /// The status of a request that is stopped because there is none.
    pub status_on_error: Option<StatusCode>,
    /// How much of the request's body the authorizer sees.
    pub include_request_body_in_check: Option<RequestBodyInCheck>,
    /// Whether the route is chosen anew when the authorizer has changed the request.
    pub clear_route_cache: Option<bool>,
}

/// `includeRequestBodyInCheck`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestBodyInCheck {
    /// No more bytes than this.
    pub max_request_bytes: u32,
    /// Whether a longer body is shown in part; otherwise its request is refused.
    pub allow_partial_message: bool,
    /// Whether it is shown as bytes, not as a text in UTF-8. Over gRPC only.
    pub pack_as_bytes: bool,
}
