//! A worker of a proxy: a VM with its current root context.

use std::sync::Arc;

use crate::module::Module;
use crate::start_error::StartError;
use crate::vm::Vm;
use crate::vm_state::{Faults, Process};

/// A VM, and the root context that new streams belong to.
pub(crate) struct Worker {
    pub(crate) vm: Vm,
    pub(crate) root: u32,
    /// When the VM was made, or last failed to be, by the virtual clock.
    pub(crate) started_at: u64,
}

/// Something that will happen on a worker. In the order in which it will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) time: u64,
    what: What,
    pub(crate) worker: usize,
}

/// What comes at the same time comes in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The answer to a callout, or its timeout; with its number in order.
    Answer(u64),
    /// A tick for this root.
    Tick(u32),
}

impl Worker {
    pub(crate) fn start(
        module: &Module,
        process: &Arc<Process>,
        number: usize,
        clock: u64,
        faults: Faults,
        configuration: &Arc<[u8]>,
    ) -> Result<Self, StartError> {
        let mut vm = Vm::start(module, process, number, clock, faults)?;
        let root = vm.add_root(configuration.clone())?;
        Ok(Self {
            vm,
            root,
            started_at: clock,
        })
    }

    /// Gives the running VM a new root; the old one goes when its last stream has.
    pub(crate) fn reconfigure(&mut self, configuration: &Arc<[u8]>) -> Result<(), StartError> {
        self.root = self.vm.add_root(configuration.clone())?;
        self.vm.retire_roots(Some(self.root));
        Ok(())
    }

    /// Puts a fresh VM in the place of this one, which is dead.
    pub(crate) fn replace(&mut self, mut fresh: Self) {
        fresh.vm.take_over(&mut self.vm);
        *self = fresh;
    }

    /// When the next answer to a callout comes in.
    pub(crate) fn next_answer(&self) -> Option<(u64, u64)> {
        let is_alive = self.vm.failure().is_none();
        self.vm.view().callouts.next_due().filter(|_| is_alive)
    }

    /// The next event on this worker; a dead one has none.
    pub(crate) fn next_event(&self, number: usize) -> Option<Event> {
        if self.vm.failure().is_some() {
            return None;
        }
        let event = |time, what| Event {
            time,
            what,
            worker: number,
        };
        let answer = self.next_answer().map(|(time, order)| event(time, What::Answer(order)));
        let tick = self.vm.next_tick().map(|(time, root)| event(time, What::Tick(root)));
        answer.into_iter().chain(tick).min()
    }

    /// Has an event happen. The clock has been set to it.
    pub(crate) fn happen(&mut self, event: Event) {
        match event.what {
            What::Tick(root) => self.vm.tick(root),
            What::Answer(_) => {
                let state = self.vm.state();
                let now = state.clock;
                if let Some(delivery) = state.callouts.take_due(now) {
                    self.vm.deliver(delivery);
                }
            }
        }
    }
}
