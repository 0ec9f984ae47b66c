//! What is known of a stream when its access log is written.

use crate::header_map::HeaderMap;
use crate::property::Property;

/// A finished stream, as plain data: everything that an operator may print.
#[derive(Clone, Copy)]
pub(crate) struct LogEntry<'a> {
    /// As the upstream would see them: what filters changed is changed here too.
    pub(crate) request_headers: &'a HeaderMap,
    /// `None` when no response began.
    pub(crate) response_headers: Option<&'a HeaderMap>,
    pub(crate) response_trailers: &'a HeaderMap,
    /// By key, with its `wasm.` in front.
    pub(crate) filter_state: &'a [(String, Vec<u8>)],
    /// 0 when no response began.
    pub(crate) status: u32,
    /// The response code details; empty when there are none.
    pub(crate) details: &'a str,
    /// Short names with commas between them; empty when there are none.
    pub(crate) flags: &'a str,
    /// Bytes of the request body.
    pub(crate) bytes_received: u64,
    /// Bytes of the response body.
    pub(crate) bytes_sent: u64,
    /// From the first byte of the request to the end of the stream.
    pub(crate) duration_ns: u64,
    /// From the first byte of the request to its last; `None` when the last one never came.
    pub(crate) request_duration_ns: Option<u64>,
    /// From the first byte of the request to the first one of the upstream's response; `None` when it never responded.
    pub(crate) response_duration_ns: Option<u64>,
    /// Since the epoch.
    pub(crate) start_time_ns: u64,
    /// Such as `HTTP/1.1`; empty when it is not known.
    pub(crate) protocol: &'a str,
    /// The facts of the connection, of the upstream and of the configuration, by the path of their attribute.
    pub(crate) properties: &'a dyn Fn(&[&str]) -> Option<Property>,
}

impl LogEntry<'_> {
    pub(super) fn property(&self, path: &[&str]) -> Option<Property> {
        (self.properties)(path)
    }
}
