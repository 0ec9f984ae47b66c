//! Files, directories and sockets, of which there are none: standard output and error can be asked about, and all else is
//! refused.

use std::borrow::Cow;

use super::super::frame::Frame;
use super::call::{self, Answer};
use super::{NO_FILES, NO_SOCKETS};
use crate::abi::Status;
use crate::refusal::Refusal;
use crate::wasi_errno::Errno;

/// The right to write, in the first set of rights of a descriptor's status.
const RIGHT_TO_WRITE: u64 = 1 << 6;

/// Does nothing, for any descriptor, and calls that a success, as Envoy does.
pub(super) fn accept(frame: &mut Frame<'_>, fd: u32) -> Answer {
    frame.state().trace.number(fd);
    Ok(())
}

/// Does nothing, and calls that a success for standard output and error.
pub(super) fn standard_only(frame: &mut Frame<'_>, fd: u32) -> Answer {
    frame.state().trace.number(fd);
    check_standard(fd)
}

fn check_standard(fd: u32) -> Answer {
    match fd {
        1 | 2 => Ok(()),
        _ => call::refuse(Errno::Badf, NO_FILES),
    }
}

pub(super) fn refuse(frame: &mut Frame<'_>, fd: u32, errno: Errno, reason: impl Into<Cow<'static, str>>) -> Answer {
    frame.state().trace.number(fd);
    call::refuse(errno, reason)
}

/// 24 bytes: kind and flags, both unknown here, then two sets of rights.
pub(super) fn status(frame: &mut Frame<'_>, fd: u32, out: u32) -> Answer {
    standard_only(frame, fd)?;
    let mut status = [0; 24];
    status[8..16].copy_from_slice(&RIGHT_TO_WRITE.to_le_bytes());
    let (mut memory, state) = frame.split()?;
    if let Err(Refusal::Status(_, reason)) = memory.write(out, &status) {
        // Envoy does not notice, and answers that all is well.
        state.trace.end(Status::Ok, reason);
    }
    Ok(())
}

pub(super) fn tell(frame: &mut Frame<'_>, fd: u32, out_position: u32) -> Answer {
    standard_only(frame, fd)?;
    let (mut memory, _) = frame.split()?;
    Ok(memory.write_u64(out_position, 0)?)
}

pub(super) fn renumber(frame: &mut Frame<'_>, fd: u32, to: u32) -> Answer {
    frame.state().trace.number(fd).number(to);
    check_standard(fd)?;
    check_standard(to)?;
    call::refuse(Errno::Notsup, "standard output and error stay what they are")
}

/// Envoy's number for this is the one of EEXIST: it seems to mean the one of ENOTDIR on Linux.
pub(super) fn no_directory(frame: &mut Frame<'_>, fd: u32, out_used: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.number(fd);
    memory.write_u32(out_used, 0)?;
    call::refuse(Errno::Exist, NO_FILES)
}

/// Refuses what is asked about a path. Envoy does not look at the path, so one that is no text is refused alike.
pub(super) fn refuse_path(frame: &mut Frame<'_>, path: u32, len: u32, errno: Errno) -> Answer {
    let (memory, state) = frame.split()?;
    if let Ok(path) = memory.slice(path, len) {
        state.trace.text(path);
    }
    call::refuse(errno, NO_FILES)
}

pub(super) fn no_link(frame: &mut Frame<'_>, path: u32, len: u32, out_used: u32) -> Answer {
    let (mut memory, _) = frame.split()?;
    memory.write_u32(out_used, 0)?;
    refuse_path(frame, path, len, Errno::Notsup)
}

/// Refuses after writing that nothing was moved, and with which flags: there Envoy checks the pointers.
pub(super) fn no_socket(frame: &mut Frame<'_>, out: u32, out_flags: Option<u32>) -> Answer {
    let (mut memory, _) = frame.split()?;
    memory.write_u32(out, 0)?;
    if let Some(flags) = out_flags {
        memory.write(flags, &0_u16.to_le_bytes())?;
    }
    call::refuse(Errno::Notsup, NO_SOCKETS)
}
