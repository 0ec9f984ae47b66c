//! Outgate's Proxy-Wasm filter: asks the proxy about a request, decides, answers.
//!
//! ```text
//! proxy ── headers, properties ──▶ stream ──▶ outgate_policy::Engine ──▶ denial ──▶ local reply
//!                                                      └──▶ access_log, metrics ──▶ proxy
//! ```
//!
//! * [`gateway`]: one configuration and the path of a request through it. Start reading here.
//! * [`custom_policy`]: policies of your own, and [`module!`], which makes them a module.
//! * [`ext_authz`]: external authorizers, for `CUSTOM` policies.
//! * [`peers`]: who is at the other end of a connection, found out once.
//! * [`stream`]: a request's attributes, each fetched when a rule needs it and at most once.
//! * [`certificate`], [`pem`], [`forwarded_client_cert`], [`dynamic_metadata`], [`header_block`]: what the proxy hands over, parsed.
//! * [`denial`], [`access_log`], [`metrics`]: what the proxy is handed back.
//! * [`host`]: the calls that all of this makes, as a trait; `proxy` makes them for real, in WebAssembly only.
//!
//! The crate builds for any target, so that its parts can be tested; the module that a proxy loads is built for
//! `wasm32-unknown-unknown` by `cargo xtask wasm`.
//!
//! # It fails closed
//!
//! An attribute that a rule needs and the proxy does not hand over denies the request, with the cause in the access log. A
//! configuration that cannot be enforced as a whole is refused, and the proxy keeps the one before. Nothing that a request or a
//! configuration holds can make the module panic.

pub mod access_log;
#[cfg(target_family = "wasm")]
pub mod allocator;
pub mod certificate;
mod configuration;
pub mod custom_policy;
pub mod denial;
pub mod dynamic_metadata;
mod egress;
pub mod ext_authz;
pub mod forwarded_client_cert;
pub mod gateway;
#[cfg(target_family = "wasm")]
pub mod guest;
pub mod header_block;
mod header_names;
pub mod host;
pub mod json;
pub mod metrics;
mod module;
mod notes;
pub mod peers;
pub mod pem;
#[cfg(target_family = "wasm")]
mod proxy;
pub mod record;
pub mod stream;
pub mod trouble;
mod waiting;

pub use configuration::{Exports, Refused};
