//! Standard output and error: lines of the log.

use super::super::frame::Frame;
use super::NO_FILES;
use super::call::{Answer, refuse};
use crate::abi::LogLevel;
use crate::ledger::{LogLine, LogSource};
use crate::wasi_errno::Errno;

/// The size of an iovec: a pointer and a length.
const IOVEC: u32 = 8;

/// All that is written at once is one line of the log, whatever line breaks it has.
pub(super) fn write(frame: &mut Frame<'_>, fd: u32, iovecs: u32, count: u32, out_written: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.number(fd);
    let (level, source) = match fd {
        1 => (LogLevel::Info, LogSource::Stdout),
        2 => (LogLevel::Error, LogSource::Stderr),
        _ => return refuse(Errno::Badf, NO_FILES),
    };
    let mut text = Vec::new();
    for index in 0..count {
        // A sum that overflows is no address: the last one is none either, for four bytes.
        let iovec = index.saturating_mul(IOVEC).saturating_add(iovecs);
        let (start, len) = (memory.read_u32(iovec)?, memory.read_u32(iovec.saturating_add(4))?);
        // The iovec itself crosses too: a long list of empty ones is work for the host.
        state.budget.take_bytes(IOVEC as usize)?;
        // An empty one may point anywhere.
        if len > 0 {
            let piece = memory.slice(start, len)?;
            state.budget.take_bytes(piece.len())?;
            text.extend_from_slice(piece);
        }
    }
    state.trace.text(&text);
    // No more than the guest's memory has bytes, unless its iovecs overlap; `take_bytes` ends that long before.
    let written = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if !text.is_empty() && level >= state.process.settings.log_level {
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        let message = String::from_utf8_lossy(line).into_owned();
        let (phase, sequence) = (state.phase, state.trace.sequence());
        state.log(LogLine {
            sequence,
            level,
            phase,
            source,
            message,
        });
    }
    // Only now, as in Envoy: a bad pointer loses the answer, not the line.
    Ok(memory.write_u32(out_written, written)?)
}
