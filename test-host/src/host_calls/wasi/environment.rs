//! What a process is given: environment variables, and no arguments.

use super::super::frame::Frame;
use super::call::Answer;
use crate::vm_state::VmState;

pub(super) fn sizes(frame: &mut Frame<'_>, out_count: u32, out_size: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let environment = &state.process.settings.environment;
    // `=` and the NUL at the end.
    let size: usize = environment
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    memory.write_u32(out_count, as_u32(environment.len()))?;
    Ok(memory.write_u32(out_size, as_u32(size))?)
}

pub(super) fn get(frame: &mut Frame<'_>, out_pointers: u32, out_text: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let VmState { process, budget, .. } = state;
    let (mut pointer, mut text) = (out_pointers, out_text);
    for (name, value) in &process.settings.environment {
        let entry = [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat();
        budget.take_bytes(entry.len())?;
        memory.write_u32(pointer, text)?;
        memory.write(text, &entry)?;
        // Nothing fits at the last address, so a sum that overflows is refused above.
        pointer = pointer.saturating_add(4);
        text = text.saturating_add(as_u32(entry.len()));
    }
    Ok(())
}

pub(super) fn no_arguments(frame: &mut Frame<'_>, out_count: u32, out_size: u32) -> Answer {
    let (mut memory, _) = frame.split()?;
    memory.write_u32(out_count, 0)?;
    Ok(memory.write_u32(out_size, 0)?)
}

fn as_u32(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
