//! Why a command stopped, and what its user can do about it.

use std::fmt;

/// A command's failure: what went wrong and, where there is something to be done, what.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    advice: Option<String>,
    kind: Kind,
    shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The command ran, and what it looked at is not in order.
    Finding,
    /// The command could not do its work: something that it needs is missing or broken.
    CouldNotRun,
}

impl Failure {
    /// A check ran and found something to mend.
    pub(crate) fn finding(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: None,
            kind: Kind::Finding,
            shown: false,
        }
    }

    /// Something that the command needs is missing or broken.
    pub(crate) fn could_not_run(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: None,
            kind: Kind::CouldNotRun,
            shown: false,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds what to do about it, unless that is said already.
    pub(crate) fn or_advise(self, advice: &str) -> Self {
        if self.advice.is_some() {
            self
        } else {
            self.advise(advice)
        }
    }

    /// Says that the user has seen this failure already: it only sets the exit code.
    pub(crate) fn shown(mut self) -> Self {
        self.shown = true;
        self
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown
    }

    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// 1 for a finding, 2 for a command that could not run.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Finding => 1,
            Kind::CouldNotRun => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}
