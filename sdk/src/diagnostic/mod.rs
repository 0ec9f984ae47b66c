//! What is wrong or doubtful about the input, for people and for machines.

mod record;
mod render;

pub use record::Record;

use outgate_policy::FieldPath;

use crate::lint::Lint;
use crate::located;
use crate::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used, and probably does not do what was meant.
    Warning,
}

/// One thing that is wrong or doubtful.
///
/// It travels as the error of many functions, hence the box.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic(Box<Finding>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Finding {
    severity: Severity,
    lint: Option<Lint>,
    message: String,
    help: Option<String>,
    /// The first is the cause, the others have to do with it.
    labels: Vec<Label>,
    policy: Option<String>,
    field: Option<FieldPath>,
}

/// A place and what is said about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is said about it; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// Something that makes the input unusable.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// Something that is probably not meant.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    /// What a lint has found; a warning.
    pub(crate) fn lint(lint: Lint, message: impl Into<String>) -> Self {
        let mut diagnostic = Self::warning(message);
        diagnostic.0.lint = Some(lint);
        diagnostic
    }

    fn new(severity: Severity, message: String) -> Self {
        Self(Box::new(Finding {
            severity,
            lint: None,
            message,
            help: None,
            labels: Vec::new(),
            policy: None,
            field: None,
        }))
    }

    /// Points at a place, and says `text` about it. The first place is the cause.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.0.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says which policy it is about, as `namespace/name`.
    #[must_use]
    pub fn of_policy(mut self, policy: impl Into<String>) -> Self {
        self.0.policy = Some(policy.into());
        self
    }

    /// Says which field it is about.
    #[must_use]
    pub fn in_field(mut self, field: FieldPath) -> Self {
        self.0.field = Some(field);
        self
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// What it is, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places, the cause first.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.0.labels
    }

    /// The lint that found it, if one did.
    #[must_use]
    pub fn found_by(&self) -> Option<Lint> {
        self.0.lint
    }

    fn place(&self) -> Option<Span> {
        self.0.labels.first().map(|label| label.span)
    }
}

impl From<located::Error> for Diagnostic {
    fn from(error: located::Error) -> Self {
        let mut diagnostic = Self::error(error.message());
        if let Some(span) = error.span() {
            diagnostic = diagnostic.at(span, "");
        }
        if let Some((span, label)) = error.related() {
            diagnostic = diagnostic.at(span, label);
        }
        let path = error.path();
        if !path.segments().is_empty() {
            diagnostic = diagnostic.in_field(path);
        }
        diagnostic.0.help = error.help().map(str::to_owned);
        diagnostic
    }
}

/// Everything that has been found, in the order of files and lines once [`sort`](Self::sort) has been called.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Whether nothing has been found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Orders by file, then by line and column; what has no place comes first.
    pub fn sort(&mut self) {
        self.0
            .sort_by_key(|diagnostic| (diagnostic.place(), diagnostic.severity()));
    }

    /// Leaves one of those that are said several times, in order.
    pub fn dedup(&mut self) {
        let mut seen: Vec<Diagnostic> = Vec::with_capacity(self.0.len());
        for diagnostic in self.0.drain(..) {
            if !seen.contains(&diagnostic) {
                seen.push(diagnostic);
            }
        }
        self.0 = seen;
    }

    /// For people: each with the lines that it is about, and a count at the end. Empty when nothing has been found.
    #[must_use]
    pub fn render(&self, sources: &Sources, colors: bool) -> String {
        render::render(&self.0, sources, colors)
    }

    /// For machines: each as a record that serialises.
    #[must_use]
    pub fn records(&self, sources: &Sources) -> Vec<Record> {
        self.0
            .iter()
            .map(|diagnostic| Record::new(diagnostic, sources))
            .collect()
    }

    /// For the person who reads a terminal: `2 errors, 1 warning`.
    #[must_use]
    pub fn summary(&self) -> String {
        let counted = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{count} {what}s")),
        };
        let parts = [counted(self.errors(), "error"), counted(self.warnings(), "warning")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "nothing found".to_owned()
        } else {
            parts.join(", ")
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.0
            .iter()
            .filter(|diagnostic| diagnostic.severity() == severity)
            .count()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        Self(diagnostics.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
