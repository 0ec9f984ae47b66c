//! Why a host call did not do what the guest wanted.

use std::borrow::Cow;

use crate::abi::Status;
use crate::limits::LimitReached;

/// What a host call returns when it does not return OK.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The guest gets this status; people get the reason.
    Status(Status, Cow<'static, str>),
    /// The guest is ended.
    Abort(wasmtime::Error),
}

impl Refusal {
    pub(crate) fn new(status: Status, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Status(status, reason.into())
    }

    pub(crate) fn bad_argument(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::BadArgument, reason)
    }

    pub(crate) fn not_found(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::NotFound, reason)
    }
}

impl From<LimitReached> for Refusal {
    fn from(limit: LimitReached) -> Self {
        Self::Abort(limit.into())
    }
}
