//! What a stream may use, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::Quantity;

/// What a stream may use at most.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Budget {
    /// Fuel of all callbacks together: about one for each instruction of WebAssembly.
    pub(super) fuel_per_request: Option<Quantity>,
    /// The guest's memory after the stream, in bytes.
    pub(super) memory: Option<Quantity>,
    /// Calls to the host.
    pub(super) host_calls: Option<Quantity>,
    /// How often the host has to ask the filter for memory, to hand it a value.
    pub(super) allocations: Option<Quantity>,
}

impl Budget {
    /// This one, with what it leaves out from `base`.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            fuel_per_request: self.fuel_per_request.or(base.fuel_per_request),
            memory: self.memory.or(base.memory),
            host_calls: self.host_calls.or(base.host_calls),
            allocations: self.allocations.or(base.allocations),
        }
    }
}
