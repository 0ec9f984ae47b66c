//! A laboratory with a real Envoy in it: an egress gateway's listener as Istio renders it, and a client to call it.
//!
//! [`Lab::start`] takes listeners, each with the HTTP filters under test, and runs them in one Envoy. Every request goes
//! over mutual TLS with a certificate of the test's choosing, and comes back as an [`Exchange`]: the reply as it was on
//! the wire, with the line that the gateway logged for it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`prerequisite`] | finding Envoy and the filter, or saying why a test is skipped |
//! | [`authority`] | certificates, made anew for each lab |
//! | [`token`] | tokens, likewise |
//! | [`listener`] | the gateway's configuration |
//! | [`rendered`] | the policies under test, as native Envoy takes them |
//! | [`process`] | the running Envoy |
//! | [`client`], [`http2`], [`reply`] | TLS clients, and what they got |
//! | [`watched`] | a filter whose configuration changes while Envoy runs |
//! | [`upstream`] | the server behind the gateway |
//! | [`access_log`] | what the gateway logged |

// Every test target is compiled with the whole laboratory and uses its part of it.
#![allow(dead_code)]

pub(crate) mod access_log;
pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod http2;
pub(crate) mod listener;
pub(crate) mod prerequisite;
pub(crate) mod process;
pub(crate) mod rendered;
pub(crate) mod reply;
pub(crate) mod token;
pub(crate) mod upstream;
pub(crate) mod watched;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use access_log::{AccessLog, LogLine};
use authority::{Authority, Identity};
use client::{Connection, Request};
use http2::Http2;
use listener::Listener;
use process::Envoy;
use reply::Reply;
use upstream::Upstream;

/// One Envoy with its listeners, the server behind them and the authority that certifies everybody.
pub(crate) struct Lab {
    // Dropped in this order: Envoy goes before the folder that it writes into.
    pub(crate) envoy: Envoy,
    authority: Authority,
    pub(crate) upstream: Upstream,
    folder: TempDir,
    requests: AtomicU32,
}

/// A request's reply, and what the gateway logged about it.
pub(crate) struct Exchange {
    pub(crate) reply: Reply,
    pub(crate) log: LogLine,
}

impl Lab {
    pub(crate) fn start(envoy: &Path, listeners: &[Listener]) -> Self {
        Self::start_as(envoy, listeners, &process::Options::default())
    }

    /// Every call between Envoy and its filters is in the log.
    pub(crate) fn start_tracing(envoy: &Path, listeners: &[Listener]) -> Self {
        let options = process::Options {
            log_levels: process::TRACE_FILTERS,
            ..process::Options::default()
        };
        Self::start_as(envoy, listeners, &options)
    }

    /// Each worker has a virtual machine of its own.
    pub(crate) fn start_with_workers(envoy: &Path, listeners: &[Listener], workers: u32) -> Self {
        let options = process::Options {
            workers,
            ..process::Options::default()
        };
        Self::start_as(envoy, listeners, &options)
    }

    fn start_as(envoy: &Path, listeners: &[Listener], options: &process::Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Envoy's files can be made");
        let authority = Authority::new();
        let upstream = Upstream::start();
        let bootstrap = listener::bootstrap(listeners, &authority, upstream.address(), folder.path());
        let envoy = Envoy::start(envoy, &bootstrap, folder.path(), options);
        Self {
            envoy,
            authority,
            upstream,
            folder,
            requests: AtomicU32::new(0),
        }
    }

    /// Sends a request to a listener, as the owner of a certificate for `identity`.
    pub(crate) fn exchange(&self, listener: &str, identity: &Identity, request: &Request) -> Exchange {
        self.exchange_on(&mut self.connect(listener, identity), listener, request)
    }

    /// Sends a request on a connection to a listener.
    pub(crate) fn exchange_on(&self, connection: &mut Connection, listener: &str, request: &Request) -> Exchange {
        let id = self.request_id();
        let reply = connection.send(request, &id);
        let log = self.line_of(listener, &id);
        Exchange { reply, log }
    }

    pub(crate) fn connect(&self, listener: &str, identity: &Identity) -> Connection {
        Connection::new(self.envoy.listener_address(listener), &self.authority, identity)
    }

    pub(crate) fn connect_http2(&self, listener: &str, identity: &Identity) -> Http2 {
        Http2::new(self.envoy.listener_address(listener), &self.authority, identity)
    }

    /// An id that no other request has.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("00000000-0000-4000-8000-{number:012}")
    }

    /// What a listener has logged of a request.
    pub(crate) fn line_of(&self, listener: &str, id: &str) -> LogLine {
        AccessLog::of(listener, self.folder.path()).line_of(id)
    }
}
