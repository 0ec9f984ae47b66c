//! What a guest may use before the host ends it: a runaway filter costs a failed test, not a hung one.

use wasmtime::ResourceLimiter;

/// Limits on what a filter may use. Exceeding one is a trap, except for memory: there growing fails, as in Envoy.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel for one callback of a stream: about one unit an instruction. Default: 1,000,000,000, around a second.
    pub fuel: u64,
    /// Fuel for each step of the start, where a configuration is compiled. Default: 50,000,000,000.
    pub start_fuel: u64,
    /// Bytes of linear memory. Default: 256 MiB.
    pub memory: usize,
    /// Host calls in one call of the guest. Default: 1,000,000.
    pub host_calls: u32,
    /// Bytes that cross between guest and host in one call of the guest, hence what the host keeps for it.
    /// Default: 64 MiB.
    pub host_bytes: usize,
    /// Bytes that shared data and queues keep. Default: 64 MiB.
    pub shared_bytes: usize,
    /// Callouts that are under way at a time on one worker. Default: 10,000.
    pub callouts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            start_fuel: 50_000_000_000,
            memory: 256 << 20,
            host_calls: 1_000_000,
            host_bytes: 64 << 20,
            shared_bytes: 64 << 20,
            callouts: 10_000,
        }
    }
}

/// What is left of the limits on host calls during one call of the guest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HostCallBudget {
    calls: u32,
    bytes: usize,
}

impl HostCallBudget {
    pub(crate) fn full(limits: &Limits) -> Self {
        Self {
            calls: limits.host_calls,
            bytes: limits.host_bytes,
        }
    }

    pub(crate) fn take_call(&mut self) -> Result<(), LimitReached> {
        self.calls = self.calls.checked_sub(1).ok_or(LimitReached::HostCalls)?;
        Ok(())
    }

    pub(crate) fn take_bytes(&mut self, n: usize) -> Result<(), LimitReached> {
        self.bytes = self.bytes.checked_sub(n).ok_or(LimitReached::HostBytes)?;
        Ok(())
    }
}

/// A limit that ends the current call of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitReached {
    HostCalls,
    HostBytes,
}

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HostCalls => "the limit on host calls in one callback is reached (Limits::host_calls)",
            Self::HostBytes => "the limit on bytes that cross to and from the host is reached (Limits::host_bytes)",
        })
    }
}

impl std::error::Error for LimitReached {}

/// Keeps linear memory and tables below their limits, and remembers whether it had to.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    /// The size of memory that was refused, if any was.
    pub(crate) refused: Option<usize>,
}

/// Far more than a filter has functions, far less than would hurt the host.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

impl MemoryLimiter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, refused: None }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.limit;
        if !granted {
            self.refused = Some(desired);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn memories(&self) -> usize {
        1
    }
}
