//! Shared data.

use std::sync::PoisonError;

use super::frame::{Answer, Frame};
use crate::abi::Status;
use crate::refusal::Refusal;
use crate::shared_data::CasMismatch;

pub(super) fn get(frame: &mut Frame<'_>, key: u32, key_len: u32, out: u32, out_len: u32, out_cas: u32) -> Answer {
    let mut scratch = frame.take_scratch();
    let (mut memory, state) = frame.split()?;
    let key = memory.slice(key, key_len)?;
    state.trace.text(key);
    let data = state.process.shared_data.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((value, cas)) = data.get(key) else {
        return Err(Refusal::not_found("no value was set for this key"));
    };
    scratch.extend_from_slice(value);
    drop(data);
    memory.write_u32(out_cas, cas)?;
    frame.give_scratch(scratch, out, out_len)
}

pub(super) fn set(frame: &mut Frame<'_>, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let (key, value) = (memory.slice(key, key_len)?, memory.slice(value, value_len)?);
    state.trace.text(key).text(value).number(cas);
    state.budget.take_bytes(key.len() + value.len())?;
    let mut data = state.process.shared_data.lock().unwrap_or_else(PoisonError::into_inner);
    if data.bytes() + key.len() + value.len() > state.process.settings.limits.shared_bytes {
        return Err(Refusal::new(
            Status::InternalFailure,
            "the limit on shared data is reached (Limits::shared_bytes)",
        ));
    }
    data.set(key, value, cas)
        .map_err(|CasMismatch| Refusal::new(Status::CasMismatch, "the value was changed since it was read"))
}
