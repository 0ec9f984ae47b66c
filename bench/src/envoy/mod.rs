//! The module in a real Envoy, beside no filter at all, a module that does nothing, and native RBAC with the same policies.
//!
//! ```text
//!   Load ══ mutual TLS, kept alive ══▶ Envoy, one worker ── a variant's filters ── reply of Envoy's own
//!                                        └─ /proc: processor time of all its threads, resident memory
//! ```
//!
//! Every variant is an Envoy of its own. All that have the same policies are up at once and are sent requests in turn, round after
//! round: what disturbs the machine disturbs them alike. A cost is the median over rounds of the difference to the Envoy without
//! a filter in the same round. Envoy replies by itself, for what a server behind it costs is the same for all, and noise.

mod authority;
mod gateway;
mod load;
mod process;
mod report;
mod run;
mod variant;

pub use report::report;
pub use run::{Options, measure};
pub use variant::Variant;

/// What stops a measurement.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
