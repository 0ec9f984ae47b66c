//! The callouts of a VM that are under way.

use std::collections::VecDeque;

use super::record::{Callout, CalloutId, CalloutKind};
use super::upstream::{Answer, GrpcEvent, UpstreamReply};
use crate::header_map::HeaderMap;
use crate::local_reply::grpc_status_of;
use crate::response::Response;
use crate::stream::VIA_UPSTREAM;

/// How many finished callouts are remembered for the test to look at.
const MOST_RECORDS: usize = 1024;

/// The gRPC status of a call that took too long, and of one whose connection broke.
const DEADLINE_EXCEEDED: u32 = 4;
const UNAVAILABLE: u32 = 14;

/// The callouts of one VM.
#[derive(Debug, Default)]
pub(crate) struct Callouts {
    made: [u32; 3],
    under_way: Vec<UnderWay>,
    finished: VecDeque<Callout>,
    events: u64,
}

#[derive(Debug)]
struct UnderWay {
    root: u32,
    callout: Callout,
    deadline: Option<u64>,
    events: VecDeque<(u64, u64, Event)>,
}

/// Something that will be told to the filter.
#[derive(Debug, Clone)]
enum Event {
    Response(Response),
    Reset,
    Grpc(GrpcEvent),
}

/// Something to tell to the filter now.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) root: u32,
    pub(crate) token: u32,
    pub(crate) incoming: Incoming,
}

/// A message to the filter that is not part of a stream: it can be read in its callback only.
#[derive(Debug)]
pub(crate) enum Incoming {
    Response(Response),
    Reset,
    GrpcInitialMetadata(HeaderMap),
    GrpcMessage(Vec<u8>),
    GrpcTrailingMetadata(HeaderMap),
    GrpcClose(u32, String),
    ForeignArguments(Vec<u8>),
}

/// There is no such callout, or it is of another kind.
pub(crate) enum Missing {
    Unknown,
    WrongKind,
}

impl CalloutKind {
    /// The ids of each kind go up by four from here.
    fn first_id(self) -> u32 {
        4 + self as u32
    }
}

impl Callouts {
    /// The id that the next callout of this kind gets.
    pub(crate) fn next_token(&self, kind: CalloutKind) -> u32 {
        kind.first_id().wrapping_add(self.made[kind as usize].wrapping_mul(4))
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// A call is made; the id is used up even when it fails.
    pub(crate) fn begin(&mut self, root: u32, callout: Callout, reply: Option<UpstreamReply>) {
        self.made[callout.kind as usize] += 1;
        let deadline = callout.timeout.map(|timeout| later(callout.made_at, timeout));
        let made_at = callout.made_at;
        let token = callout.id.token;
        self.under_way.push(UnderWay {
            root,
            callout,
            deadline,
            events: VecDeque::new(),
        });
        if let Some(reply) = reply {
            self.schedule(token, reply, made_at);
        }
    }

    /// A call fails before it is under way.
    pub(crate) fn fail(&mut self, callout: Callout) {
        self.made[callout.kind as usize] += 1;
        self.remember(callout);
    }

    /// Has an answer come in. Returns false when nothing is under way by this id.
    pub(crate) fn schedule(&mut self, token: u32, reply: UpstreamReply, now: u64) -> bool {
        let Some(call) = self.under_way.iter_mut().find(|call| call.callout.id.token == token) else {
            return false;
        };
        let due = later(now, reply.after);
        let is_http = call.callout.kind == CalloutKind::Http;
        let events = match (reply.answer, is_http) {
            (Answer::Silence, _) => Vec::new(),
            (Answer::Response(response), true) => vec![Event::Response(response)],
            (Answer::Reset | Answer::Unreachable | Answer::Grpc(_), true) => vec![Event::Reset],
            (Answer::Grpc(events), false) => events.into_iter().map(Event::Grpc).collect(),
            (Answer::Reset | Answer::Unreachable, false) => {
                vec![Event::Grpc(GrpcEvent::Close(UNAVAILABLE, "reset".to_owned()))]
            }
            (Answer::Response(response), false) => vec![Event::Grpc(close_of(&response))],
        };
        for event in events {
            self.events += 1;
            call.events.push_back((due, self.events, event));
        }
        true
    }

    /// When something comes in next: the time, and a number that orders what comes at the same time.
    pub(crate) fn next_due(&self) -> Option<(u64, u64)> {
        self.under_way.iter().filter_map(UnderWay::due).min()
    }

    /// Takes what comes in next, if it is due by `now`.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Delivery> {
        let next = self.next_due().filter(|(time, _)| *time <= now)?;
        let index = self.under_way.iter().position(|call| call.due() == Some(next))?;
        let call = &mut self.under_way[index];
        let (root, token) = (call.root, call.callout.id.token);
        let is_event = call
            .events
            .front()
            .is_some_and(|(time, order, _)| (*time, *order) == next);
        let event = if is_event { call.events.pop_front() } else { None };
        let incoming = match event {
            Some((.., Event::Response(response))) => Incoming::Response(response),
            Some((.., Event::Reset)) => Incoming::Reset,
            Some((.., Event::Grpc(GrpcEvent::InitialMetadata(map)))) => Incoming::GrpcInitialMetadata(map),
            Some((.., Event::Grpc(GrpcEvent::Message(message)))) => Incoming::GrpcMessage(message),
            Some((.., Event::Grpc(GrpcEvent::TrailingMetadata(map)))) => Incoming::GrpcTrailingMetadata(map),
            Some((.., Event::Grpc(GrpcEvent::Close(status, message)))) => Incoming::GrpcClose(status, message),
            None if call.callout.kind == CalloutKind::Http => Incoming::Response(timed_out()),
            None => Incoming::GrpcClose(DEADLINE_EXCEEDED, "timeout".to_owned()),
        };
        let is_over = match (call.callout.kind, &incoming) {
            (CalloutKind::GrpcStream, incoming) => matches!(incoming, Incoming::GrpcClose(..)),
            _ => true,
        };
        if is_over {
            let call = self.under_way.remove(index);
            self.remember(call.callout);
        }
        Some(Delivery { root, token, incoming })
    }

    /// The callouts that wait for an answer.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Callout> {
        let waiting = self.under_way.iter().filter(|call| call.events.is_empty());
        waiting.map(|call| &call.callout)
    }

    /// All that were made, oldest first, as far as they are remembered.
    pub(crate) fn made(&self) -> Vec<Callout> {
        let under_way = self.under_way.iter().map(|call| &call.callout);
        let mut all: Vec<Callout> = self.finished.iter().chain(under_way).cloned().collect();
        all.sort_by_key(|callout| (callout.made_at, callout.id.token));
        all
    }

    /// A message on a gRPC stream.
    pub(crate) fn send(&mut self, token: u32, message: &[u8], end: bool) -> Result<(), Missing> {
        let call = self.find(token, |kind| kind == CalloutKind::GrpcStream)?;
        call.callout.messages.push(message.to_vec());
        call.callout.closed |= end;
        Ok(())
    }

    /// The filter ends its side of a stream.
    pub(crate) fn half_close(&mut self, token: u32) -> Result<(), Missing> {
        self.find(token, |kind| kind != CalloutKind::Http)?.callout.closed = true;
        Ok(())
    }

    /// The filter wants no answer any more.
    pub(crate) fn cancel(&mut self, token: u32) -> Result<(), Missing> {
        self.find(token, |kind| kind != CalloutKind::Http)?.callout.closed = true;
        if let Some(index) = self.under_way.iter().position(|call| call.callout.id.token == token) {
            let call = self.under_way.remove(index);
            self.remember(call.callout);
        }
        Ok(())
    }

    /// A root is gone, and with it all that it waited for.
    pub(crate) fn forget_root(&mut self, root: u32) {
        self.under_way.retain(|call| call.root != root);
    }

    fn find(&mut self, token: u32, fits: impl Fn(CalloutKind) -> bool) -> Result<&mut UnderWay, Missing> {
        // The kind can be told from the number, whether there is such a callout or not.
        let kind = match token % 4 {
            0 => CalloutKind::Http,
            1 => CalloutKind::GrpcCall,
            2 => CalloutKind::GrpcStream,
            _ => return Err(Missing::WrongKind),
        };
        if !fits(kind) {
            return Err(Missing::WrongKind);
        }
        let mut calls = self.under_way.iter_mut();
        calls
            .find(|call| call.callout.id.token == token)
            .ok_or(Missing::Unknown)
    }

    fn remember(&mut self, callout: Callout) {
        if self.finished.len() == MOST_RECORDS {
            self.finished.pop_front();
        }
        self.finished.push_back(callout);
    }
}

impl UnderWay {
    /// When something comes in: an event, or the end of its time.
    fn due(&self) -> Option<(u64, u64)> {
        let event = self.events.front().map(|(time, order, _)| (*time, *order));
        // What comes in exactly at the deadline has made it.
        let deadline = self
            .deadline
            .map(|time| (time, u64::MAX - u64::from(u32::MAX - self.callout.id.token)));
        event.into_iter().chain(deadline).min()
    }
}

fn later(time: u64, delay: std::time::Duration) -> u64 {
    time.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX))
}

/// What a gRPC callout that is answered like an HTTP request ends with.
fn close_of(response: &Response) -> GrpcEvent {
    let told = response
        .headers()
        .text("grpc-status")
        .and_then(|status| status.parse().ok());
    let status = told.unwrap_or_else(|| grpc_status_of(response.status()));
    // Envoy has the response code details for a message then.
    let message = response
        .headers()
        .text("grpc-message")
        .unwrap_or_else(|| VIA_UPSTREAM.to_owned());
    GrpcEvent::Close(status, message)
}

/// Envoy answers for an upstream that took too long.
fn timed_out() -> Response {
    Response::new(504)
        .header("content-length", "24")
        .header("content-type", "text/plain")
        .body("upstream request timeout")
}

impl CalloutId {
    pub(crate) fn new(worker: usize, token: u32) -> Self {
        Self { worker, token }
    }
}
