//! A run, for machines.

use std::path::Path;

use outgate_test_host::{Callout, Event, Forwarded, HeaderMap, Journal, LogSource, MetricKind, Response};
use serde::Serialize;

use super::Ran;
use super::narrate::{answered, told};
use crate::hosted::counts::Counts;

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    filter: String,
    abi: String,
    start: Vec<Happened>,
    stream: Vec<Happened>,
    /// Later events, which are not shown.
    events_dropped: u64,
    end: &'static str,
    /// The callback that held the stream to its end.
    held_in: Option<String>,
    details: String,
    trap: Option<String>,
    upstream: Option<Message>,
    client: Option<Message>,
    callouts: Vec<Called>,
    filter_state: Vec<(String, String)>,
    metrics: Vec<Metric>,
    /// Of the stream, and of what the filter was called for meanwhile.
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
enum Happened {
    Called {
        callback: String,
        context: u32,
        arguments: Vec<u32>,
        told: String,
        time: u64,
    },
    HostCall {
        name: String,
        call: String,
        status: String,
        reason: String,
    },
    Log {
        level: String,
        source: &'static str,
        message: String,
    },
    Returned {
        callback: String,
        value: Option<u32>,
        answer: String,
        trapped: bool,
        fuel: u64,
        allocations: u32,
        memory: usize,
    },
}

/// Bytes that are no text have U+FFFD in them.
#[derive(Serialize)]
struct Message {
    headers: Vec<(String, String)>,
    body: String,
    trailers: Vec<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Called {
    id: u32,
    upstream: String,
    method: String,
    path: String,
    body: String,
    timeout_ms: Option<u64>,
}

#[derive(Serialize)]
struct Metric {
    name: String,
    kind: &'static str,
    /// Of a histogram, the number of samples.
    change: i64,
}

impl Report {
    pub(super) fn new(path: &Path, ran: &Ran) -> Self {
        use outgate_test_host::End;
        let outcome = &ran.outcome;
        let (end, held_in) = match outcome.end {
            End::Forwarded => ("forwarded", None),
            End::Replied => ("replied", None),
            End::Overflowed => ("overflowed", None),
            End::Paused(phase) => ("paused", Some(phase.to_string())),
            End::Reset => ("reset", None),
            End::Failed => ("failed", None),
            _ => ("unknown", None),
        };
        Self {
            filter: path.display().to_string(),
            abi: ran.host.module().abi_version().to_string(),
            start: happened(&ran.start),
            stream: happened(&ran.stream),
            events_dropped: ran.start.dropped + ran.stream.dropped,
            end,
            held_in,
            details: outcome.details.clone(),
            trap: outcome.trap.as_ref().map(ToString::to_string),
            upstream: outcome.upstream.as_ref().map(Message::request),
            client: outcome.response.as_ref().map(Message::response),
            callouts: ran.callouts.iter().map(Called::new).collect(),
            filter_state: outcome
                .filter_state
                .iter()
                .map(|(key, value)| (key.clone(), text(value)))
                .collect(),
            metrics: ran.metrics.iter().map(Metric::new).collect(),
            counts: ran.counts(),
        }
    }
}

fn happened(journal: &Journal) -> Vec<Happened> {
    journal.events.iter().filter_map(Happened::new).collect()
}

impl Happened {
    fn new(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Called(called) => Self::Called {
                callback: called.phase.to_string(),
                context: called.context,
                arguments: called.arguments.clone(),
                told: told(called),
                time: called.time,
            },
            Event::HostCall(call) => Self::HostCall {
                name: call.name().to_owned(),
                call: call.text().to_string(),
                status: call.status().to_string(),
                reason: call.reason().to_owned(),
            },
            Event::Log(line) => Self::Log {
                level: line.level.to_string(),
                source: match line.source {
                    LogSource::Stdout => "stdout",
                    LogSource::Stderr => "stderr",
                    _ => "proxy_log",
                },
                message: line.message.clone(),
            },
            Event::Returned(returned) => Self::Returned {
                callback: returned.phase.to_string(),
                value: returned.value,
                answer: answered(returned),
                trapped: returned.trapped,
                fuel: returned.fuel,
                allocations: returned.allocations,
                memory: returned.memory,
            },
            _ => return None,
        })
    }
}

impl Message {
    fn request(request: &Forwarded) -> Self {
        Self {
            headers: lines(&request.headers),
            body: text(&request.body),
            trailers: lines(&request.trailers),
        }
    }

    fn response(response: &Response) -> Self {
        Self {
            headers: lines(response.headers()),
            body: response.body_text(),
            trailers: lines(response.trailers()),
        }
    }
}

impl Called {
    fn new(callout: &Callout) -> Self {
        let milliseconds = |timeout: std::time::Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            id: callout.id.token(),
            upstream: callout.upstream.clone(),
            method: callout.method(),
            path: callout.path(),
            body: callout.body_text(),
            timeout_ms: callout.timeout.map(milliseconds),
        }
    }
}

impl Metric {
    fn new((name, kind, change): &(String, MetricKind, i64)) -> Self {
        Self {
            name: name.clone(),
            kind: match kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            },
            change: *change,
        }
    }
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
