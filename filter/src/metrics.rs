//! Counters of decisions.
//!
//! A counter's name carries its labels in the form that Istio's own Wasm metrics use (`name_label.=.value;.;`), which
//! `stats_tags` expressions turn into labelled Prometheus series.

use std::cell::RefCell;

use outgate_policy::config::Revision;
use outgate_policy::{Decision, RuleName, Unreadable};

use crate::host::{Host, LogLevel, Metric, MetricKind, Status};

/// So many rules get counters of their own; further ones are counted together, so that a large configuration does not fill the
/// proxy's memory with counters.
const MOST_RULES: usize = 512;

/// The name under which further rules are counted.
const OTHER: &str = "other";

/// How often counts are handed to the host, in milliseconds. A host call for each request would be one too many; and what a VM
/// that dies takes with it is not more than this.
const PERIOD: u32 = 1_000;

/// The counters of one configuration.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Whether the host ticks. If not, each decision is handed on at once.
    is_ticking: bool,
    counters: RefCell<Counters>,
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
    /// `None` for one that the host refused.
    metric: Option<Metric>,
    /// What the host does not know of yet.
    pending: i64,
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

    /// Counts a decision, or a request that could not be decided.
    pub fn count<H: Host + ?Sized>(&self, host: &H, outcome: Result<&Decision<'_>, &Unreadable>) {
        let labels = match outcome {
            Ok(decision) => Labels {
                rule: decision.rule.map_or("-", RuleName::as_str),
                verdict: decision.verdict.as_str(),
                engine: decision.decided_by.as_str(),
            },
            Err(unreadable) => Labels {
                rule: "-",
                verdict: "error",
                engine: unreadable.attribute.name(),
            },
        };
        let mut counters = self.counters.borrow_mut();
        let place = counters.place(host, labels);
        if let Some(counter) = counters.0.get_mut(place) {
            counter.pending += 1;
            if !self.is_ticking {
                counter.hand_on(host);
            }
        }
    }

    /// Hands on what was counted since the last time.
    pub fn hand_on<H: Host + ?Sized>(&self, host: &H) {
        for counter in &mut self.counters.borrow_mut().0 {
            counter.hand_on(host);
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
        let metric = host.define_metric(MetricKind::Counter, &name);
        if let Err(Status(status)) = metric {
            host.log(
                LogLevel::Warn,
                &format!("the metric {name} cannot be defined: status {status}"),
            );
        }
        Self {
            rule: rule.into(),
            verdict,
            engine,
            metric: metric.ok(),
            pending: 0,
        }
    }

    fn labels(&self) -> Labels<'_> {
        Labels {
            rule: &self.rule,
            verdict: self.verdict,
            engine: self.engine,
        }
    }

    fn hand_on<H: Host + ?Sized>(&mut self, host: &H) {
        let count = std::mem::take(&mut self.pending);
        if count > 0
            && let Some(metric) = self.metric
        {
            // A counter that the host refuses was reported when it was defined.
            let _ = host.increment(metric, count);
        }
    }
}
