//! Logging.

use super::frame::{Answer, Frame};
use crate::abi::LogLevel;
use crate::ledger::{LogLine, LogSource};
use crate::refusal::Refusal;

pub(super) fn log(frame: &mut Frame<'_>, level: u32, text: u32, len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let text = memory.slice(text, len)?;
    state.trace.number(level).text(text);
    let Some(level) = LogLevel::from_abi(level) else {
        return Err(Refusal::bad_argument(format!(
            "there is no log level {level}: they go from 0 to 5"
        )));
    };
    if level < state.process.settings.log_level {
        return Ok(());
    }
    state.budget.take_bytes(text.len())?;
    let message = String::from_utf8_lossy(text).into_owned();
    let (phase, sequence) = (state.phase, state.trace.sequence());
    state.log(LogLine {
        sequence,
        level,
        phase,
        source: LogSource::ProxyLog,
        message,
    });
    Ok(())
}

pub(super) fn get_log_level(frame: &mut Frame<'_>, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    memory.write_u32(out, state.process.settings.log_level as u32)
}
