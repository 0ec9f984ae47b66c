//! A Proxy-Wasm host in a library: runs any filter the way Envoy does, without Envoy, and explains what it did.
//!
//! A [`Module`] is a compiled filter. A [`Host`] is a plugin made of it: a VM with a configuration. A [`Request`] goes
//! through it and comes out as an [`Outcome`].
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use outgate_test_host::{End, Host, Module, Request};
//!
//! let module = Module::load("filter.wasm")?;
//! let mut host = Host::builder(&module).configuration(r#"{"deny": "/admin"}"#).start()?;
//!
//! let outcome = host.request(Request::get("https://api.example.com/admin").uri_san("spiffe://td/ns/a/sa/b"));
//!
//! assert_eq!(outcome.end, End::Replied, "{outcome}");
//! assert_eq!(outcome.status(), 403);
//! assert_eq!(outcome.filter_state("wasm.decision").as_deref(), Some("deny"));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is true to
//!
//! The host does what Envoy does, where the specification of Proxy-Wasm leaves a choice:
//!
//! * **Phases.** A header map exists in its own callback, afterwards only while that callback paused the stream, and for
//!   reading in `on_log`. Elsewhere a single-value call answers `BAD_ARGUMENT` — and in production the Rust SDK panics on
//!   it. Here the trace says so: every status but `OK` comes with a reason.
//! * **Local replies** go through the filter's own response callbacks, become trailers-only responses for gRPC clients and
//!   lose their body for `HEAD`.
//! * **Properties** have Envoy's types and encodings: see [`Property`].
//! * **A trap kills the VM.** Its stream and all later ones get 503 `wasm_fail_stream`, until the plugin is configured
//!   anew.
//! * **A refused configuration changes nothing:** see [`Host::reconfigure`].
//! * **A stream ends** with log, done, delete.
//! * **WASI preview1** is there for filters that are built for it, with TinyGo, Go or for `wasm32-wasip1`, and answers what
//!   Envoy's answers: standard output and error are lines of the log, [`HostBuilder::env`] is the environment, and there
//!   are no files and no sockets.
//!
//! # What keeps it repeatable
//!
//! Nothing reads a clock or a source of randomness: time stands still, and nothing ticks, until [`Host::advance`] moves it;
//! random numbers follow from [`HostBuilder::seed`]. Instructions are counted ([`Outcome::fuel`]), so a runaway loop ends,
//! and a budget is the same number on every machine. Memory, host calls and the bytes that cross the boundary have
//! [`Limits`]. There is no global state: hosts on any number of threads do not see each other.
//!
//! # What it does not have
//!
//! Of foreign functions, those for expressions and signatures: a call of one is refused by its name. A `proxy_*` function that
//! no version of the ABI has can be imported; each call answers `UNIMPLEMENTED` and is listed by
//! [`Outcome::unimplemented_calls`].

#![forbid(unsafe_code)]

mod abi;
mod access_log;
mod assertions;
mod attributes_by_default;
mod body;
mod callout;
mod chain;
mod connection;
mod direction;
mod driver;
mod dynamic_metadata;
mod exports;
mod failure_policy;
mod filter_state;
mod foreign_functions;
mod header_map;
mod host;
mod host_builder;
mod host_call;
mod host_calls;
mod journal;
mod ledger;
mod limits;
mod local_reply;
mod log_record;
mod message;
mod metrics;
mod module;
mod outcome;
mod pairs;
mod phase;
mod profile;
mod property;
mod property_store;
mod queues;
mod random;
mod refusal;
mod request;
mod response;
mod shared_data;
mod start_error;
mod stream;
mod stream_state;
mod tcp_stream;
mod trace;
mod trap;
mod under_test;
mod vm;
mod vm_state;
mod wasi_errno;
mod worker;

pub use abi::{AbiVersion, Action, LogLevel, MetricKind, Status};
pub use access_log::{AccessLogFormat, FormatError};
pub use assertions::Assert;
pub use callout::{Callout, CalloutId, CalloutKind, GrpcEvent, Upstream, UpstreamReplies, UpstreamReply};
pub use chain::{Chain, ChainOutcome};
pub use connection::Connection;
pub use failure_policy::{FailurePolicy, Reloads};
pub use header_map::{HeaderMap, Iter};
pub use host::Host;
pub use host_builder::HostBuilder;
pub use host_call::{HostCall, HostCallCounts};
pub use journal::{Called, Event, Journal, Returned};
pub use ledger::{LogLine, LogSource};
pub use limits::Limits;
pub use local_reply::LocalReply;
pub use message::Message;
pub use metrics::MetricChange;
pub use module::{Module, ModuleError, ModuleOptions};
pub use outcome::{End, Forwarded, Outcome};
pub use phase::Phase;
pub use profile::Profile;
pub use property::{NotSerializable, Property};
pub use property_store::PropertyPath;
pub use request::Request;
pub use response::Response;
pub use start_error::{StartError, StartFailure};
pub use stream::{HttpStream, Step, StreamId};
pub use tcp_stream::{Peer, TcpStream};
pub use trace::CallRecord;
pub use trap::{Trap, TrapKind};
#[doc(hidden)]
pub use under_test::{build_filter, build_filter_file};
