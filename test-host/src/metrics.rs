//! Metrics: what filters define and count, shared by all VMs of a host.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::MetricKind;

/// A metric. Two definitions with the same kind and name are the same one.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) kind: MetricKind,
    /// Of a histogram: the number of samples.
    value: AtomicU64,
}

impl Metric {
    pub(crate) fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, n: i64) {
        self.value.fetch_add(n.cast_unsigned(), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }
}

/// A change of a metric that a filter made.
#[derive(Debug, Clone)]
pub struct MetricChange {
    metric: Arc<Metric>,
    change: i64,
}

impl MetricChange {
    /// The name that the filter gave it.
    pub fn name(&self) -> &str {
        &self.metric.name
    }

    /// Its kind.
    pub fn kind(&self) -> MetricKind {
        self.metric.kind
    }

    /// By how much it changed; of a histogram, the sample.
    pub fn change(&self) -> i64 {
        self.change
    }

    /// Writes a change down: one line a counter or gauge, one line a sample.
    pub(crate) fn note(changes: &mut Vec<Self>, metric: &Arc<Metric>, change: i64) {
        let known = changes.iter_mut().find(|known| Arc::ptr_eq(&known.metric, metric));
        match known {
            Some(known) if metric.kind != MetricKind::Histogram => {
                known.change = known.change.wrapping_add(change);
            }
            _ => changes.push(Self {
                metric: metric.clone(),
                change,
            }),
        }
    }
}

/// All metrics of a host, by kind and name.
#[derive(Debug, Default)]
pub(crate) struct MetricRegistry {
    // Taken when a metric is defined or read by a test, never when one is incremented.
    metrics: Mutex<HashMap<(MetricKind, String), Arc<Metric>>>,
}

impl MetricRegistry {
    fn define(&self, kind: MetricKind, name: &str) -> Arc<Metric> {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let metric = metrics.entry((kind, name.to_owned())).or_insert_with(|| {
            Arc::new(Metric {
                name: name.to_owned(),
                kind,
                value: AtomicU64::new(0),
            })
        });
        metric.clone()
    }

    /// Name, kind and value of every metric, by name and kind.
    pub(crate) fn snapshot(&self) -> Vec<(String, MetricKind, u64)> {
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = metrics.values().map(|m| (m.name.clone(), m.kind, m.value())).collect();
        all.sort_unstable_by(|a, b| (&a.0, a.1 as u32).cmp(&(&b.0, b.1 as u32)));
        all
    }
}

/// The metrics that one VM defined, by the ids it got for them.
#[derive(Debug, Default)]
pub(crate) struct MetricHandles {
    by_kind: [Vec<Arc<Metric>>; 3],
}

impl MetricHandles {
    /// Defines a metric. Each definition gets a new id, as in Envoy: 4, 8… for counters, 5, 9… for gauges, 6, 10… for
    /// histograms; the two low bits are the kind.
    pub(crate) fn define(&mut self, registry: &MetricRegistry, kind: MetricKind, name: &str) -> u32 {
        let handles = &mut self.by_kind[kind as usize];
        handles.push(registry.define(kind, name));
        (handles.len() as u32) << 2 | kind as u32
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Arc<Metric>> {
        let index = (id >> 2).checked_sub(1)? as usize;
        self.by_kind.get((id & 3) as usize)?.get(index)
    }
}
