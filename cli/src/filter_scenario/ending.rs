//! How a stream ended, in words.

use outgate_test_host::{End, Outcome, Response};

use super::expect::EndName;

/// How the stream ended, in one line.
pub(super) fn end_shown(outcome: &Outcome) -> String {
    outcome.to_string().lines().next().unwrap_or_default().to_owned()
}

pub(super) fn end_of(end: End) -> EndName {
    match end {
        End::Replied => EndName::Replied,
        End::Overflowed => EndName::Overflowed,
        End::Paused(_) => EndName::Paused,
        End::Reset => EndName::Reset,
        End::Failed => EndName::Failed,
        _ => EndName::Forwarded,
    }
}

/// What the client got, in short.
pub(crate) fn in_short(outcome: &Outcome) -> String {
    let end = end_of(outcome.end).name();
    match outcome.response.as_ref().map(Response::status) {
        Some(status) => format!("{end} {status}"),
        None => end.to_owned(),
    }
}
