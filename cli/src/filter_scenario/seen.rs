//! What happens in the proxy besides what streams tell: callouts, lines of logs, metrics, deaths. And what of it is new.

use std::collections::{BTreeMap, HashSet};

use outgate_test_host::{Callout, CalloutId, Host, HttpStream, LogLine, Trap};

/// What happened in the proxy during a case, a stream or a step.
pub(super) struct Seen {
    pub(super) callouts: Vec<Callout>,
    /// Of streams, and besides them: answers to callouts and ticks belong to no stream.
    pub(super) logs: Vec<LogLine>,
    /// By how much each metric changed; of histograms, by how many samples.
    pub(super) metrics: BTreeMap<String, i64>,
    /// Of VMs.
    pub(super) deaths: Vec<Trap>,
}

/// A moment, to tell what is new since.
#[derive(Clone)]
pub(super) struct Mark {
    callouts: HashSet<CalloutId>,
    logs: usize,
    metrics: BTreeMap<String, u64>,
    deaths: usize,
}

/// Keeps what the host forgets: its own log goes with a configuration, old callouts go when there are many, a dead VM may get a
/// successor.
pub(super) struct Record {
    logs: Vec<LogLine>,
    callouts: Vec<Callout>,
    deaths: Vec<Trap>,
    /// Of each worker, how much of its log besides streams has been taken over.
    taken: Vec<usize>,
    /// How much has been of the log of the stream that is open.
    taken_of_stream: usize,
}

impl Record {
    /// Begins after the start: what the filter logged then is not the case's.
    pub(super) fn new(host: &mut Host, workers: usize) -> Self {
        let taken = (0..workers).map(|worker| host.worker(worker).logs().len()).collect();
        host.worker(0);
        Self {
            logs: Vec::new(),
            callouts: Vec::new(),
            deaths: Vec::new(),
            taken,
            taken_of_stream: 0,
        }
    }

    /// The plugin was started anew on this worker: its log begins again.
    pub(super) fn restarted(&mut self, worker: usize) {
        if let Some(taken) = self.taken.get_mut(worker) {
            *taken = 0;
        }
    }

    /// Takes over what is new. The host goes on with the worker `current`.
    pub(super) fn take(&mut self, host: &mut Host, current: usize) {
        for (worker, taken) in self.taken.iter_mut().enumerate() {
            host.worker(worker);
            let logs = host.logs();
            self.logs.extend_from_slice(logs.get(*taken..).unwrap_or_default());
            *taken = logs.len();
            if let Some(trap) = host.failure() {
                note(&mut self.deaths, trap);
            }
        }
        host.worker(current);
        for callout in host.callouts() {
            match self.callouts.iter_mut().find(|known| known.id == callout.id) {
                Some(known) => *known = callout,
                None => self.callouts.push(callout),
            }
        }
    }

    /// Takes over what the open stream has logged.
    pub(super) fn take_of_stream(&mut self, stream: &mut HttpStream<'_>) {
        self.take_lines(stream.logs());
    }

    /// Takes over what a stream has logged when it has ended, and how it died, if it did.
    pub(super) fn take_of_ended(&mut self, logs: &[LogLine], trap: Option<&Trap>) {
        self.take_lines(logs);
        self.taken_of_stream = 0;
        if let Some(trap) = trap {
            note(&mut self.deaths, trap);
        }
    }

    fn take_lines(&mut self, logs: &[LogLine]) {
        self.logs
            .extend_from_slice(logs.get(self.taken_of_stream..).unwrap_or_default());
        self.taken_of_stream = logs.len();
    }

    pub(super) fn mark(&self, host: &Host) -> Mark {
        let metrics = host.metrics().into_iter();
        Mark {
            callouts: self.callouts.iter().map(|callout| callout.id).collect(),
            logs: self.logs.len(),
            metrics: metrics.map(|(name, _, value)| (name, value)).collect(),
            deaths: self.deaths.len(),
        }
    }

    pub(super) fn since(&self, mark: &Mark, host: &Host) -> Seen {
        let callouts = self.callouts.iter();
        let callouts = callouts.filter(|callout| !mark.callouts.contains(&callout.id));
        let changes = host.metrics().into_iter().map(|(name, _, value)| {
            let before = mark.metrics.get(&name).copied().unwrap_or(0);
            (name, value.wrapping_sub(before).cast_signed())
        });
        Seen {
            callouts: callouts.cloned().collect(),
            logs: self.logs.get(mark.logs..).unwrap_or_default().to_vec(),
            metrics: changes.collect(),
            deaths: self.deaths.get(mark.deaths..).unwrap_or_default().to_vec(),
        }
    }

    /// Every death, each once.
    pub(super) fn deaths(&self) -> &[Trap] {
        &self.deaths
    }

    /// For people: the callouts, and what was logged besides these lines.
    pub(super) fn shown(&self, besides: &[LogLine]) -> String {
        let callouts = self.callouts.iter().map(|callout| format!("{callout}\n"));
        let logs = self.logs.iter().filter(|line| !besides.contains(line));
        callouts.chain(logs.map(|line| format!("log {line}\n"))).collect()
    }
}

/// A death that was noted before is the same one: every stream on a dead VM fails of it.
fn note(deaths: &mut Vec<Trap>, trap: &Trap) {
    if !deaths.contains(trap) {
        deaths.push(trap.clone());
    }
}
