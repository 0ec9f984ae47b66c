//! What a proxy does with streams when the filter's VM has died.

use std::time::Duration;

/// What happens to streams after a trap has killed the VM that they are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// `FAIL_CLOSED`: every stream gets 503 `wasm_fail_stream`, until the plugin is configured anew.
    #[default]
    Closed,
    /// `FAIL_OPEN`: streams go on as if the filter were not there.
    Open,
    /// `FAIL_RELOAD`: a fresh VM is made for the next stream, though not sooner than this after the last one was made (and up
    /// to half as long again, by the seed). Until then, closed.
    Reload(Duration),
}

impl FailurePolicy {
    /// `FAIL_RELOAD` with Envoy's default back-off, a second.
    pub const RELOAD: Self = Self::Reload(Duration::from_secs(1));
}

/// How often a dead VM was replaced, and how often not: Envoy's `vm_reload_*` counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reloads {
    /// A fresh VM started.
    pub success: u64,
    /// A fresh VM did not start.
    pub failure: u64,
    /// It was too soon to try.
    pub backoff: u64,
}
