//! What of a finished stream only its access log still needs.

use std::sync::Arc;

use crate::access_log::{AccessLogFormat, LogEntry};
use crate::header_map::HeaderMap;
use crate::outcome::{End, Outcome};
use crate::property::Property;
use crate::property_store::{Found, PropertyStore};
use crate::stream_state::StreamState;
use crate::vm_state::Process;

/// Facts of a stream, kept for its access log.
#[derive(Debug, Clone)]
pub(crate) struct LogRecord {
    request_headers: Arc<HeaderMap>,
    response_headers: Option<Arc<HeaderMap>>,
    response_trailers: Arc<HeaderMap>,
    bytes_received: u64,
    bytes_sent: u64,
    started: u64,
    request_ended: Option<u64>,
    response_began: Option<u64>,
    properties: Arc<PropertyStore>,
    process: Arc<Process>,
    context: u32,
}

impl LogRecord {
    pub(crate) fn of(stream: &StreamState, process: Arc<Process>) -> Self {
        let response = &stream.response;
        let from_start = |time: u64| time.saturating_sub(stream.started);
        Self {
            request_headers: stream.request.headers.clone(),
            response_headers: response.arrived.then(|| response.headers.clone()),
            response_trailers: response.passed_trailers(),
            bytes_received: stream.request.received,
            bytes_sent: response.passed.len() as u64,
            started: stream.started,
            request_ended: stream.request.ended_at.map(from_start),
            response_began: stream.upstream_answered_at.map(from_start),
            properties: stream.properties.clone(),
            process,
            context: stream.id,
        }
    }

    pub(crate) fn render(&self, format: &AccessLogFormat, outcome: &Outcome) -> String {
        let property = |path: &[&str]| self.property(path);
        let protocol = match self.property(&["request", "protocol"]) {
            Some(Property::String(protocol)) => protocol,
            _ => "HTTP/1.1".to_owned(),
        };
        format.render(&LogEntry {
            request_headers: &self.request_headers,
            response_headers: self.response_headers.as_deref(),
            response_trailers: &self.response_trailers,
            filter_state: &outcome.filter_state,
            status: outcome.status(),
            details: &outcome.details,
            // A client that waits in vain goes away in the end.
            flags: if matches!(outcome.end, End::Paused(_)) {
                "DC"
            } else {
                ""
            },
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            duration_ns: u64::try_from(outcome.duration.as_nanos()).unwrap_or(u64::MAX),
            request_duration_ns: self.request_ended,
            response_duration_ns: self.response_began,
            start_time_ns: self.started,
            protocol: &protocol,
            properties: &property,
        })
    }

    fn property(&self, path: &[&str]) -> Option<Property> {
        let key = path.join("\0");
        let stores = [&*self.properties, &self.process.settings.properties];
        let given = stores.into_iter().find_map(|store| match store.find(key.as_bytes())? {
            Found::Value(value) => Some(value.clone()),
            Found::Error(_) => None,
        });
        given.or_else(|| crate::attributes_by_default::of_connection(path, self.context))
    }
}
