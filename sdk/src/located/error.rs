//! What goes wrong while reading, and where.

use std::fmt;

use outgate_policy::{FieldPath, Segment};
use serde::de::{Expected, Unexpected};

use crate::source::Span;
use crate::suggest;

/// Why a text or a value could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    message: Box<str>,
    help: Option<Box<str>>,
    span: Option<Span>,
    related: Option<(Span, &'static str)>,
    /// What should stand there, when something of another type does: whoever knows the text says what that is.
    expected: Option<Box<str>>,
    /// Innermost step first: the path is known only when the error has come all the way up.
    steps: Vec<Segment>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into().into(),
            help: None,
            span: None,
            related: None,
            expected: None,
            steps: Vec::new(),
        }
    }

    /// What should stand where something of another type does, as long as no place is known.
    pub(crate) fn expected(&self) -> Option<&str> {
        self.expected.as_deref().filter(|_| self.span.is_none())
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into().into());
        self
    }

    pub(crate) fn with_related(mut self, span: Span, label: &'static str) -> Self {
        self.related = Some((span, label));
        self
    }

    /// Sets the place, unless something nearer to the cause has.
    pub(crate) fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Says that the error is inside of `step`.
    pub(crate) fn within(mut self, step: Segment) -> Self {
        self.steps.push(step);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is wrong. Errors that [`parse`](super::parse) and [`Node::read`](super::Node::read) return have a place.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        self.span
    }

    /// Another place that has to do with it, and what that is.
    #[must_use]
    pub const fn related(&self) -> Option<(Span, &'static str)> {
        self.related
    }

    /// The field in which it is wrong, from the root of the value that was read.
    #[must_use]
    pub fn path(&self) -> FieldPath {
        self.steps
            .iter()
            .rev()
            .fold(FieldPath::root(), |path, step| match step {
                Segment::Field(name) => path.field(name),
                Segment::Index(index) => path.index(*index),
            })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self {
            expected: Some(expected.to_string().into()),
            ..Self::new(format!("expected {expected}, found {found}"))
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let error = Self::new(format!("unknown field `{field}`"));
        match suggest::closest(field, expected.iter().copied()) {
            Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
            None if expected.is_empty() => error.with_help("no fields are expected here"),
            None => error.with_help(format!("the fields here are {}", suggest::listed(expected))),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let error = Self::new(format!("unknown value `{variant}`"));
        match suggest::closest(variant, expected.iter().copied()) {
            Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
            None => error.with_help(format!("the values here are {}", suggest::listed(expected))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is required"))
    }
}
