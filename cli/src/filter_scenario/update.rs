//! `--update`: what was found becomes what is expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use outgate_policy::{FieldPath, Segment};
use outgate_sdk::located::{self, Node};
use outgate_sdk::source::{Sources, Span};

use super::difference::{Difference, Remedy};
use super::file::{FilterScenario, PlannedCase};
use crate::failure::Failure;

/// What is written down instead of being held against the filter.
pub(super) struct Update {
    is_on: bool,
    /// By the file of the scenario; several may stand in one.
    edits: BTreeMap<PathBuf, Edits>,
    /// Files that scenarios name, and what comes into them.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// What changes in a text.
struct Edits {
    text: Arc<str>,
    places: Vec<(Span, String)>,
}

impl Update {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            edits: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// How many expectations are written down so far.
    pub(super) fn count(&self) -> usize {
        let edits = self.edits.values().map(|edits| edits.places.len());
        edits.sum::<usize>() + self.files.len()
    }

    /// Whether a difference is settled by writing down what was found. Cases and variations that disagree cannot both be right.
    pub(super) fn takes(&mut self, scenario: &FilterScenario, planned: &PlannedCase, difference: &Difference) -> bool {
        match &difference.remedy {
            Some(_) if !self.is_on => false,
            None => false,
            Some(Remedy::Text(text)) => self.takes_text(scenario, planned, &difference.field, text),
            Some(Remedy::File { name, content }) => {
                let known = self.files.entry(scenario.directory().join(name));
                *known.or_insert_with(|| content.clone()) == *content
            }
        }
    }

    fn takes_text(&mut self, scenario: &FilterScenario, planned: &PlannedCase, field: &FieldPath, text: &str) -> bool {
        let Some(node) = planned.node().at(field).filter(|_| is_recorded(field)) else {
            return false;
        };
        if !stands_as_written(node, &scenario.sources) {
            return false;
        }
        let written = quoted(text);
        let edits = self.edits.entry(scenario.file.clone()).or_insert_with(|| Edits {
            text: scenario.sources.file(node.span.file()).text().clone(),
            places: Vec::new(),
        });
        match edits.places.iter().find(|(span, _)| *span == node.span) {
            Some((_, other)) => *other == written,
            None => {
                edits.places.push((node.span, written));
                true
            }
        }
    }

    /// Writes files anew.
    pub(super) fn write(self) -> Result<(), Failure> {
        for (path, content) in self.files {
            put(&path, &content)?;
        }
        for (path, mut edits) in self.edits {
            let shown = path.display();
            let mut text = fs::read_to_string(&path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
            if text != *edits.text {
                return Err(format!("{shown} was saved during the run; run --update again").into());
            }
            // From the end, so that what is still to be written stays where it is.
            edits.places.sort_by_key(|(span, _)| std::cmp::Reverse(span.start()));
            for (span, written) in &edits.places {
                text.replace_range(span.start()..span.end(), written);
            }
            put(&path, text.as_bytes())?;
        }
        Ok(())
    }
}

fn put(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
}

/// A text in YAML's double quotes. They are JSON's, but for what YAML does not take as it is.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for letter in serde_json::Value::from(text).to_string().chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => quoted.push(letter),
        }
    }
    quoted
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_as_it_was() {
        for text in [
            "",
            "plain",
            "two\nlines\r\n",
            "\"quoted\" \\ 'text'",
            "# no comment: {a}",
            "\u{0}\u{1b}[1m\t\u{7f}\u{85}\u{a0}",
            "\u{2028}\u{2029}\u{feff}\u{ffff}\u{1f600}",
        ] {
            let mut sources = Sources::default();
            let id = sources.add("s", format!("a: {}", quoted(text)));
            let (documents, errors) = located::parse(&sources, id);
            assert!(errors.is_empty(), "{text:?}: {errors:?}");
            let read = documents[0].get("a").and_then(Node::as_str);
            assert_eq!(read, Some(text), "{}", quoted(text));
        }
    }
}
