//! A stream as the proxy keeps it: what the guest may see of it at which moment, and what it asked for.

use std::sync::{Arc, Mutex};

use crate::abi::{MapKind, Status};
use crate::direction::Direction;
use crate::filter_state::{Declaration, FilterState, StreamFilterState};
use crate::header_map::HeaderMap;
use crate::ledger::Ledger;
use crate::local_reply::{LocalReply, ReplyForm};
use crate::message::Message;
use crate::phase::Phase;
use crate::property_store::PropertyStore;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::trap::Trap;

/// What travels on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    /// A connection: the request is what comes from downstream, the response what comes from the upstream.
    Tcp,
}

/// One stream: an HTTP request with its response, or a connection.
pub(crate) struct StreamState {
    pub(crate) id: u32,
    pub(crate) root: u32,
    pub(crate) protocol: Protocol,
    /// Has the request no body and no trailers?
    pub(crate) ends_with_headers: bool,
    pub(crate) request: Direction,
    pub(crate) response: Direction,
    pub(crate) properties: Arc<PropertyStore>,
    pub(crate) form: ReplyForm,
    /// Keys have their `wasm.` in front.
    pub(crate) filter_state: StreamFilterState,
    /// What the guest has declared here, in vain: the root's declarations count.
    pub(crate) declarations: Vec<Declaration>,
    /// Is `on_log` running? Then the maps can be read, and not changed.
    pub(crate) logging: bool,
    pub(crate) wishes: Wishes,
    pub(crate) course: Course,
    /// The reply that the filter gave, as it gave it.
    pub(crate) local_reply: Option<LocalReply>,
    /// Has the guest been told of this context?
    pub(crate) created: bool,
    /// The number of the last host call before it.
    pub(crate) calls_before: u64,
    pub(crate) ledger: Box<Ledger>,
    /// The response code details, once a response is on its way.
    pub(crate) details: String,
    /// When it began, by the virtual clock.
    pub(crate) started: u64,
    /// When the upstream's response began.
    pub(crate) upstream_answered_at: Option<u64>,
    /// Why the filter was passed by, if it was: its VM is dead and the plugin fails open.
    pub(crate) bypassed: Option<Trap>,
    /// Did the guest ask for the route to be chosen anew?
    pub(crate) route_cache_cleared: bool,
}

/// What became of a stream.
#[derive(Debug, Clone)]
pub(crate) enum Course {
    /// It is on its way.
    Open,
    /// The filter replied in place of the upstream.
    Replied,
    /// The proxy replied in place of the filter: more was held than its buffers take.
    Overflowed,
    /// The filter closed it.
    Reset,
    /// The VM is dead; this is why.
    Failed(Trap),
}

/// What the guest asked for in a host call and gets after its callback has returned: the host never re-enters it.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) reply: Option<LocalReply>,
    pub(crate) close: bool,
    pub(crate) continue_request: bool,
    pub(crate) continue_response: bool,
}

impl Wishes {
    pub(crate) fn is_empty(&self) -> bool {
        self.reply.is_none() && !self.close && !self.continue_request && !self.continue_response
    }
}

impl StreamState {
    pub(crate) fn http(id: u32, root: u32, request: &Request, connection: Arc<Mutex<FilterState>>, now: u64) -> Self {
        Self {
            id,
            root,
            protocol: Protocol::Http,
            ends_with_headers: request.ends_with_headers(),
            form: ReplyForm::of(&request.headers),
            request: Direction::with_headers(request.headers.clone()),
            response: Direction::default(),
            properties: request.properties.clone(),
            filter_state: StreamFilterState::on(connection),
            declarations: Vec::new(),
            logging: false,
            wishes: Wishes::default(),
            course: Course::Open,
            local_reply: None,
            created: false,
            calls_before: 0,
            ledger: Box::default(),
            details: String::new(),
            started: now,
            upstream_answered_at: None,
            bypassed: None,
            route_cache_cleared: false,
        }
    }

    pub(crate) fn tcp(
        id: u32,
        root: u32,
        properties: Arc<PropertyStore>,
        connection: Arc<Mutex<FilterState>>,
        now: u64,
    ) -> Self {
        let no_request = Request::from_headers::<&str, &str>([]);
        let stream = Self::http(id, root, &no_request, connection, now);
        Self {
            protocol: Protocol::Tcp,
            properties,
            ..stream
        }
    }

    pub(crate) fn message(&self, message: Message) -> &Direction {
        match message {
            Message::Request => &self.request,
            Message::Response => &self.response,
        }
    }

    /// The map that the guest may read now.
    pub(crate) fn map(&self, kind: MapKind) -> Result<&HeaderMap, Refusal> {
        let found = match kind {
            MapKind::RequestHeaders if self.request.open || self.logged(&self.request) => Some(&self.request.headers),
            MapKind::ResponseHeaders if self.response.open || self.logged(&self.response) => {
                Some(&self.response.headers)
            }
            MapKind::RequestTrailers if self.request.trailers_open => self.request.trailers.as_ref(),
            MapKind::ResponseTrailers if self.response.trailers_open || self.logging => self.response.trailers.as_ref(),
            _ => None,
        };
        found.map(|map| &**map).ok_or_else(|| self.unavailable(kind))
    }

    /// The map that the guest may change now. Trailers that a message has not come into being with its last piece of body.
    pub(crate) fn map_mut(&mut self, kind: MapKind) -> Result<&mut HeaderMap, Refusal> {
        if self.logging {
            return Err(Refusal::bad_argument("on_log may read headers, not change them"));
        }
        let unavailable = self.unavailable(kind);
        let direction = match kind {
            MapKind::RequestHeaders | MapKind::RequestTrailers => &mut self.request,
            MapKind::ResponseHeaders | MapKind::ResponseTrailers => &mut self.response,
            _ => return Err(unavailable),
        };
        let map = match kind {
            MapKind::RequestHeaders | MapKind::ResponseHeaders => direction.open.then_some(&mut direction.headers),
            _ => direction.trailers_to_change(),
        };
        map.map(Arc::make_mut).ok_or(unavailable)
    }

    fn logged(&self, direction: &Direction) -> bool {
        self.logging && direction.arrived
    }

    fn unavailable(&self, kind: MapKind) -> Refusal {
        let reason = match kind {
            _ if self.protocol == Protocol::Tcp => "a connection has no headers: this is a TCP stream",
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
            MapKind::RequestTrailers if self.logging => "on_log cannot read request trailers in Envoy",
            MapKind::RequestTrailers => self.request.no_trailers("on_request_trailers"),
            MapKind::ResponseTrailers => self.response.no_trailers("on_response_trailers"),
            MapKind::GrpcInitialMetadata | MapKind::GrpcTrailingMetadata => {
                "no gRPC metadata is being received: it exists in its own callback only"
            }
            MapKind::CalloutHeaders | MapKind::CalloutTrailers => {
                "no callout is being answered: its maps exist in on_http_call_response only"
            }
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
        self.request.close_pointers();
    }

    /// The callback that holds the stream, if one does. A request that has been replied to is not held any more.
    pub(crate) fn held_in(&self) -> Option<Phase> {
        match self.course {
            Course::Open => self.request.paused.or(self.response.paused),
            Course::Replied | Course::Overflowed => self.response.paused,
            Course::Reset | Course::Failed(_) => None,
        }
    }

    /// Does the response go on through the filter? A local reply does, like one from the upstream.
    pub(crate) fn response_is_running(&self) -> bool {
        matches!(self.course, Course::Open | Course::Replied | Course::Overflowed)
    }
}
