//! Results as JUnit's XML, which CI systems show.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::filter_scenario::{CaseResult, Fate};
use crate::scenario::Report;

pub(super) fn write(report: &Report, file: &Path) -> Result<(), Failure> {
    fs::write(file, document(report)).map_err(|error| format!("{} cannot be written: {error}", file.display()).into())
}

/// A case as the format has it.
struct Case {
    name: String,
    line: usize,
    fate: Fate,
    /// Why it failed, or was skipped: in a line, and in full.
    reason: String,
    report: String,
}

fn document(report: &Report) -> String {
    let mut suites = String::new();
    for scenario in &report.scenarios {
        let cases = scenario.steps.iter().flat_map(|step| {
            step.cases.iter().map(|case| {
                let differences = case.differences.iter().chain(&case.disagreements);
                let differences = differences.map(|difference| {
                    let (field, expected) = (&difference.field, &difference.expected);
                    format!("{field}: expected {expected}, found {}", difference.actual)
                });
                Case {
                    name: format!("{}: {}", step.name, case.name),
                    line: case.line,
                    fate: if case.has_passed() { Fate::Passed } else { Fate::Failed },
                    reason: differences.collect::<Vec<_>>().join("; "),
                    report: case.report.clone(),
                }
            })
        });
        add_suite(&mut suites, &scenario.name, &scenario.file, &cases.collect::<Vec<_>>());
    }
    for scenario in report.of_filters() {
        let cases: Vec<Case> = scenario.cases.iter().map(Case::of_filter).collect();
        add_suite(&mut suites, &scenario.name, &scenario.file, &cases);
    }
    let total = report.passed + report.failed;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"outgate test\" tests=\"{total}\" failures=\"{}\">\n{suites}</testsuites>\n",
        report.failed
    )
}

impl Case {
    fn of_filter(case: &CaseResult) -> Self {
        let mut differences: Vec<String> = case
            .differences
            .iter()
            .map(|difference| {
                format!(
                    "{}: expected {}, found {}",
                    difference.field, difference.expected, difference.found
                )
            })
            .collect();
        if let Some(variation) = &case.variation {
            differences.insert(0, format!("with {variation}"));
        }
        Self {
            name: case.name.clone(),
            line: case.line,
            fate: case.fate,
            reason: match case.fate {
                Fate::Skipped => case.summary.clone(),
                Fate::Passed | Fate::Failed => differences.join("; "),
            },
            report: case.report.clone().unwrap_or_default(),
        }
    }
}

fn add_suite(suites: &mut String, name: &str, file: &str, cases: &[Case]) {
    let count = |fate| cases.iter().filter(|case| case.fate == fate).count();
    // Writing into a text cannot fail.
    let _ = writeln!(
        suites,
        "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">",
        escaped(name),
        escaped(file),
        cases.len(),
        count(Fate::Failed),
        count(Fate::Skipped)
    );
    for case in cases {
        let _ = write!(
            suites,
            "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
            escaped(&case.name),
            escaped(name),
            escaped(file),
            case.line
        );
        let reason = escaped(&case.reason);
        let _ = match case.fate {
            Fate::Passed => writeln!(suites, "/>"),
            Fate::Skipped => writeln!(suites, "><skipped message=\"{reason}\"/></testcase>"),
            Fate::Failed => writeln!(
                suites,
                "><failure message=\"{reason}\">{}</failure></testcase>",
                escaped(&format!("{file}:{}\n{}\n{}", case.line, case.reason, case.report))
            ),
        };
    }
    suites.push_str("  </testsuite>\n");
}

/// A text for XML. It has no way to write most control characters, which bodies and logs may well have.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_breaks_the_document() {
        assert_eq!(
            escaped("a<b> & \"c\"\n\u{0}\u{1b}[1m\u{ffff}ü"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}\u{fffd}[1m\u{fffd}ü"
        );
    }
}
