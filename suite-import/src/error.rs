//! What is wrong with a suite, and where.

use std::fmt;

use crate::source::Source;

/// Why a suite could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ImportError {
    /// The name that was given to [`read`](crate::read).
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the path of the field where there is one.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ImportError {}

/// An error that knows its place only as an offset in bytes.
#[derive(Debug)]
pub(crate) struct Problem {
    at: usize,
    message: String,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            help: None,
        }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn in_file(self, file: &str, source: &Source<'_>) -> ImportError {
        let at = source.position(self.at);
        ImportError {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            message: self.message,
            help: self.help,
        }
    }
}
