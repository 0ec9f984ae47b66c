//! What every Envoy of a run writes about a request, beside what the manifests want logged.

use outgate_sdk::access_log::{self, LogProperty};
use outgate_sdk::proxy::{AccessLog, LogFormat, Proxy};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The field by which a line is known.
const MARK: &str = "outgate_access";
const STANDARD_OUTPUT: &str = "/dev/stdout";
/// The header by which a run knows its own requests again at every proxy on their way.
pub(crate) const CASE_HEADER: &str = "x-outgate-case";

/// A request, or a connection, as a proxy saw it. What is absent was not there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Access {
    pub(crate) start: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) status: u16,
    pub(crate) details: Option<String>,
    pub(crate) flags: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) peer: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) shadow: Option<String>,
    pub(crate) local: Option<String>,
}

/// The logs that are added to a proxy's own: every field, where the manifests want no log at all, and the one that is read here.
/// It is the last, so that the line of another log about the same request comes before it.
pub(crate) fn logs_beside(proxy: &Proxy, of_policies: &[LogProperty]) -> Vec<AccessLog> {
    let of_all_fields = AccessLog {
        path: STANDARD_OUTPUT.to_owned(),
        format: LogFormat::Json(Value::Object(access_log::format(of_policies))),
        filter: None,
    };
    let wanted = proxy.access_logs.is_empty().then_some(of_all_fields);
    wanted.into_iter().chain([own_log()]).collect()
}

fn own_log() -> AccessLog {
    let fields = json!({
        "start": "%START_TIME(%H:%M:%S.%3f)%",
        "method": "%REQ(:METHOD)%",
        "authority": "%REQ(:AUTHORITY)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "upstream": "%UPSTREAM_HOST%",
        "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        "server_name": "%REQUESTED_SERVER_NAME%",
        "peer": "%DOWNSTREAM_PEER_URI_SAN%",
        "case": format!("%REQ({CASE_HEADER})%"),
        "decision": "%FILTER_STATE(wasm.outgate_decision:PLAIN)%",
        "rule": "%FILTER_STATE(wasm.outgate_rule:PLAIN)%",
        "principal": "%FILTER_STATE(wasm.outgate_principal:PLAIN)%",
        "shadow": "%FILTER_STATE(wasm.outgate_shadow:PLAIN)%",
        "local": "%DOWNSTREAM_LOCAL_ADDRESS%",
    });
    AccessLog {
        path: STANDARD_OUTPUT.to_owned(),
        format: LogFormat::Json(json!({ MARK: fields })),
        filter: None,
    }
}

impl Access {
    /// Reads a line, if it is one of these.
    pub(crate) fn read(line: &str) -> Option<Self> {
        if !line.contains(MARK) {
            return None;
        }
        let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
        let mut fields = object.remove(MARK)?;
        // Envoy writes null for what is absent, and "-" for a flag that is not set.
        fields
            .as_object_mut()?
            .retain(|_, value| !value.is_null() && *value != "-");
        serde_json::from_value(fields).ok()
    }
}
