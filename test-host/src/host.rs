//! A host: one plugin with its workers, each with a VM, and the streams that go through it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::abi::{MetricKind, Status};
use crate::callout::{Callout, CalloutId, Delivery, GrpcEvent, Incoming, UpstreamReply};
use crate::connection::Connection;
use crate::driver::Driver;
use crate::failure_policy::{FailurePolicy, Reloads};
use crate::host_builder::HostBuilder;
use crate::host_call::{HostCall, HostCallCounts};
use crate::journal::Journal;
use crate::ledger::{Ledger, LogLine};
use crate::module::Module;
use crate::outcome::Outcome;
use crate::phase::Phase;
use crate::profile::Profile;
use crate::queues::SharedQueues;
use crate::random::SplitMix64;
use crate::request::Request;
use crate::response::Response;
use crate::start_error::StartError;
use crate::stream::{HttpStream, StreamId};
use crate::stream_state::StreamState;
use crate::tcp_stream::TcpStream;
use crate::trap::Trap;
use crate::vm::Vm;
use crate::vm_state::{Process, VmState};
use crate::worker::{Event, Worker};

/// A running plugin. It can move between threads; for several at once, make several hosts of one [`Module`].
pub struct Host {
    module: Module,
    process: Arc<Process>,
    workers: Vec<Worker>,
    /// The worker that new streams come to.
    current: usize,
    configuration: Arc<[u8]>,
    reloads: Reloads,
    /// For what is random in a proxy.
    random: SplitMix64,
}

/// How many messages are told to a filter before time has to move again: one that answers each by another callout would
/// never let it.
const MOST_EVENTS: usize = 10_000;

impl Host {
    pub(crate) fn new(module: Module, process: Arc<Process>, workers: Vec<Worker>, configuration: Arc<[u8]>) -> Self {
        let random = SplitMix64::new(process.settings.seed);
        Self {
            module,
            process,
            workers,
            current: 0,
            configuration,
            reloads: Reloads::default(),
            random,
        }
    }

    /// To describe a plugin and start it.
    pub fn builder(module: &Module) -> HostBuilder {
        HostBuilder::new(module)
    }

    /// Sends a request through the filter to an upstream that answers 200 without a body, and finishes it.
    pub fn request(&mut self, request: impl Into<Request>) -> Outcome {
        self.exchange(request, Response::new(200))
    }

    /// Sends a request through the filter to an upstream that answers `response`, and finishes it.
    ///
    /// Bodies are delivered in their pieces. While the filter holds the stream, time goes on to what may let it go: the answer
    /// to a callout, or its timeout. If nothing does, the client goes away.
    pub fn exchange(&mut self, request: impl Into<Request>, response: impl Into<Response>) -> Outcome {
        let (request, response) = (request.into(), response.into());
        let mut stream = self.http_stream(&request);
        stream.send_request(&request);
        stream.send_response(&response);
        stream.finish()
    }

    /// Begins a stream, to be taken through its callbacks one by one. The guest does not know of it yet.
    pub fn http_stream(&mut self, request: impl Into<Request>) -> HttpStream<'_> {
        let mut request = request.into();
        request.headers = self.profile().headers_of_message(&request.headers);
        let filter_state = self.connection_state(request.connection_number());
        let id = self.begin_stream(|id, root, now| StreamState::http(id, root, &request, filter_state, now));
        HttpStream::new(self, id)
    }

    /// Begins a connection, to be taken through the callbacks of a network filter one by one.
    pub fn tcp_stream(&mut self, connection: impl Into<Connection>) -> TcpStream<'_> {
        let connection = connection.into();
        let filter_state = self.connection_state(connection.connection_number());
        let id =
            self.begin_stream(|id, root, now| StreamState::tcp(id, root, connection.properties, filter_state, now));
        TcpStream::new(self, id)
    }

    fn connection_state(&self, number: Option<u64>) -> Arc<Mutex<crate::filter_state::FilterState>> {
        number.map_or_else(Arc::default, |number| {
            let connections = self.process.connections.lock();
            connections.unwrap_or_else(PoisonError::into_inner).state(number)
        })
    }

    fn begin_stream(&mut self, make: impl FnOnce(u32, u32, u64) -> StreamState) -> StreamId {
        self.reload_if_due();
        let fails_open = self.fails_open();
        let worker = &mut self.workers[self.current];
        let context = worker.vm.new_context_id();
        let mut state = make(context, worker.root, worker.vm.view().clock);
        match worker.vm.failure() {
            Some(trap) if !fails_open => state.fail(trap.clone()),
            _ => {}
        }
        let vm = worker.vm.state();
        state.calls_before = vm.trace.sequence();
        vm.streams.push(state);
        StreamId {
            worker: self.current,
            context,
        }
    }

    /// Goes on with a stream that was begun before, to have several at once. `None` when it is finished.
    pub fn stream(&mut self, id: StreamId) -> Option<HttpStream<'_>> {
        self.workers.get_mut(id.worker)?.vm.state().stream_by_id(id.context)?;
        Some(HttpStream::new(self, id))
    }

    /// Goes on with a connection that was begun before. `None` when it is finished.
    pub fn connection(&mut self, id: StreamId) -> Option<TcpStream<'_>> {
        self.workers.get_mut(id.worker)?.vm.state().stream_by_id(id.context)?;
        Some(TcpStream::new(self, id))
    }

    /// Chooses the worker that new streams come to, and of which the accessors of this host tell. Workers are counted from 0.
    ///
    /// # Panics
    /// When there are not that many: see [`HostBuilder::workers`].
    pub fn worker(&mut self, number: usize) -> &mut Self {
        let workers = self.workers.len();
        assert!(number < workers, "there is no worker {number}: this host has {workers}");
        self.current = number;
        self
    }

    /// Replaces the configuration, as Envoy does: a fresh VM tries it first; then the VM of each worker gets a new root
    /// context for it (a VM that died is replaced), and the old root goes when its last stream has. Returns what the new root
    /// logged.
    ///
    /// # Errors
    /// When the filter refuses the configuration or dies of it. The old one then goes on deciding.
    pub fn reconfigure(&mut self, configuration: impl AsRef<[u8]>) -> Result<Vec<LogLine>, StartError> {
        let configuration: Arc<[u8]> = configuration.as_ref().into();
        self.start_worker(self.current, &configuration)?;
        for number in 0..self.workers.len() {
            if self.workers[number].vm.failure().is_some() {
                let fresh = self.start_worker(number, &configuration)?;
                self.workers[number].replace(fresh);
            } else {
                self.workers[number].reconfigure(&configuration)?;
            }
        }
        self.configuration = configuration;
        Ok(self.logs().to_vec())
    }

    /// A fresh VM, configured.
    fn start_worker(&mut self, number: usize, configuration: &Arc<[u8]>) -> Result<Worker, StartError> {
        let state = self.workers[number].vm.state();
        let (clock, faults) = (state.clock, state.faults.clone());
        Worker::start(&self.module, &self.process, number, clock, faults, configuration)
    }

    /// Gives a dead VM a successor, if the plugin's failure policy asks for one and it is time.
    fn reload_if_due(&mut self) {
        let FailurePolicy::Reload(base) = self.process.settings.failure_policy else {
            return;
        };
        let worker = &self.workers[self.current];
        if worker.vm.failure().is_none() {
            return;
        }
        let base = u64::try_from(base.as_nanos()).unwrap_or(u64::MAX);
        let due = worker.started_at.saturating_add(base);
        let due = due.saturating_add(self.random.below(base / 2 + 1));
        if worker.vm.view().clock < due {
            self.reloads.backoff += 1;
            return;
        }
        let configuration = self.configuration.clone();
        match self.start_worker(self.current, &configuration) {
            Ok(fresh) => {
                self.reloads.success += 1;
                self.workers[self.current].replace(fresh);
            }
            Err(_) => {
                self.reloads.failure += 1;
                let now = self.workers[self.current].vm.view().clock;
                self.workers[self.current].started_at = now;
            }
        }
    }

    /// How often a dead VM was replaced: see [`FailurePolicy::Reload`].
    pub fn reloads(&self) -> Reloads {
        self.reloads
    }

    /// Ends the plugin: done, then delete, on every worker. Returns what it logged besides streams.
    ///
    /// # Errors
    /// When the filter traps on its way out. A VM that was dead before is told nothing.
    pub fn shutdown(mut self) -> Result<Vec<LogLine>, Trap> {
        let mut logs = Vec::new();
        for worker in &mut self.workers {
            let was_dead = worker.vm.failure().is_some();
            logs.append(&mut worker.vm.retire_roots(None));
            if let Some(trap) = worker.vm.failure().filter(|_| !was_dead) {
                return Err(trap.clone());
            }
        }
        Ok(logs)
    }

    /// What the plugin logged besides streams: while it started and was configured, and in ticks and answers to callouts.
    pub fn logs(&self) -> &[LogLine] {
        self.ledger().map_or(&[], |ledger| &ledger.logs)
    }

    /// The host calls that the plugin made besides streams.
    pub fn host_calls(&self) -> HostCallCounts {
        self.ledger().map(|ledger| ledger.calls.clone()).unwrap_or_default()
    }

    /// The fuel that each callback besides streams used: the steps of the start, ticks, answers to callouts.
    pub fn start_fuel(&self) -> &[(Phase, u64)] {
        self.ledger().map_or(&[], |ledger| &ledger.fuel)
    }

    fn ledger(&self) -> Option<&Ledger> {
        let worker = &self.workers[self.current];
        let mut roots = worker.vm.view().roots.iter();
        roots.find(|root| root.id == worker.root).map(|root| &*root.ledger)
    }

    /// The last host calls that were made on this worker, oldest first: as many as the host keeps.
    pub fn trace(&self) -> Vec<crate::trace::CallRecord> {
        self.vm_view().view().trace.records().cloned().collect()
    }

    /// All that the filter did since the last time, in order, on each worker after the other. It is empty without
    /// [`HostBuilder::journal`].
    pub fn take_journal(&mut self) -> Journal {
        let mut journal = Journal::default();
        for worker in &mut self.workers {
            journal.append(worker.vm.state().trace.take_journal());
        }
        journal
    }

    /// How long each call of the filter took since the last time, by the real clock. It is empty without
    /// [`HostBuilder::stopwatch`].
    pub fn take_times(&mut self) -> Vec<(Phase, Duration)> {
        let workers = self.workers.iter_mut();
        workers.flat_map(|worker| worker.vm.take_times()).collect()
    }

    /// How long until something happens by itself: an answer to a callout or its timeout, a tick, an item of a queue. `None`
    /// when nothing is under way. For those who move the clock with the real one: see [`Host::advance`].
    pub fn due_in(&self) -> Option<Duration> {
        if self.queues(|queues| queues.has_notice()) {
            return Some(Duration::ZERO);
        }
        let event = self.next_event()?;
        Some(Duration::from_nanos(event.time.saturating_sub(self.now())))
    }

    /// The period of ticks that the plugin asked for, if it did. See [`Host::advance`].
    pub fn tick_period(&self) -> Option<Duration> {
        let worker = &self.workers[self.current];
        let root = worker.vm.view().roots.iter().find(|root| root.id == worker.root)?;
        (root.tick_period > 0).then(|| Duration::from_millis(root.tick_period.into()))
    }

    /// The trap that killed the VM, if one did. What becomes of its streams is for the [`FailurePolicy`] to say.
    pub fn failure(&self) -> Option<&Trap> {
        self.vm_view().failure()
    }

    /// The size of the guest's memory, in bytes.
    pub fn memory_size(&self) -> usize {
        self.vm_view().memory_size()
    }

    /// The value of a metric: the count, the level, or the number of samples.
    pub fn metric(&self, name: &str) -> Option<u64> {
        self.metrics()
            .into_iter()
            .find(|(known, ..)| known == name)
            .map(|(.., value)| value)
    }

    /// All metrics: name, kind and value, by name.
    pub fn metrics(&self) -> Vec<(String, MetricKind, u64)> {
        self.process.metrics.snapshot()
    }

    /// The time, in nanoseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.vm_view().view().clock
    }

    /// Moves the clock on, and has everything happen that is due on the way, in order and on every worker: the answers to
    /// callouts and their timeouts, the items of queues, ticks. `Duration::ZERO` has happen what is due now.
    pub fn advance(&mut self, by: Duration) {
        let end = self
            .now()
            .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
        let mut events = 0;
        while events < MOST_EVENTS && self.happen_next(end) {
            events += 1;
            // Time that moves on is no loop.
            if self.next_event().is_none_or(|event| event.time > self.now()) {
                events = 0;
            }
        }
        self.set_clock(end);
    }

    /// Has the next event happen, if it is due by `end`.
    pub(crate) fn happen_next(&mut self, end: u64) -> bool {
        let notice = self.queues(SharedQueues::take_notice);
        if let Some(notice) = notice {
            if let Some(worker) = self.workers.get_mut(notice.worker) {
                worker.vm.queue_ready(notice.root, notice.queue);
            }
            self.grant_all();
            return true;
        }
        let Some(event) = self.next_event().filter(|event| event.time <= end) else {
            return false;
        };
        self.set_clock(event.time.max(self.now()));
        self.workers[event.worker].happen(event);
        self.grant_all();
        true
    }

    fn next_event(&self) -> Option<Event> {
        let events = self.workers.iter().enumerate();
        events.filter_map(|(number, worker)| worker.next_event(number)).min()
    }

    fn set_clock(&mut self, time: u64) {
        for worker in &mut self.workers {
            worker.vm.state().clock = time;
        }
    }

    fn queues<T>(&self, act: impl FnOnce(&mut SharedQueues) -> T) -> T {
        act(&mut self.process.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Grants what guests asked for on behalf of streams whose callback was not the one running.
    pub(crate) fn grant_all(&mut self) {
        for number in 0..self.workers.len() {
            let asking = |worker: &Worker| {
                let mut streams = worker.vm.view().streams.iter();
                streams.find(|stream| !stream.wishes.is_empty()).map(|stream| stream.id)
            };
            // Each grant takes the wishes, and a stream in which nothing runs any more makes none.
            while let Some(context) = asking(&self.workers[number]) {
                let id = StreamId {
                    worker: number,
                    context,
                };
                Driver::new(self, id).grant();
            }
        }
    }

    /// The callouts that the filter made, oldest first: the ones under way, and the last thousand of the others.
    pub fn callouts(&self) -> Vec<Callout> {
        let callouts = self.workers.iter().flat_map(|worker| worker.vm.view().callouts.made());
        callouts.collect()
    }

    /// The callouts that wait for an answer, oldest first.
    pub fn pending_callouts(&self) -> Vec<Callout> {
        let workers = self.workers.iter();
        let pending = workers.flat_map(|worker| worker.vm.view().callouts.pending().cloned());
        pending.collect()
    }

    /// Answers a callout that waits. The filter is told when time moves. False when it does not wait any more.
    pub fn answer(&mut self, id: CalloutId, reply: impl Into<UpstreamReply>) -> bool {
        let Some(worker) = self.workers.get_mut(id.worker) else {
            return false;
        };
        let state = worker.vm.state();
        let now = state.clock;
        state.callouts.schedule(id.token, reply.into(), now)
    }

    /// Has something happen on a gRPC callout. The filter is told when time moves. False when the callout is over.
    pub fn grpc_event(&mut self, id: CalloutId, event: GrpcEvent) -> bool {
        self.answer(id, UpstreamReply::grpc_stream([event]))
    }

    /// Calls `proxy_on_foreign_function` of the root, as a proxy's own function would that has something to tell.
    pub fn call_back(&mut self, function: u32, arguments: impl AsRef<[u8]>) {
        let worker = &mut self.workers[self.current];
        worker.vm.deliver(Delivery {
            root: worker.root,
            token: function,
            incoming: Incoming::ForeignArguments(arguments.as_ref().to_vec()),
        });
        self.grant_all();
    }

    /// Makes a host call fail from now on: it does nothing and answers `status`.
    pub fn fail_host_call(&mut self, call: HostCall, status: Status) {
        for worker in &mut self.workers {
            worker.vm.state().faults.set(call, Some(status));
        }
    }

    /// Lets a host call work again.
    pub fn heal_host_call(&mut self, call: HostCall) {
        for worker in &mut self.workers {
            worker.vm.state().faults.set(call, None);
        }
    }

    /// The filter that runs here.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Whose behaviour this host has.
    pub fn profile(&self) -> Profile {
        self.process.settings.profile
    }

    pub(crate) fn fails_open(&self) -> bool {
        self.process.settings.failure_policy == FailurePolicy::Open
    }

    pub(crate) fn allows_headers_stop_iteration(&self) -> bool {
        self.process.settings.allow_headers_stop_iteration
    }

    pub(crate) fn buffer_limit(&self) -> usize {
        self.process.settings.buffer_limit
    }

    pub(crate) fn vm(&mut self, worker: usize) -> &mut Vm {
        &mut self.workers[worker].vm
    }

    pub(crate) fn worker_state(&self, worker: usize) -> &VmState {
        self.workers[worker].vm.view()
    }

    fn vm_view(&self) -> &Vm {
        &self.workers[self.current].vm
    }

    /// A stream is gone: maybe an old root with it.
    pub(crate) fn stream_ended(&mut self, worker: usize) {
        let worker = &mut self.workers[worker];
        if worker.vm.view().roots.len() > 1 {
            worker.vm.retire_roots(Some(worker.root));
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("module", &self.module)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}
