//! What a decision costs: in the engine, in the module, in a real Envoy; and what the test host adds.
//!
//! ```text
//! families ──▶ configuration (JSON) ──▶ benches/engine.rs   the engine, natively: time, allocations
//!     │                              ├─▶ wasm               the module in the test host: instructions, host calls, memory
//!     └─────▶ Call ─▶ in_memory      └─▶ envoy              the module in a real Envoy: processor time, latency, memory
//!                  ─▶ embedded     ─▶ host                  the test host itself: streams a second, start
//! ```
//!
//! What is measured is defined once, in [`families`]. Every request is first checked to be decided as its family says: nothing is
//! measured that is not right. A measurement ends in a [`Report`](report::Report): tables for people, JSON for machines, plots.
//!
//! `cargo xtask bench` runs all of it; `docs/performance.md` tells what came of it.

pub mod call;
pub mod embedded;
pub mod envoy;
pub mod families;
pub mod host;
pub mod in_memory;
pub mod plot;
pub mod report;
pub mod table;
pub mod wasm;
