//! Takes a stream through the filter: calls it, grants what it asked for, and keeps to what Envoy does in between.

use std::sync::Arc;

use wasmtime::TypedFunc;

use crate::abi::{AbiVersion, Action};
use crate::direction::{Direction, Verdict};
use crate::exports::Exports;
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::journal::Numbers;
use crate::local_reply::LocalReply;
use crate::outcome::Outcome;
use crate::phase::Phase;
use crate::profile::Ending;
use crate::response::Response;
use crate::stream::{Step, StreamId};
use crate::stream_state::{Course, Protocol, StreamState};
use crate::trap::Trap;

/// The response code details of a stream that the filter closed.
const CLOSED: &str = "wasm_close_stream";

/// A stream of a host.
#[derive(Debug)]
pub(crate) struct Driver<'h> {
    pub(crate) host: &'h mut Host,
    pub(crate) id: StreamId,
}

impl<'h> Driver<'h> {
    pub(crate) fn new(host: &'h mut Host, id: StreamId) -> Self {
        Self { host, id }
    }

    pub(crate) fn state(&mut self) -> &mut StreamState {
        let state = self.host.vm(self.id.worker).state().stream_by_id(self.id.context);
        // INVARIANT: only `finish` takes a stream out of the list, and it consumes the stream's handle.
        state.expect("an unfinished stream is in its VM's list")
    }

    pub(crate) fn view(&self) -> &StreamState {
        let mut streams = self.host.worker_state(self.id.worker).streams.iter();
        let state = streams.find(|stream| stream.id == self.id.context);
        // INVARIANT: only `finish` takes a stream out of the list, and it consumes the stream's handle.
        state.expect("an unfinished stream is in its VM's list")
    }

    /// Tells the guest of the context, once. Was it called?
    pub(crate) fn create(&mut self) -> Result<bool, Trap> {
        let (id, state) = (self.id.context, self.state());
        let root = state.root;
        if std::mem::replace(&mut state.created, true) {
            return Ok(false);
        }
        let called = self.call(Phase::ContextCreate, |exports| &exports.on_context_create, (id, root))?;
        Ok(called.is_some())
    }

    /// What the step was that told the guest of the context.
    pub(crate) fn created(&mut self, called: bool) -> Step {
        Step {
            phase: Phase::ContextCreate,
            called,
            action: Action::Continue,
            fuel: if called { self.last_fuel() } else { 0 },
        }
    }

    /// Shows headers to the filter.
    pub(crate) fn headers(&mut self, phase: Phase, count: usize, end: bool) -> Step {
        let (id, count) = (self.id.context, u32::try_from(count).unwrap_or(u32::MAX));
        let is_old = self.host.module().abi_version() == AbiVersion::V0_1_0;
        let is_response = phase.is_response();
        let answer = match (is_response, is_old) {
            (false, false) => self.call(phase, |exports| &exports.on_request_headers, (id, count, end.into())),
            (false, true) => self.call(phase, |exports| &exports.on_request_headers_old, (id, count)),
            (true, false) => self.call(phase, |exports| &exports.on_response_headers, (id, count, end.into())),
            (true, true) => self.call(phase, |exports| &exports.on_response_headers_old, (id, count)),
        };
        let allow = self.host.allows_headers_stop_iteration();
        self.answered(phase, answer, |value| Verdict::of_headers(value, allow))
    }

    /// Shows a piece of body to the filter, or keeps it as long as the filter holds what is before it.
    pub(crate) fn body(&mut self, phase: Phase, chunk: &[u8], end: bool) -> Step {
        let direction = self.direction(phase);
        if !direction.shows_more() {
            direction.wait_with(chunk, end);
            return Step::skipped(phase);
        }
        let size = direction.receive_body(chunk, end);
        let params = (self.id.context, size, end.into());
        let answer = match phase {
            Phase::ResponseBody => self.call(phase, |exports| &exports.on_response_body, params),
            Phase::DownstreamData => self.call(phase, |exports| &exports.on_downstream_data, params),
            Phase::UpstreamData => self.call(phase, |exports| &exports.on_upstream_data, params),
            _ => self.call(phase, |exports| &exports.on_request_body, params),
        };
        let step = self.answered(phase, answer, Verdict::of_body);
        self.check_buffer(phase);
        step
    }

    /// Shows trailers to the filter, or keeps them as long as the filter holds what is before them.
    pub(crate) fn trailers(&mut self, phase: Phase, trailers: Arc<HeaderMap>) -> Step {
        let direction = self.direction(phase);
        if !direction.shows_more() {
            direction.wait_with_trailers(trailers);
            return Step::skipped(phase);
        }
        let count = direction.receive_trailers(trailers);
        let params = (self.id.context, count);
        let answer = if phase.is_response() {
            self.call(phase, |exports| &exports.on_response_trailers, params)
        } else {
            self.call(phase, |exports| &exports.on_request_trailers, params)
        };
        self.answered(phase, answer, Verdict::of_other)
    }

    /// Shows the filter a response, from the upstream or its own.
    pub(crate) fn response_headers(&mut self, response: &Response) -> Step {
        let profile = self.host.profile();
        let end = response.body.is_absent() && !profile.headers_never_end();
        let state = self.state();
        state.response.headers = profile.headers_of_message(&response.headers);
        let count = state.response.headers.len();
        state.response.receive_headers(end);
        // A reply to a request that never came to the filter passes it by, as in Envoy.
        self.headers(Phase::ResponseHeaders, count, end)
    }

    /// A callback has been called: its verdict is carried out, and what the guest asked for meanwhile is granted.
    pub(crate) fn answered(
        &mut self,
        phase: Phase,
        answer: Result<Option<u32>, Trap>,
        verdict: impl FnOnce(u32) -> Verdict,
    ) -> Step {
        let answer = match answer {
            Ok(answer) => answer,
            Err(trap) => return self.fail(phase, trap),
        };
        let called = answer.is_some();
        let fuel = if called { self.last_fuel() } else { 0 };
        let verdict = answer.map_or(Verdict::Continue, verdict);
        let wishes = &self.state().wishes;
        let stopped = wishes.close || wishes.reply.is_some();
        let verdict = if stopped && verdict == Verdict::Continue {
            Verdict::Hold(crate::direction::Hold::All)
        } else {
            verdict
        };
        let holds = self.host.profile().holds() || self.state().protocol == Protocol::Tcp;
        let now = self.host.now();
        let direction = self.direction(phase);
        if direction.ended && direction.ended_at.is_none() {
            direction.ended_at = Some(now);
        }
        if holds || stopped {
            direction.settle(phase, verdict);
        } else {
            direction.release();
        }
        if !holds {
            direction.close_pointers();
        }
        let resumed = self.grant();
        self.host.grant_all();
        let action = if resumed { Action::Continue } else { verdict.action() };
        Step {
            phase,
            called,
            action,
            fuel,
        }
    }

    /// Grants what the guest asked for. Was a direction let go on?
    pub(crate) fn grant(&mut self) -> bool {
        let state = self.state();
        let wishes = std::mem::take(&mut state.wishes);
        if wishes.close {
            state.course = Course::Reset;
            CLOSED.clone_into(&mut state.details);
            return false;
        }
        if let Some(reply) = wishes.reply {
            let course = Course::Replied;
            self.reply(reply, course);
            return false;
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
        if resumed {
            self.pump();
        }
        resumed
    }

    /// Shows the filter what has waited behind its pause.
    fn pump(&mut self) {
        for is_response in [false, true] {
            let state = self.state();
            let runs = if is_response {
                state.response_is_running()
            } else {
                matches!(state.course, Course::Open)
            };
            let direction = if is_response {
                &mut state.response
            } else {
                &mut state.request
            };
            let Some(waiting) = Some(direction).filter(|_| runs).and_then(Direction::take_waiting) else {
                continue;
            };
            let (body, trailers) = if is_response {
                (Phase::ResponseBody, Phase::ResponseTrailers)
            } else {
                (Phase::RequestBody, Phase::RequestTrailers)
            };
            if let Some(chunk) = waiting.body {
                self.body(body, &chunk, waiting.ended);
            }
            if let Some(map) = waiting.trailers {
                self.trailers(trailers, map);
            }
        }
    }

    /// Sends a local reply. Before a response has begun it goes through the filter's own response callbacks; in place of
    /// a response that is being processed it goes straight to the client; behind one that has left, the stream is reset.
    fn reply(&mut self, reply: LocalReply, course: Course) {
        let runs_callbacks = self.host.profile().shows_local_replies();
        let state = self.state();
        let response = reply.render(state.form);
        if state.response.sent && !matches!(state.course, Course::Replied) {
            state.details.clone_from(&reply.details);
            state.local_reply.get_or_insert(reply);
            state.course = Course::Reset;
            return;
        }
        state.details.clone_from(&reply.details);
        if matches!(course, Course::Replied) && state.local_reply.is_none() {
            state.local_reply = Some(reply);
        }
        state.course = course;
        if state.response.arrived || !runs_callbacks {
            state.send_directly(response);
        } else {
            self.response_headers(&response);
            if !response.body.is_absent() && !matches!(self.state().course, Course::Failed(_) | Course::Reset) {
                self.body(Phase::ResponseBody, &response.body.bytes, true);
            }
        }
    }

    /// More is held than Envoy's buffers take: it replies itself.
    fn check_buffer(&mut self, phase: Phase) {
        let limit = self.host.buffer_limit();
        let state = self.state();
        let is_response = phase.is_response();
        let direction = if is_response { &state.response } else { &state.request };
        let overflows = state.protocol == Protocol::Http && direction.is_buffering() && direction.held_bytes() > limit;
        if overflows && matches!(state.course, Course::Open) {
            let status = if is_response { 500 } else { 413 };
            self.reply(LocalReply::too_large(status), Course::Overflowed);
        }
    }

    /// The VM died under this stream. Envoy answers 503, without the filter, even when the plugin fails open.
    pub(crate) fn fail(&mut self, phase: Phase, trap: Trap) -> Step {
        self.state().fail(trap);
        Step {
            phase,
            called: true,
            action: Action::Pause,
            fuel: self.last_fuel(),
        }
    }

    /// Calls the guest; `None` when it has no such function, or when it is passed by.
    pub(crate) fn call<P: wasmtime::WasmParams + Numbers, R: wasmtime::WasmResults + Numbers>(
        &mut self,
        phase: Phase,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<Option<R>, Trap> {
        if self.is_bypassed() {
            return Ok(None);
        }
        if !self.host.profile().keeps_order() {
            self.create()?;
        }
        self.host
            .vm(self.id.worker)
            .call(phase, self.id.context, function, params)
    }

    /// Is the filter out of this stream's way, because its VM is dead and the plugin fails open?
    fn is_bypassed(&mut self) -> bool {
        if !self.host.fails_open() {
            return false;
        }
        let failure = self.host.vm(self.id.worker).failure().cloned();
        let state = self.state();
        if let (Some(trap), None) = (failure, &state.bypassed) {
            state.bypassed = Some(trap);
        }
        state.bypassed.is_some()
    }

    pub(crate) fn direction(&mut self, phase: Phase) -> &mut Direction {
        let state = self.state();
        if phase.is_response() {
            &mut state.response
        } else {
            &mut state.request
        }
    }

    fn last_fuel(&mut self) -> u64 {
        self.state().ledger.fuel.last().map_or(0, |(_, fuel)| *fuel)
    }

    /// Can the stream go on? One whose VM died in the meantime fails here.
    pub(crate) fn is_open(&mut self) -> bool {
        if !self.host.fails_open() {
            let failure = self.host.vm(self.id.worker).failure().cloned();
            let state = self.state();
            if let (Course::Open, Some(trap)) = (&state.course, failure) {
                state.fail(trap);
            }
        }
        matches!(self.state().course, Course::Open)
    }

    /// Can more of a message come to the filter? What waits behind a pause is not shown to it, and so cannot find it dead.
    pub(crate) fn is_open_in(&mut self, phase: Phase) -> bool {
        let keeps_order = self.host.profile().keeps_order();
        let direction = self.direction(phase);
        if !keeps_order {
            direction.arrived = true;
        }
        if direction.arrived && !direction.shows_more() {
            return matches!(self.state().course, Course::Open);
        }
        direction.arrived && self.is_open()
    }

    /// Ends the stream, in the order of the profile. Says all that became of it.
    pub(crate) fn finish(mut self) -> Outcome {
        let mut died = None;
        if !matches!(self.state().course, Course::Failed(_)) {
            died = self.end().err();
        }
        let died = died.filter(|_| !matches!(self.state().course, Course::Failed(_)));
        let vm = self.host.vm(self.id.worker);
        let (memory, clock) = (vm.memory_size(), vm.view().clock);
        let process = vm.view().process.clone();
        let state = vm.state();
        let index = state.streams.iter().position(|stream| stream.id == self.id.context);
        // INVARIANT: a stream is in the list until here, and this consumes the only way here.
        let stream = state
            .streams
            .swap_remove(index.expect("an unfinished stream is in its VM's list"));
        let calls = state
            .trace
            .records()
            .filter(|record| record.context() == self.id.context);
        let trace = (calls.cloned().collect(), state.trace.has_all_since(stream.calls_before));
        let outcome = Outcome::new(stream, died, memory, clock, trace, process);
        self.host.stream_ended(self.id.worker);
        outcome
    }

    fn end(&mut self) -> Result<(), Trap> {
        let protocol = self.state().protocol;
        let endings = self.host.profile().endings(protocol);
        if endings.contains(&Ending::Log) {
            // Envoy makes a context just to log, when a request died before it came to the filter.
            self.create()?;
        }
        let id = self.id.context;
        for ending in endings {
            match ending {
                Ending::Log => {
                    self.state().logging = true;
                    let result = self.call(Phase::Log, |exports| &exports.on_log, (id,));
                    self.state().logging = false;
                    result?;
                }
                // A stream cannot ask to be kept: false from on_done has no effect.
                Ending::Done => drop(self.call(Phase::Done, |exports| &exports.on_done, (id,))?),
                Ending::Delete => drop(self.call(Phase::Delete, |exports| &exports.on_delete, (id,))?),
            }
        }
        Ok(())
    }
}

impl StreamState {
    fn send_directly(&mut self, response: Response) {
        self.response = Direction::passed(response.headers, &response.body.bytes);
    }

    /// Fails the stream as Envoy does when the VM is dead: 503, unless a response is already on its way to the client. A
    /// connection is closed.
    pub(crate) fn fail(&mut self, trap: Trap) {
        if self.protocol == Protocol::Http && !self.response.sent {
            let reply = LocalReply::wasm_fail_stream();
            let response = reply.render(self.form);
            self.details = reply.details;
            self.send_directly(response);
        }
        self.course = Course::Failed(trap);
    }

    /// What the client gets, if it gets anything.
    pub(crate) fn client_response(&self) -> Option<Response> {
        let response = &self.response;
        let is_complete = response.sent && response.paused.is_none() && !matches!(self.course, Course::Reset);
        is_complete.then(|| {
            let mut given = Response::from(response.headers.clone());
            given.body.set(&response.passed);
            given.body.trailers = response.passed_trailers();
            given
        })
    }
}
