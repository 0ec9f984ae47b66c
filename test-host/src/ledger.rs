//! What a guest did on behalf of one context: logs, host calls, metrics, fuel.

use std::fmt;

use crate::abi::LogLevel;
use crate::host_call::HostCallCounts;
use crate::metrics::MetricChange;
use crate::phase::Phase;

/// A line that the filter logged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its level.
    pub level: LogLevel,
    /// The number of the host call that logged it, among all of its worker.
    pub sequence: u64,
    /// The callback in which it was logged.
    pub phase: Phase,
    /// How it was logged.
    pub source: LogSource,
    /// The message; what is no UTF-8 becomes U+FFFD.
    pub message: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            LogSource::ProxyLog => "",
            LogSource::Stdout => " (stdout)",
            LogSource::Stderr => " (stderr)",
        };
        write!(f, "[{}] {}{source}: {}", self.level, self.phase, self.message)
    }
}

/// The ways in which a filter can log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// The host call `proxy_log`.
    ProxyLog,
    /// WASI's standard output, always at [`LogLevel::Info`].
    Stdout,
    /// WASI's standard error, always at [`LogLevel::Error`].
    Stderr,
}

/// Written while the guest runs; each context owns one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) logs: Vec<LogLine>,
    pub(crate) calls: HostCallCounts,
    pub(crate) metrics: Vec<MetricChange>,
    pub(crate) fuel: Vec<(Phase, u64)>,
    /// How often the host asked the guest for memory.
    pub(crate) allocations: u32,
}
