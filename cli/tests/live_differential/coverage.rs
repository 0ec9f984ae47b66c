//! How much the generated requests have reached: a comparison of requests that never match proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::attribute::{CONDITION, OPERATION, SOURCE};
use crate::comparison::Answer;
use crate::connection::Outcome;
use crate::policies::PolicySet;

#[derive(Default)]
pub(crate) struct Coverage {
    requests: usize,
    answers: BTreeMap<&'static str, usize>,
    /// By field: how often a rule with it let a request pass, stopped one, and was not the one that decided.
    fields: BTreeMap<&'static str, [usize; 3]>,
    /// What Envoy answered by itself, by status.
    before: BTreeMap<String, usize>,
}

const ALLOWED_BY_RULE: &str = "allowed by an ALLOW rule";
const ALLOWED: &str = "allowed, as nothing denies";
const DENIED_BY_RULE: &str = "denied by a DENY rule";
const DENIED: &str = "denied, as no ALLOW rule matches";
const AUDITED: &str = "matched by an AUDIT rule";
const NOT_AUDITED: &str = "not matched by an AUDIT rule";
const SHADOW_ALLOWED: &str = "dry run: allowed";
const SHADOW_DENIED: &str = "dry run: denied";
const GRPC: &str = "denied as gRPC";
const BEFORE: &str = "answered by Envoy before the filter";

/// Every kind of answer that must be compared often enough.
const ANSWERS: [&str; 10] = [
    ALLOWED_BY_RULE,
    ALLOWED,
    DENIED_BY_RULE,
    DENIED,
    AUDITED,
    NOT_AUDITED,
    SHADOW_ALLOWED,
    SHADOW_DENIED,
    GRPC,
    BEFORE,
];

/// Fewer requests than these cannot be expected to reach everything.
const ENOUGH: usize = 1_500;

impl Coverage {
    pub(crate) fn count(&mut self, set: &PolicySet, native: &Answer, ours: &Answer) {
        self.requests += 1;
        let rule = ours.logged("outgate_rule");
        let verdict = match (ours.logged("outgate_decision"), rule) {
            ("allow", "-") => ALLOWED,
            ("allow", _) => ALLOWED_BY_RULE,
            ("deny", "-") => DENIED,
            ("deny", _) => DENIED_BY_RULE,
            _ => {
                *self.before.entry(described(native)).or_default() += 1;
                BEFORE
            }
        };
        let audit = match native.logged("native_audit") {
            "true" => Some(AUDITED),
            "false" => Some(NOT_AUDITED),
            _ => None,
        };
        let shadow = |field| match native.logged(field) {
            "allowed" => Some(SHADOW_ALLOWED),
            "denied" => Some(SHADOW_DENIED),
            _ => None,
        };
        let shadows = [shadow("native_deny_shadow"), shadow("native_allow_shadow")];
        let is_grpc = matches!(&native.outcome, Outcome::Reply(reply) if reply.status == 200) && verdict != ALLOWED;
        let grpc = (is_grpc && matches!(verdict, DENIED | DENIED_BY_RULE)).then_some(GRPC);
        for kind in [Some(verdict), audit, grpc].into_iter().chain(shadows).flatten() {
            *self.answers.entry(kind).or_default() += 1;
        }
        if verdict != BEFORE {
            self.count_fields(set, rule, verdict);
        }
    }

    fn count_fields(&mut self, set: &PolicySet, rule: &str, verdict: &str) {
        let decisive = set.rule_named(rule);
        for (_, rule) in set.rules() {
            let column = match decisive {
                Some(decisive) if std::ptr::eq(rule, decisive) => usize::from(verdict == DENIED_BY_RULE),
                _ => 2,
            };
            for constraint in rule.constraints() {
                let attribute = constraint.attribute;
                let names = [
                    (attribute.name, &constraint.any_of),
                    (attribute.negated, &constraint.none_of),
                ];
                for (name, _) in names.into_iter().filter(|(_, values)| !values.is_empty()) {
                    self.fields.entry(name).or_default()[column] += 1;
                }
            }
        }
    }

    /// Fails when something was reached so rarely that it was hardly compared.
    pub(crate) fn assert_thorough(&self) {
        if self.requests < ENOUGH {
            return;
        }
        let floor = self.requests / 200;
        for kind in ANSWERS {
            let times = self.answers.get(kind).copied().unwrap_or_default();
            assert!(times >= floor, "`{kind}` was the answer only {times} times");
        }
        let before = self.answers[BEFORE];
        assert!(before < self.requests / 3, "Envoy answered {before} requests by itself");
        for attribute in SOURCE.iter().chain(&OPERATION).chain(&CONDITION) {
            let [allowed, denied, other] = self.fields.get(attribute.name).copied().unwrap_or_default();
            assert!(allowed + denied > 0, "no rule with `{}` ever decided", attribute.name);
            assert!(other > 0, "a rule with `{}` always decided", attribute.name);
        }
    }
}

fn described(answer: &Answer) -> String {
    let details = answer.logged("response_code_details");
    match &answer.outcome {
        Outcome::Reply(reply) => format!("{} {details}", reply.status),
        other => format!("{other:?} {details}"),
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:60} {:>7} {:>7} {:>7}",
            "rules with this field", "allowed", "denied", "did not decide"
        )?;
        for (field, [allowed, denied, other]) in &self.fields {
            writeln!(f, "{field:60} {allowed:>7} {denied:>7} {other:>7}")?;
        }
        writeln!(f, "\nanswers to {} requests", self.requests)?;
        for (kind, times) in &self.answers {
            writeln!(f, "{kind:60} {times:>7}")?;
        }
        writeln!(f, "\n{BEFORE}")?;
        for (answer, times) in &self.before {
            writeln!(f, "{answer:60} {times:>7}")?;
        }
        Ok(())
    }
}
