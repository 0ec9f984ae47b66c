//! Why a request cannot be decided.

use std::borrow::Cow;
use std::fmt;

use outgate_policy::Unreadable;

/// What is missing for a decision, and why. The request is then denied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// What is missing, in a word: an attribute, an authorizer.
    pub what: &'static str,
    /// Why, in a few words.
    pub cause: Cow<'static, str>,
}

impl From<Unreadable> for Trouble {
    fn from(unreadable: Unreadable) -> Self {
        Self {
            what: unreadable.attribute.name(),
            cause: Cow::Borrowed(unreadable.cause),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read: {}", self.what, self.cause)
    }
}
