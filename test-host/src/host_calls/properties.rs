//! `get_property` and `set_property`.

use super::attributes;
use super::frame::{Answer, Frame};
use crate::refusal::Refusal;

pub(super) fn get(frame: &mut Frame<'_>, path: u32, path_len: u32, out: u32, out_len: u32) -> Answer {
    let mut scratch = frame.take_scratch();
    let (memory, state) = frame.split()?;
    let path = memory.slice(path, path_len)?;
    state.trace.text(path);
    let found = attributes::read(state, path, &mut scratch);
    if found.is_err() {
        state.scratch = scratch;
        return found;
    }
    frame.give_scratch(scratch, out, out_len)
}

/// Sets filter state: the key is `wasm.` and the path as it is.
pub(super) fn set(frame: &mut Frame<'_>, path: u32, path_len: u32, value: u32, value_len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let (path, value) = (memory.slice(path, path_len)?, memory.slice(value, value_len)?);
    state.trace.text(path).text(value);
    state.budget.take_bytes(path.len() + value.len())?;
    let Some(stream) = state.stream_mut() else {
        return Err(Refusal::not_found("there is no stream here to keep filter state on"));
    };
    stream.set_filter_state(&[b"wasm.", path].concat(), value);
    Ok(())
}
