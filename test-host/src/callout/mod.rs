//! Calls that a filter makes to other services, over HTTP and gRPC, and what answers them.
//!
//! A test says which upstreams there are, and how each answers ([`Upstream`]). What no rule answers waits, for the test to
//! answer it by hand or for its timeout. Time is virtual: an answer after 20 ms comes when the test has moved the clock that
//! far.

mod pending;
mod record;
mod upstream;

pub(crate) use pending::{Callouts, Delivery, Incoming, Missing};
pub use record::{Callout, CalloutId, CalloutKind};
pub(crate) use upstream::{Answer, UpstreamStates};
pub use upstream::{GrpcEvent, Upstream, UpstreamReplies, UpstreamReply};
