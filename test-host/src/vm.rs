//! One VM: an instance of the filter, its contexts, and the calls of its functions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Store, TypedFunc, WasmParams, WasmResults};

use crate::callout::{Delivery, Incoming};
use crate::exports::Exports;
use crate::journal::{Called, Numbers, Returned};
use crate::ledger::LogLine;
use crate::limits::HostCallBudget;
use crate::module::{CLOCK_TICK, Metering, Module};
use crate::phase::Phase;
use crate::start_error::{StartError, StartFailure};
use crate::trap::{Trap, is_trap};
use crate::vm_state::{Faults, Process, Retirement, RootState, VmState};

/// The id of a VM's first root context.
const FIRST_CONTEXT: u32 = 1;

/// How many host calls a trap shows.
const CALLS_IN_TRAP: usize = 8;

/// Says why the filter has no instance: of a memory too large, what it wants and what it may have.
fn why_not_instantiated(store: &Store<VmState>, error: &wasmtime::Error) -> String {
    let state = store.data();
    match state.limiter.refused {
        Some(wanted) => format!(
            "its memory starts with {wanted} bytes, and {} is the limit (Limits::memory)",
            state.process.settings.limits.memory
        ),
        None => format!("{error:#}"),
    }
}

/// An instance of the filter.
pub(crate) struct Vm {
    store: Store<VmState>,
    exports: Exports,
    metering: Metering,
    next_context: u32,
    failure: Option<Trap>,
    /// How long each call took, when that is measured.
    times: Option<Vec<(Phase, Duration)>>,
}

impl Vm {
    /// Instantiates the filter and lets it initialize itself.
    pub(crate) fn start(
        module: &Module,
        process: &Arc<Process>,
        worker: usize,
        clock: u64,
        faults: Faults,
    ) -> Result<Self, StartError> {
        let metering = module.metering();
        let state = VmState::new(process.clone(), worker, module.abi_version(), clock, faults);
        let mut store = Store::new(module.engine(), state);
        store.limiter(|state| &mut state.limiter);
        refill(&mut store, metering, process.settings.limits.start_fuel);
        let instance = match module.linked().instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => {
                let failure = if is_trap(&error) {
                    StartFailure::Trapped(trap(&mut store, Phase::Instantiate, &error))
                } else {
                    StartFailure::NotInstantiated(why_not_instantiated(&store, &error))
                };
                let logs = std::mem::take(&mut store.data_mut().ledger.logs);
                return Err(StartError::new(Phase::Instantiate, failure, logs));
            }
        };
        let exports = Exports::find(&mut store, &instance);
        let memory = instance.get_memory(&mut store, "memory");
        let state = store.data_mut();
        state.memory = memory;
        state.allocate = exports.malloc.clone().or_else(|| exports.on_memory_allocate.clone());
        let mut vm = Self {
            store,
            exports,
            metering,
            next_context: FIRST_CONTEXT,
            failure: None,
            times: process.settings.stopwatch.then(Vec::new),
        };
        vm.initialize().map_err(|trap| {
            let logs = std::mem::take(&mut vm.state().ledger.logs);
            StartError::new(Phase::Initialize, StartFailure::Trapped(trap), logs)
        })?;
        Ok(vm)
    }

    /// A reactor has `_initialize`, and maybe a `main` to set it up; a command has `_start`.
    fn initialize(&mut self) -> Result<(), Trap> {
        let phase = Phase::Initialize;
        if self.exports.initialize.is_none() {
            self.call(phase, 0, |exports| &exports.start, ())?;
            return Ok(());
        }
        self.call(phase, 0, |exports| &exports.initialize, ())?;
        if self.exports.main.is_some() {
            self.call(phase, 0, |exports| &exports.main, (0, 0))?;
        } else {
            self.call(phase, 0, |exports| &exports.main_void, ())?;
        }
        Ok(())
    }

    /// Starts and configures a root context, and returns its id. If the filter refuses, the context is gone again.
    pub(crate) fn add_root(&mut self, configuration: Arc<[u8]>) -> Result<u32, StartError> {
        let id = self.new_context_id();
        let state = self.store.data_mut();
        // What the filter did before it had a context is told with its first one.
        let ledger = std::mem::take(&mut state.ledger);
        let vm_length = state.process.settings.vm_configuration.len() as u32;
        let length = configuration.len() as u32;
        state.roots.push(RootState {
            id,
            configuration,
            tick_period: 0,
            next_tick: None,
            retirement: Retirement::InUse,
            declarations: Vec::new(),
            ledger,
        });
        let (phase, failure) = match self.start_root(id, vm_length, length) {
            Ok(()) => return Ok(id),
            Err(failure) => failure,
        };
        let state = self.store.data_mut();
        let mut logs = Vec::new();
        if let Some(index) = state.roots.iter().position(|root| root.id == id) {
            logs = state.roots.remove(index).ledger.logs;
        }
        Err(StartError::new(phase, failure, logs))
    }

    fn start_root(&mut self, id: u32, vm_length: u32, length: u32) -> Result<(), (Phase, StartFailure)> {
        let trapped = |trap: Trap| (trap.phase(), StartFailure::Trapped(trap));
        let agreed = |answer: Option<u32>| answer != Some(0);
        self.call(Phase::ContextCreate, id, |exports| &exports.on_context_create, (id, 0))
            .map_err(trapped)?;
        let phase = Phase::VmStart;
        let answer = self
            .call(phase, id, |exports| &exports.on_vm_start, (id, vm_length))
            .map_err(trapped)?;
        if !agreed(answer) {
            return Err((phase, StartFailure::Refused));
        }
        let phase = Phase::Configure;
        let answer = self
            .call(phase, id, |exports| &exports.validate_configuration, (id, length))
            .map_err(trapped)?;
        if !agreed(answer) {
            return Err((phase, StartFailure::Refused));
        }
        let answer = self
            .call(phase, id, |exports| &exports.on_configure, (id, length))
            .map_err(trapped)?;
        if !agreed(answer) {
            return Err((phase, StartFailure::Refused));
        }
        Ok(())
    }

    /// Lets go of the roots other than `current` that no stream uses any more: done, then delete. Returns what they
    /// logged all their life.
    pub(crate) fn retire_roots(&mut self, current: Option<u32>) -> Vec<LogLine> {
        let mut logs = Vec::new();
        let state = self.store.data_mut();
        let in_use = |id| Some(id) == current || state.streams.iter().any(|stream| stream.root == id);
        let idle: Vec<u32> = state
            .roots
            .iter()
            .map(|root| root.id)
            .filter(|&id| !in_use(id))
            .collect();
        for id in idle {
            if self.retirement(id) == Some(Retirement::InUse) {
                let answer = self.call(Phase::Done, id, |exports| &exports.on_done, (id,));
                let next = if matches!(answer, Ok(Some(0))) {
                    Retirement::AwaitsDone
                } else {
                    Retirement::Done
                };
                for root in self.store.data_mut().roots.iter_mut().filter(|root| root.id == id) {
                    root.retirement = next;
                }
            }
            if self.retirement(id) == Some(Retirement::Done) {
                // A trap here has been kept as the VM's failure.
                _ = self.call(Phase::Delete, id, |exports| &exports.on_delete, (id,));
                self.store.data_mut().callouts.forget_root(id);
                let roots = &mut self.store.data_mut().roots;
                if let Some(index) = roots.iter().position(|root| root.id == id) {
                    logs.append(&mut roots.remove(index).ledger.logs);
                }
            }
        }
        logs
    }

    /// When the next tick is due, and for which root.
    pub(crate) fn next_tick(&self) -> Option<(u64, u32)> {
        let roots = self.store.data().roots.iter();
        roots.filter_map(|root| Some((root.next_tick?, root.id))).min()
    }

    /// Ticks for a root. As in Envoy, the next period begins when the guest has returned.
    pub(crate) fn tick(&mut self, id: u32) {
        // A trap here has been kept as the VM's failure.
        _ = self.call(Phase::Tick, id, |exports| &exports.on_tick, (id,));
        let now = self.store.data().clock;
        for root in self.store.data_mut().roots.iter_mut().filter(|root| root.id == id) {
            root.await_tick(now);
        }
    }

    /// Tells a root of what has come in for it.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        let Delivery { root, token, incoming } = delivery;
        let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let response = match &incoming {
            Incoming::Response(response) => {
                let (headers, body, trailers) = (response.headers(), response.body_bytes(), response.trailers());
                (length(headers.len()), length(body.len()), length(trailers.len()))
            }
            _ => (0, 0, 0),
        };
        let (phase, last) = match &incoming {
            Incoming::Response(_) | Incoming::Reset => (Phase::HttpCallResponse, 0),
            Incoming::GrpcInitialMetadata(map) => (Phase::GrpcInitialMetadata, length(map.len())),
            Incoming::GrpcMessage(message) => (Phase::GrpcReceive, length(message.len())),
            Incoming::GrpcTrailingMetadata(map) => (Phase::GrpcTrailingMetadata, length(map.len())),
            Incoming::GrpcClose(status, _) => (Phase::GrpcClose, *status),
            Incoming::ForeignArguments(arguments) => (Phase::ForeignFunction, length(arguments.len())),
        };
        self.store.data_mut().incoming = Some(incoming);
        let three = (root, token, last);
        // A trap here has been kept as the VM's failure.
        _ = match phase {
            Phase::GrpcInitialMetadata => {
                self.call(phase, root, |exports| &exports.on_grpc_receive_initial_metadata, three)
            }
            Phase::GrpcReceive => self.call(phase, root, |exports| &exports.on_grpc_receive, three),
            Phase::GrpcTrailingMetadata => {
                self.call(phase, root, |exports| &exports.on_grpc_receive_trailing_metadata, three)
            }
            Phase::GrpcClose => self.call(phase, root, |exports| &exports.on_grpc_close, three),
            Phase::ForeignFunction => self.call(phase, root, |exports| &exports.on_foreign_function, three),
            _ => {
                let (headers, body, trailers) = response;
                let params = (root, token, headers, body, trailers);
                self.call(phase, root, |exports| &exports.on_http_call_response, params)
            }
        };
        self.store.data_mut().incoming = None;
    }

    /// Tells a root that its queue has an item.
    pub(crate) fn queue_ready(&mut self, root: u32, queue: u32) {
        // A trap here has been kept as the VM's failure.
        _ = self.call(
            Phase::QueueReady,
            root,
            |exports| &exports.on_queue_ready,
            (root, queue),
        );
    }

    fn retirement(&self, id: u32) -> Option<Retirement> {
        self.store
            .data()
            .roots
            .iter()
            .find(|root| root.id == id)
            .map(|root| root.retirement)
    }

    /// Calls a function of the guest, for a context; `None` when the guest does not have it. A trap kills the VM.
    pub(crate) fn call<P: WasmParams + Numbers, R: WasmResults + Numbers>(
        &mut self,
        phase: Phase,
        context: u32,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<Option<R>, Trap> {
        if let Some(trap) = &self.failure {
            return Err(trap.clone());
        }
        let Some(function) = function(&self.exports) else {
            return Ok(None);
        };
        let fuel = begin(&mut self.store, self.metering, phase, context);
        let state = self.store.data_mut();
        let time = state.clock;
        state.trace.called(|| Called {
            phase,
            context,
            arguments: params.numbers(),
            time,
        });
        let allocations = state.ledger.allocations;
        let began = self.times.is_some().then(Instant::now);
        let result = function.call(&mut self.store, params);
        if let (Some(times), Some(began)) = (&mut self.times, began) {
            times.push((phase, began.elapsed()));
        }
        let used = match self.metering {
            Metering::Fuel => fuel - self.store.get_fuel().unwrap_or(fuel),
            // Asking for fuel that is not counted would make an error, with a backtrace, on every call.
            Metering::Clock(_) => 0,
        };
        let memory = if self.store.data().trace.has_journal() {
            self.memory_size()
        } else {
            0
        };
        let state = self.store.data_mut();
        state.ledger.fuel.push((phase, used));
        let allocations = state.ledger.allocations - allocations;
        state.trace.returned(|| Returned {
            phase,
            context,
            value: result.as_ref().ok().and_then(|value| value.numbers().first().copied()),
            trapped: result.is_err(),
            fuel: used,
            allocations,
            memory,
        });
        let result = result.map_err(|error| trap(&mut self.store, phase, &error));
        self.store.data_mut().swap_ledger(context);
        if let Err(trap) = &result {
            self.failure = Some(trap.clone());
        }
        result.map(Some)
    }

    pub(crate) fn new_context_id(&mut self) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        id
    }

    /// Takes over the streams of a VM that died: they have failed, but still have to be finished.
    pub(crate) fn take_over(&mut self, dead: &mut Self) {
        self.next_context = self.next_context.max(dead.next_context);
        let (state, dead) = (self.store.data_mut(), dead.store.data_mut());
        state.streams.append(&mut dead.streams);
        state.trace.continue_journal(&mut dead.trace);
    }

    /// How long each call took since the last time.
    pub(crate) fn take_times(&mut self) -> Vec<(Phase, Duration)> {
        self.times.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn state(&mut self) -> &mut VmState {
        self.store.data_mut()
    }

    pub(crate) fn view(&self) -> &VmState {
        self.store.data()
    }

    /// The trap that killed this VM.
    pub(crate) fn failure(&self) -> Option<&Trap> {
        self.failure.as_ref()
    }

    /// The size of the guest's memory, in bytes.
    pub(crate) fn memory_size(&self) -> usize {
        self.store
            .data()
            .memory
            .map_or(0, |memory| memory.data_size(&self.store))
    }
}

/// Prepares a call of the guest: its limits start anew. Returns the fuel it was given.
fn begin(store: &mut Store<VmState>, metering: Metering, phase: Phase, context: u32) -> u64 {
    let state = store.data_mut();
    let limits = &state.process.settings.limits;
    let starting = phase.is_start();
    let fuel = if starting { limits.start_fuel } else { limits.fuel };
    state.budget = HostCallBudget::full(limits);
    state.phase = phase;
    state.current = context;
    state.effective = 0;
    state.swap_ledger(context);
    refill(store, metering, fuel);
    fuel
}

fn refill(store: &mut Store<VmState>, metering: Metering, fuel: u64) {
    match metering {
        // Fails only when the engine does not count, and this one does.
        Metering::Fuel => _ = store.set_fuel(fuel),
        Metering::Clock(limit) => {
            let ticks = limit.as_millis().div_ceil(CLOCK_TICK.as_millis());
            store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2).max(1));
        }
    }
}

fn trap(store: &mut Store<VmState>, phase: Phase, error: &wasmtime::Error) -> Trap {
    let state = store.data_mut();
    let records: Vec<_> = state.trace.records().cloned().collect();
    let first = records.len().saturating_sub(CALLS_IN_TRAP);
    let last_words = state.ledger.logs.last().cloned();
    Trap::new(
        phase,
        error,
        records[first..].to_vec(),
        last_words,
        state.limiter.refused,
    )
}
