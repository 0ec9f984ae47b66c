//! Time: a virtual clock, and the period of ticks.

use super::frame::{Answer, Frame};
use crate::refusal::Refusal;

pub(super) fn get_current_time(frame: &mut Frame<'_>, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    memory.write_u64(out, state.clock)
}

/// Belongs to the root, whoever calls.
pub(super) fn set_tick_period(frame: &mut Frame<'_>, period: u32) -> Answer {
    let state = frame.state();
    state.trace.number(period);
    let (clock, ticks) = (state.clock, state.process.settings.profile.ticks());
    let root = state
        .root_mut()
        .ok_or_else(|| Refusal::bad_argument("there is no root context here"))?;
    root.tick_period = period;
    if ticks {
        root.await_tick(clock);
    }
    Ok(())
}
