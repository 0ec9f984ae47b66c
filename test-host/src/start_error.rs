//! Why a filter, or a configuration of it, did not start.

use std::fmt;

use crate::ledger::LogLine;
use crate::phase::Phase;
use crate::trap::Trap;

/// A filter that did not start, or a configuration that it refused. Envoy would not take the update.
///
/// Printed, it tells the reason and what the filter logged: that is where filters say what they dislike. `unwrap` prints the same.
#[derive(Clone)]
#[non_exhaustive]
pub struct StartError {
    /// The step that failed.
    pub phase: Phase,
    /// How it failed.
    pub reason: StartFailure,
    /// What the filter logged until then.
    pub logs: Vec<LogLine>,
}

/// How the start of a filter failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StartFailure {
    /// `on_vm_start` or `on_configure` returned false.
    Refused,
    /// It trapped.
    Trapped(Trap),
    /// The engine could not make an instance, for example because the filter wants more memory than its limit.
    NotInstantiated(String),
}

impl StartError {
    pub(crate) fn new(phase: Phase, reason: StartFailure, logs: Vec<LogLine>) -> Self {
        Self { phase, reason, logs }
    }

    /// The functions of the guest that were active when it trapped, innermost first; empty when it did not.
    pub fn backtrace(&self) -> &[String] {
        match &self.reason {
            StartFailure::Trapped(trap) => trap.backtrace(),
            _ => &[],
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            StartFailure::Refused => write!(f, "the filter refused to start: {} returned false", self.phase)?,
            StartFailure::Trapped(trap) => write!(f, "the filter did not start: {trap}")?,
            StartFailure::NotInstantiated(why) => write!(f, "the filter could not be instantiated: {why}")?,
        }
        if self.logs.is_empty() {
            return f.write_str("\n  it logged nothing");
        }
        f.write_str("\n  it logged:")?;
        self.logs.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

impl std::error::Error for StartError {}
