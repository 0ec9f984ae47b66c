//! A diagnostic for machines.

use serde::Serialize;

use super::{Diagnostic, Severity};
use crate::lint::Lint;
use crate::source::Sources;

/// One diagnostic with its place resolved; what `--output json` prints.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Record {
    /// How bad it is.
    pub severity: Severity,
    /// The lint's code, such as `OG002`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What it is.
    pub message: String,
    /// The file, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The policy, as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The field, from the object's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Other places that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

/// Another place that has to do with a diagnostic.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Related {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is said about the place.
    pub message: String,
}

impl Record {
    pub(super) fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let place = diagnostic.place().map(|span| sources.place(span));
        let related = diagnostic.0.labels.iter().skip(1).map(|label| {
            let place = sources.place(label.span);
            Related {
                file: place.file.to_owned(),
                line: place.position.line,
                column: place.position.column,
                message: label.text.clone(),
            }
        });
        Self {
            severity: diagnostic.0.severity,
            code: diagnostic.0.lint.map(Lint::code),
            message: diagnostic.0.message.clone(),
            file: place.map(|place| place.file.to_owned()),
            line: place.map(|place| place.position.line),
            column: place.map(|place| place.position.column),
            policy: diagnostic.0.policy.clone(),
            field: diagnostic.0.field.as_ref().map(ToString::to_string),
            help: diagnostic.0.help.clone(),
            related: related.collect(),
        }
    }
}
