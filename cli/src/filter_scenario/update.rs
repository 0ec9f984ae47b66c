//! `--update`: what was found becomes what is expected.

use std::fs;

use outgate_policy::{FieldPath, Segment};
use outgate_sdk::located::{self, Node};
use outgate_sdk::source::{Sources, Span};
use outgate_test_host::Outcome;

use super::difference::Difference;
use super::file::{FilterScenario, PlannedCase};
use crate::failure::Failure;

/// What is written down instead of being compared.
pub(super) struct Update {
    is_on: bool,
    edits: Vec<(Span, String)>,
    written: usize,
}

impl Update {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            edits: Vec::new(),
            written: 0,
        }
    }

    /// Compares the host calls with those in a file, or writes them there.
    pub(super) fn trace(&mut self, scenario: &FilterScenario, file: &str, outcome: &Outcome) -> Option<Difference> {
        let (path, found) = (scenario.directory().join(file), outcome.trace_text());
        let known = fs::read_to_string(&path);
        if known.as_ref().is_ok_and(|known| *known == found) {
            return None;
        }
        let field = FieldPath::root().field("expect").field("trace");
        if self.is_on {
            return match fs::write(&path, found) {
                Ok(()) => {
                    self.written += 1;
                    None
                }
                Err(error) => Some(Difference::new(
                    field,
                    "a file that can be written",
                    format!("{file}: {error}"),
                )),
            };
        }
        let Ok(known) = known else {
            return Some(Difference::new(
                field,
                format!("the host calls in {file}"),
                "no such file; --update writes it",
            ));
        };
        let line = |text: &str, number: usize| text.lines().nth(number).unwrap_or("(nothing more)").to_owned();
        let same = known
            .lines()
            .zip(found.lines())
            .take_while(|(known, found)| known == found)
            .count();
        let expected = format!("line {} of {file}: {}", same + 1, line(&known, same));
        Some(Difference::new(field, expected, line(&found, same)))
    }

    /// Whether a difference is settled by writing what was found into the scenario.
    pub(super) fn takes(&mut self, scenario: &FilterScenario, planned: &PlannedCase, difference: &Difference) -> bool {
        let Some(text) = difference
            .replacement
            .as_ref()
            .filter(|_| self.is_on && is_recorded(&difference.field))
        else {
            return false;
        };
        let Some(node) = planned.node().at(&difference.field) else {
            return false;
        };
        if !stands_as_written(node, &scenario.sources) {
            return false;
        }
        // JSON's notation of a text is YAML's, too.
        let written = serde_json::Value::from(text.as_str()).to_string();
        let before = self.edits.iter().find(|(span, _)| *span == node.span);
        match before {
            // Rows and variations that disagree cannot both be right.
            Some((_, other)) => *other == written,
            None => {
                self.edits.push((node.span, written));
                true
            }
        }
    }

    /// Writes the scenario's file anew. Tells how much has changed, there and in files of host calls.
    pub(super) fn write(mut self, scenario: &FilterScenario) -> Result<usize, Failure> {
        if self.edits.is_empty() {
            return Ok(self.written);
        }
        self.edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start()));
        let shown = scenario.file.display();
        // Another scenario of the same file may have been updated before this one, and then nothing is where it was.
        let mut text =
            fs::read_to_string(&scenario.file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        for (span, _) in &self.edits {
            if text != **scenario.sources.file(span.file()).text() {
                return Err(format!("{shown} has changed meanwhile; run --update again").into());
            }
        }
        for (span, written) in &self.edits {
            text.replace_range(span.start()..span.end(), written);
        }
        self.written += self.edits.len();
        fs::write(&scenario.file, text).map_err(|error| format!("{shown} cannot be written: {error}"))?;
        Ok(self.written)
    }
}

/// Values that nobody writes by hand: bodies and lines of logs. Others are decisions, and stay.
fn is_recorded(field: &FieldPath) -> bool {
    let names: Vec<&str> = field
        .segments()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Field(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
        .collect();
    matches!(
        names[..],
        [.., "accessLog", "line"] | [.., "reply" | "response" | "upstream", "body"]
    )
}

/// Whether a text stands in the file as a plain or quoted value of its own: not in a block, and not made by a table.
fn stands_as_written(node: &Node, sources: &Sources) -> bool {
    let text = sources.file(node.span.file()).text();
    let (Some(before), Some(slice)) = (
        text.get(..node.span.start()),
        text.get(node.span.start()..node.span.end()),
    ) else {
        return false;
    };
    let mut alone = Sources::default();
    let id = alone.add("value", slice);
    let (documents, errors) = located::parse(&alone, id);
    let is_whole = errors.is_empty() && matches!(&documents[..], [only] if only.as_str() == node.as_str());
    let line = before.rsplit('\n').next().unwrap_or_default().trim_end();
    is_whole && node.as_str().is_some() && line.ends_with([':', '-', '[', '{', ','])
}
