//! Callouts: HTTP and gRPC calls that a filter makes. They belong to the root, whoever makes them.

use std::sync::Arc;
use std::time::Duration;

use super::frame::{Answer as CallAnswer, Frame};
use crate::abi::Status;
use crate::callout::{Answer, Callout, CalloutId, CalloutKind, Missing, UpstreamReply};
use crate::header_map::HeaderMap;
use crate::pairs;
use crate::refusal::Refusal;
use crate::vm_state::VmState;

/// An address and a length in the guest's memory.
type Bytes = (u32, u32);

pub(super) fn http_call(
    frame: &mut Frame<'_>,
    upstream: Bytes,
    headers: Bytes,
    body: Bytes,
    trailers: Bytes,
    timeout: u32,
    out: u32,
) -> CallAnswer {
    let (mut memory, state) = frame.split()?;
    let upstream = memory.slice(upstream.0, upstream.1)?;
    let headers = memory.slice(headers.0, headers.1)?;
    let body = memory.slice(body.0, body.1)?;
    let trailers = memory.slice(trailers.0, trailers.1)?;
    // Where the id goes is looked at before anything is sent.
    memory.check(out, 4)?;
    let timeout = timeout.cast_signed();
    state.trace.text(upstream).text(body).number(timeout);
    state
        .budget
        .take_bytes(upstream.len() + headers.len() + body.len() + trailers.len())?;
    let timeout = u64::try_from(timeout).map_err(|_| Refusal::bad_argument("the timeout is negative"))?;
    let upstream = known_upstream(state, upstream, Status::BadArgument)?;
    let unreadable = pairs::decode(headers).err();
    let mut headers = decode(headers);
    for name in [":method", ":path", ":authority"] {
        if headers.get(name).is_none() {
            let why = unreadable.map_or("a callout needs :method, :path and :authority".to_owned(), |why| {
                format!("the block that they are in cannot be read, because {why}")
            });
            return Err(Refusal::bad_argument(format!("the headers have no `{name}`: {why}")));
        }
    }
    if !body.is_empty() {
        headers.set("content-length", body.len().to_string());
    }
    let token = begin(
        state,
        Callout {
            id: CalloutId::new(state.worker, state.callouts.next_token(CalloutKind::Http)),
            kind: CalloutKind::Http,
            upstream,
            headers: Arc::new(headers),
            body: body.into(),
            trailers: Arc::new(decode(trailers)),
            messages: Vec::new(),
            closed: false,
            timeout: (timeout > 0).then(|| Duration::from_millis(timeout)),
            made_at: state.clock,
        },
    )?;
    memory.write_u32(out, token)
}

pub(super) fn grpc_call(
    frame: &mut Frame<'_>,
    upstream: Bytes,
    (service, method): (Bytes, Bytes),
    metadata: Bytes,
    message: Bytes,
    timeout: u32,
    out: u32,
) -> CallAnswer {
    let timeout = Duration::from_millis(timeout.into());
    let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    let target = (upstream, service, method);
    grpc(frame, CalloutKind::GrpcCall, target, metadata, message, timeout, out)
}

pub(super) fn grpc_stream(
    frame: &mut Frame<'_>,
    upstream: Bytes,
    (service, method): (Bytes, Bytes),
    metadata: Bytes,
    out: u32,
) -> CallAnswer {
    let target = (upstream, service, method);
    grpc(frame, CalloutKind::GrpcStream, target, metadata, (0, 0), None, out)
}

fn grpc(
    frame: &mut Frame<'_>,
    kind: CalloutKind,
    (upstream, service, method): (Bytes, Bytes, Bytes),
    metadata: Bytes,
    message: Bytes,
    timeout: Option<Duration>,
    out: u32,
) -> CallAnswer {
    let (mut memory, state) = frame.split()?;
    let upstream = memory.slice(upstream.0, upstream.1)?;
    let (service, method) = (memory.slice(service.0, service.1)?, memory.slice(method.0, method.1)?);
    let metadata = memory.slice(metadata.0, metadata.1)?;
    let message = memory.slice(message.0, message.1)?;
    memory.check(out, 4)?;
    state.trace.text(upstream).text(service).text(method).text(message);
    state
        .budget
        .take_bytes(upstream.len() + service.len() + method.len() + metadata.len() + message.len())?;
    let upstream = known_upstream(state, upstream, Status::ParseFailure)?;
    let mut headers = decode(metadata);
    headers.set(":method", "POST");
    headers.set(":path", [b"/", service, b"/", method].concat());
    let token = begin(
        state,
        Callout {
            id: CalloutId::new(state.worker, state.callouts.next_token(kind)),
            kind,
            upstream,
            headers: Arc::new(headers),
            body: message.into(),
            trailers: Arc::default(),
            messages: Vec::new(),
            closed: false,
            timeout,
            made_at: state.clock,
        },
    )?;
    memory.write_u32(out, token)
}

pub(super) fn grpc_send(frame: &mut Frame<'_>, token: u32, message: u32, len: u32, end: u32) -> CallAnswer {
    let (memory, state) = frame.split()?;
    let message = memory.slice(message, len)?;
    state.trace.number(token).text(message);
    state.budget.take_bytes(message.len())?;
    let sent = state.callouts.send(token, message, end != 0);
    sent.map_err(|missing| refusal(&missing, token, "a gRPC stream"))
}

pub(super) fn grpc_cancel(frame: &mut Frame<'_>, token: u32) -> CallAnswer {
    let state = frame.state();
    state.trace.number(token);
    let cancelled = state.callouts.cancel(token);
    cancelled.map_err(|missing| refusal(&missing, token, "a gRPC call or stream"))
}

pub(super) fn grpc_close(frame: &mut Frame<'_>, token: u32) -> CallAnswer {
    let state = frame.state();
    state.trace.number(token);
    // A call has only one message to send: closing it is cancelling it.
    let closed = if token % 4 == 1 {
        state.callouts.cancel(token)
    } else {
        state.callouts.half_close(token)
    };
    closed.map_err(|missing| refusal(&missing, token, "a gRPC call or stream"))
}

fn refusal(missing: &Missing, token: u32, wanted: &str) -> Refusal {
    match missing {
        Missing::Unknown => Refusal::not_found(format!("there is no callout {token} under way")),
        Missing::WrongKind => Refusal::bad_argument(format!("callout {token} is not {wanted}")),
    }
}

fn known_upstream(state: &VmState, name: &[u8], status: Status) -> Result<String, Refusal> {
    let text = String::from_utf8_lossy(name).into_owned();
    let upstreams = &state.process.upstreams;
    if upstreams.knows(&text) {
        return Ok(text);
    }
    let known = match upstreams.names() {
        names if names.is_empty() => "the test gave this host none (HostBuilder::upstream)".to_owned(),
        names => format!("there are {names}"),
    };
    Err(Refusal::new(status, format!("there is no upstream `{text}`: {known}")))
}

/// Envoy's decoder makes nothing of what it cannot read.
fn decode(block: &[u8]) -> HeaderMap {
    pairs::decode(block).unwrap_or_default().into_iter().collect()
}

/// Makes the call, and returns its id.
fn begin(state: &mut VmState, callout: Callout) -> Result<u32, Refusal> {
    if state.callouts.under_way() >= state.process.settings.limits.callouts {
        return Err(Refusal::new(
            Status::InternalFailure,
            "the limit on callouts at a time is reached (Limits::callouts)",
        ));
    }
    let Some(root) = state.root().map(|root| root.id) else {
        return Err(Refusal::bad_argument("there is no root context to call out for"));
    };
    let token = callout.id.token();
    let reply = state.process.upstreams.answer(&callout);
    if let Some(UpstreamReply {
        answer: Answer::Unreachable,
        ..
    }) = reply
    {
        let reason = match callout.kind {
            CalloutKind::Http => "the upstream has no host that can be called",
            _ => "the upstream has no host that can be called: Envoy ends altogether here (measured in 1.40)",
        };
        state.callouts.fail(callout);
        return Err(Refusal::new(Status::InternalFailure, reason));
    }
    state.callouts.begin(root, callout, reply);
    Ok(token)
}
