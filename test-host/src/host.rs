//! A host: one plugin on one worker, with its VM, its configuration, and the streams that go through it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::abi::{LogLevel, MetricKind, Status};
use crate::host_call::{HostCall, HostCallCounts};
use crate::ledger::{Ledger, LogLine};
use crate::limits::Limits;
use crate::metrics::MetricRegistry;
use crate::module::Module;
use crate::outcome::Outcome;
use crate::phase::Phase;
use crate::property::Property;
use crate::property_store::{PropertyPath, PropertyStore};
use crate::request::Request;
use crate::response::Response;
use crate::shared_data::SharedData;
use crate::start_error::StartError;
use crate::stream::{HttpStream, StreamId};
use crate::stream_state::StreamState;
use crate::trap::Trap;
use crate::vm::Vm;
use crate::vm_state::{Faults, Process, Settings};

/// A running plugin. It can move between threads; for several at once, make several hosts of one [`Module`].
pub struct Host {
    module: Module,
    process: Arc<Process>,
    vm: Vm,
    root: u32,
}

impl Host {
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
    /// A body is delivered in one piece. If the filter pauses the stream and nothing continues it, the client goes away.
    pub fn exchange(&mut self, request: impl Into<Request>, response: impl Into<Response>) -> Outcome {
        let (request, response) = (request.into(), response.into());
        let mut stream = self.http_stream(&request);
        stream.request_headers();
        if !request.body.is_empty() {
            stream.request_body(&request.body, true);
        }
        stream.response_headers(&response);
        if !response.body.is_empty() {
            stream.response_body(&response.body, true);
        }
        stream.finish()
    }

    /// Begins a stream, to be taken through its callbacks one by one. The guest does not know of it yet.
    pub fn http_stream(&mut self, request: impl Into<Request>) -> HttpStream<'_> {
        let id = self.vm.new_context_id();
        let request = request.into();
        let connection = request.connection().map_or_else(Arc::default, |number| {
            let connections = self.process.connections.lock();
            connections.unwrap_or_else(PoisonError::into_inner).state(number)
        });
        let mut state = StreamState::new(id, self.root, &request, connection);
        if let Some(trap) = self.vm.failure() {
            state.fail(trap.clone());
        }
        self.vm.state().streams.push(state);
        HttpStream::new(self, StreamId(id))
    }

    /// Goes on with a stream that was begun before, to have several at once. `None` when it is finished.
    pub fn stream(&mut self, id: StreamId) -> Option<HttpStream<'_>> {
        self.vm.state().stream_by_id(id.0)?;
        Some(HttpStream::new(self, id))
    }

    /// Replaces the configuration, as Envoy does: a fresh VM tries it first; then the running VM gets a new root context
    /// for it (a VM that died is replaced), and the old root goes when its last stream has. Returns what the new root
    /// logged.
    ///
    /// # Errors
    /// When the filter refuses the configuration or dies of it. The old one then goes on deciding.
    pub fn reconfigure(&mut self, configuration: impl AsRef<[u8]>) -> Result<Vec<LogLine>, StartError> {
        let configuration: Arc<[u8]> = configuration.as_ref().into();
        let state = self.vm.state();
        let (clock, faults) = (state.clock, state.faults.clone());
        let mut canary = Vm::start(&self.module, &self.process, clock, faults)?;
        let canary_root = canary.add_root(configuration.clone())?;
        if self.vm.failure().is_some() {
            canary.take_over(&mut self.vm);
            self.vm = canary;
            self.root = canary_root;
        } else {
            self.root = self.vm.add_root(configuration)?;
            self.vm.retire_roots(Some(self.root));
        }
        Ok(self.logs().to_vec())
    }

    /// Ends the plugin: done, then delete. Returns what it logged besides streams.
    pub fn shutdown(mut self) -> Vec<LogLine> {
        self.vm.retire_roots(None)
    }

    /// What the plugin logged besides streams: while it started and was configured.
    pub fn logs(&self) -> &[LogLine] {
        self.ledger().map_or(&[], |ledger| &ledger.logs)
    }

    /// The host calls that the plugin made besides streams.
    pub fn host_calls(&self) -> HostCallCounts {
        self.ledger().map(|ledger| ledger.calls.clone()).unwrap_or_default()
    }

    /// The fuel that each step of the start used.
    pub fn start_fuel(&self) -> &[(Phase, u64)] {
        self.ledger().map_or(&[], |ledger| &ledger.fuel)
    }

    fn ledger(&self) -> Option<&Ledger> {
        self.vm
            .view()
            .roots
            .iter()
            .find(|root| root.id == self.root)
            .map(|root| &root.ledger)
    }

    /// The period of ticks that the plugin asked for, if it did. See [`Host::advance`].
    pub fn tick_period(&self) -> Option<Duration> {
        let root = self.vm.view().roots.iter().find(|root| root.id == self.root)?;
        (root.tick_period > 0).then(|| Duration::from_millis(root.tick_period.into()))
    }

    /// The trap that killed the VM, if one did. Every stream fails until [`Host::reconfigure`].
    pub fn failure(&self) -> Option<&Trap> {
        self.vm.failure()
    }

    /// The size of the guest's memory, in bytes.
    pub fn memory_size(&self) -> usize {
        self.vm.memory_size()
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

    /// Moves the clock on. The plugin ticks as often as its period ends on the way, and so does an older configuration of
    /// it that still has streams.
    pub fn advance(&mut self, by: Duration) {
        self.vm.advance(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Makes a host call fail from now on: it does nothing and answers `status`.
    pub fn fail_host_call(&mut self, call: HostCall, status: Status) {
        self.vm.state().faults.set(call, Some(status));
    }

    /// Lets a host call work again.
    pub fn heal_host_call(&mut self, call: HostCall) {
        self.vm.state().faults.set(call, None);
    }

    pub(crate) fn vm(&mut self) -> &mut Vm {
        &mut self.vm
    }

    pub(crate) fn vm_view(&self) -> &Vm {
        &self.vm
    }

    /// A stream is gone: maybe an old root with it.
    pub(crate) fn stream_ended(&mut self) {
        if self.vm.view().roots.len() > 1 {
            self.vm.retire_roots(Some(self.root));
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("module", &self.module)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// Describes a plugin and its host.
#[derive(Debug, Clone)]
pub struct HostBuilder {
    module: Module,
    settings: Settings,
    configuration: Arc<[u8]>,
    clock: u64,
    faults: Faults,
}

/// 2026-01-01T00:00:00Z: where the clock stands when a test does not set it.
const DEFAULT_CLOCK: u64 = 1_767_225_600_000_000_000;

/// How many host calls are kept when a test does not say.
const DEFAULT_TRACE_DEPTH: usize = 64;

/// The seed of random numbers when a test does not set it.
const DEFAULT_SEED: u64 = 0;

impl HostBuilder {
    fn new(module: &Module) -> Self {
        Self {
            module: module.clone(),
            settings: Settings {
                plugin_name: String::new(),
                root_id: String::new(),
                vm_id: String::new(),
                vm_configuration: Vec::new(),
                log_level: LogLevel::Info,
                limits: Limits::default(),
                trace_depth: DEFAULT_TRACE_DEPTH,
                properties: PropertyStore::default(),
                environment: Vec::new(),
                seed: DEFAULT_SEED,
            },
            configuration: Arc::default(),
            clock: DEFAULT_CLOCK,
            faults: Faults::default(),
        }
    }

    /// The plugin's name, `plugin_name`.
    #[must_use]
    pub fn plugin_name(mut self, name: &str) -> Self {
        self.settings.plugin_name = name.to_owned();
        self
    }

    /// The plugin's root id, `plugin_root_id`.
    #[must_use]
    pub fn root_id(mut self, id: &str) -> Self {
        self.settings.root_id = id.to_owned();
        self
    }

    /// The VM's id, `plugin_vm_id`.
    #[must_use]
    pub fn vm_id(mut self, id: &str) -> Self {
        self.settings.vm_id = id.to_owned();
        self
    }

    /// The plugin's configuration.
    #[must_use]
    pub fn configuration(mut self, configuration: impl AsRef<[u8]>) -> Self {
        self.configuration = configuration.as_ref().into();
        self
    }

    /// The VM's configuration.
    #[must_use]
    pub fn vm_configuration(mut self, configuration: impl AsRef<[u8]>) -> Self {
        self.settings.vm_configuration = configuration.as_ref().to_vec();
        self
    }

    /// The level below which lines are dropped. By default [`LogLevel::Info`], as in Envoy.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.settings.log_level = level;
        self
    }

    /// Where the clock stands, in nanoseconds since the epoch. By default at the beginning of 2026. It never moves by
    /// itself: see [`Host::advance`].
    #[must_use]
    pub fn clock(mut self, nanoseconds: u64) -> Self {
        self.clock = nanoseconds;
        self
    }

    /// An environment variable, which a filter sees through WASI. One that was set before is replaced.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let environment = &mut self.settings.environment;
        match environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => environment.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// What the random numbers of WASI follow from. Every VM of the host starts from it, so each sees the same ones.
    /// By default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// What the filter may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How many of the last host calls are kept for [`Outcome::trace`] and for reports; 0 keeps none, for benchmarks.
    #[must_use]
    pub fn trace_depth(mut self, depth: usize) -> Self {
        self.settings.trace_depth = depth;
        self
    }

    /// A property that every context sees, such as `xds.node.id`. One of the same path on a request wins.
    #[must_use]
    pub fn property(mut self, path: impl PropertyPath, value: impl Into<Property>) -> Self {
        self.settings.properties.set(path, value.into());
        self
    }

    /// Makes a host call fail from the start: it does nothing and answers `status`.
    #[must_use]
    pub fn fail_host_call(mut self, call: HostCall, status: Status) -> Self {
        self.faults.set(call, Some(status));
        self
    }

    /// Starts the filter: instance, root context, `on_vm_start`, `on_configure`.
    ///
    /// # Errors
    /// When the filter traps, or refuses its configuration.
    pub fn start(self) -> Result<Host, StartError> {
        let process = Arc::new(Process {
            settings: self.settings,
            metrics: MetricRegistry::default(),
            shared_data: Mutex::new(SharedData::default()),
            connections: Mutex::default(),
        });
        let mut vm = Vm::start(&self.module, &process, self.clock, self.faults)?;
        let root = vm.add_root(self.configuration)?;
        Ok(Host {
            module: self.module,
            process,
            vm,
            root,
        })
    }
}
