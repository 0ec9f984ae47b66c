//! What became of a request, whoever ran it.

use std::collections::BTreeMap;

/// Fields of the access log that the embedded host cannot know: times, sizes, addresses of the moment.
const OF_THE_MOMENT: [&str; 12] = [
    "bytes_received",
    "bytes_sent",
    "downstream_local_address",
    "downstream_remote_address",
    "duration",
    "request_id",
    "start_time",
    "upstream_local_address",
    "upstream_response_time",
    "upstream_service_time",
    "upstream_transport_failure_reason",
    "x_forwarded_for",
];

/// What an absent value is in the log.
pub(super) const ABSENT: &str = "-";

/// What became of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// What the client got; 0 when it got nothing.
    pub(super) status: u32,
    pub(super) body: String,
    /// At the gateway; where the request did not get there, at the proxy that answered.
    pub(super) details: String,
    /// The gateway's access log; `None` when the request did not get there.
    pub(super) log: Option<BTreeMap<String, String>>,
    /// What happened on the way, for people.
    pub(super) report: String,
}

/// A field of the gateway's access log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Field {
    Known(String),
    /// Only a real proxy knows it.
    OfTheMoment,
    /// The request did not reach the gateway.
    NotReached,
    /// The log has no such field.
    Unknown,
}

impl Observed {
    pub(super) fn field(&self, name: &str) -> Field {
        let Some(log) = &self.log else {
            return Field::NotReached;
        };
        match log.get(name) {
            Some(value) => Field::Known(value.clone()),
            None if OF_THE_MOMENT.contains(&name) => Field::OfTheMoment,
            None => Field::Unknown,
        }
    }

    /// A field as a report shows it.
    pub(super) fn shown(&self, name: &str) -> String {
        match self.field(name) {
            Field::Known(value) => value,
            _ => ABSENT.to_owned(),
        }
    }
}
