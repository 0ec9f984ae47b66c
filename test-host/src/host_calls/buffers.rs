//! Buffers: bodies and configurations.

use super::frame::{Answer, Frame};
use crate::abi::{Status, buffer_name};
use crate::callout::Incoming;
use crate::direction::Direction;
use crate::phase::Phase;
use crate::profile::Profile;
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
    let profile = state.process.settings.profile;
    let absent = absent_body(profile);
    let body = match (buffer, state.stream_mut()) {
        (0, Some(stream)) if stream.protocol == Protocol::Http => writable(&mut stream.request).ok_or(absent),
        (1, Some(stream)) if stream.protocol == Protocol::Http => writable(&mut stream.response).ok_or(absent),
        (2, Some(stream)) if stream.protocol == Protocol::Tcp => writable(&mut stream.request).ok_or(absent),
        (3, Some(stream)) if stream.protocol == Protocol::Tcp => writable(&mut stream.response).ok_or(absent),
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
    } else if profile.writes_into_the_middle() {
        body.splice(start..start.saturating_add(size).min(body.len()), data.iter().copied());
    } else {
        return Err(Refusal::bad_argument("Envoy cannot write into the middle of a body"));
    }
    Ok(())
}

fn writable(direction: &mut Direction) -> Option<&mut Vec<u8>> {
    direction.body_open.then_some(&mut direction.body)
}

/// What a filter is told that asks for a body outside of its callback.
fn absent_body(profile: Profile) -> Refusal {
    let status = if profile.reads_absent_as_empty() {
        Status::BadArgument
    } else {
        Status::NotFound
    };
    Refusal::new(status, "the body is not there now: it can be used in its own callback")
}

fn readable(state: &VmState, buffer: u32) -> Result<&[u8], Refusal> {
    let profile = state.process.settings.profile;
    let body = |protocol: Protocol, direction: fn(&StreamState) -> &Direction| {
        let stream = state.stream().filter(|stream| stream.protocol == protocol);
        let direction = stream.map(direction).filter(|direction| direction.body_open);
        match direction {
            Some(direction) => Ok(&direction.body[..]),
            None if profile.reads_absent_as_empty() => Ok(&[][..]),
            None => Err(absent_body(profile)),
        }
    };
    match buffer {
        0 => body(Protocol::Http, |stream| &stream.request),
        1 => body(Protocol::Http, |stream| &stream.response),
        2 => body(Protocol::Tcp, |stream| &stream.request),
        3 => body(Protocol::Tcp, |stream| &stream.response),
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
        6 if profile.keeps_configuration() => {
            Err(Refusal::not_found("service extensions have no configuration of a VM"))
        }
        6 => Ok(&state.process.settings.vm_configuration),
        7 if state.phase == Phase::Configure || profile.keeps_configuration() => state
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
