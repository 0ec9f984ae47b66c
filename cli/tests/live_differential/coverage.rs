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
    fields: BTreeMap<Field, [usize; 3]>,
    /// What Envoy answered by itself, by status.
    before: BTreeMap<String, usize>,
}

/// The name of an attribute, and whether values of it are excluded.
type Field = (&'static str, bool);

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
/// So many requests reach everything.
const LONG: usize = 15_000;

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
                for (excludes, values) in [(false, &constraint.any_of), (true, &constraint.none_of)] {
                    if !values.is_empty() {
                        self.fields.entry((constraint.attribute.name, excludes)).or_default()[column] += 1;
                    }
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
        self.assert_thorough_fields();
    }

    /// One field that never decides may be chance; in a long run it is not.
    fn assert_thorough_fields(&self) {
        let all = SOURCE.iter().chain(&OPERATION).chain(&CONDITION);
        let all: Vec<&str> = all.map(|attribute| attribute.name).collect();
        let is_tried = |name: &&str| {
            let columns =
                [false, true].map(|excludes| self.fields.get(&(*name, excludes)).copied().unwrap_or_default());
            let [allowed, denied, other] = [0, 1, 2].map(|column| columns[0][column] + columns[1][column]);
            allowed + denied > 0 && other > 0
        };
        let untried: Vec<&str> = all.iter().copied().filter(|name| !is_tried(name)).collect();
        let most = if self.requests < LONG { all.len() / 3 } else { 0 };
        assert!(
            untried.len() <= most,
            "rules with these fields never decided, or always: {untried:?}"
        );
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
        for ((name, excludes), [allowed, denied, other]) in &self.fields {
            let field = if *excludes {
                format!("{name}, excluding")
            } else {
                (*name).to_owned()
            };
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
