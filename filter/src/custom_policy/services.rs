//! What a custom policy can use of the proxy.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use super::word::plain;
use crate::host::{Host, LogLevel, Status, Version};
use crate::metrics::Metrics;
use crate::trouble::Trouble;

/// How often a change of shared data is tried. Others can be quicker, but not for ever.
const MOST_TRIES: usize = 16;

/// The time, state that outlives requests, counters, and the proxy's log.
pub struct Services<'s> {
    host: &'s dyn Host,
    policy: &'static str,
    metrics: &'s Metrics,
    trouble: &'s RefCell<Option<Trouble>>,
}

impl<'s> Services<'s> {
    pub(super) const fn new(
        host: &'s dyn Host,
        policy: &'static str,
        metrics: &'s Metrics,
        trouble: &'s RefCell<Option<Trouble>>,
    ) -> Self {
        Self {
            host,
            policy,
            metrics,
            trouble,
        }
    }

    /// What time it is, since the beginning of 1970 in UTC. A request that is checked by a proxy that does not say is denied.
    #[must_use]
    pub fn now(&self) -> Duration {
        let time = self.host.now().unwrap_or_else(|Status(_)| {
            self.trouble.borrow_mut().get_or_insert_with(|| Trouble::Unreadable {
                what: "time",
                cause: "the proxy refuses to tell it".into(),
            });
            0
        });
        Duration::from_nanos(time)
    }

    /// A value that all virtual machines of the proxy share; `None` when it has not been set since the proxy started. Keys are the
    /// policy's own.
    ///
    /// # Errors
    ///
    /// When the proxy refuses.
    pub fn shared(&self, key: &str) -> Result<Option<Vec<u8>>, SharedDataError> {
        let value = self.host.shared(&self.key(key)).map_err(SharedDataError::refused)?;
        Ok(value.map(|(value, _)| value))
    }

    /// Changes a value that all virtual machines of the proxy share: `change` is given what it is now, and gives back what it is to
    /// be, or `None` to leave it. When somebody else was quicker, it is called again; no change is lost.
    ///
    /// A key is never forgotten while the proxy runs, so there must not be ever more of them: not one for each caller or host, but
    /// one for each of a fixed number of places that callers or hosts are assigned to.
    ///
    /// # Errors
    ///
    /// When the proxy refuses, or others were quicker every time.
    pub fn change_shared(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Option<Vec<u8>>,
    ) -> Result<(), SharedDataError> {
        let key = self.key(key);
        let mut of_absent = Version::ABSENT;
        for _ in 0..MOST_TRIES {
            let known = self.host.shared(&key).map_err(SharedDataError::refused)?;
            let (value, version) = match &known {
                Some((value, version)) => (Some(value.as_slice()), *version),
                None => (None, of_absent),
            };
            let Some(changed) = change(value) else {
                return Ok(());
            };
            match self.host.set_shared(&key, &changed, version) {
                Ok(()) => return Ok(()),
                Err(Status::CAS_MISMATCH) => {
                    // If it is still absent then, the host takes no version for what is absent.
                    if value.is_none() {
                        of_absent = Version::ANY;
                    }
                }
                Err(status) => return Err(SharedDataError::refused(status)),
            }
        }
        Err(SharedDataError(None))
    }

    fn key(&self, key: &str) -> Vec<u8> {
        ["outgate.", self.policy, ".", key].concat().into_bytes()
    }

    /// Counts something, by a name of few letters: `outgate_events_policy.=.<policy>;.;event.=.<name>;.;`. There are to be few names,
    /// and nothing from a request in them; after 255 of a module, further ones are counted together.
    pub fn count(&self, event: &str, by: u32) {
        self.metrics
            .count_event(self.host, self.policy, &plain(event), i64::from(by));
    }

    /// Writes a line into the proxy's log.
    pub fn log(&self, level: LogLevel, line: &str) {
        self.host.log(level, &[self.policy, ": ", line].concat());
    }
}

/// Shared data could not be read or changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SharedDataError(Option<u32>);

impl SharedDataError {
    const fn refused(status: Status) -> Self {
        Self(Some(status.0))
    }
}

impl fmt::Display for SharedDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(f, "the proxy refuses the shared data: status {status}"),
            None => f.write_str("the shared data is changed by others all the time"),
        }
    }
}

impl std::error::Error for SharedDataError {}
