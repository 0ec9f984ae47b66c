//! Counters of decisions.
//!
//! A counter's name carries its labels in the form that Istio's own Wasm metrics use (`name_label.=.value;.;`), which
//! `stats_tags` expressions turn into labelled Prometheus series.

use std::cell::RefCell;

use outgate_policy::config::Revision;

use crate::host::{Host, LogLevel, Metric, MetricKind, Status};
use crate::record::{ERROR, Record};

/// So many rules get counters of their own; further ones are counted together, so that a large configuration does not fill the
/// proxy's memory with counters.
const MOST_RULES: usize = 512;

/// The name under which further rules are counted.
const OTHER: &str = "other";

/// So many names that are not those of decisions are counted by.
const MOST_EVENTS: usize = 256;

/// The name of further ones.
const OTHER_EVENTS: &str = "outgate_events_policy.=.other;.;event.=.other;.;";

/// How often counts are handed to the host, in milliseconds. A host call for each request would be one too many; and what a VM
/// that dies takes with it is not more than this.
const PERIOD: u32 = 1_000;

/// The counters of one configuration.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Whether the host ticks. If not, each decision is handed on at once.
    is_ticking: bool,
    counters: RefCell<Counters>,
    events: RefCell<Vec<Event>>,
}

/// What is counted apart from decisions.
#[derive(Debug)]
struct Event {
    /// With its labels.
    name: Box<str>,
    counter: Pending,
}

/// Sorted by their labels.
#[derive(Debug, Default)]
struct Counters(Vec<Counter>);

/// What is counted apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Labels<'a> {
    rule: &'a str,
    verdict: &'static str,
    engine: &'static str,
}

#[derive(Debug)]
struct Counter {
    rule: Box<str>,
    verdict: &'static str,
    engine: &'static str,
    counter: Pending,
}

/// A counter of the host, and what it has not been told of.
#[derive(Debug)]
struct Pending {
    /// `None` for one that the host refused.
    metric: Option<Metric>,
    count: i64,
}

impl Metrics {
    /// Shows which configuration is live, with a gauge that is 1 and has the revision as its label, and asks for ticks.
    pub fn set_up<H: Host + ?Sized>(&mut self, host: &H, revision: &Revision) {
        let name = format!("outgate_config_revision.=.{revision};.;");
        let result = host
            .define_metric(MetricKind::Gauge, &name)
            .and_then(|gauge| host.record(gauge, 1));
        if let Err(Status(status)) = result {
            host.log(
                LogLevel::Warn,
                &format!("the metric {name} cannot be set: status {status}"),
            );
        }
        self.is_ticking = host.tick_every(PERIOD).is_ok();
    }

    /// Counts what became of a request.
    pub fn count<H: Host + ?Sized>(&self, host: &H, record: &Record<'_>) {
        let labels = Labels {
            // What is wrong with a request that cannot be decided is told by the log.
            rule: record
                .rule
                .as_deref()
                .filter(|_| record.verdict != ERROR)
                .unwrap_or("-"),
            verdict: record.verdict,
            engine: record.engine,
        };
        let mut counters = self.counters.borrow_mut();
        let place = counters.place(host, labels);
        if let Some(counter) = counters.0.get_mut(place) {
            counter.counter.add(host, 1, self.is_ticking);
        }
    }

    /// Counts a call that got no answer, by the service.
    pub(crate) fn count_failed_call<H: Host + ?Sized>(&self, host: &H, cluster: &str) {
        self.count_by_name(host, &["outgate_failed_calls_cluster.=.", cluster, ";.;"].concat(), 1);
    }

    /// Counts what a custom policy wants to have counted.
    pub(crate) fn count_event<H: Host + ?Sized>(&self, host: &H, policy: &str, event: &str, by: i64) {
        let name = ["outgate_events_policy.=.", policy, ";.;event.=.", event, ";.;"].concat();
        self.count_by_name(host, &name, by);
    }

    fn count_by_name<H: Host + ?Sized>(&self, host: &H, name: &str, by: i64) {
        let mut events = self.events.borrow_mut();
        let known = events.iter().position(|event| &*event.name == name);
        let place = known.unwrap_or_else(|| {
            // The last one takes what has no room of its own.
            if events.len() < MOST_EVENTS {
                let name = if events.len() + 1 < MOST_EVENTS {
                    name
                } else {
                    OTHER_EVENTS
                };
                events.push(Event {
                    name: name.into(),
                    counter: Pending::define(host, name),
                });
            }
            events.len() - 1
        });
        events[place].counter.add(host, by, self.is_ticking);
    }

    /// Hands on what was counted since the last time.
    pub fn hand_on<H: Host + ?Sized>(&self, host: &H) {
        for counter in &mut self.counters.borrow_mut().0 {
            counter.counter.hand_on(host);
        }
        for event in self.events.borrow_mut().iter_mut() {
            event.counter.hand_on(host);
        }
    }

    /// Hands on what is left, and asks for no more ticks: Envoy's timer would outlive the configuration.
    pub fn tear_down<H: Host + ?Sized>(&self, host: &H) {
        self.hand_on(host);
        // Where there are no ticks, there is nothing to stop.
        let _ = host.tick_every(0);
    }
}

impl Counters {
    /// Where a counter stands. One that is new is defined; too many are counted together.
    fn place<H: Host + ?Sized>(&mut self, host: &H, labels: Labels<'_>) -> usize {
        match self.find(labels) {
            Ok(place) => place,
            Err(place) if self.0.len() < MOST_RULES || labels.rule == OTHER => {
                self.0.insert(place, Counter::define(host, labels));
                place
            }
            Err(_) => self.place(host, Labels { rule: OTHER, ..labels }),
        }
    }

    fn find(&self, labels: Labels<'_>) -> Result<usize, usize> {
        self.0.binary_search_by(|counter| counter.labels().cmp(&labels))
    }
}

impl Counter {
    fn define<H: Host + ?Sized>(host: &H, labels: Labels<'_>) -> Self {
        let Labels { rule, verdict, engine } = labels;
        let name = [
            "outgate_decisions_verdict.=.",
            verdict,
            ";.;engine.=.",
            engine,
            ";.;rule.=.",
            rule,
            ";.;",
        ]
        .concat();
        Self {
            rule: rule.into(),
            verdict,
            engine,
            counter: Pending::define(host, &name),
        }
    }

    fn labels(&self) -> Labels<'_> {
        Labels {
            rule: &self.rule,
            verdict: self.verdict,
            engine: self.engine,
        }
    }
}

impl Pending {
    fn define<H: Host + ?Sized>(host: &H, name: &str) -> Self {
        let metric = host.define_metric(MetricKind::Counter, name);
        if let Err(Status(status)) = metric {
            host.log(
                LogLevel::Warn,
                &format!("the metric {name} cannot be defined: status {status}"),
            );
        }
        Self {
            metric: metric.ok(),
            count: 0,
        }
    }

    fn add<H: Host + ?Sized>(&mut self, host: &H, count: i64, is_ticking: bool) {
        self.count += count;
        if !is_ticking {
            self.hand_on(host);
        }
    }

    fn hand_on<H: Host + ?Sized>(&mut self, host: &H) {
        let count = std::mem::take(&mut self.count);
        if count > 0
            && let Some(metric) = self.metric
        {
            // A counter that the host refuses was reported when it was defined.
            let _ = host.increment(metric, count);
        }
    }
}
