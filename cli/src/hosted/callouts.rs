//! The host calls by which a filter calls out, and clusters that nobody has described.

use std::borrow::Cow;

use outgate_test_host::{CallRecord, Status};

/// Did the filter try to call out, in vain?
pub(crate) fn is_refused(call: &CallRecord) -> bool {
    let calls_out = matches!(call.name(), "proxy_http_call" | "proxy_grpc_call" | "proxy_grpc_stream");
    calls_out && call.status() != Status::Ok
}

/// The cluster that the filter tried to call, if it is none of the known ones.
pub(crate) fn unknown_cluster(call: &CallRecord, is_known: impl Fn(&str) -> bool) -> Option<Cow<'_, str>> {
    let named = call.texts().next().filter(|_| is_refused(call))?;
    Some(String::from_utf8_lossy(named)).filter(|name| !is_known(name))
}
