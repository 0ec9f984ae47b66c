//! Shared queues.

use std::sync::PoisonError;

use super::frame::{Answer, Frame};
use crate::abi::Status;
use crate::queues::NoQueue;
use crate::refusal::Refusal;

pub(super) fn register(frame: &mut Frame<'_>, name: u32, len: u32, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let name = memory.slice(name, len)?;
    memory.check(out, 4)?;
    state.trace.text(name);
    state.budget.take_bytes(name.len())?;
    let Some(root) = state.root() else {
        return Err(Refusal::bad_argument("there is no root context to tell of new items"));
    };
    let reader = (state.worker, root.id);
    let vm_id = state.process.settings.vm_id.as_bytes();
    let mut queues = state.process.queues.lock().unwrap_or_else(PoisonError::into_inner);
    let id = queues.register(vm_id, name, reader);
    drop(queues);
    memory.write_u32(out, id)
}

/// No VM id is the VM's own.
pub(super) fn resolve(frame: &mut Frame<'_>, vm_id: u32, vm_id_len: u32, name: u32, len: u32, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let (vm_id, name) = (memory.slice(vm_id, vm_id_len)?, memory.slice(name, len)?);
    state.trace.text(vm_id).text(name);
    let vm_id = if vm_id.is_empty() {
        state.process.settings.vm_id.as_bytes()
    } else {
        vm_id
    };
    let queues = state.process.queues.lock().unwrap_or_else(PoisonError::into_inner);
    let found = queues.resolve(vm_id, name);
    drop(queues);
    let id = found.ok_or_else(|| Refusal::not_found("no queue of this name was registered"))?;
    memory.write_u32(out, id)
}

/// Whoever reads the queue is told later, not from here.
pub(super) fn enqueue(frame: &mut Frame<'_>, id: u32, item: u32, len: u32) -> Answer {
    let (memory, state) = frame.split()?;
    let item = memory.slice(item, len)?;
    state.trace.number(id).text(item);
    state.budget.take_bytes(item.len())?;
    let limit = state.process.settings.limits.shared_bytes;
    let mut queues = state.process.queues.lock().unwrap_or_else(PoisonError::into_inner);
    if queues.bytes() + item.len() > limit {
        return Err(Refusal::new(
            Status::InternalFailure,
            "the limit on what queues keep is reached (Limits::shared_bytes)",
        ));
    }
    queues.enqueue(id, item).map_err(|NoQueue| no_queue(id))
}

pub(super) fn dequeue(frame: &mut Frame<'_>, id: u32, out: u32, out_len: u32) -> Answer {
    let state = frame.state();
    state.trace.number(id);
    let mut queues = state.process.queues.lock().unwrap_or_else(PoisonError::into_inner);
    let item = queues.dequeue(id).map_err(|NoQueue| no_queue(id));
    drop(queues);
    let item = item?.ok_or_else(|| Refusal::new(Status::Empty, "the queue is empty"))?;
    frame.give(&item, out, out_len)
}

fn no_queue(id: u32) -> Refusal {
    Refusal::not_found(format!("there is no queue {id}"))
}
