//! What a process asks of its system: the time, random numbers, a rest, an end.

use super::super::frame::Frame;
use super::call::{Answer, Failure, refuse};
use crate::abi::Status;
use crate::trap::Exited;
use crate::wasi_errno::Errno;

/// As in Envoy: more random bytes than this at once are refused.
const MAX_RANDOM: u32 = 64 << 10;

/// The wall clock and the one that only goes forward are the same here: both move when the test moves them.
pub(super) fn clock_time(frame: &mut Frame<'_>, clock: u32, out: u32) -> Answer {
    let now = frame.state().clock;
    write_clock(frame, clock, out, now)
}

pub(super) fn clock_resolution(frame: &mut Frame<'_>, clock: u32, out: u32) -> Answer {
    write_clock(frame, clock, out, 1)
}

fn write_clock(frame: &mut Frame<'_>, clock: u32, out: u32, value: u64) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.number(clock);
    match clock {
        0 | 1 => Ok(memory.write_u64(out, value)?),
        _ => refuse(Errno::Notsup, "there are the clocks 0, real time, and 1, monotonic"),
    }
}

pub(super) fn random(frame: &mut Frame<'_>, out: u32, len: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.number(len);
    if len > MAX_RANDOM {
        return refuse(Errno::Inval, "at most 64 KiB of random bytes are given at once");
    }
    if len > 0 {
        let bytes = memory.slice_mut(out, len)?;
        state.budget.take_bytes(bytes.len())?;
        state.random.fill(bytes);
    }
    Ok(())
}

/// Answers at once that nothing happened, whatever was waited for.
pub(super) fn poll(frame: &mut Frame<'_>, out_count: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    memory.write_u32(out_count, 0)?;
    // A runtime that sleeps in a loop until the time has come shows up here when its fuel is gone.
    state
        .trace
        .end(Status::Ok, "nothing is waited for, and the clock stands".into());
    Ok(())
}

/// Ends the guest. In Envoy the call returns, and the guest runs into the `unreachable` that compilers put behind it: it
/// dies there as well, without a reason.
pub(super) fn exit(frame: &mut Frame<'_>, code: u32) -> Answer {
    frame.state().trace.number(code);
    Err(Failure::Abort(Exited(code).into()))
}
