//! Why a format is refused, and what to write instead.

use std::fmt;

/// A format that this host refuses. Nearly always Envoy refuses it too; where not, the message says that the host cannot
/// know the value.
///
/// ```
/// use outgate_test_host::AccessLogFormat;
///
/// let error = AccessLogFormat::text("path=%REQ(:PATH)% status=%RESPONSE_COD%").unwrap_err();
/// assert_eq!((error.operator(), error.column()), ("RESPONSE_COD", 26));
/// assert!(error.to_string().contains("RESPONSE_CODE"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    field: String,
    operator: String,
    column: usize,
    problem: Problem,
}

impl FormatError {
    pub(super) fn new(operator: &str, column: usize, problem: Problem) -> Self {
        Self {
            field: String::new(),
            operator: operator.to_owned(),
            column,
            problem,
        }
    }

    pub(super) fn in_field(self, field: &str) -> Self {
        Self {
            field: field.to_owned(),
            ..self
        }
    }

    /// The name of the operator, or what stands where a name should.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// Where its `%` stands: the number of the byte in the text, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The field of a JSON format that the text belongs to, such as `user.names[0]`; empty in a text format.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// What is wrong with an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    NotAnObject,
    NoName,
    NotClosed,
    Unknown { closest: Vec<&'static str> },
    Unavailable { because: &'static str },
    TakesNothing,
    TakesNoLength,
    MetadataTakesNoLength,
    NeedsArgument { example: &'static str },
    TooManyAlternatives,
    HeaderName(String),
    FilterStateForm(String),
    FilterStateField,
    GrpcForm(String),
    MetadataKind(String),
    TimeSpecifier(String),
    TimeNewline,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("access log format")?;
        if !self.field.is_empty() {
            write!(f, ", field `{}`", self.field)?;
        }
        if self.problem != Problem::NotAnObject {
            write!(f, ", column {}", self.column)?;
        }
        f.write_str(": ")?;
        self.problem.explain(&self.operator, f)
    }
}

impl std::error::Error for FormatError {}

impl Problem {
    fn explain(&self, operator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => write!(
                f,
                "a JSON format is an object of fields, {{\"path\": \"%REQ(:PATH)%\"}}, not {operator}"
            ),
            Self::NoName => write!(
                f,
                "`{operator}` is no operator: names have capitals, digits and `_` only; a percent sign is written `%%`"
            ),
            Self::NotClosed => write!(
                f,
                "%{operator} does not end: an operator is `%NAME%`, `%NAME(argument)%` or `%NAME(argument):length%`"
            ),
            Self::Unknown { closest } => {
                write!(f, "Envoy has no operator %{operator}%, or this host does not know it; ")?;
                write!(f, "the names closest to it are {}", closest.join(", "))
            }
            Self::Unavailable { because } => write!(
                f,
                "this host cannot print %{operator}%: {because}; leave it out of the format"
            ),
            Self::TakesNothing => write!(f, "%{operator}% takes neither an argument nor a length"),
            Self::TakesNoLength => write!(f, "%{operator}% takes no length: leave out what is after the `)`"),
            Self::MetadataTakesNoLength => write!(
                f,
                "Envoy refuses a length for %{operator}%, whatever its manual says: use %METADATA(DYNAMIC:…):length%"
            ),
            Self::NeedsArgument { example } => write!(f, "%{operator}% needs an argument, for example {example}"),
            Self::TooManyAlternatives => write!(f, "%{operator}% takes one alternative, `(first?second)`, not more"),
            Self::HeaderName(name) => write!(f, "{name:?} in %{operator}% cannot be the name of a header"),
            Self::FilterStateForm(form) => write!(
                f,
                "{form:?} is no form of %{operator}%: write PLAIN, TYPED, or FIELD and the name of a field"
            ),
            Self::FilterStateField => write!(
                f,
                "in %{operator}%, FIELD and the name of a field go together, `(key:FIELD:name)`"
            ),
            Self::GrpcForm(form) => write!(
                f,
                "{form:?} is no form of %{operator}%: write CAMEL_STRING, SNAKE_STRING or NUMBER"
            ),
            Self::MetadataKind(kind) => write!(
                f,
                "{kind:?} is not a kind of metadata that this host has for %{operator}%: it has DYNAMIC only"
            ),
            Self::TimeSpecifier(specifier) => write!(
                f,
                "this host does not know `{specifier}` in the time format of %{operator}%: it knows what the C locale \
                 makes of strftime's common letters, %s, %f and %1f to %9f"
            ),
            Self::TimeNewline => write!(f, "Envoy refuses `%n` in the time format of %{operator}%"),
        }
    }
}
