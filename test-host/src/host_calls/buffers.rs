//! Buffers: bodies and configurations.

use super::frame::{Answer, Frame};
use crate::abi::buffer_name;
use crate::callout::Incoming;
use crate::direction::Direction;
use crate::phase::Phase;
use crate::refusal::Refusal;
use crate::stream_state::{Protocol, StreamState};
use crate::vm_state::VmState;

/// The last number of a buffer in the ABI.
const MAX_BUFFER: u32 = 8;

pub(super) fn get_bytes(frame: &mut Frame<'_>, buffer: u32, start: u32, max: u32, out: u32, out_len: u32) -> Answer {
    let mut scratch = frame.take_scratch();
    let state = frame.state();
    state.trace.buffer(buffer).number(start).number(max);
    let bytes = readable(state, buffer)?;
    // Neither a start nor a length beyond the end is an error.
    let end = bytes.len().min((start as usize).saturating_add(max as usize));
    scratch.extend_from_slice(bytes.get(start as usize..end).unwrap_or_default());
    frame.give_scratch(scratch, out, out_len)
}

pub(super) fn get_status(frame: &mut Frame<'_>, buffer: u32, out_len: u32, out_flags: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.buffer(buffer);
    let len = readable(state, buffer)?.len();
    memory.write_u32(out_len, len as u32)?;
    memory.write_u32(out_flags, 0)
}

/// Envoy's rules: at 0, `size` bytes go and the data comes in their place; at or after the end, it is appended; in
/// between it is refused.
pub(super) fn set_bytes(frame: &mut Frame<'_>, buffer: u32, start: u32, size: u32, data: u32, len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let data = memory.slice(data, len)?;
    state.trace.buffer(buffer).number(start).number(size).text(data);
    state.budget.take_bytes(data.len())?;
    let into_the_middle = state.process.settings.profile.writes_into_the_middle();
    let body = match (buffer, state.stream_mut()) {
        (0, Some(stream)) if stream.protocol == Protocol::Http => writable(&mut stream.request),
        (1, Some(stream)) if stream.protocol == Protocol::Http => writable(&mut stream.response),
        (2, Some(stream)) if stream.protocol == Protocol::Tcp => writable(&mut stream.request),
        (3, Some(stream)) if stream.protocol == Protocol::Tcp => writable(&mut stream.response),
        _ => Err(Refusal::bad_argument(format!(
            "the {} cannot be written",
            buffer_name(buffer)
        ))),
    }?;
    let (start, size) = (start as usize, size as usize);
    if start == 0 {
        body.splice(..size.min(body.len()), data.iter().copied());
    } else if start >= body.len() {
        body.extend_from_slice(data);
    } else if into_the_middle {
        body.splice(start..start.saturating_add(size).min(body.len()), data.iter().copied());
    } else {
        return Err(Refusal::bad_argument("Envoy cannot write into the middle of a body"));
    }
    Ok(())
}

fn writable(direction: &mut Direction) -> Result<&mut Vec<u8>, Refusal> {
    if direction.body_open {
        Ok(&mut direction.body)
    } else {
        Err(Refusal::bad_argument(
            "the body is not there now: it can be written in its own callback",
        ))
    }
}

fn readable(state: &VmState, buffer: u32) -> Result<&[u8], Refusal> {
    // Outside its callback a body reads as empty.
    let body = |protocol: Protocol, direction: fn(&StreamState) -> &Direction| {
        let stream = state.stream().filter(|stream| stream.protocol == protocol);
        let direction = stream.map(direction).filter(|direction| direction.body_open);
        direction.map_or(&[][..], |direction| &direction.body)
    };
    match buffer {
        0 => Ok(body(Protocol::Http, |stream| &stream.request)),
        1 => Ok(body(Protocol::Http, |stream| &stream.response)),
        2 => Ok(body(Protocol::Tcp, |stream| &stream.request)),
        3 => Ok(body(Protocol::Tcp, |stream| &stream.response)),
        4 | 5 | 8 => match (buffer, &state.incoming) {
            (4, Some(Incoming::Response(response))) => Ok(&response.body.bytes),
            (5, Some(Incoming::GrpcMessage(message))) => Ok(message),
            (8, Some(Incoming::ForeignArguments(arguments))) => Ok(arguments),
            _ => Err(Refusal::not_found(format!(
                "there is no {} in {}: it exists in its own callback only",
                buffer_name(buffer),
                state.phase
            ))),
        },
        6 => Ok(&state.process.settings.vm_configuration),
        7 if state.phase == Phase::Configure => state
            .root()
            .map(|root| &*root.configuration)
            .ok_or_else(|| Refusal::not_found("there is no root here")),
        7 => Err(Refusal::not_found(
            "the plugin configuration can be read in on_configure only",
        )),
        _ => Err(Refusal::bad_argument(format!(
            "there is no buffer {buffer}: they go from 0 to {MAX_BUFFER}"
        ))),
    }
}
