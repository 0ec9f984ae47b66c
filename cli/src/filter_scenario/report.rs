//! What scenarios came to, as text or as JSON.

use serde::Serialize;

use super::difference::Difference;
use super::file::{FilterScenario, PlannedCase};
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG, WARNING, harmless};
use crate::suite::{self, Benchmark};

#[derive(Serialize)]
pub(crate) struct FilterScenarioResult {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) cases: Vec<CaseResult>,
    /// How many expectations --update has written.
    updated: usize,
    /// What was measured beside the cases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    benchmarks: Vec<Benchmark>,
}

#[derive(Serialize)]
pub(crate) struct CaseResult {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) request: String,
    pub(crate) fate: Fate,
    /// What became of it, in a few words; why it was skipped.
    pub(crate) summary: String,
    /// The way of delivery that failed.
    pub(crate) variation: Option<String>,
    pub(crate) differences: Vec<DifferenceResult>,
    /// Everything that happened, of a case that failed.
    pub(crate) report: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    Passed,
    Failed,
    Skipped,
}

#[derive(Serialize)]
pub(crate) struct DifferenceResult {
    pub(crate) field: String,
    pub(crate) line: usize,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl DifferenceResult {
    pub(super) fn new(scenario: &FilterScenario, planned: &PlannedCase, difference: &Difference) -> Self {
        Self {
            field: difference.field.to_string(),
            line: scenario.line(planned, &difference.field),
            expected: difference.expected.clone(),
            found: difference.found.clone(),
        }
    }
}

impl FilterScenarioResult {
    pub(super) fn new(scenario: &FilterScenario, cases: Vec<CaseResult>, updated: usize) -> Self {
        Self {
            name: scenario.name.clone(),
            file: scenario.file.display().to_string(),
            cases,
            updated,
            benchmarks: Vec::new(),
        }
    }

    /// The results of a suite that was written for another tester.
    pub(crate) fn of_suite(name: String, file: String, cases: Vec<CaseResult>, benchmarks: Vec<Benchmark>) -> Self {
        Self {
            name,
            file,
            cases,
            updated: 0,
            benchmarks,
        }
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.cases.iter().filter(|case| case.fate == fate).count()
    }

    pub(crate) fn print(&self) {
        anstream::println!("{STRONG}{}{PLAIN}  {FAINT}{}{PLAIN}\n", self.name, self.file);
        let width = |text: fn(&CaseResult) -> &str| {
            let lengths = self.cases.iter().map(|case| text(case).chars().count());
            lengths.max().unwrap_or_default()
        };
        let (name, request) = (width(|case| &case.name), width(|case| &case.request));
        for case in &self.cases {
            case.print(name, request, &self.file);
        }
        if self.updated > 0 {
            anstream::println!("\n  {WARNING}updated{PLAIN}: {} expectations", self.updated);
        }
        suite::print_benchmarks(&self.benchmarks);
        anstream::println!();
    }
}

impl CaseResult {
    fn print(&self, name_width: usize, request_width: usize, file: &str) {
        let (style, mark) = match self.fate {
            Fate::Passed => (GOOD, '✓'),
            Fate::Failed => (ERROR, '✗'),
            Fate::Skipped => (WARNING, '-'),
        };
        anstream::println!(
            "  {style}{mark}{PLAIN} {:name_width$}  {:request_width$}  {FAINT}{}{PLAIN}",
            harmless(&self.name),
            harmless(&self.request),
            harmless(&self.summary)
        );
        if self.fate != Fate::Failed {
            return;
        }
        anstream::println!("      {FAINT}{file}:{}{PLAIN}", self.line);
        if let Some(variation) = &self.variation {
            anstream::println!("      with {variation}");
        }
        for difference in &self.differences {
            let DifferenceResult { field, line, .. } = difference;
            anstream::println!("      {STRONG}{field}{PLAIN}  {FAINT}{file}:{line}{PLAIN}");
            print_value("expected", &difference.expected);
            print_value("found", &difference.found);
        }
        anstream::println!("      {FAINT}what happened:{PLAIN}");
        for line in harmless(self.report.as_deref().unwrap_or_default()).lines() {
            anstream::println!("      {FAINT}  {line}{PLAIN}");
        }
    }
}

fn print_value(label: &str, value: &str) {
    let style = if label == "expected" { GOOD } else { ERROR };
    let value = harmless(value);
    let mut lines = value.lines();
    anstream::println!("        {label:8}  {style}{}{PLAIN}", lines.next().unwrap_or_default());
    for line in lines {
        anstream::println!("                  {style}{line}{PLAIN}");
    }
}
