//! An HTTP stream as the proxy keeps it: what the guest may see of it at which moment, and what it asked for.

use std::sync::{Arc, Mutex};

use crate::abi::{Action, MapKind, Status};
use crate::filter_state::{FilterState, StreamFilterState};
use crate::header_map::HeaderMap;
use crate::ledger::Ledger;
use crate::local_reply::{LocalReply, ReplyForm};
use crate::phase::Phase;
use crate::property_store::PropertyStore;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::trap::Trap;

/// One HTTP stream.
pub(crate) struct StreamState {
    pub(crate) id: u32,
    pub(crate) root: u32,
    /// Has the request no body?
    pub(crate) ends_with_headers: bool,
    pub(crate) request: Direction,
    pub(crate) response: Direction,
    pub(crate) properties: Arc<PropertyStore>,
    pub(crate) form: ReplyForm,
    /// Keys have their `wasm.` in front.
    pub(crate) filter_state: StreamFilterState,
    /// Is `on_log` running? Then the maps can be read, and not changed.
    pub(crate) logging: bool,
    pub(crate) wishes: Wishes,
    pub(crate) course: Course,
    /// The reply that the filter gave, as it gave it.
    pub(crate) local_reply: Option<LocalReply>,
    /// Has the guest been told of this context?
    pub(crate) created: bool,
    pub(crate) ledger: Ledger,
    /// The response code details, once a response is on its way.
    pub(crate) details: String,
}

/// What became of a stream.
#[derive(Debug, Clone)]
pub(crate) enum Course {
    /// It is on its way.
    Open,
    /// The filter replied in place of the upstream.
    Replied,
    /// The filter closed it.
    Reset,
    /// The VM is dead; this is why.
    Failed(Trap),
}

/// One direction of a stream.
#[derive(Default)]
pub(crate) struct Direction {
    pub(crate) headers: Arc<HeaderMap>,
    /// Did its headers arrive? Before, there is no map, not even in `on_log`.
    pub(crate) arrived: bool,
    /// Did they go on, past this filter?
    pub(crate) sent: bool,
    /// The callback that holds this direction.
    pub(crate) paused: Option<Phase>,
    /// Envoy keeps its pointers to map and buffer only while a callback runs, and afterwards as long as it paused.
    pub(crate) open: bool,
    /// Like `open`, for the body.
    pub(crate) body_open: bool,
    /// The part of the body that is held here.
    pub(crate) body: Vec<u8>,
    /// The part of the body that went on.
    pub(crate) passed: Vec<u8>,
}

/// What the guest asked for in a host call and gets after its callback has returned: the host never re-enters it.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) reply: Option<LocalReply>,
    pub(crate) close: bool,
    pub(crate) continue_request: bool,
    pub(crate) continue_response: bool,
}

impl Direction {
    /// Envoy hands the headers to a callback.
    pub(crate) fn receive_headers(&mut self) {
        self.arrived = true;
        self.open = true;
    }

    /// A callback returned: what it let go on goes on, and the pointers to it are dropped.
    pub(crate) fn settle(&mut self, phase: Phase, action: Action) {
        match action {
            Action::Continue => self.release(),
            Action::Pause => self.paused = Some(phase),
        }
    }

    /// Lets go on what is held.
    pub(crate) fn release(&mut self) {
        self.paused = None;
        self.open = false;
        self.body_open = false;
        self.sent = true;
        self.passed.append(&mut self.body);
    }
}

impl StreamState {
    pub(crate) fn new(id: u32, root: u32, request: &Request, connection: Arc<Mutex<FilterState>>) -> Self {
        Self {
            id,
            root,
            ends_with_headers: request.body.is_empty(),
            form: ReplyForm::of(&request.headers),
            request: Direction {
                headers: request.headers.clone(),
                ..Direction::default()
            },
            response: Direction::default(),
            properties: request.properties.clone(),
            filter_state: StreamFilterState::on(connection),
            logging: false,
            wishes: Wishes::default(),
            course: Course::Open,
            local_reply: None,
            created: false,
            ledger: Ledger::default(),
            details: String::new(),
        }
    }

    /// The map that the guest may read now.
    pub(crate) fn map(&self, kind: MapKind) -> Result<&HeaderMap, Refusal> {
        match kind {
            MapKind::RequestHeaders if self.request.open || self.logged(&self.request) => Ok(&self.request.headers),
            MapKind::ResponseHeaders if self.response.open || self.logged(&self.response) => Ok(&self.response.headers),
            kind => Err(self.unavailable(kind)),
        }
    }

    /// The map that the guest may change now.
    pub(crate) fn map_mut(&mut self, kind: MapKind) -> Result<&mut HeaderMap, Refusal> {
        match kind {
            MapKind::RequestHeaders if self.request.open => Ok(Arc::make_mut(&mut self.request.headers)),
            MapKind::ResponseHeaders if self.response.open => Ok(Arc::make_mut(&mut self.response.headers)),
            _ if self.logging => Err(Refusal::bad_argument("on_log may read headers, not change them")),
            kind => Err(self.unavailable(kind)),
        }
    }

    fn logged(&self, direction: &Direction) -> bool {
        self.logging && direction.arrived
    }

    fn unavailable(&self, kind: MapKind) -> Refusal {
        let reason = match kind {
            MapKind::RequestHeaders if self.request.arrived => {
                "the request headers are gone: they can be used in on_request_headers, as long as it paused the stream, \
                 and be read in on_log"
            }
            MapKind::RequestHeaders => "the request headers are not there yet: on_request_headers has not begun",
            MapKind::ResponseHeaders if self.response.arrived => {
                "the response headers are gone: they can be used in on_response_headers, as long as it paused the \
                 stream, and be read in on_log"
            }
            MapKind::ResponseHeaders => "there are no response headers: no response has begun",
            MapKind::RequestTrailers | MapKind::ResponseTrailers => "this message has no trailers",
            MapKind::Callout => "no callout is being answered: its maps exist in its own callback only",
        };
        let status = if self.logging {
            Status::NotFound
        } else {
            Status::BadArgument
        };
        Refusal::new(status, reason)
    }

    /// The request headers, if properties may be derived from them now: as the map, and also in `on_log`.
    pub(crate) fn visible_request(&self) -> Option<&HeaderMap> {
        self.map(MapKind::RequestHeaders).ok()
    }

    pub(crate) fn visible_response(&self) -> Option<&HeaderMap> {
        self.map(MapKind::ResponseHeaders).ok()
    }

    /// Envoy forgets the request's maps and buffers as soon as *any* direction is told to continue.
    pub(crate) fn forget_request(&mut self) {
        self.request.open = false;
        self.request.body_open = false;
    }
}
