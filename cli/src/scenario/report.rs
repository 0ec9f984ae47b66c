//! What scenarios came to, as a table or as JSON.

use std::path::PathBuf;

use serde::Serialize;

use crate::filter_scenario::{Fate, FilterScenarioResult};
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG};

/// What `--output json` prints.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Cases that real proxies could not play, of which the embedded host had the last word; and those that say to skip them.
    skipped: usize,
    /// Expectations of fields that only a real proxy knows.
    unchecked: usize,
    /// The module that decided; `None` when all scenarios are about filters of their own.
    filter: Option<String>,
    pub(crate) scenarios: Vec<ScenarioResult>,
    #[serde(rename = "filterScenarios")]
    pub(crate) filter_scenarios: Vec<FilterScenarioResult>,
    /// Of the plugin tester; their tests are reported like cases.
    pub(crate) suites: Vec<FilterScenarioResult>,
}

#[derive(Serialize)]
pub(crate) struct ScenarioResult {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) steps: Vec<StepResult>,
}

#[derive(Serialize)]
pub(crate) struct StepResult {
    pub(crate) name: String,
    pub(crate) cases: Vec<CaseResult>,
}

#[derive(Serialize)]
pub(crate) struct CaseResult {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// The proxy that the request went to first.
    pub(crate) from: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u32,
    pub(crate) decision: String,
    pub(crate) rule: String,
    pub(crate) differences: Vec<Difference>,
    /// How many expectations could not be checked, since only a real proxy knows the field.
    pub(crate) unchecked: usize,
    /// What the embedded host says (`expected`) and a real proxy says otherwise (`actual`).
    pub(crate) disagreements: Vec<Difference>,
    /// Why real proxies did not play it.
    pub(crate) skipped: Option<String>,
    /// What the filter did, for people.
    #[serde(skip)]
    pub(crate) report: String,
}

#[derive(Serialize)]
pub(crate) struct Difference {
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

impl Report {
    pub(crate) fn new(
        filter: Option<PathBuf>,
        scenarios: Vec<ScenarioResult>,
        filter_scenarios: Vec<FilterScenarioResult>,
        suites: Vec<FilterScenarioResult>,
    ) -> Self {
        let cases = || {
            scenarios
                .iter()
                .flat_map(|scenario| &scenario.steps)
                .flat_map(|step| &step.cases)
        };
        let passed = cases().filter(|case| case.has_passed()).count();
        let of_filters = |fate| -> usize {
            let results = filter_scenarios.iter().chain(&suites);
            results.map(|scenario| scenario.count(fate)).sum()
        };
        Self {
            skipped: cases().filter(|case| case.skipped.is_some()).count() + of_filters(Fate::Skipped),
            unchecked: cases().map(|case| case.unchecked).sum(),
            passed: passed + of_filters(Fate::Passed),
            failed: cases().count() - passed + of_filters(Fate::Failed),
            filter: filter.map(|filter| filter.display().to_string()),
            scenarios,
            filter_scenarios,
            suites,
        }
    }

    /// What came of filters' own scenarios and of suites.
    pub(crate) fn of_filters(&self) -> impl Iterator<Item = &FilterScenarioResult> {
        self.filter_scenarios.iter().chain(&self.suites)
    }

    pub(crate) fn print(&self) {
        for scenario in &self.scenarios {
            anstream::println!("{STRONG}{}{PLAIN}  {FAINT}{}{PLAIN}", scenario.name, scenario.file);
            let cases = scenario.steps.iter().flat_map(|step| &step.cases);
            let width = Widths::of(cases);
            for step in &scenario.steps {
                anstream::println!("\n  {}", step.name);
                for case in &step.cases {
                    print_case(case, &width, &scenario.file);
                }
            }
            anstream::println!();
        }
        for scenario in self.of_filters() {
            scenario.print();
        }
        let style = if self.failed == 0 { GOOD } else { ERROR };
        anstream::println!("{style}{} passed, {} failed{PLAIN}", self.passed, self.failed);
        let skipped: usize = self.of_filters().map(|scenario| scenario.count(Fate::Skipped)).sum();
        if skipped > 0 {
            anstream::println!("{FAINT}{skipped} skipped{PLAIN}");
        }
        if self.skipped > skipped {
            anstream::println!(
                "{FAINT}{} played in the embedded host only{PLAIN}",
                self.skipped - skipped
            );
        }
        if self.unchecked > 0 {
            let fields = self.unchecked;
            anstream::println!(
                "{FAINT}{fields} expectations are of what only a real proxy knows: --in envoy checks them{PLAIN}"
            );
        }
    }
}

/// The widths of the table's columns.
struct Widths {
    name: usize,
    request: usize,
    decision: usize,
}

impl Widths {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Self {
        let nothing = Self {
            name: 0,
            request: 0,
            decision: 0,
        };
        cases.fold(nothing, |width, case| Self {
            name: width.name.max(case.name.chars().count()),
            request: width.request.max(case.request().chars().count()),
            decision: width.decision.max(case.decision.len()),
        })
    }
}

impl CaseResult {
    pub(crate) fn has_passed(&self) -> bool {
        self.differences.is_empty() && self.disagreements.is_empty()
    }

    fn request(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

fn print_case(case: &CaseResult, width: &Widths, file: &str) {
    let passed = case.has_passed();
    let (style, mark) = if passed { (GOOD, '✓') } else { (ERROR, '✗') };
    anstream::println!(
        "    {style}{mark}{PLAIN} {:name$}  {:request$}  {}  {:decision$}  {FAINT}{}{PLAIN}",
        case.name,
        case.request(),
        case.status,
        case.decision,
        case.rule,
        name = width.name,
        request = width.request,
        decision = width.decision,
    );
    if let Some(why) = &case.skipped {
        anstream::println!("        {FAINT}in the embedded host only: {why}{PLAIN}");
    }
    if passed {
        return;
    }
    anstream::println!("        {FAINT}{file}:{}{PLAIN}", case.line);
    print_differences(&case.differences, "expected", "actual");
    print_differences(&case.disagreements, "embedded", "real Envoy");
    anstream::println!("        {FAINT}what happened:{PLAIN}");
    for line in case.report.lines() {
        anstream::println!("        {FAINT}  {line}{PLAIN}");
    }
}

fn print_differences(differences: &[Difference], left: &str, right: &str) {
    if differences.is_empty() {
        return;
    }
    let widths = differences.iter().fold((left.len(), 0), |(left, field), difference| {
        (
            left.max(difference.expected.chars().count()),
            field.max(difference.field.len()),
        )
    });
    let (left_width, field_width) = widths;
    anstream::println!(
        "        {:field_width$}  {STRONG}{left:left_width$}  {right}{PLAIN}",
        ""
    );
    for difference in differences {
        anstream::println!(
            "        {:field_width$}  {GOOD}{:left_width$}{PLAIN}  {ERROR}{}{PLAIN}",
            difference.field,
            difference.expected,
            difference.actual
        );
    }
}
