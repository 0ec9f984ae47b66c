//! An HTTP stream on its way through the filter, callback by callback.

use std::sync::Arc;

use crate::abi::Action;
use crate::callout::{Callout, CalloutId};
use crate::driver::Driver;
use crate::filter_state::StreamFilterState;
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::ledger::LogLine;
use crate::local_reply::LocalReply;
use crate::message::Message;
use crate::outcome::{Forwarded, Outcome};
use crate::phase::Phase;
use crate::request::Request;
use crate::response::Response;
use crate::stream_state::Course;
use crate::trap::Trap;

/// The response code details of a response that came from the upstream.
pub(crate) const VIA_UPSTREAM: &str = "via_upstream";

/// How long a client waits, in nanoseconds: the timeout that a route has in Envoy by default.
const PATIENCE: u64 = 15_000_000_000;

/// The name of a stream, to come back to it by [`Host::stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId {
    pub(crate) worker: usize,
    pub(crate) context: u32,
}

/// A stream that is taken through its callbacks one by one. Its state lives in the host: dropping this loses nothing.
///
/// ```no_run
/// # use outgate_test_host::{Action, Host, Module, Request, Response};
/// # let module = Module::load("filter.wasm").unwrap();
/// # let mut host = Host::builder(&module).start().unwrap();
/// let mut stream = host.http_stream(Request::get("https://api.example.com/"));
/// let step = stream.request_headers();
/// assert_eq!(step.action, Action::Continue);
/// stream.response_headers(Response::new(200));
/// let outcome = stream.finish();
/// assert_eq!(outcome.status(), 200);
/// ```
///
/// Callouts are answered, and queues tell of new items, when time moves: see [`Host::advance`].
#[derive(Debug)]
pub struct HttpStream<'h> {
    driver: Driver<'h>,
}

/// What one step of a stream did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The callback.
    pub phase: Phase,
    /// Did it run? Not when the filter does not export it, nor when the stream has ended or is held before this point.
    pub called: bool,
    /// Does the stream go on? A filter that replies itself holds it, whatever it returned.
    pub action: Action,
    /// The fuel that the callback used.
    pub fuel: u64,
}

impl Step {
    /// Is the stream held?
    pub fn paused(&self) -> bool {
        self.action == Action::Pause
    }

    pub(crate) fn skipped(phase: Phase) -> Self {
        Self {
            phase,
            called: false,
            action: Action::Pause,
            fuel: 0,
        }
    }
}

impl<'h> HttpStream<'h> {
    pub(crate) fn new(host: &'h mut Host, id: StreamId) -> Self {
        Self {
            driver: Driver::new(host, id),
        }
    }

    /// The stream's name.
    pub fn id(&self) -> StreamId {
        self.driver.id
    }

    /// The host, to do something else in between.
    pub fn host(&mut self) -> &mut Host {
        self.driver.host
    }

    /// The callback that holds the stream, if one does.
    pub fn paused(&mut self) -> Option<Phase> {
        self.driver.state().held_in()
    }

    /// The callouts to `upstream` that wait for an answer, oldest first.
    pub fn pending_callouts(&self, upstream: &str) -> Vec<Callout> {
        let mut pending = self.driver.host.pending_callouts();
        pending.retain(|callout| callout.upstream == upstream);
        pending
    }

    /// The oldest callout to `upstream` that waits for an answer.
    pub fn pending_callout(&self, upstream: &str) -> Option<CalloutId> {
        self.pending_callouts(upstream).first().map(|callout| callout.id)
    }

    /// Tells the filter of the stream, by `on_context_create`. Otherwise that comes right before its first callback.
    pub fn create_context(&mut self) -> Step {
        let phase = Phase::ContextCreate;
        if !self.driver.is_open() || self.driver.view().created {
            return Step::skipped(phase);
        }
        match self.driver.create() {
            Ok(called) => self.driver.created(called),
            Err(trap) => self.driver.fail(phase, trap),
        }
    }

    /// Creates the context and delivers the request headers. Without a body they end the stream.
    pub fn request_headers(&mut self) -> Step {
        let phase = Phase::RequestHeaders;
        if !self.driver.is_open() || self.driver.state().request.arrived {
            return Step::skipped(phase);
        }
        // In this profile headers never end a stream.
        let may_end = !self.driver.host.profile().headers_never_end();
        let state = self.driver.state();
        let end = state.ends_with_headers && may_end;
        state.request.receive_headers(end);
        let count = state.request.headers.len();
        if let Err(trap) = self.driver.create() {
            return self.driver.fail(phase, trap);
        }
        self.driver.headers(phase, count, end)
    }

    /// Delivers a piece of the request body. What the filter holds back it sees again with the next piece; as long as it
    /// holds the headers, the piece waits.
    pub fn request_body(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        let phase = Phase::RequestBody;
        if !self.driver.is_open_in(phase) {
            return Step::skipped(phase);
        }
        self.driver.body(phase, chunk, end_of_stream)
    }

    /// Delivers the trailers of the request: they end it.
    pub fn request_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (N, V)>,
    ) -> Step {
        let phase = Phase::RequestTrailers;
        if !self.driver.is_open_in(phase) {
            return Step::skipped(phase);
        }
        self.driver.trailers(phase, Arc::new(trailers.into_iter().collect()))
    }

    /// Delivers the headers of the upstream's response. Without a body they end the stream. A request that the filter holds
    /// has no response.
    pub fn response_headers(&mut self, response: impl Into<Response>) -> Step {
        let keeps_order = self.driver.host.profile().keeps_order();
        let state = self.driver.view();
        let request_went_on = state.request.sent && state.request.paused.is_none();
        if (!request_went_on && keeps_order) || state.response.arrived || !self.driver.is_open() {
            return Step::skipped(Phase::ResponseHeaders);
        }
        VIA_UPSTREAM.clone_into(&mut self.driver.state().details);
        let now = self.driver.host.now();
        self.driver.state().upstream_answered_at = Some(now);
        self.driver.response_headers(&response.into())
    }

    /// Delivers a piece of the upstream's response body. What the filter holds back it sees again with the next piece.
    pub fn response_body(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        let phase = Phase::ResponseBody;
        if !self.driver.is_open_in(phase) {
            return Step::skipped(phase);
        }
        self.driver.body(phase, chunk, end_of_stream)
    }

    /// Delivers the trailers of the response: they end it.
    pub fn response_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (N, V)>,
    ) -> Step {
        let phase = Phase::ResponseTrailers;
        if !self.driver.is_open_in(phase) {
            return Step::skipped(phase);
        }
        self.driver.trailers(phase, Arc::new(trailers.into_iter().collect()))
    }

    /// Lets time go on as long as the filter holds the stream and something happens that may end that: an answer to a callout,
    /// its timeout, a tick, an item in a queue. A client waits for a quarter of a minute, as Envoy's routes do.
    pub fn wait(&mut self) {
        let end = self.driver.host.now().saturating_add(PATIENCE);
        while self.paused().is_some() && self.driver.state().response_is_running() && self.driver.host.happen_next(end)
        {
        }
    }

    /// Delivers a whole request, and waits while the filter holds it.
    pub(crate) fn send_request(&mut self, request: &Request) {
        self.request_headers();
        for (chunk, end) in request.body.deliveries() {
            self.request_body(chunk, end);
        }
        if !request.body.trailers.is_empty() {
            self.request_trailers(&*request.body.trailers);
        }
        self.wait();
    }

    /// Delivers a whole response, and waits while the filter holds it. For a request that is still held it is too late: its
    /// client has waited long enough.
    pub(crate) fn send_response(&mut self, response: &Response) {
        if self.driver.state().request.paused.is_some() {
            return;
        }
        self.response_headers(response);
        for (chunk, end) in response.body.deliveries() {
            self.response_body(chunk, end);
        }
        if !response.body.trailers.is_empty() {
            self.response_trailers(&*response.body.trailers);
        }
        self.wait();
    }

    /// The request as the filter let it go on, as far as it did. `None` when the upstream gets nothing: the filter holds it, has
    /// replied, or has ended the stream.
    pub fn forwarded(&mut self) -> Option<Forwarded> {
        let is_open = self.driver.is_open();
        let request = &self.driver.state().request;
        (is_open && request.sent && request.paused.is_none()).then(|| Forwarded {
            headers: request.headers.clone(),
            body: request.passed.clone(),
            trailers: request.passed_trailers(),
        })
    }

    pub(crate) fn filter_state(&mut self) -> &mut StreamFilterState {
        &mut self.driver.state().filter_state
    }

    /// The request as the filter let it go on, if it did: all of it.
    pub(crate) fn passed_request(&mut self, original: &Request) -> Option<Request> {
        let is_open = self.driver.is_open();
        let direction = &self.driver.state().request;
        (is_open && direction.sent && direction.paused.is_none()).then(|| {
            let mut request = original.clone();
            request.headers = direction.headers.clone();
            request.body.set(&direction.passed);
            request.body.trailers = direction.passed_trailers();
            request
        })
    }

    /// The response as the filter let it go on, if it did: all of it.
    pub(crate) fn passed_response(&mut self) -> Option<Response> {
        self.driver.state().client_response()
    }

    /// What the filter has logged for this stream so far.
    pub fn logs(&self) -> &[LogLine] {
        &self.driver.view().ledger.logs
    }

    /// The reply that the filter has given, if it has, as it gave it.
    pub fn local_reply(&self) -> Option<&LocalReply> {
        self.driver.view().local_reply.as_ref()
    }

    /// The headers of a message as they are now: once the filter has seen them, as it has left them. A response that has not
    /// begun has none.
    pub fn headers(&self, message: Message) -> &HeaderMap {
        &self.driver.view().message(message).headers
    }

    /// The part of a message's body that has gone on, past the filter.
    pub fn passed_body(&self, message: Message) -> &[u8] {
        &self.driver.view().message(message).passed
    }

    /// The trap that killed the VM under this stream, if one did.
    pub fn trap(&self) -> Option<&Trap> {
        match &self.driver.view().course {
            Course::Failed(trap) => Some(trap),
            _ => None,
        }
    }

    /// Ends the stream, in Envoy by log, done, delete. Says all that became of it.
    pub fn finish(self) -> Outcome {
        self.driver.finish()
    }
}
