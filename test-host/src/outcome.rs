//! What became of a request: everything that a test may want to look at.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::abi::LogLevel;
use crate::access_log::AccessLogFormat;
use crate::header_map::HeaderMap;
use crate::host_call::HostCallCounts;
use crate::ledger::LogLine;
use crate::local_reply::LocalReply;
use crate::log_record::LogRecord;
use crate::metrics::MetricChange;
use crate::phase::Phase;
use crate::response::Response;
use crate::stream_state::{Course, StreamState};
use crate::trace::CallRecord;
use crate::trap::Trap;
use crate::vm_state::Process;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The request reached the upstream, and whatever response there was reached the client.
    Forwarded,
    /// The filter replied in place of the upstream.
    Replied,
    /// The filter held more than the proxy's buffers take: the client got 413 or 500.
    Overflowed,
    /// The filter held the stream in this callback, and nothing continued it.
    Paused(Phase),
    /// The filter closed the stream.
    Reset,
    /// The VM died, or was dead already: the client got 503 `wasm_fail_stream`.
    Failed,
}

/// What became of a request. Printed, it is a report for a failed test.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// How the stream ended.
    pub end: End,
    /// The request as the upstream saw it; `None` when it never got there.
    pub upstream: Option<Forwarded>,
    /// The response as the client saw it; `None` when there was none.
    pub response: Option<Response>,
    /// The reply that the filter gave, as it gave it: before gRPC and HEAD made something else of it.
    pub local_reply: Option<LocalReply>,
    /// The response code details, `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
    /// The filter state that the filter set, in order; keys begin with `wasm.`.
    pub filter_state: Vec<(String, Vec<u8>)>,
    /// What the filter logged for this stream.
    pub logs: Vec<LogLine>,
    /// What it changed of metrics.
    pub metrics: Vec<MetricChange>,
    /// The host calls it made.
    pub host_calls: HostCallCounts,
    /// The fuel that each callback used, in order.
    pub fuel: Vec<(Phase, u64)>,
    /// The size of the guest's memory after the stream, in bytes.
    pub memory: usize,
    /// How often the host had to ask the guest for memory, for the answers to its calls.
    pub allocations: u32,
    /// Did the filter ask for the route to be chosen anew?
    pub route_cache_cleared: bool,
    /// How long it took, by the virtual clock.
    pub duration: Duration,
    /// The trap that failed this stream: its own, or the one of an earlier stream that killed the VM.
    pub trap: Option<Trap>,
    /// The last host calls of this stream, oldest first: as many as the host keeps.
    pub trace: Vec<CallRecord>,
    /// Are all of them kept?
    pub(crate) trace_is_whole: bool,
    pub(crate) record: LogRecord,
}

/// A request that went on to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// Its headers.
    pub headers: Arc<HeaderMap>,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: Arc<HeaderMap>,
}

impl Outcome {
    pub(crate) fn new(
        mut stream: StreamState,
        died_now: Option<Trap>,
        memory: usize,
        clock: u64,
        trace: (Vec<CallRecord>, bool),
        process: Arc<Process>,
    ) -> Self {
        let record = LogRecord::of(&stream, process);
        let paused = stream.held_in();
        let end = match (&stream.course, paused) {
            (Course::Failed(_), _) => End::Failed,
            (Course::Reset, _) => End::Reset,
            (Course::Replied, _) => End::Replied,
            (Course::Overflowed, _) => End::Overflowed,
            (Course::Open, Some(phase)) => End::Paused(phase),
            (Course::Open, None) => End::Forwarded,
        };
        let response = stream.client_response();
        let trap = match stream.course {
            Course::Failed(trap) => Some(trap),
            _ => died_now.or(stream.bypassed),
        };
        let trailers = stream.request.passed_trailers();
        let upstream = stream.request.sent.then(|| Forwarded {
            headers: stream.request.headers.clone(),
            body: std::mem::take(&mut stream.request.passed),
            trailers,
        });
        let text =
            |key| String::from_utf8(key).unwrap_or_else(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
        Self {
            end,
            upstream,
            response,
            local_reply: stream.local_reply,
            details: stream.details,
            filter_state: stream
                .filter_state
                .into_entries()
                .into_iter()
                .map(|(key, value)| (text(key), value))
                .collect(),
            logs: stream.ledger.logs,
            metrics: stream.ledger.metrics,
            host_calls: stream.ledger.calls,
            fuel: stream.ledger.fuel,
            memory,
            allocations: stream.ledger.allocations,
            route_cache_cleared: stream.route_cache_cleared,
            duration: Duration::from_nanos(clock.saturating_sub(stream.started)),
            trap,
            trace: trace.0,
            trace_is_whole: trace.1,
            record,
        }
    }

    /// The body that went to the upstream, as far as it did; of a connection, the bytes.
    pub fn upstream_body(&self) -> &[u8] {
        self.upstream.as_ref().map_or(&[], |upstream| &upstream.body)
    }

    /// The status that the client saw; 0 when there was no response.
    pub fn status(&self) -> u32 {
        self.response.as_ref().map_or(0, Response::status)
    }

    /// The line that Envoy's access log has of this stream.
    pub fn access_log(&self, format: &AccessLogFormat) -> String {
        self.record.render(format, self)
    }

    /// Filter state by its name in an access log, for example `wasm.outgate_rule`; what is no UTF-8 becomes U+FFFD.
    pub fn filter_state(&self, key: &str) -> Option<String> {
        let entry = self.filter_state.iter().find(|(known, _)| known == key);
        entry.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// By how much this stream changed a metric; of a histogram, the sum of its samples.
    pub fn metric(&self, name: &str) -> i64 {
        self.metrics
            .iter()
            .filter(|change| change.name() == name)
            .map(MetricChange::change)
            .sum()
    }

    /// The fuel that one callback used, if it ran.
    pub fn fuel_of(&self, phase: Phase) -> Option<u64> {
        self.fuel
            .iter()
            .find(|(known, _)| *known == phase)
            .map(|(_, fuel)| *fuel)
    }

    /// The fuel that all callbacks together used.
    pub fn total_fuel(&self) -> u64 {
        self.fuel.iter().map(|(_, fuel)| fuel).sum()
    }

    /// The log lines at this level or above.
    pub fn logs_from(&self, level: LogLevel) -> impl Iterator<Item = &LogLine> {
        self.logs.iter().filter(move |line| line.level >= level)
    }

    /// The host calls that the filter made and that this host does not have: with these, the outcome may differ from
    /// Envoy's.
    pub fn unimplemented_calls(&self) -> Vec<&str> {
        self.host_calls.unimplemented().collect()
    }
}

/// How the stream ended, in a line.
pub(crate) struct Summary<'a>(pub(crate) &'a Outcome);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(outcome) = self;
        let status = outcome.status();
        match outcome.end {
            End::Paused(phase) => write!(f, "the filter held the stream in {phase}, and nothing continued it")?,
            End::Reset => f.write_str("the filter closed the stream")?,
            End::Forwarded => write!(f, "forwarded; the client got {status}")?,
            End::Replied => write!(f, "the filter replied; the client got {status}")?,
            End::Overflowed => write!(f, "the proxy's buffer overflowed; the client got {status}")?,
            End::Failed => write!(f, "the stream failed; the client got {status}")?,
        }
        if !outcome.details.is_empty() {
            write!(f, " ({})", outcome.details)?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Summary(self).fmt(f)?;
        if let Some(trap) = &self.trap {
            write!(f, "\n{trap}")?;
        }
        for (key, value) in &self.filter_state {
            write!(f, "\n  filter state {key} = {:?}", String::from_utf8_lossy(value))?;
        }
        // What the trap has told already is not told again.
        let last_words = self.trap.as_ref().and_then(Trap::last_words);
        for line in self.logs.iter().filter(|line| Some(*line) != last_words) {
            write!(f, "\n  log {line}")?;
        }
        for name in self.host_calls.unimplemented() {
            write!(f, "\n  the filter called {name}, which this host does not have yet")?;
        }
        let last_calls = self.trap.as_ref().map_or(&[][..], Trap::last_calls);
        let is_told = |call: &CallRecord| last_calls.iter().any(|told| told.sequence() == call.sequence());
        let calls = self.trace.iter().filter(|call| !is_told(call));
        calls.into_iter().try_for_each(|call| write!(f, "\n  {call}"))
    }
}
