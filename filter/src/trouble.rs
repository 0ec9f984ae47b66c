//! Why a request cannot be decided.

use std::borrow::Cow;
use std::fmt;

use outgate_policy::Unreadable;

/// What is missing for a decision, and why. The request is then denied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// An attribute cannot be read.
    Unreadable {
        /// Which one, in a word.
        what: &'static str,
        /// Why, in a few words.
        cause: Cow<'static, str>,
    },
    /// Somebody who is to decide has not.
    Undecided {
        /// Who, in a word: an authorizer, a custom policy.
        who: &'static str,
        /// What it has or does instead, in a few words.
        cause: Cow<'static, str>,
    },
}

impl Trouble {
    /// What or who it is about, in a word.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        match self {
            Self::Unreadable { what, .. } => what,
            Self::Undecided { who, .. } => who,
        }
    }

    /// Somebody has been asked, or was to be asked, and has not answered.
    #[must_use]
    pub(crate) fn no_answer(who: &'static str, cluster: &str) -> Self {
        Self::Undecided {
            who,
            cause: ["has no answer from ", cluster].concat().into(),
        }
    }
}

impl From<Unreadable> for Trouble {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable {
            what: unreadable.attribute.name(),
            cause: Cow::Borrowed(unreadable.cause),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { what, cause } => write!(f, "{what} cannot be read: {cause}"),
            Self::Undecided { who, cause } => write!(f, "{who} {cause}"),
        }
    }
}
