//! Describes a plugin and the host that it runs in.

use std::sync::{Arc, Mutex};

use crate::abi::{LogLevel, Status};
use crate::callout::{Upstream, UpstreamStates};
use crate::failure_policy::FailurePolicy;
use crate::foreign_functions::ForeignFunctions;
use crate::host::Host;
use crate::host_call::HostCall;
use crate::limits::Limits;
use crate::metrics::MetricRegistry;
use crate::module::Module;
use crate::profile::Profile;
use crate::property::Property;
use crate::property_store::{PropertyPath, PropertyStore};
use crate::shared_data::SharedData;
use crate::start_error::StartError;
use crate::vm_state::{Faults, Process, Settings};
use crate::worker::Worker;

/// Describes a plugin and its host.
#[derive(Debug, Clone)]
pub struct HostBuilder {
    module: Module,
    settings: Settings,
    configuration: Arc<[u8]>,
    clock: u64,
    faults: Faults,
    workers: usize,
    canary: bool,
    upstreams: Vec<(String, Upstream)>,
}

/// 2026-01-01T00:00:00Z: where the clock stands when a test does not set it.
const DEFAULT_CLOCK: u64 = 1_767_225_600_000_000_000;

/// How many host calls are kept when a test does not say.
const DEFAULT_TRACE_DEPTH: usize = 64;

/// The seed of random numbers when a test does not set it.
const DEFAULT_SEED: u64 = 0;

/// Envoy's `per_connection_buffer_limit_bytes`, when a listener does not set it.
const DEFAULT_BUFFER_LIMIT: usize = 1 << 20;

impl HostBuilder {
    pub(crate) fn new(module: &Module) -> Self {
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
                journal: None,
                stopwatch: false,
                properties: PropertyStore::default(),
                profile: Profile::default(),
                allow_headers_stop_iteration: false,
                buffer_limit: DEFAULT_BUFFER_LIMIT,
                failure_policy: FailurePolicy::default(),
                foreign_functions: ForeignFunctions::default(),
                environment: Vec::new(),
                seed: DEFAULT_SEED,
            },
            configuration: Arc::default(),
            clock: DEFAULT_CLOCK,
            faults: Faults::default(),
            workers: 1,
            canary: true,
            upstreams: Vec::new(),
        }
    }

    /// Whose behaviour the host has, where proxies differ. By default [`Profile::Envoy`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.settings.profile = profile;
        self
    }

    /// How many workers the proxy has, each with a VM of its own. By default 1. See [`Host::worker`].
    ///
    /// # Panics
    /// When it is 0.
    #[must_use]
    pub fn workers(mut self, number: usize) -> Self {
        assert!(number > 0, "a proxy has at least one worker");
        self.workers = number;
        self
    }

    /// Is each configuration tried out in a VM of its own first, as Envoy does? By default it is; without, the filter starts
    /// once instead of twice.
    #[must_use]
    pub fn canary(mut self, canary: bool) -> Self {
        self.canary = canary;
        self
    }

    /// What becomes of streams when the VM has died. By default [`FailurePolicy::Closed`].
    #[must_use]
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.settings.failure_policy = policy;
        self
    }

    /// Does a pause in a headers callback hold the headers alone, so that the body goes on to the filter? Envoy's
    /// `allow_on_headers_stop_iteration`; by default it holds everything.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.settings.allow_headers_stop_iteration = allow;
        self
    }

    /// How many bytes of a message a pausing filter can hold, before the proxy answers 413 (a request) or 500 (a response). By
    /// default 1 MiB, as in Envoy.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.settings.buffer_limit = bytes;
        self
    }

    /// A service that the filter can call, by the name of its cluster.
    #[must_use]
    pub fn upstream(mut self, name: &str, upstream: Upstream) -> Self {
        self.upstreams.retain(|(known, _)| known != name);
        self.upstreams.push((name.to_owned(), upstream));
        self
    }

    /// A foreign function that the filter can call, besides Envoy's own.
    #[must_use]
    pub fn foreign_function(
        mut self,
        name: &str,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync + 'static,
    ) -> Self {
        self.settings.foreign_functions.set(name, function);
        self
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

    /// What random numbers follow from: those of WASI, and the jitter of a reload. Every VM of the host starts from it, so
    /// each sees the same ones. By default 0.
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

    /// How many of the last host calls are kept for [`Outcome::trace`](crate::Outcome::trace) and for reports; 0 keeps
    /// none, for benchmarks.
    #[must_use]
    pub fn trace_depth(mut self, depth: usize) -> Self {
        self.settings.trace_depth = depth;
        self
    }

    /// Keeps all that the filter does, in order, for [`Host::take_journal`]: at most so many events on each worker until they
    /// are taken. By default nothing is kept.
    #[must_use]
    pub fn journal(mut self, most_events: usize) -> Self {
        self.settings.journal = Some(most_events);
        self
    }

    /// Measures each call of the filter by the real clock, for [`Host::take_times`]: for benchmarks, and the one thing of this
    /// host that is not repeatable. By default nothing is measured.
    #[must_use]
    pub fn stopwatch(mut self, on: bool) -> Self {
        self.settings.stopwatch = on;
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
            upstreams: UpstreamStates::new(&self.upstreams),
            settings: self.settings,
            metrics: MetricRegistry::default(),
            shared_data: Mutex::new(SharedData::default()),
            connections: Mutex::default(),
            queues: Mutex::default(),
        });
        let start = |number| {
            let faults = self.faults.clone();
            Worker::start(&self.module, &process, number, self.clock, faults, &self.configuration)
        };
        if self.canary && process.settings.profile.has_canary() {
            start(0)?;
        }
        let workers = (0..self.workers).map(start).collect::<Result<Vec<_>, _>>()?;
        Ok(Host::new(self.module, process, workers, self.configuration))
    }
}
