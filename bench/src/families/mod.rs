//! Families of policies: what a gateway's configuration can look like when it is large, each at any size.
//!
//! A family is a rule for each number, and requests whose fate is known. Names are padded, so that the order of numbers is the
//! byte order of names and the last policy is the last that is reported. All policies deny: a request that matches nothing
//! passes.

mod hostile;
mod ordinary;

use serde_json::{Value, json};

use crate::call::Call;

/// The namespace of all policies.
const NAMESPACE: &str = "istio-system";

/// The most rules that Istio takes in one policy.
const MOST_RULES: usize = 512;

/// A family of policies.
#[derive(Debug)]
pub struct Family {
    /// A short name.
    pub name: &'static str,
    /// What sets its policies apart.
    pub about: &'static str,
    layout: Layout,
    /// The rule with a number, of so many; with [`Layout::OneRule`], the only one, in which so many values stand.
    rule: fn(usize, usize) -> Value,
    /// The request that the rule with a number is the first to match, of so many. Only the first and the last number are
    /// asked for unless `spreads`.
    hit: fn(usize, usize) -> Call,
    spreads: bool,
    /// A request that no rule matches, at this size.
    miss: fn(usize) -> Call,
    /// The request that is meant to cost most, and the rule that is the first to match it.
    worst: fn(usize) -> (Call, Option<usize>),
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    /// A policy for each rule.
    Policies,
    /// As many rules in a policy as it may have.
    FullPolicies,
    /// One rule, which says everything by itself.
    OneRule,
}

/// A request and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which of the family's requests it is.
    pub kind: Kind,
    /// The request.
    pub call: Call,
    /// The name of the rule that denies it; `None` when it passes.
    pub rule: Option<String>,
}

/// Which of a family's requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The last rule is the first to match.
    Last,
    /// The first rule matches.
    First,
    /// No rule matches.
    Miss,
    /// What is meant to cost most.
    Worst,
    /// Requests all over the configuration in turn, so that what each needs is not in the processor's caches already.
    Spread,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Last, Self::First, Self::Miss, Self::Worst, Self::Spread];

    /// The word in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::First => "first",
            Self::Miss => "miss",
            Self::Worst => "worst",
            Self::Spread => "spread",
        }
    }
}

impl Family {
    /// All families: those that gateways have, then those that were thought out against the index.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        ordinary::FAMILIES.iter().chain(hostile::FAMILIES)
    }

    /// The family of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|family| family.name == name)
    }

    /// The filter's configuration with so many policies: `outgate/v1`, as text.
    #[must_use]
    pub fn configuration(&self, size: usize) -> String {
        let rules: Vec<usize> = (0..size).collect();
        let written =
            |numbers: &[usize]| -> Vec<Value> { numbers.iter().map(|&number| (self.rule)(number, size)).collect() };
        // Written piece by piece: as one tree of values, 100,000 policies take gigabytes.
        let policies_of = |rules_each: usize| -> Vec<String> {
            let policies = rules.chunks(rules_each).enumerate();
            policies
                .map(|(number, rules)| policy(number, &written(rules)).to_string())
                .collect()
        };
        let policies: Vec<String> = match self.layout {
            Layout::Policies => policies_of(1),
            Layout::FullPolicies => policies_of(MOST_RULES),
            Layout::OneRule => vec![policy(0, &[(self.rule)(0, size)]).to_string()],
        };
        configuration(&policies)
    }

    /// The requests that are measured one at a time.
    #[must_use]
    pub fn cases(&self, size: usize) -> Vec<Case> {
        let (worst, worst_rule) = (self.worst)(size);
        let last = size.saturating_sub(1);
        let case = |kind, call, number: Option<usize>| Case {
            kind,
            call,
            rule: number.map(|number| self.rule_name(number)),
        };
        vec![
            case(Kind::Last, (self.hit)(last, size), Some(last)),
            case(Kind::First, (self.hit)(0, size), Some(0)),
            case(Kind::Miss, (self.miss)(size), None),
            case(Kind::Worst, worst, worst_rule),
        ]
    }

    /// Requests that hit rules all over the configuration, in an order without a pattern; empty where no request reaches a
    /// middle rule.
    #[must_use]
    pub fn spread(&self, size: usize, count: usize) -> Vec<Case> {
        if !self.spreads || size == 0 {
            return Vec::new();
        }
        let numbers = (1..=count).map(|place| {
            // Fibonacci hashing: all numbers, far apart from one to the next.
            let hash = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((u128::from(hash) * size as u128) >> 64) as usize
        });
        numbers
            .map(|number| Case {
                kind: Kind::Spread,
                call: (self.hit)(number, size),
                rule: Some(self.rule_name(number)),
            })
            .collect()
    }

    fn rule_name(&self, number: usize) -> String {
        let (policy, rule) = match self.layout {
            Layout::Policies => (number, 0),
            Layout::FullPolicies => (number / MOST_RULES, number % MOST_RULES),
            Layout::OneRule => (0, 0),
        };
        format!("ns[{NAMESPACE}]-policy[{}]-rule[{rule}]", policy_name(policy))
    }
}

/// A configuration of policies that are written already.
fn configuration(policies: &[String]) -> String {
    format!(
        r#"{{"apiVersion":"outgate/v1","revision":"4f1d9a0c77b2","policies":[{}]}}"#,
        policies.join(",")
    )
}

fn policy(number: usize, rules: &[Value]) -> Value {
    json!({
        "metadata": {"namespace": NAMESPACE, "name": policy_name(number)},
        "spec": {"action": "DENY", "rules": rules},
    })
}

fn policy_name(number: usize) -> String {
    format!("p{number:06}")
}

/// `{"to": [{"operation": …}]}`
fn to(operation: &Value) -> Value {
    json!({"to": [{"operation": operation}]})
}

/// `{"from": [{"source": …}]}`
fn from(source: &Value) -> Value {
    json!({"from": [{"source": source}]})
}

/// Both.
fn from_to(source: &Value, operation: &Value) -> Value {
    json!({"from": [{"source": source}], "to": [{"operation": operation}]})
}
