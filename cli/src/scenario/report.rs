//! What scenarios came to, as a table or as JSON.

use std::path::Path;

use serde::Serialize;

use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG};

/// What `--output json` prints.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// The module that decided.
    filter: String,
    scenarios: Vec<ScenarioResult>,
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
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u32,
    pub(crate) decision: String,
    pub(crate) rule: String,
    pub(crate) differences: Vec<Difference>,
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
    pub(crate) fn new(filter: &Path, scenarios: Vec<ScenarioResult>) -> Self {
        let cases = || {
            scenarios
                .iter()
                .flat_map(|scenario| &scenario.steps)
                .flat_map(|step| &step.cases)
        };
        let passed = cases().filter(|case| case.differences.is_empty()).count();
        Self {
            passed,
            failed: cases().count() - passed,
            filter: filter.display().to_string(),
            scenarios,
        }
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
        let style = if self.failed == 0 { GOOD } else { ERROR };
        anstream::println!("{style}{} passed, {} failed{PLAIN}", self.passed, self.failed);
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
    fn request(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

fn print_case(case: &CaseResult, width: &Widths, file: &str) {
    let passed = case.differences.is_empty();
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
    if passed {
        return;
    }
    let columns = case
        .differences
        .iter()
        .fold(("expected".len(), 0), |(expected, field), difference| {
            (
                expected.max(difference.expected.chars().count()),
                field.max(difference.field.len()),
            )
        });
    let (expected_width, field_width) = columns;
    anstream::println!("        {FAINT}{file}:{}{PLAIN}", case.line);
    anstream::println!(
        "        {:field_width$}  {STRONG}{:expected_width$}  actual{PLAIN}",
        "",
        "expected"
    );
    for difference in &case.differences {
        anstream::println!(
            "        {:field_width$}  {GOOD}{:expected_width$}{PLAIN}  {ERROR}{}{PLAIN}",
            difference.field,
            difference.expected,
            difference.actual
        );
    }
    anstream::println!("        {FAINT}what the filter did:{PLAIN}");
    for line in case.report.lines() {
        anstream::println!("        {FAINT}  {line}{PLAIN}");
    }
}
