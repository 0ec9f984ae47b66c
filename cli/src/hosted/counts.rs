//! What a filter's callbacks cost, as far as it is the same on every machine.

use std::collections::BTreeMap;

use outgate_test_host::{Event, Journal, Phase};
use serde::Serialize;

/// What calls of a filter cost.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) fuel: u64,
    pub(crate) calls: u32,
    pub(crate) host_calls: u64,
    pub(crate) allocations: u64,
    /// The size of the guest's memory afterwards, in bytes.
    pub(crate) memory: usize,
}

impl Counts {
    /// What each callback cost.
    pub(crate) fn by_phase(journal: &Journal) -> BTreeMap<Phase, Self> {
        let mut phases: BTreeMap<Phase, Self> = BTreeMap::new();
        for event in &journal.events {
            match event {
                Event::HostCall(call) => phases.entry(call.phase()).or_default().host_calls += 1,
                Event::Returned(returned) => {
                    let counts = phases.entry(returned.phase).or_default();
                    counts.calls += 1;
                    counts.fuel += returned.fuel;
                    counts.allocations += u64::from(returned.allocations);
                    counts.memory = returned.memory;
                }
                _ => {}
            }
        }
        phases
    }
}

impl<'a> std::iter::Sum<&'a Self> for Counts {
    fn sum<I: Iterator<Item = &'a Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| Self {
            fuel: sum.fuel + counts.fuel,
            calls: sum.calls + counts.calls,
            host_calls: sum.host_calls + counts.host_calls,
            allocations: sum.allocations + counts.allocations,
            memory: sum.memory.max(counts.memory),
        })
    }
}
