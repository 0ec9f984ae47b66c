//! One direction of a stream: what arrived at the filter, what it holds, and what went on.

use std::sync::Arc;

use crate::abi::Action;
use crate::header_map::HeaderMap;
use crate::phase::Phase;

/// What a callback answered about the piece it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Continue,
    Hold(Hold),
}

/// How a direction is held. The SDKs other than C++'s know only [`Hold::All`] for headers and [`Hold::Buffer`] for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nothing behind the headers is shown before they go on.
    All,
    /// The headers wait, the callbacks for body and trailers go on.
    HeadersOnly,
    /// The body so far is kept, and shown again with the next piece.
    Buffer,
    /// The body so far is kept, out of the guest's sight.
    Watermark,
    /// The piece of body is dropped.
    Drop,
}

impl Verdict {
    /// The answer of a headers callback. Envoy makes 1 into 4, unless the plugin's `allow_on_headers_stop_iteration` is set;
    /// what it does not know becomes the strictest.
    pub(crate) fn of_headers(value: u32, allow_stop_iteration: bool) -> Self {
        match value {
            // 2 also keeps the message open, for a body that the filter would add: a host sees no difference.
            0 | 2 => Self::Continue,
            1 if allow_stop_iteration => Self::Hold(Hold::HeadersOnly),
            _ => Self::Hold(Hold::All),
        }
    }

    /// The answer of a body callback.
    pub(crate) fn of_body(value: u32) -> Self {
        match value {
            0 => Self::Continue,
            1 => Self::Hold(Hold::Buffer),
            2 => Self::Hold(Hold::Watermark),
            _ => Self::Hold(Hold::Drop),
        }
    }

    /// The answer to a new connection.
    pub(crate) fn of_new_connection(value: u32) -> Self {
        match value {
            0 => Self::Continue,
            _ => Self::Hold(Hold::All),
        }
    }

    /// The answer of a callback that can only stop or go on.
    pub(crate) fn of_other(value: u32) -> Self {
        match value {
            0 => Self::Continue,
            _ => Self::Hold(Hold::Buffer),
        }
    }

    pub(crate) fn action(self) -> Action {
        match self {
            Self::Continue => Action::Continue,
            Self::Hold(_) => Action::Pause,
        }
    }
}

/// One direction of a stream.
#[derive(Default)]
pub(crate) struct Direction {
    pub(crate) headers: Arc<HeaderMap>,
    /// Once they arrived, or the filter made some.
    pub(crate) trailers: Option<Arc<HeaderMap>>,
    /// Did its headers arrive? Before, there is no map, not even in `on_log`.
    pub(crate) arrived: bool,
    /// Did they go on, past this filter?
    pub(crate) sent: bool,
    pub(crate) trailers_sent: bool,
    /// Did the end of the message arrive at the filter?
    pub(crate) ended: bool,
    /// When it did, by the virtual clock.
    pub(crate) ended_at: Option<u64>,
    /// How many bytes of body have arrived.
    pub(crate) received: u64,
    /// The callback that holds this direction.
    pub(crate) paused: Option<Phase>,
    hold: Option<Hold>,
    /// Envoy keeps its pointers to map and buffer only while a callback runs, and afterwards as long as it paused.
    pub(crate) open: bool,
    /// Like `open`, for the body.
    pub(crate) body_open: bool,
    /// Like `open`, for the trailers.
    pub(crate) trailers_open: bool,
    /// The part of the body that is held here, where the guest sees it.
    pub(crate) body: Vec<u8>,
    /// The part of the body that is held here, where the guest does not.
    held: Vec<u8>,
    /// The part of the body that went on.
    pub(crate) passed: Vec<u8>,
    /// What arrived while nothing may be shown to the filter.
    waiting: Waiting,
}

/// What stands in front of a filter that holds the headers.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) ended: bool,
    pub(crate) trailers: Option<Arc<HeaderMap>>,
}

impl Direction {
    pub(crate) fn with_headers(headers: Arc<HeaderMap>) -> Self {
        Self {
            headers,
            ..Self::default()
        }
    }

    /// A message that is on its way already.
    pub(crate) fn passed(headers: Arc<HeaderMap>, body: &[u8]) -> Self {
        Self {
            headers,
            arrived: true,
            sent: true,
            passed: body.to_vec(),
            ..Self::default()
        }
    }

    /// Envoy hands the headers to a callback.
    pub(crate) fn receive_headers(&mut self, end: bool) {
        self.arrived = true;
        self.open = true;
        self.ended = end;
    }

    /// Envoy hands a piece of body to a callback; returns how much there is to read now.
    pub(crate) fn receive_body(&mut self, chunk: &[u8], end: bool) -> u32 {
        self.body.extend_from_slice(chunk);
        self.received += chunk.len() as u64;
        self.body_open = true;
        self.ended |= end;
        u32::try_from(self.body.len()).unwrap_or(u32::MAX)
    }

    /// Envoy hands the trailers to a callback; returns how many lines they have.
    pub(crate) fn receive_trailers(&mut self, trailers: Arc<HeaderMap>) -> u32 {
        let count = u32::try_from(trailers.len()).unwrap_or(u32::MAX);
        self.trailers = Some(trailers);
        self.trailers_open = true;
        self.ended = true;
        count
    }

    /// May body and trailers be shown to the filter? Not while it holds the headers and everything behind them.
    pub(crate) fn shows_more(&self) -> bool {
        self.arrived && self.hold != Some(Hold::All)
    }

    /// Keeps what may not be shown yet.
    pub(crate) fn wait_with(&mut self, chunk: &[u8], end: bool) {
        self.received += chunk.len() as u64;
        self.waiting.body.get_or_insert_default().extend_from_slice(chunk);
        self.waiting.ended |= end;
    }

    pub(crate) fn wait_with_trailers(&mut self, trailers: Arc<HeaderMap>) {
        self.waiting.trailers = Some(trailers);
    }

    /// What has waited and may be shown now.
    pub(crate) fn take_waiting(&mut self) -> Option<Waiting> {
        let is_due = self.shows_more() && (self.waiting.body.is_some() || self.waiting.trailers.is_some());
        is_due.then(|| {
            let waiting = std::mem::take(&mut self.waiting);
            // It is received once more when it is shown.
            self.received -= waiting.body.as_ref().map_or(0, |body| body.len() as u64);
            waiting
        })
    }

    /// The number of bytes that are held here.
    pub(crate) fn held_bytes(&self) -> usize {
        self.body.len() + self.held.len() + self.waiting.body.as_ref().map_or(0, Vec::len)
    }

    /// Is the body held in a buffer that has an end?
    pub(crate) fn is_buffering(&self) -> bool {
        self.hold == Some(Hold::Buffer)
    }

    /// A callback returned: what it let go on goes on, and the pointers to it are dropped.
    pub(crate) fn settle(&mut self, phase: Phase, verdict: Verdict) {
        match verdict {
            Verdict::Continue => self.release(),
            Verdict::Hold(hold) => {
                self.paused = Some(phase);
                // A pause in the body does not let the headers' callbacks in again.
                self.hold = Some(hold);
                match hold {
                    Hold::Watermark => self.held.append(&mut self.body),
                    Hold::Drop => self.body.clear(),
                    Hold::All | Hold::HeadersOnly | Hold::Buffer => {}
                }
            }
        }
    }

    /// Lets go on what is held.
    pub(crate) fn release(&mut self) {
        self.paused = None;
        self.hold = None;
        self.close_pointers();
        self.sent = true;
        self.passed.append(&mut self.held);
        self.passed.append(&mut self.body);
        self.trailers_sent = self.trailers.is_some();
    }

    pub(crate) fn close_pointers(&mut self) {
        self.open = false;
        self.body_open = false;
        self.trailers_open = false;
    }

    /// The trailers, when the guest may change them. A message that ends with this piece of body can get some.
    pub(crate) fn trailers_to_change(&mut self) -> Option<&mut Arc<HeaderMap>> {
        if !self.trailers_open && self.trailers.is_none() && self.body_open && self.ended {
            self.trailers = Some(Arc::default());
            self.trailers_open = true;
        }
        self.trailers.as_mut().filter(|_| self.trailers_open)
    }

    pub(crate) fn no_trailers(&self, callback: &str) -> &'static str {
        let request = callback.contains("request");
        match (&self.trailers, request) {
            (Some(_), true) => {
                "the request trailers are gone: they can be used in on_request_trailers, as long as it paused the stream"
            }
            (Some(_), false) => {
                "the response trailers are gone: they can be used in on_response_trailers, as long as it paused the \
                 stream, and be read in on_log"
            }
            (None, _) => {
                "this message has no trailers: a filter can add some in the body callback that ends the message"
            }
        }
    }

    /// The trailers that went on.
    pub(crate) fn passed_trailers(&self) -> Arc<HeaderMap> {
        match &self.trailers {
            Some(trailers) if self.trailers_sent => trailers.clone(),
            _ => Arc::default(),
        }
    }
}
