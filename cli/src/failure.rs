//! How a command ends when it could not do its work.

use std::fmt;
use std::process::ExitCode;

use outgate_sdk::diagnostic::Diagnostics;
use outgate_sdk::source::Sources;

use crate::output;

/// 0: all is well.
pub(crate) const FINE: ExitCode = ExitCode::SUCCESS;
/// 1: findings, or an expectation that does not hold.
pub(crate) fn findings() -> ExitCode {
    ExitCode::from(1)
}

/// 2: the command could not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input is wrong, as has been shown.
    Shown,
    /// Anything else, in words.
    Message(String),
}

impl Failure {
    /// Shows what is wrong with the input.
    pub(crate) fn input(diagnostics: &Diagnostics, sources: &Sources) -> Self {
        output::show_diagnostics(diagnostics, sources);
        Self::Shown
    }

    /// What is wrong, in words; none when it has been shown.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Shown => String::new(),
            Self::Message(message) => message,
        }
    }

    pub(crate) fn report(self) -> ExitCode {
        if let Self::Message(message) = self {
            anstream::eprintln!("{}error{}: {message}", output::ERROR, output::PLAIN);
        }
        ExitCode::from(2)
    }
}

impl<T: fmt::Display> From<T> for Failure {
    fn from(message: T) -> Self {
        Self::Message(message.to_string())
    }
}
