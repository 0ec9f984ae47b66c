//! Contexts and the course of a stream. What a guest asks for here happens after its callback has returned.

use super::frame::{Answer, Frame};
use crate::abi::Status;
use crate::callout::Incoming;
use crate::header_map::HeaderMap;
use crate::local_reply::LocalReply;
use crate::pairs;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::stream_state::Protocol;
use crate::vm_state::Retirement;

/// The last gRPC status; anything above, and the -1 of the SDKs, means none.
const MAX_GRPC_STATUS: u32 = 16;

pub(super) fn set_effective_context(frame: &mut Frame<'_>, id: u32) -> Answer {
    let state = frame.state();
    state.trace.number(id);
    if !state.knows(id) {
        return Err(Refusal::bad_argument(format!("there is no context {id}")));
    }
    state.effective = id;
    Ok(())
}

/// Only a root whose `on_done` returned false waits for this.
pub(super) fn done(frame: &mut Frame<'_>) -> Answer {
    let state = frame.state();
    let id = state.context();
    match state
        .roots
        .iter_mut()
        .find(|root| root.id == id && root.retirement == Retirement::AwaitsDone)
    {
        Some(root) => {
            root.retirement = Retirement::Done;
            Ok(())
        }
        None => Err(Refusal::not_found(
            "only a root context whose on_done returned false has anything to be done with",
        )),
    }
}

pub(super) fn continue_stream(frame: &mut Frame<'_>, kind: u32) -> Answer {
    let state = frame.state();
    state.trace.number(kind);
    let kind = StreamKind::from_abi(kind)?;
    if kind == StreamKind::Upstream {
        return Err(Refusal::new(
            Status::Unimplemented,
            "Envoy cannot continue what comes from the upstream of a connection",
        ));
    }
    // On a root there is nothing to continue, and Envoy does not mind.
    match state.stream_mut() {
        Some(stream) if kind.is_of(stream.protocol) => {
            if kind == StreamKind::Response {
                stream.wishes.continue_response = true;
            } else {
                stream.wishes.continue_request = true;
            }
            let has_none = kind == StreamKind::Response && !stream.response.arrived;
            stream.forget_request();
            if has_none {
                let remark = "there is no response to continue: Envoy ends altogether here (measured in 1.40)";
                state.trace.end(Status::Ok, remark.into());
            }
        }
        Some(_) => state
            .trace
            .end(Status::Ok, "ignored: the stream is of another kind".into()),
        None => state.trace.end(Status::Ok, NO_STREAM.into()),
    }
    Ok(())
}

pub(super) fn close_stream(frame: &mut Frame<'_>, kind: u32) -> Answer {
    let state = frame.state();
    state.trace.number(kind);
    let kind = StreamKind::from_abi(kind)?;
    match state.stream_mut() {
        Some(stream) if kind.is_of(stream.protocol) => stream.wishes.close = true,
        Some(_) => state
            .trace
            .end(Status::Ok, "ignored: the stream is of another kind".into()),
        None => state.trace.end(Status::Ok, NO_STREAM.into()),
    }
    Ok(())
}

const NO_STREAM: &str = "ignored: a root context has no stream, proxy_set_effective_context chooses one";

/// What a guest can continue or close.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamKind {
    Request,
    Response,
    Downstream,
    Upstream,
}

impl StreamKind {
    fn from_abi(kind: u32) -> Result<Self, Refusal> {
        Ok(match kind {
            0 => Self::Request,
            1 => Self::Response,
            2 => Self::Downstream,
            3 => Self::Upstream,
            _ => return Err(unknown_stream(kind)),
        })
    }

    fn is_of(self, protocol: Protocol) -> bool {
        let of = match self {
            Self::Request | Self::Response => Protocol::Http,
            Self::Downstream | Self::Upstream => Protocol::Tcp,
        };
        of == protocol
    }
}

fn unknown_stream(kind: u32) -> Refusal {
    Refusal::bad_argument(format!("there is no kind of stream {kind}: they go from 0 to 3"))
}

/// The status of the callout that is being answered: 0 without a message outside of its callback, and when it went well.
pub(super) fn get_status(frame: &mut Frame<'_>, code: u32, message: u32, len: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let (status, text) = match &state.incoming {
        Some(Incoming::Reset) => (Status::BrokenConnection as u32, "reset".to_owned()),
        Some(Incoming::GrpcClose(status, text)) => (*status, text.clone()),
        _ => (0, String::new()),
    };
    memory.write_u32(code, status)?;
    frame.give(text.as_bytes(), message, len)
}

#[allow(clippy::too_many_arguments)] // the ABI's
pub(super) fn send_local_response(
    frame: &mut Frame<'_>,
    status: u32,
    details: u32,
    details_len: u32,
    body: u32,
    body_len: u32,
    headers: u32,
    headers_len: u32,
    grpc_status: u32,
) -> Answer {
    let (memory, state) = frame.split()?;
    let details = memory.slice(details, details_len)?;
    let body = memory.slice(body, body_len)?;
    let headers = memory.slice(headers, headers_len)?;
    state
        .trace
        .number(status)
        .text(details)
        .text(body)
        .number(grpc_status.cast_signed());
    state.budget.take_bytes(details.len() + body.len() + headers.len())?;
    let profile = state.process.settings.profile;
    let (processing, elsewhere) = (profile.takes_reply_in(state.phase), state.phase.can_reply());
    // The guest gets OK in every case, as in Envoy; the trace tells people what became of it.
    let mut remark = "";
    match state.stream_mut() {
        Some(stream) if processing && (stream.wishes.reply.is_none() || profile.takes_last_reply()) => {
            stream.wishes.reply = Some(LocalReply {
                status,
                details: words(profile, details),
                body: body.to_vec(),
                headers: reply_headers(profile, headers),
                grpc_status: (grpc_status <= MAX_GRPC_STATUS).then_some(grpc_status),
            });
        }
        Some(_) if processing => remark = "ignored: this callback has replied already",
        _ if elsewhere => remark = "ignored: service extensions take no reply from this callback",
        _ => remark = "ignored: no request or response is being processed here",
    }
    state.trace.end(Status::Ok, remark.into());
    Ok(())
}

fn reply_headers(profile: Profile, block: &[u8]) -> HeaderMap {
    let pairs = pairs::decode(block).unwrap_or_default();
    if !profile.joins_headers() {
        return pairs.into_iter().collect();
    }
    // Here the last value of a name counts: only what is added later is joined.
    let mut headers = HeaderMap::joining();
    for (name, value) in pairs {
        headers.set(name, value);
    }
    headers
}

/// Envoy's access log is told apart by spaces.
fn words(profile: Profile, details: &[u8]) -> String {
    let details = String::from_utf8_lossy(details);
    if profile.joins_details() {
        details.replace(|c: char| c.is_ascii_whitespace(), "_")
    } else {
        details.into_owned()
    }
}
