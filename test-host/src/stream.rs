//! An HTTP stream on its way through the filter, callback by callback.

use std::sync::Arc;

use wasmtime::TypedFunc;

use crate::abi::Action;
use crate::exports::Exports;
use crate::host::Host;
use crate::local_reply::LocalReply;
use crate::outcome::Outcome;
use crate::phase::Phase;
use crate::response::Response;
use crate::stream_state::{Course, Direction, StreamState};
use crate::trap::Trap;

/// The response code details of a response that came from the upstream.
const VIA_UPSTREAM: &str = "via_upstream";
/// The response code details of a stream that the filter closed.
const CLOSED: &str = "wasm_close_stream";

/// The name of a stream, to come back to it by [`Host::stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId(pub(crate) u32);

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
#[derive(Debug)]
pub struct HttpStream<'h> {
    host: &'h mut Host,
    id: StreamId,
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

impl<'h> HttpStream<'h> {
    pub(crate) fn new(host: &'h mut Host, id: StreamId) -> Self {
        Self { host, id }
    }

    /// The stream's name.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The host, to do something else in between.
    pub fn host(&mut self) -> &mut Host {
        self.host
    }

    /// The callback that holds the stream, if one does.
    pub fn paused(&mut self) -> Option<Phase> {
        let state = self.state();
        state.request.paused.or(state.response.paused)
    }

    /// Creates the context and delivers the request headers. Without a body they end the stream.
    pub fn request_headers(&mut self) -> Step {
        let phase = Phase::RequestHeaders;
        if !self.is_open() || self.state().request.arrived {
            return Step::skipped(phase);
        }
        self.state().request.receive_headers();
        if let Err(trap) = self.create() {
            return self.fail(phase, trap);
        }
        let count = self.state().request.headers.len() as u32;
        let end = self.state().ends_with_headers;
        self.run(
            phase,
            |exports| &exports.on_request_headers,
            (self.id.0, count, end.into()),
        )
    }

    /// Delivers a piece of the request body. What the filter holds back it sees again with the next piece.
    pub fn request_body(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        let phase = Phase::RequestBody;
        if !self.is_open() || !self.state().request.accepts_body(Phase::RequestHeaders) {
            return Step::skipped(phase);
        }
        let size = self.state().request.receive_body(chunk);
        self.run(
            phase,
            |exports| &exports.on_request_body,
            (self.id.0, size, end_of_stream.into()),
        )
    }

    /// Delivers the headers of the upstream's response. Without a body they end the stream.
    pub fn response_headers(&mut self, response: impl Into<Response>) -> Step {
        let state = self.state();
        let request_went_on = state.request.sent && state.request.paused.is_none();
        if !self.is_open() || !request_went_on || self.state().response.arrived {
            return Step::skipped(Phase::ResponseHeaders);
        }
        self.state().details = VIA_UPSTREAM.to_owned();
        self.encode_headers(&response.into())
    }

    /// Delivers a piece of the upstream's response body. What the filter holds back it sees again with the next piece.
    pub fn response_body(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        if !self.is_open() {
            return Step::skipped(Phase::ResponseBody);
        }
        self.encode_body(chunk, end_of_stream)
    }

    /// Ends the stream in Envoy's order: log, done, delete. Says all that became of it.
    pub fn finish(mut self) -> Outcome {
        // Envoy makes a context just to log, when a request died before it came to the filter.
        let mut result = if self.is_failed() { Ok(()) } else { self.create() };
        self.state().logging = true;
        let id = self.id.0;
        result = result.and_then(|()| self.call(Phase::Log, |exports| &exports.on_log, (id,)).map(drop));
        self.state().logging = false;
        // A stream cannot ask to be kept: false from on_done has no effect.
        result = result.and_then(|()| self.call(Phase::Done, |exports| &exports.on_done, (id,)).map(drop));
        result = result.and_then(|()| self.call(Phase::Delete, |exports| &exports.on_delete, (id,)).map(drop));
        let died_now = result.err().filter(|_| !self.is_failed());
        let vm = self.host.vm();
        let memory = vm.memory_size();
        let state = vm.state();
        let index = state.streams.iter().position(|stream| stream.id == id);
        // INVARIANT: a stream is in the list from `http_stream` until here, and this consumes the only way here.
        let stream = state
            .streams
            .swap_remove(index.expect("an unfinished stream is in its VM's list"));
        let trace = state
            .trace
            .records()
            .filter(|record| record.context == id)
            .cloned()
            .collect();
        let outcome = Outcome::new(stream, died_now, memory, trace);
        self.host.stream_ended();
        outcome
    }

    /// Tells the guest of the context, once.
    fn create(&mut self) -> Result<(), Trap> {
        let (id, state) = (self.id.0, self.state());
        let root = state.root;
        if !std::mem::replace(&mut state.created, true) {
            self.call(Phase::ContextCreate, |exports| &exports.on_context_create, (id, root))?;
        }
        Ok(())
    }

    /// Runs a callback that answers with an action, and does what the guest asked for meanwhile.
    fn run(
        &mut self,
        phase: Phase,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<(u32, u32, u32), u32>>,
        params: (u32, u32, u32),
    ) -> Step {
        let answer = match self.call(phase, function, params) {
            Ok(answer) => answer,
            Err(trap) => return self.fail(phase, trap),
        };
        let called = answer.is_some();
        let fuel = if called { self.last_fuel() } else { 0 };
        let asked = answer.map_or(Action::Continue, Action::from_abi);
        let action = self.settle(phase, asked);
        Step {
            phase,
            called,
            action,
            fuel,
        }
    }

    /// The guest's wishes are granted only now that its callback has returned.
    fn settle(&mut self, phase: Phase, asked: Action) -> Action {
        let state = self.state();
        let wishes = std::mem::take(&mut state.wishes);
        let stopped = wishes.close || wishes.reply.is_some();
        let action = if stopped { Action::Pause } else { asked };
        let direction = if phase.is_response() {
            &mut state.response
        } else {
            &mut state.request
        };
        direction.settle(phase, action);
        if wishes.close {
            state.course = Course::Reset;
            CLOSED.clone_into(&mut state.details);
            return Action::Pause;
        }
        if let Some(reply) = wishes.reply {
            self.reply(phase, reply);
            return Action::Pause;
        }
        let mut resumed = false;
        for (wished, direction) in [
            (wishes.continue_request, &mut state.request),
            (wishes.continue_response, &mut state.response),
        ] {
            if wished && direction.paused.is_some() {
                direction.release();
                resumed = true;
            }
        }
        if resumed { Action::Continue } else { action }
    }

    /// Sends a local reply. Before a response has begun it goes through the filter's own response callbacks; in place of
    /// a response that is being processed it goes straight to the client.
    fn reply(&mut self, phase: Phase, reply: LocalReply) {
        let state = self.state();
        let response = reply.render(state.form);
        state.details.clone_from(&reply.details);
        if state.local_reply.is_none() {
            state.local_reply = Some(reply);
        }
        state.course = Course::Replied;
        if phase.is_response() {
            state.send_directly(response);
        } else if !state.response.arrived {
            self.encode_headers(&response);
            if !response.body.is_empty() {
                self.encode_body(&response.body, true);
            }
        }
    }

    fn encode_headers(&mut self, response: &Response) -> Step {
        let state = self.state();
        state.response.headers = response.headers.clone();
        state.response.receive_headers();
        let count = response.headers.len() as u32;
        let end = response.body.is_empty();
        self.run(
            Phase::ResponseHeaders,
            |exports| &exports.on_response_headers,
            (self.id.0, count, end.into()),
        )
    }

    fn encode_body(&mut self, chunk: &[u8], end_of_stream: bool) -> Step {
        if self.is_failed() || !self.state().response.accepts_body(Phase::ResponseHeaders) {
            return Step::skipped(Phase::ResponseBody);
        }
        let size = self.state().response.receive_body(chunk);
        let params = (self.id.0, size, end_of_stream.into());
        self.run(Phase::ResponseBody, |exports| &exports.on_response_body, params)
    }

    /// The VM died under this stream: Envoy answers 503, without the filter.
    fn fail(&mut self, phase: Phase, trap: Trap) -> Step {
        let state = self.state();
        state.fail(trap);
        Step {
            phase,
            called: true,
            action: Action::Pause,
            fuel: self.last_fuel(),
        }
    }

    fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        phase: Phase,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<Option<R>, Trap> {
        self.host.vm().call(phase, self.id.0, function, params)
    }

    fn last_fuel(&mut self) -> u64 {
        self.state().ledger.fuel.last().map_or(0, |(_, fuel)| *fuel)
    }

    /// Can the stream go on? One whose VM died in the meantime fails here.
    fn is_open(&mut self) -> bool {
        let failure = self.host.vm_view().failure().cloned();
        let state = self.state();
        if let (Course::Open, Some(trap)) = (&state.course, failure) {
            state.fail(trap);
        }
        matches!(state.course, Course::Open)
    }

    fn is_failed(&mut self) -> bool {
        matches!(self.state().course, Course::Failed(_))
    }

    fn state(&mut self) -> &mut StreamState {
        let state = self.host.vm().state().stream_by_id(self.id.0);
        // INVARIANT: only `finish` takes a stream out of the list, and it consumes `self`.
        state.expect("an unfinished stream is in its VM's list")
    }
}

impl Step {
    fn skipped(phase: Phase) -> Self {
        Self {
            phase,
            called: false,
            action: Action::Pause,
            fuel: 0,
        }
    }
}

impl Direction {
    /// Body callbacks run once the headers are through; a pause there stops everything behind it.
    fn accepts_body(&self, headers_phase: Phase) -> bool {
        self.arrived && self.paused != Some(headers_phase)
    }

    /// Envoy hands a piece of body to a callback; returns how much there is to read now.
    fn receive_body(&mut self, chunk: &[u8]) -> u32 {
        self.body.extend_from_slice(chunk);
        self.body_open = true;
        self.body.len() as u32
    }
}

impl StreamState {
    fn send_directly(&mut self, response: Response) {
        self.response = Direction {
            headers: response.headers,
            arrived: true,
            sent: true,
            passed: response.body.to_vec(),
            ..Direction::default()
        };
    }

    /// Fails the stream as Envoy does when the VM is dead: 503, unless a response is already on its way to the client.
    pub(crate) fn fail(&mut self, trap: Trap) {
        if !self.response.sent {
            let reply = LocalReply::wasm_fail_stream();
            let response = reply.render(self.form);
            self.details = reply.details;
            self.send_directly(response);
        }
        self.course = Course::Failed(trap);
    }

    /// What the client gets, if it gets anything.
    pub(crate) fn client_response(&mut self) -> Option<Response> {
        let response = &mut self.response;
        (response.sent && response.paused.is_none() && !matches!(self.course, Course::Reset)).then(|| Response {
            headers: response.headers.clone(),
            body: Arc::from(std::mem::take(&mut response.passed)),
        })
    }
}
