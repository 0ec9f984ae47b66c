//! The access log of a proxy on the way, as far as it can be known without one.

use std::collections::BTreeMap;

use outgate_test_host::Outcome;

use super::way::Visit;
use crate::described::Described;
use crate::scenario::observed::ABSENT;

/// The fields that every visit has, by the names of the walkthrough's log format.
pub(super) fn of_request(request: &Described, protocol: &str) -> BTreeMap<String, String> {
    let header = |name| request.header(name);
    let fields = [
        ("authority_for", header(":authority")),
        ("method", header(":method")),
        ("path", header(":path")),
        ("user_agent", header("user-agent")),
        ("trace_id", header("x-b3-traceid")),
        ("requested_server_name", request.server_name()),
        ("protocol", Some(protocol.to_owned())),
        ("istio_policy_status", None),
        ("route_name", None),
        ("upstream_cluster", None),
        ("upstream_host", None),
    ];
    let value = |value: Option<String>| {
        value
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| ABSENT.to_owned())
    };
    fields
        .into_iter()
        .map(|(name, found)| (name.to_owned(), value(found)))
        .collect()
}

/// Adds what the filter writes.
pub(super) fn add_filter_state(fields: &mut BTreeMap<String, String>, outcome: &Outcome) {
    for field in outgate_policy::config::LogField::ALL {
        let name = field.property();
        let value = outcome.filter_state(&format!("wasm.{name}"));
        let value = value
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| ABSENT.to_owned());
        fields.insert(name.to_owned(), value);
    }
}

impl Visit {
    pub(super) fn set(&mut self, field: &str, value: impl Into<String>) {
        let value: String = value.into();
        if !value.is_empty() {
            self.log.insert(field.to_owned(), value);
        }
    }
}
