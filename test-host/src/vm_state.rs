//! What the host calls work on: the state of one VM, its contexts and what the current call of the guest may do.

use std::sync::{Arc, Mutex};

use wasmtime::{Memory, TypedFunc};

use crate::abi::{AbiVersion, LogLevel, Status};
use crate::callout::{Callouts, Incoming, UpstreamStates};
use crate::failure_policy::FailurePolicy;
use crate::filter_state::{Connections, Declaration};
use crate::foreign_functions::ForeignFunctions;
use crate::host_call::HostCall;
use crate::ledger::{Ledger, LogLine};
use crate::limits::{HostCallBudget, Limits, MemoryLimiter};
use crate::metrics::{MetricHandles, MetricRegistry};
use crate::phase::Phase;
use crate::profile::Profile;
use crate::property_store::PropertyStore;
use crate::queues::SharedQueues;
use crate::random::SplitMix64;
use crate::shared_data::SharedData;
use crate::stream_state::StreamState;
use crate::trace::TraceRing;

/// What a plugin is told about itself, and what its host was told to do. The same for all VMs of a host.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) plugin_name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) log_level: LogLevel,
    pub(crate) limits: Limits,
    pub(crate) trace_depth: usize,
    /// How many events the journal of a VM keeps; `None` keeps no journal.
    pub(crate) journal: Option<usize>,
    /// Is each call of the guest timed by the real clock?
    pub(crate) stopwatch: bool,
    pub(crate) properties: PropertyStore,
    pub(crate) profile: Profile,
    /// Does a pause in a headers callback hold the headers alone?
    pub(crate) allow_headers_stop_iteration: bool,
    /// How many bytes of a message can be held before the proxy gives up.
    pub(crate) buffer_limit: usize,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) foreign_functions: ForeignFunctions,
    /// The environment variables, in the order in which they were set.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) seed: u64,
}

/// What outlives a VM: it is shared by those that come after it, as in a process of Envoy.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) settings: Settings,
    pub(crate) metrics: MetricRegistry,
    pub(crate) shared_data: Mutex<SharedData>,
    pub(crate) connections: Mutex<Connections>,
    pub(crate) queues: Mutex<SharedQueues>,
    pub(crate) upstreams: UpstreamStates,
}

/// Host calls that were made to fail, with the status they answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<(HostCall, Status)>);

impl Faults {
    pub(crate) fn set(&mut self, call: HostCall, status: Option<Status>) {
        self.0.retain(|(known, _)| *known != call);
        self.0.extend(status.map(|status| (call, status)));
    }

    pub(crate) fn of(&self, call: HostCall) -> Option<Status> {
        self.0
            .iter()
            .find(|(known, _)| *known == call)
            .map(|(_, status)| *status)
    }
}

/// A root context: a plugin's configuration in this VM.
pub(crate) struct RootState {
    pub(crate) id: u32,
    pub(crate) configuration: Arc<[u8]>,
    /// The period that the guest asked for, in milliseconds; 0 is none.
    pub(crate) tick_period: u32,
    /// When the next tick is due.
    pub(crate) next_tick: Option<u64>,
    pub(crate) retirement: Retirement,
    /// What it has said about properties that it will set.
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) ledger: Box<Ledger>,
}

impl RootState {
    /// Waits for the next tick, a period from now.
    pub(crate) fn await_tick(&mut self, now: u64) {
        let period = u64::from(self.tick_period) * NANOSECONDS_PER_MILLISECOND;
        self.next_tick = now.checked_add(period).filter(|_| period > 0);
    }
}

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// How far a root context is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// It is in use.
    InUse,
    /// `on_done` returned false: `on_delete` waits for `proxy_done`.
    AwaitsDone,
    /// It can be deleted.
    Done,
}

/// The state of one VM.
pub(crate) struct VmState {
    pub(crate) process: Arc<Process>,
    /// The number of the worker that it belongs to.
    pub(crate) worker: usize,
    pub(crate) abi: AbiVersion,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<(u32,), u32>>,
    pub(crate) limiter: MemoryLimiter,
    /// Nanoseconds since the epoch. Moves only when the test moves it.
    pub(crate) clock: u64,
    pub(crate) random: SplitMix64,
    pub(crate) faults: Faults,

    /// The call of the guest that is running.
    pub(crate) phase: Phase,
    /// The context that it is about.
    pub(crate) current: u32,
    /// The context that the guest chose instead; 0 is none.
    pub(crate) effective: u32,
    /// Is the guest allocating memory for the host? Then hardly any host call is allowed.
    pub(crate) allocating: bool,
    pub(crate) budget: HostCallBudget,
    /// The ledger of the current context, for as long as the call runs. In a box, as it is exchanged before and after each.
    pub(crate) ledger: Box<Ledger>,
    pub(crate) trace: TraceRing,

    pub(crate) roots: Vec<RootState>,
    pub(crate) streams: Vec<StreamState>,
    pub(crate) metrics: MetricHandles,
    pub(crate) callouts: Callouts,
    /// The message whose callback is running.
    pub(crate) incoming: Option<Incoming>,
    /// Where an answer for the guest is put together; kept for its capacity.
    pub(crate) scratch: Vec<u8>,
}

impl VmState {
    pub(crate) fn new(process: Arc<Process>, worker: usize, abi: AbiVersion, clock: u64, faults: Faults) -> Self {
        let settings = &process.settings;
        Self {
            memory: None,
            allocate: None,
            limiter: MemoryLimiter::new(settings.limits.memory),
            clock,
            random: SplitMix64::new(settings.seed),
            faults,
            phase: Phase::Instantiate,
            current: 0,
            effective: 0,
            allocating: false,
            budget: HostCallBudget::full(&settings.limits),
            ledger: Box::default(),
            trace: TraceRing::new(settings.trace_depth, settings.journal),
            roots: Vec::new(),
            streams: Vec::with_capacity(1),
            metrics: MetricHandles::default(),
            callouts: Callouts::default(),
            incoming: None,
            scratch: Vec::new(),
            worker,
            abi,
            process,
        }
    }

    /// Writes a line into the log.
    pub(crate) fn log(&mut self, line: LogLine) {
        self.trace.logged(&line);
        self.ledger.logs.push(line);
    }

    /// The context that host calls are about: the one the guest chose, if it still lives, else the current one.
    pub(crate) fn context(&self) -> u32 {
        if self.effective != 0 && self.knows(self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    /// The stream with this id.
    pub(crate) fn stream_by_id(&mut self, id: u32) -> Option<&mut StreamState> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    pub(crate) fn knows(&self, id: u32) -> bool {
        self.streams.iter().any(|stream| stream.id == id) || self.roots.iter().any(|root| root.id == id)
    }

    /// The stream that host calls are about, unless they are about a root.
    pub(crate) fn stream(&self) -> Option<&StreamState> {
        let id = self.context();
        self.streams.iter().find(|stream| stream.id == id)
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut StreamState> {
        let id = self.context();
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    /// The root that host calls are about: itself, or that of the stream.
    pub(crate) fn root(&self) -> Option<&RootState> {
        let id = self.stream().map_or_else(|| self.context(), |stream| stream.root);
        self.roots.iter().find(|root| root.id == id)
    }

    pub(crate) fn root_mut(&mut self) -> Option<&mut RootState> {
        let id = self.stream().map_or_else(|| self.context(), |stream| stream.root);
        self.roots.iter_mut().find(|root| root.id == id)
    }

    /// Exchanges the ledger in use with that of a context: before a call of the guest, and back after it.
    pub(crate) fn swap_ledger(&mut self, id: u32) {
        let stream = self
            .streams
            .iter_mut()
            .find(|stream| stream.id == id)
            .map(|s| &mut s.ledger);
        let root = self
            .roots
            .iter_mut()
            .find(|root| root.id == id)
            .map(|root| &mut root.ledger);
        if let Some(ledger) = stream.or(root) {
            std::mem::swap(&mut self.ledger, ledger);
        }
    }
}
