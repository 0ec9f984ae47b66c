//! The fields of the access log that are known without a proxy.

use outgate_test_host::Outcome;

use crate::described::Described;

/// What an absent value is in the log.
const ABSENT: &str = "-";

/// A field of the access log by the name that the walkthrough's log format gives it; `None` for one that only a real proxy
/// knows, such as the address of the upstream.
pub(crate) fn field(name: &str, request: &Described, outcome: &Outcome) -> Option<String> {
    let header = |name| request.header(name);
    let value = match name {
        "authority_for" => header(":authority"),
        "method" => header(":method"),
        "path" => header(":path"),
        "user_agent" => header("user-agent"),
        "x_forwarded_for" => header("x-forwarded-for"),
        "requested_server_name" => request.server_name(),
        "protocol" => Some("HTTP/1.1".to_owned()),
        "response_code" => Some(outcome.status().to_string()),
        "response_code_details" => Some(outcome.details.clone()),
        _ if name.starts_with("outgate_") => outcome.filter_state(&format!("wasm.{name}")),
        _ => return None,
    };
    Some(
        value
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| ABSENT.to_owned()),
    )
}
