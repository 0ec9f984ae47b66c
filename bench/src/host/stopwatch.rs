//! Time that a piece of work took on one core.

use std::fs;
use std::time::{Duration, Instant};

/// Started when the work begins. The work stays on the thread that it began on.
pub(super) struct Stopwatch {
    began: Instant,
    processor: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            processor: processor_time(),
        }
    }

    /// The processor time of this thread since then; on the wall, where the system does not tell it.
    pub(super) fn elapsed(&self) -> Duration {
        match self.processor.zip(processor_time()) {
            Some((before, now)) => now.saturating_sub(before),
            None => self.began.elapsed(),
        }
    }
}

fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
