//! A call of WASI in progress: the bookkeeping of a host call, with the error numbers of WASI.

use std::borrow::Cow;

use wasmtime::Caller;

use super::super::frame::{Frame, Restriction};
use crate::abi::Status;
use crate::host_call::CallName;
use crate::limits::LimitReached;
use crate::refusal::Refusal;
use crate::trap::Forbidden;
use crate::vm_state::VmState;
use crate::wasi_errno::Errno;

/// What a function of WASI returns.
pub(super) type Answer = Result<(), Failure>;

/// What a function of WASI returns when it does not succeed.
pub(super) enum Failure {
    /// The guest gets this number; people get the reason.
    Errno(Errno, Cow<'static, str>),
    /// The guest is ended.
    Abort(wasmtime::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // Of what the functions of WASI share with the host calls of the ABI, only the guest's memory refuses.
            Refusal::Status(_, reason) => Self::Errno(Errno::Fault, reason),
            Refusal::Abort(error) => Self::Abort(error),
        }
    }
}

impl From<LimitReached> for Failure {
    fn from(limit: LimitReached) -> Self {
        Self::Abort(limit.into())
    }
}

pub(super) fn refuse(errno: Errno, reason: impl Into<Cow<'static, str>>) -> Answer {
    Err(Failure::Errno(errno, reason.into()))
}

/// Runs a function and returns its error number to the guest, or 0.
pub(super) fn run<'a>(
    mut caller: Caller<'a, VmState>,
    name: &'static str,
    implementation: impl FnOnce(&mut Frame<'a>) -> Answer,
) -> wasmtime::Result<u32> {
    let state = caller.data_mut();
    state.budget.take_call()?;
    state.ledger.calls.add_wasi(name);
    let context = state.context();
    state.trace.begin(context, state.phase, CallName::Wasi(name));
    check_allowed(state, name)?;
    let mut frame = Frame::new(caller);
    match implementation(&mut frame) {
        Ok(()) => Ok(0),
        Err(Failure::Errno(errno, reason)) => {
            frame.state().trace.end(errno, reason);
            Ok(errno as u32)
        }
        Err(Failure::Abort(error)) => {
            let reason = format!("the guest was ended: {error:#}").into();
            frame.state().trace.end(Status::InternalFailure, reason);
            Err(error)
        }
    }
}

/// While it initializes, a guest may call all of WASI: language runtimes do, before the first line of the filter. While it
/// allocates, it may log and read the clock.
fn check_allowed(state: &VmState, name: &str) -> Result<(), Forbidden> {
    match Restriction::on(state) {
        Some(Restriction::Allocating) if !matches!(name, "fd_write" | "clock_time_get") => {
            Err(Restriction::Allocating.forbids(name))
        }
        _ => Ok(()),
    }
}
