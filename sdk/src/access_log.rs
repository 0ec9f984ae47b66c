//! The access log of a gateway: every field that an auditor asks for, and the filter's own.
//!
//! All values are texts, and an absent one is `-`. Envoy would write a number, or null for what is absent, where a value is a single
//! operator; [`NOTHING`] before it, which is always the empty text, makes it part of one.

use std::collections::BTreeMap;

use outgate_policy::config::LogField;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::scope::{GatewayWorkload, Selection};

/// An operator that stands for the empty text, whatever the environment.
pub const NOTHING: &str = "%ENVIRONMENT(PATH):0%";

/// The name of the mesh's provider that logs them.
pub const PROVIDER: &str = "outgate";

/// The fields that every proxy knows, and Envoy's operator for each.
const OF_PROXY: [(&str, &str); 25] = [
    ("authority_for", "%REQ(:AUTHORITY)%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("duration", "%DURATION%"),
    ("istio_policy_status", "%DYNAMIC_METADATA(istio.mixer:status)%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("route_name", "%ROUTE_NAME%"),
    ("start_time", "%START_TIME%"),
    ("trace_id", "%REQ(X-B3-TRACEID)%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("upstream_response_time", "%RESPONSE_DURATION%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    (
        "upstream_transport_failure_reason",
        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    ),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
];

/// What a custom policy writes for the access log: `outgate_<policy>_<field>`, hyphens as underscores.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogProperty(String);

impl LogProperty {
    /// Reads its name.
    ///
    /// # Errors
    ///
    /// When no custom policy can write it: in words.
    pub fn parse(name: &str) -> Result<Self, String> {
        let own = name.strip_prefix("outgate_").unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':');
        let has_field = own
            .split_once('_')
            .is_some_and(|(policy, field)| !policy.is_empty() && !field.is_empty());
        if !has_field || !own.bytes().all(is_plain) {
            return Err("expected outgate_POLICY_FIELD, with the policy's hyphens as underscores".to_owned());
        }
        if fields().any(|field| field == name) {
            return Err("this is a field of the filter itself, which is logged anyway".to_owned());
        }
        Ok(Self(name.to_owned()))
    }

    /// Its name, which is its field's in the log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the field's value is in a format.
    #[must_use]
    pub fn value(&self) -> String {
        of_filter_state(&self.0)
    }
}

fn of_filter_state(name: &str) -> String {
    format!("{NOTHING}%FILTER_STATE(wasm.{name}:PLAIN)%")
}

/// The names of all fields, the filter's last.
pub fn fields() -> impl Iterator<Item = &'static str> {
    let of_filter = LogField::ALL.into_iter().map(LogField::property);
    OF_PROXY.into_iter().map(|(name, _)| name).chain(of_filter)
}

/// The fields with their formats, those of custom policies among them: what Envoy's `json_format`, Istio's `accessLogFormat` and a provider's `labels` take.
#[must_use]
pub fn format(of_policies: &[LogProperty]) -> Map<String, Value> {
    let of_proxy = OF_PROXY
        .iter()
        .map(|(name, operator)| ((*name).to_owned(), format!("{NOTHING}{operator}")));
    let of_filter = LogField::ALL.iter().map(|field| field.property());
    let of_filter = of_filter
        .chain(of_policies.iter().map(LogProperty::as_str))
        .map(|name| (name.to_owned(), of_filter_state(name)));
    of_proxy
        .chain(of_filter)
        .map(|(name, value)| (name, value.into()))
        .collect()
}

/// The entry of the mesh configuration's `extensionProviders` that logs them to a gateway's standard output.
#[must_use]
pub fn provider(of_policies: &[LogProperty]) -> Value {
    json!({"name": PROVIDER, "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"labels": format(of_policies)}}})
}

/// A `Telemetry` object that makes workloads log by [`PROVIDER`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    api_version: &'static str,
    kind: &'static str,
    metadata: BTreeMap<&'static str, String>,
    spec: TelemetrySpec,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TelemetrySpec {
    #[serde(flatten)]
    selection: Selection,
    access_logging: Value,
}

impl Telemetry {
    /// For a gateway's pods: what comes to it is logged.
    #[must_use]
    pub fn new(gateway: &GatewayWorkload, name: &str) -> Self {
        let logging = json!([{"providers": [{"name": PROVIDER}]}]);
        Self::of(gateway.into(), name, logging)
    }

    /// For workloads with sidecars: what they call is logged, and not what calls them.
    #[must_use]
    pub fn at_sidecars(clients: Selection, name: &str) -> Self {
        let logging = json!([{"match": {"mode": "CLIENT"}, "providers": [{"name": PROVIDER}]}]);
        Self::of(clients, name, logging)
    }

    fn of(selection: Selection, name: &str, access_logging: Value) -> Self {
        let namespace = selection.namespace().to_owned();
        Self {
            api_version: "telemetry.istio.io/v1",
            kind: "Telemetry",
            metadata: BTreeMap::from([("name", name.to_owned()), ("namespace", namespace)]),
            spec: TelemetrySpec {
                selection,
                access_logging,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::manifest::{Manifest, Manifests};

    #[test]
    fn the_example_logs_all_of_them() {
        let example = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../examples/asm-egress-gateway/mesh-config.yaml"
        );
        let (manifests, _) = Manifests::load(&[Input::Path(example.into())]);
        let mesh = manifests
            .mesh_config()
            .map(Manifest::content)
            .expect("a mesh configuration");
        let written = mesh.access_log_format.as_deref().expect("a format");
        let written: Value = serde_json::from_str(written).expect("JSON");
        assert_eq!(written, Value::Object(format(&[])));
        assert_eq!(fields().count(), format(&[]).len());
    }

    #[test]
    fn custom_policies_add_their_fields() {
        let left = LogProperty::parse("outgate_budget_left").expect("a field");
        let provider = provider(&[left]);
        assert_eq!(
            provider["envoyFileAccessLog"]["logFormat"]["labels"]["outgate_budget_left"],
            format!("{NOTHING}%FILTER_STATE(wasm.outgate_budget_left:PLAIN)%")
        );
        for name in [
            "",
            "left",
            "outgate_",
            "outgate_budget",
            "outgate_budget_",
            "outgate_a_b-c",
            "outgate_a_%REQ(X)%",
        ] {
            assert!(LogProperty::parse(name).is_err(), "{name}");
        }
        let own = LogProperty::parse(LogField::ALL[0].property());
        assert!(own.is_err_and(|error| !error.is_empty()));
    }
}
