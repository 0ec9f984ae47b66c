//! All that a filter did, in order: its callbacks, and in each of them host calls and log lines.

use crate::ledger::LogLine;
use crate::phase::Phase;
use crate::trace::CallRecord;

/// All that a filter did since the last look, in order. See [`HostBuilder::journal`](crate::HostBuilder::journal).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Journal {
    /// What it did, oldest first.
    pub events: Vec<Event>,
    /// How many later events were not kept.
    pub dropped: u64,
}

/// Something that a filter did, or that was done with it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A function of the filter is called.
    Called(Called),
    /// The filter made a host call.
    HostCall(CallRecord),
    /// The filter logged a line: it follows the host call by which it did.
    Log(LogLine),
    /// The function that was called last is over.
    Returned(Returned),
}

/// A call of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Called {
    /// Which function.
    pub phase: Phase,
    /// The context that it is about.
    pub context: u32,
    /// Everything that it is given, as the ABI has it; the context is the first in most phases.
    pub arguments: Vec<u32>,
    /// The virtual time: nanoseconds since the epoch.
    pub time: u64,
}

/// The end of a call of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Returned {
    /// Which function.
    pub phase: Phase,
    /// The context that it was about.
    pub context: u32,
    /// What it returned, as the ABI has it. `None` when it returns nothing, and when it trapped.
    pub value: Option<u32>,
    /// Did it trap? The VM is dead then.
    pub trapped: bool,
    /// The fuel that it used.
    pub fuel: u64,
    /// How often the host asked the guest for memory meanwhile.
    pub allocations: u32,
    /// The size of the guest's memory afterwards, in bytes.
    pub memory: usize,
}

impl Journal {
    /// Appends what is in another one.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.events.append(&mut other.events);
        self.dropped += other.dropped;
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Pages {
    kept: Journal,
    most: usize,
    /// The last host call is still going on, or was when it was looked at last.
    has_open_call: bool,
}

impl Pages {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            kept: Journal::default(),
            most,
            has_open_call: false,
        }
    }

    pub(crate) fn begin_call(&mut self) {
        self.has_open_call = true;
    }

    /// Writes down the last host call, which is over once anything else happens.
    pub(crate) fn settle(&mut self, call: Option<&CallRecord>) {
        let is_open = std::mem::take(&mut self.has_open_call);
        if let Some(call) = call.filter(|_| is_open) {
            self.write(|| Event::HostCall(call.clone()));
        }
    }

    pub(crate) fn write(&mut self, event: impl FnOnce() -> Event) {
        if self.kept.events.len() < self.most {
            self.kept.events.push(event());
        } else {
            self.kept.dropped += 1;
        }
    }

    pub(crate) fn go_on(&mut self, before: Journal) {
        self.kept = before;
    }

    pub(crate) fn take(&mut self) -> Journal {
        std::mem::take(&mut self.kept)
    }
}

/// The parameters or the result of an export, as numbers.
pub(crate) trait Numbers: Copy {
    fn numbers(self) -> Vec<u32>;
}

impl Numbers for u32 {
    fn numbers(self) -> Vec<u32> {
        vec![self]
    }
}

macro_rules! numbers {
    ($(($($field:ident: $ty:ident),*);)*) => {$(
        impl Numbers for ($($ty,)*) {
            fn numbers(self) -> Vec<u32> {
                let ($($field,)*) = self;
                vec![$($field),*]
            }
        }
    )*};
}

numbers! {
    ();
    (a: u32);
    (a: u32, b: u32);
    (a: u32, b: u32, c: u32);
    (a: u32, b: u32, c: u32, d: u32, e: u32);
}
