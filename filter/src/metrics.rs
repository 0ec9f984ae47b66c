//! Counters of decisions.
//!
//! A counter's name carries its labels in the form that Istio's own Wasm metrics use (`name_label.=.value;.;`), which
//! `stats_tags` expressions turn into labelled Prometheus series.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use outgate_policy::config::Revision;
use outgate_policy::{Decision, RuleName, Unreadable};

use crate::host::{Host, LogLevel, Metric, MetricKind, Status};

/// So many rules get counters of their own; further ones are counted together, so that a large configuration does not fill the
/// proxy's memory with counters.
const MOST_RULES: usize = 512;

/// The counters of one configuration.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By name; `None` for one that the host refused.
    counters: RefCell<HashMap<Box<[u8]>, Option<Metric>, FixedState>>,
}

impl Metrics {
    /// Shows which configuration is live: a gauge that is 1 and has the revision as its label.
    pub fn announce<H: Host + ?Sized>(host: &H, revision: &Revision) {
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
    }

    /// Counts a decision, or a request that could not be decided.
    pub fn count<H: Host + ?Sized>(&self, host: &H, outcome: Result<&Decision<'_>, &Unreadable>) {
        let labels = match outcome {
            Ok(decision) => [
                decision.verdict.as_str(),
                decision.decided_by.as_str(),
                decision.rule.map_or("-", RuleName::as_str),
            ],
            Err(unreadable) => ["error", unreadable.attribute.name(), "-"],
        };
        let counter = self.counter(host, labels);
        // A counter that the host refuses was reported when it was defined.
        let _ = counter.map(|counter| host.increment(counter, 1));
    }

    fn counter<H: Host + ?Sized>(&self, host: &H, [verdict, engine, rule]: [&str; 3]) -> Option<Metric> {
        let mut counters = self.counters.borrow_mut();
        let mut name = counter_name(verdict, engine, rule);
        if !counters.contains_key(name.as_bytes()) && counters.len() >= MOST_RULES {
            name = counter_name(verdict, engine, "other");
        }
        if let Some(counter) = counters.get(name.as_bytes()) {
            return *counter;
        }
        let counter = host.define_metric(MetricKind::Counter, &name);
        if let Err(Status(status)) = counter {
            host.log(
                LogLevel::Warn,
                &format!("the metric {name} cannot be defined: status {status}"),
            );
        }
        counters.insert(name.into_bytes().into(), counter.ok());
        counter.ok()
    }
}

fn counter_name(verdict: &str, engine: &str, rule: &str) -> String {
    [
        "outgate_decisions_verdict.=.",
        verdict,
        ";.;engine.=.",
        engine,
        ";.;rule.=.",
        rule,
        ";.;",
    ]
    .concat()
}
