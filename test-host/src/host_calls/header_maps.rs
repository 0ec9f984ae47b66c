//! Header maps. Which one is there at which moment is the stream's to say.

use super::frame::{Answer, Frame, GuestMemory};
use crate::abi::{AbiVersion, MapKind, Status};
use crate::callout::Incoming;
use crate::header_map::HeaderMap;
use crate::pairs;
use crate::refusal::Refusal;
use crate::vm_state::VmState;

pub(super) fn get_size(frame: &mut Frame<'_>, map: u32, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.map(map);
    let size = readable(state, map)?.told_size();
    memory.write_u32(out, size as u32)
}

/// Unlike the single-value calls, this one does not refuse: a map that is not there is empty.
pub(super) fn get_pairs(frame: &mut Frame<'_>, map: u32, out: u32, out_len: u32) -> Answer {
    let mut scratch = frame.take_scratch();
    let state = frame.state();
    state.trace.map(map);
    let is_empty_then = state.process.settings.profile.reads_absent_as_empty() && MapKind::from_abi(map).is_some();
    match readable(state, map) {
        Ok(headers) => headers.encode(&mut scratch),
        Err(Refusal::Status(_, reason)) if is_empty_then => {
            state.trace.end(Status::Ok, format!("nothing, because {reason}").into());
        }
        Err(refusal) => return Err(refusal),
    }
    frame.give_scratch(scratch, out, out_len)
}

pub(super) fn set_pairs(frame: &mut Frame<'_>, map: u32, block: u32, len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let block = memory.slice(block, len)?;
    state.trace.map(map);
    state.budget.take_bytes(block.len())?;
    let headers = writable(state, map)?;
    let (pairs, remark) = match pairs::decode(block) {
        Ok(pairs) => (pairs, None),
        // As Envoy's decoder does.
        Err(why) => (Vec::new(), Some(why)),
    };
    headers.replace_all(pairs);
    if let Some(why) = remark {
        state
            .trace
            .end(Status::Ok, format!("the map is empty now, because {why}").into());
    }
    Ok(())
}

pub(super) fn get_value(frame: &mut Frame<'_>, map: u32, key: u32, key_len: u32, out: u32, out_len: u32) -> Answer {
    let mut scratch = frame.take_scratch();
    let (memory, state) = frame.split()?;
    let key = memory.slice(key, key_len)?;
    state.trace.map(map).text(key);
    // With duplicates, Envoy gives the first line.
    match readable(state, map)?.get(key) {
        Some(value) => scratch.extend_from_slice(value),
        // In 0.1.0 a header that is not there reads as empty.
        None if state.abi == AbiVersion::V0_1_0 => {}
        None => {
            state.scratch = scratch;
            return Err(Refusal::not_found("there is no such header"));
        }
    }
    frame.give_scratch(scratch, out, out_len)
}

pub(super) fn add_value(frame: &mut Frame<'_>, map: u32, key: u32, key_len: u32, value: u32, value_len: u32) -> Answer {
    write(frame, map, (key, key_len), (value, value_len), |map, key, value| {
        map.add(key, value);
    })
}

pub(super) fn replace_value(
    frame: &mut Frame<'_>,
    map: u32,
    key: u32,
    key_len: u32,
    value: u32,
    value_len: u32,
) -> Answer {
    write(frame, map, (key, key_len), (value, value_len), |map, key, value| {
        map.set(key, value);
    })
}

fn write(
    frame: &mut Frame<'_>,
    map: u32,
    key: (u32, u32),
    value: (u32, u32),
    change: impl FnOnce(&mut HeaderMap, &[u8], &[u8]),
) -> Answer {
    let (memory, state) = frame.split()?;
    let (key, value) = (memory.slice(key.0, key.1)?, memory.slice(value.0, value.1)?);
    state.trace.map(map).text(key).text(value);
    state.budget.take_bytes(key.len() + value.len())?;
    change(writable(state, map)?, key, value);
    Ok(())
}

pub(super) fn remove_value(frame: &mut Frame<'_>, map: u32, key: u32, key_len: u32) -> Answer {
    let (memory, state): (GuestMemory<'_>, _) = frame.split()?;
    let key = memory.slice(key, key_len)?;
    state.trace.map(map).text(key);
    writable(state, map)?.remove(key);
    Ok(())
}

fn readable(state: &VmState, map: u32) -> Result<&HeaderMap, Refusal> {
    let kind = kind(map)?;
    match (kind, &state.incoming) {
        (MapKind::CalloutHeaders, Some(Incoming::Response(response))) => return Ok(&response.headers),
        (MapKind::CalloutTrailers, Some(Incoming::Response(response))) => return Ok(&response.body.trailers),
        (MapKind::CalloutHeaders | MapKind::CalloutTrailers, Some(Incoming::Reset)) => {
            return Err(Refusal::bad_argument(
                "the callout failed: it has no response, as the 0 headers in its callback said",
            ));
        }
        (MapKind::GrpcInitialMetadata, Some(Incoming::GrpcInitialMetadata(metadata)))
        | (MapKind::GrpcTrailingMetadata, Some(Incoming::GrpcTrailingMetadata(metadata))) => return Ok(metadata),
        _ => {}
    }
    let is_of_stream = matches!(
        kind,
        MapKind::RequestHeaders | MapKind::RequestTrailers | MapKind::ResponseHeaders | MapKind::ResponseTrailers
    );
    match state.stream() {
        Some(stream) => stream.map(kind),
        None if is_of_stream => Err(no_stream(state)),
        None => Err(Refusal::bad_argument(
            "no answer of this kind is being received: its maps exist in its own callback only",
        )),
    }
}

fn writable(state: &mut VmState, map: u32) -> Result<&mut HeaderMap, Refusal> {
    let kind = kind(map)?;
    let without_stream = no_stream(state);
    state.stream_mut().ok_or(without_stream)?.map_mut(kind)
}

fn kind(map: u32) -> Result<MapKind, Refusal> {
    let unknown = || Refusal::bad_argument(format!("there is no header map {map}: they go from 0 to 7"));
    MapKind::from_abi(map).ok_or_else(unknown)
}

fn no_stream(state: &VmState) -> Refusal {
    let status = state.process.settings.profile.status_without_stream();
    let reason = "a root context has no headers: proxy_set_effective_context chooses the stream, in a tick or in the answer to a callout";
    Refusal::new(status, reason)
}
