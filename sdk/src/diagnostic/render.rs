//! Diagnostics for people.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::{Position, SourceFile, Sources, Span};

pub(super) fn render(diagnostics: &[Diagnostic], sources: &Sources, colors: bool) -> String {
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    diagnostics
        .iter()
        .map(|diagnostic| render_one(diagnostic, sources, &renderer) + "\n\n")
        .collect()
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.0.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(printable(&diagnostic.title()).into_owned());
    if let Some(lint) = diagnostic.0.lint {
        title = title.id(lint.code());
    }
    let mut group = Group::with_title(title);
    for (index, label) in diagnostic.0.labels.iter().enumerate() {
        let excerpt = Excerpt::new(label, index == 0, sources.file(label.span.file()));
        if let Some(Position { line, column }) = excerpt.cut_at {
            group = group.element(Origin::path(excerpt.file).line(line).char_column(column));
        }
        group = group.element(excerpt.snippet());
    }
    if let Some(help) = &diagnostic.0.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

/// The text without anything that a terminal would act on: messages quote the input.
fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        let escaped = text.chars().map(|letter| {
            if letter.is_control() {
                letter.escape_default().collect()
            } else {
                String::from(letter)
            }
        });
        Cow::Owned(escaped.collect())
    } else {
        Cow::Borrowed(text)
    }
}

impl Diagnostic {
    /// The message, after whom it is about: `AuthorizationPolicy prod/deny: spec.rules[0]: …`.
    fn title(&self) -> String {
        let policy = self
            .0
            .policy
            .iter()
            .map(|policy| format!("AuthorizationPolicy {policy}: "));
        let field = self.0.field.iter().map(|field| format!("{field}: "));
        policy.chain(field).chain([self.0.message.clone()]).collect()
    }
}

/// The line that a label is about.
struct Excerpt<'a> {
    file: &'a str,
    line: usize,
    /// The place, when the line is shown in part, so that it cannot be told from the excerpt.
    cut_at: Option<Position>,
    text: &'a str,
    marked: Range<usize>,
    label: Cow<'a, str>,
    is_cause: bool,
}

/// Lines longer than this are shown in part: JSON may be one line of megabytes.
const LONGEST_LINE: usize = 240;
/// How much of a long line is shown on either side of the place.
const AROUND: usize = 80;

impl<'a> Excerpt<'a> {
    fn new(label: &'a Label, is_cause: bool, source: &'a SourceFile) -> Self {
        let line = source.line_of(label.span.start());
        let whole = source.line_start(line)..source.line_end(line);
        let shown = window(label.span, source, whole.clone());
        // A span that goes on for lines is shown by its first.
        let start = label.span.start().clamp(shown.start, shown.end) - shown.start;
        let end = label.span.end().clamp(shown.start + start, shown.end) - shown.start;
        Self {
            file: source.name(),
            line,
            cut_at: (shown != whole).then(|| source.position(label.span.start())),
            text: &source.text()[shown],
            marked: start..end,
            label: printable(&label.text),
            is_cause,
        }
    }

    fn snippet(self) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let kind = if self.is_cause {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let mut annotation = kind.span(self.marked);
        if !self.label.is_empty() {
            annotation = annotation.label(self.label);
        }
        let snippet = Snippet::source(self.text)
            .line_start(self.line)
            .fold(false)
            .annotation(annotation);
        if self.cut_at.is_some() {
            snippet
        } else {
            snippet.path(self.file)
        }
    }
}

/// The part of a line that is shown.
fn window(span: Span, source: &SourceFile, line: Range<usize>) -> Range<usize> {
    if line.len() <= LONGEST_LINE {
        return line;
    }
    let text = source.text();
    let from = span.start().saturating_sub(AROUND).max(line.start);
    let to = (span.start() + AROUND).min(line.end);
    let boundary = |mut offset: usize| {
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    boundary(from)..boundary(to).max(boundary(from))
}
