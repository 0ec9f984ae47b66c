//! How much of native RBAC the generated cases have reached: a comparison of requests that never match proves nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use crate::Answer;

/// How often each matcher matched and did not, and how often each kind of answer was given.
#[derive(Default)]
pub(crate) struct Coverage {
    matchers: RefCell<BTreeMap<&'static str, [usize; 2]>>,
    answers: RefCell<BTreeMap<&'static str, usize>>,
}

/// Every kind of matcher that rendered policies can have.
const MATCHERS: [&str; 17] = [
    "and",
    "any",
    "authenticated",
    "authenticated, expression",
    "destination address",
    "direct address",
    "header",
    "header present",
    "metadata list or text",
    "metadata text",
    "not",
    "or",
    "path",
    "port",
    "remote address",
    "server name",
    "template",
];

const ANSWERS: [&str; 9] = [
    "allowed by a rule",
    "allowed by default",
    "audited",
    "denied by a rule",
    "denied because none allows",
    "shadow allow matched",
    "shadow allow unmatched",
    "shadow deny matched",
    "shadow deny unmatched",
];

impl Coverage {
    pub(crate) fn matcher(&self, kind: &'static str, matched: bool) {
        self.matchers.borrow_mut().entry(kind).or_default()[usize::from(matched)] += 1;
    }

    pub(crate) fn answer(&self, answer: &Answer) {
        let verdict = match (answer.denied, answer.rule.is_some()) {
            (false, true) => "allowed by a rule",
            (false, false) => "allowed by default",
            (true, true) => "denied by a rule",
            (true, false) => "denied because none allows",
        };
        let shadow = |shadow: &Option<(bool, Option<String>)>, matched, unmatched| {
            shadow
                .as_ref()
                .map(|(_, rule)| if rule.is_some() { matched } else { unmatched })
        };
        let kinds = [
            Some(verdict),
            answer.audited.then_some("audited"),
            shadow(&answer.shadow_allow, "shadow allow matched", "shadow allow unmatched"),
            shadow(&answer.shadow_deny, "shadow deny matched", "shadow deny unmatched"),
        ];
        let mut answers = self.answers.borrow_mut();
        for kind in kinds.into_iter().flatten() {
            *answers.entry(kind).or_default() += 1;
        }
    }

    /// Fails when something was reached so rarely that it was hardly compared.
    pub(crate) fn assert_thorough(&self, cases: usize) {
        let floor = (cases / 2_000).max(1);
        let matchers = self.matchers.borrow();
        for kind in MATCHERS {
            let [unmatched, matched] = matchers.get(kind).copied().unwrap_or_default();
            let never_fails = matches!(kind, "any");
            assert!(matched >= floor, "`{kind}` matched only {matched} times");
            assert!(
                unmatched >= floor || never_fails,
                "`{kind}` failed to match only {unmatched} times"
            );
        }
        let answers = self.answers.borrow();
        for kind in ANSWERS {
            let times = answers.get(kind).copied().unwrap_or_default();
            assert!(times >= floor, "`{kind}` was the answer only {times} times");
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, [unmatched, matched]) in self.matchers.borrow().iter() {
            writeln!(f, "{kind:26} matched {matched:>9}, did not {unmatched:>9}")?;
        }
        for (kind, times) in self.answers.borrow().iter() {
            writeln!(f, "{kind:26} {times:>9}")?;
        }
        Ok(())
    }
}
