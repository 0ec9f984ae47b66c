//! The module that a gateway loads, in an embedded host: what it takes, asks, decides, answers and writes down, and that it
//! fails closed.
//!
//! Without a built module there is nothing to test: see [`module`].

mod access_log;
mod addresses;
mod authorizers;
mod canonical;
#[path = "../support/certificates.rs"]
mod certificates;
mod configuration;
mod connections;
mod denials;
mod failing_closed;
mod headers;
mod host_calls;
mod hostile_input;
mod identities;
#[path = "../support/metadata.rs"]
mod metadata;
mod metrics;
mod module;
mod policies;
#[path = "../support/random.rs"]
mod random;
mod streams;
mod tokens;
mod workload;
