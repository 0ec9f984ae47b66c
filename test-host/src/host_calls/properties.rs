//! `get_property` and `set_property`.

use super::attributes;
use super::frame::{Answer, Frame};
use crate::filter_state::ReadOnly;
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

/// Sets filter state: the key is `wasm.` and the path as it is. Where it lives and whether it can be set again is for whoever
/// declared it to say; otherwise it is the stream's.
pub(super) fn set(frame: &mut Frame<'_>, path: u32, path_len: u32, value: u32, value_len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let (path, value) = (memory.slice(path, path_len)?, memory.slice(value, value_len)?);
    state.trace.text(path).text(value);
    state.budget.take_bytes(path.len() + value.len())?;
    let key = [b"wasm.", path].concat();
    let declaration = state
        .root()
        .and_then(|root| root.declarations.iter().find(|declaration| declaration.key == key))
        .cloned();
    let Some(stream) = state.stream_mut() else {
        return Err(Refusal::not_found("there is no stream here to keep filter state on"));
    };
    stream
        .filter_state
        .set(&key, value, declaration.as_ref())
        .map_err(|ReadOnly| Refusal::bad_argument("it is set already, and was declared to be set only once"))
}
