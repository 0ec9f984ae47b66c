//! What is written down about a request: in the access log, and in counters.

use std::borrow::Cow;

use outgate_policy::{DecidedBy, Decision, RuleName, Shadow, Verdict};

use crate::trouble::Trouble;

/// What became of a request, and by what.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// `allow`, `deny`, `unregistered` or `error`.
    pub verdict: &'static str,
    /// What gave the verdict, in a word.
    pub engine: &'static str,
    /// The rule that did; with an error, what is wrong. `None` when a default did.
    pub rule: Option<Cow<'a, str>>,
    /// What dry-run policies would have done.
    pub shadow: Shadow<'a>,
    /// What the verdict would have been on the request as it is spelled, and by which rule; `None` when it is the same.
    pub literal: Option<(Verdict, Option<&'a RuleName>)>,
}

/// The word for a request that could not be decided, beside the verdicts.
pub(crate) const ERROR: &str = "error";

impl<'a> Record<'a> {
    /// Of a decision.
    #[must_use]
    pub fn of(decision: &Decision<'a>) -> Self {
        Self {
            verdict: decision.verdict.as_str(),
            engine: decision.decided_by.as_str(),
            rule: decision.rule.map(|rule| Cow::Borrowed(rule.as_str())),
            shadow: decision.shadow,
            literal: None,
        }
    }

    /// Of a denial by something else than a policy of the engine.
    #[must_use]
    pub fn denied(decided_by: DecidedBy, rule: impl Into<Cow<'a, str>>) -> Self {
        Self {
            verdict: Verdict::Deny.as_str(),
            engine: decided_by.as_str(),
            rule: Some(rule.into()),
            shadow: Shadow::default(),
            literal: None,
        }
    }

    /// Of a request that could not be decided.
    #[must_use]
    pub fn undecided(trouble: &Trouble) -> Self {
        Self {
            verdict: ERROR,
            engine: trouble.about(),
            rule: Some(Cow::Owned(trouble.to_string())),
            shadow: Shadow::default(),
            literal: None,
        }
    }
}
