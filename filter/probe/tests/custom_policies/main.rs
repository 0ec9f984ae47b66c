//! The interface of custom policies, seen from outside: a module of three probes, in a host.

#![allow(
    clippy::needless_pass_by_value,
    reason = "what a probe is to do is written where it is used; borrowing it would only add marks"
)]

mod attributes;
mod configuration;
mod decisions;
mod ends;
mod probes;
mod questions;
mod state;
