//! A host call in progress: around it, the bookkeeping; inside it, the guest's memory and the VM's state.

use std::sync::Arc;

use wasmtime::{Caller, Extern};

use crate::abi::Status;
use crate::host_call::{CallName, HostCall};
use crate::phase::Phase;
use crate::refusal::Refusal;
use crate::trap::Forbidden;
use crate::vm_state::VmState;

/// What a host call returns.
pub(super) type Answer = Result<(), Refusal>;

/// A host call in progress.
pub(super) struct Frame<'a> {
    caller: Caller<'a, VmState>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(caller: Caller<'a, VmState>) -> Self {
        Self { caller }
    }

    /// Runs a host call and returns its status to the guest.
    pub(super) fn run(
        mut caller: Caller<'a, VmState>,
        call: HostCall,
        implementation: impl FnOnce(&mut Self) -> Answer,
    ) -> wasmtime::Result<u32> {
        let state = caller.data_mut();
        state.budget.take_call()?;
        state.ledger.calls.add(call);
        let context = state.context();
        state.trace.begin_known(context, state.phase, call);
        check_allowed(state, call)?;
        if let Some(status) = state.faults.of(call) {
            state.trace.end(status, "the test made this call fail".into());
            return Ok(status as u32);
        }
        if state.process.settings.profile.lacks(call) {
            let reason = "Google's service extensions do not have it, and this host is like their tester";
            state.trace.end(Status::Unimplemented, reason.into());
            return Ok(Status::Unimplemented as u32);
        }
        let mut frame = Self::new(caller);
        match implementation(&mut frame) {
            Ok(()) => Ok(Status::Ok as u32),
            Err(Refusal::Status(status, reason)) => {
                frame.state().trace.end(status, reason);
                Ok(status as u32)
            }
            Err(Refusal::Abort(error)) => {
                let reason = format!("the guest was ended: {error:#}").into();
                frame.state().trace.end(Status::InternalFailure, reason);
                Err(error)
            }
        }
    }

    /// Notes a call of a function that this host does not have.
    pub(super) fn stub(caller: &mut Caller<'a, VmState>, name: &Arc<str>) -> wasmtime::Result<()> {
        let state = caller.data_mut();
        state.budget.take_call()?;
        state.ledger.calls.add_stub(name);
        let context = state.context();
        state.trace.begin(context, state.phase, CallName::Stub(name.clone()));
        let reason = format!("the filter called {name}, which this host does not have yet");
        state.trace.end(Status::Unimplemented, reason.into());
        Ok(())
    }

    pub(super) fn state(&mut self) -> &mut VmState {
        self.caller.data_mut()
    }

    /// The guest's memory and the VM's state, both at once: arguments are used where they lie.
    pub(super) fn split(&mut self) -> Result<(GuestMemory<'_>, &mut VmState), Refusal> {
        let memory = match self.caller.data().memory {
            Some(memory) => memory,
            // A start function runs before the instance is there.
            None => match self.caller.get_export("memory") {
                Some(Extern::Memory(memory)) => memory,
                _ => return Err(out_of_bounds(0, 0)),
            },
        };
        let (bytes, state) = memory.data_and_store_mut(&mut self.caller);
        Ok((GuestMemory(bytes), state))
    }

    /// Hands `bytes` to the guest: allocates there, copies, and writes pointer and length where the guest wants them.
    /// No bytes are a null pointer.
    pub(super) fn give(&mut self, bytes: &[u8], out: u32, out_len: u32) -> Answer {
        // Checked before the guest is asked for memory that could then not be named to it.
        let (mut memory, state) = self.split()?;
        memory.write_u32(out, 0)?;
        memory.write_u32(out_len, 0)?;
        state.trace.answer(bytes);
        state.budget.take_bytes(bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        let len = u32::try_from(bytes.len()).map_err(|_| out_of_bounds(0, u32::MAX))?;
        let pointer = self.allocate(len)?;
        let (mut memory, _) = self.split()?;
        memory.slice_mut(pointer, len)?.copy_from_slice(bytes);
        memory.write_u32(out, pointer)?;
        memory.write_u32(out_len, len)
    }

    fn allocate(&mut self, len: u32) -> Result<u32, Refusal> {
        let state = self.caller.data_mut();
        // Taken for the call, rather than cloned: cloning a function goes through the engine's type registry.
        let Some(allocate) = state.allocate.take() else {
            return Err(Refusal::new(
                Status::InvalidMemoryAccess,
                "the guest cannot allocate memory yet",
            ));
        };
        state.allocating = true;
        state.ledger.allocations += 1;
        let pointer = allocate.call(&mut self.caller, (len,));
        let state = self.caller.data_mut();
        state.allocating = false;
        state.allocate = Some(allocate);
        match pointer {
            Ok(0) => Err(Refusal::new(
                Status::InvalidMemoryAccess,
                format!("the guest could not allocate {len} bytes for the answer"),
            )),
            Ok(pointer) => Ok(pointer),
            Err(error) => Err(Refusal::Abort(error)),
        }
    }

    /// Takes the buffer in which answers are put together, empty. Give it back by [`Frame::give_scratch`].
    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.state().scratch);
        scratch.clear();
        scratch
    }

    /// Hands the contents of the scratch buffer to the guest, and keeps the buffer for the next time.
    pub(super) fn give_scratch(&mut self, scratch: Vec<u8>, out: u32, out_len: u32) -> Answer {
        let answer = self.give(&scratch, out, out_len);
        self.state().scratch = scratch;
        answer
    }
}

fn check_allowed(state: &VmState, call: HostCall) -> Result<(), Forbidden> {
    let allowed = |restriction| match restriction {
        Restriction::Allocating => matches!(call, HostCall::Log | HostCall::GetCurrentTime),
        Restriction::Starting => call == HostCall::Log,
    };
    match Restriction::on(state) {
        Some(restriction) if !allowed(restriction) => Err(restriction.forbids(call.name())),
        _ => Ok(()),
    }
}

/// A time at which a guest may hardly call anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restriction {
    /// It allocates for the host, which relies on nothing else changing meanwhile.
    Allocating,
    /// It initializes, and has no context yet that a call could be about.
    Starting,
}

impl Restriction {
    /// What the guest is restricted by now.
    pub(super) fn on(state: &VmState) -> Option<Self> {
        match state.phase {
            _ if state.allocating => Some(Self::Allocating),
            Phase::Instantiate | Phase::Initialize => Some(Self::Starting),
            _ => None,
        }
    }

    pub(super) fn forbids(self, call: &str) -> Forbidden {
        let when = match self {
            Self::Allocating => "while the guest allocates memory for the host",
            Self::Starting => "before on_vm_start",
        };
        Forbidden(format!("{call} may not be called {when}"))
    }
}

/// The guest's memory. Every access is checked; what lies outside is status 6.
pub(super) struct GuestMemory<'m>(&'m mut [u8]);

impl GuestMemory<'_> {
    pub(super) fn slice(&self, pointer: u32, len: u32) -> Result<&[u8], Refusal> {
        self.0
            .get(range(pointer, len))
            .ok_or_else(|| out_of_bounds(pointer, len))
    }

    pub(super) fn slice_mut(&mut self, pointer: u32, len: u32) -> Result<&mut [u8], Refusal> {
        self.0
            .get_mut(range(pointer, len))
            .ok_or_else(|| out_of_bounds(pointer, len))
    }

    pub(super) fn check(&self, pointer: u32, len: u32) -> Answer {
        self.slice(pointer, len).map(drop)
    }

    pub(super) fn write_u32(&mut self, pointer: u32, value: u32) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, pointer: u32, value: u64) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(super) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Answer {
        let len = u32::try_from(bytes.len()).map_err(|_| out_of_bounds(pointer, u32::MAX))?;
        self.slice_mut(pointer, len)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn read_u32(&self, pointer: u32) -> Result<u32, Refusal> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.slice(pointer, 4)?);
        Ok(u32::from_le_bytes(bytes))
    }
}

fn range(pointer: u32, len: u32) -> std::ops::Range<usize> {
    pointer as usize..pointer as usize + len as usize
}

fn out_of_bounds(pointer: u32, len: u32) -> Refusal {
    let reason = format!("{len} bytes at {pointer:#x} are outside the guest's memory");
    Refusal::new(Status::InvalidMemoryAccess, reason)
}
