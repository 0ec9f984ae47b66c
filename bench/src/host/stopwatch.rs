//! How long a piece of work took: by the clock on the wall, and by what the kernel counts for threads.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Started when the work begins.
pub(super) struct Stopwatch {
    began: Instant,
    threads: Threads,
    processor: Option<Duration>,
}

/// The threads that work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Threads {
    /// The one that started the watch.
    This,
    /// All of the process.
    All,
}

impl Stopwatch {
    pub(super) fn start(threads: Threads) -> Self {
        Self {
            began: Instant::now(),
            threads,
            processor: threads.processor_time(),
        }
    }

    /// By the clock on the wall.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The processor time of the threads; by the clock on the wall, where the system does not tell it.
    pub(super) fn processor_time(&self) -> Duration {
        match self.processor.zip(self.threads.processor_time()) {
            Some((before, now)) => now.saturating_sub(before),
            None => self.elapsed(),
        }
    }
}

impl Threads {
    fn processor_time(self) -> Option<Duration> {
        match self {
            Self::This => of_thread(Path::new("/proc/thread-self")),
            Self::All => {
                let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
                threads.map(|thread| of_thread(&thread.path())).sum()
            }
        }
    }
}

fn of_thread(directory: &Path) -> Option<Duration> {
    let text = fs::read_to_string(directory.join("schedstat")).ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
