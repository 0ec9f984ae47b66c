//! All rules of one action, compiled.

use std::cmp::Ordering;

use crate::decision::RuleName;
use crate::facts::Facts;
use crate::index::{Branch, Branches, Index, RuleNumber, build};
use crate::model::{Constraint, Policy, Rule};
use crate::order::{in_order, sort_pairs};
use crate::request::{Request, Unreadable};
use crate::texts::{Numbers, hash_numbers};
use crate::trust_domain::TrustDomains;
use crate::vocabulary::{StatementNumber, Vocabulary};

/// A rule with more combinations of sources and operations than this keeps its shorter side as alternatives.
const MOST_COMBINATIONS: usize = 64;

/// The rules of all policies with one action, ready to be matched.
///
/// A set without rules is still a set: an `ALLOW` policy that allows nothing denies everything.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    /// In byte order.
    names: Vec<RuleName>,
    branches: Branches,
    index: Index,
}

impl RuleSet {
    /// The first rule that matches, in the byte order of names.
    pub(crate) fn first_match<R: Request + ?Sized>(
        &self,
        vocabulary: &Vocabulary,
        facts: &Facts<'_, R>,
    ) -> Result<Option<&RuleName>, Unreadable> {
        let number = self.index.first_match(&self.branches, vocabulary, facts)?;
        Ok(number.map(|number| &self.names[number as usize]))
    }
}

/// Rules on their way into a set, in any order.
#[derive(Debug, Default)]
pub(crate) struct RuleSetBuilder {
    names: Vec<RuleName>,
    /// Their rules are numbered as they come.
    branches: Branches,
}

impl RuleSetBuilder {
    /// Cuts a policy's rules into branches.
    pub(crate) fn add(&mut self, policy: &Policy, domains: &TrustDomains, vocabulary: &mut Vocabulary) {
        for (index, rule) in policy.rules().iter().enumerate() {
            self.names.push(RuleName::new(policy.name(), policy.action(), index));
            self.cut(rule, domains, vocabulary);
        }
    }

    fn cut(&mut self, written: &Rule, domains: &TrustDomains, vocabulary: &mut Vocabulary) {
        let mut conjunction = |written: &[Constraint]| {
            let mut statements = Vec::with_capacity(written.len());
            for constraint in written {
                vocabulary.add(constraint, domains, &mut statements);
            }
            statements
        };
        // No conjunction at all is one that asks for nothing.
        let mut conjunctions = |written: &[Vec<Constraint>]| match written {
            [] => vec![Vec::new()],
            written => written.iter().map(|all| conjunction(all)).collect(),
        };
        let mut from = conjunctions(&written.from);
        let mut to = conjunctions(&written.to);
        let when = conjunction(&written.when);
        if from.len().saturating_mul(to.len()) <= MOST_COMBINATIONS {
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                self.branch(&[&when, from, to], Vec::new(), vocabulary);
            }
        } else {
            if from.len() < to.len() {
                std::mem::swap(&mut from, &mut to);
            }
            for longer in from {
                self.branch(&[&when, &longer], to.clone(), vocabulary);
            }
        }
    }

    fn branch(&mut self, all: &[&[StatementNumber]], any: Vec<Vec<StatementNumber>>, vocabulary: &Vocabulary) {
        let all = all.iter().copied().flatten();
        let by_cost = all.map(|&statement| (vocabulary.cost(statement), statement));
        let mut all: Vec<StatementNumber> = sort_pairs(by_cost).map(|(_, statement)| statement).collect();
        all.dedup();
        let rule = self.names.len() as RuleNumber - 1;
        self.branches.push(rule, &all, any);
    }

    /// Numbers the rules in the byte order of their names, and builds the index.
    pub(crate) fn finish(self, vocabulary: &mut Vocabulary) -> RuleSet {
        let Self { mut names, branches } = self;
        let order = in_order(names.len(), &|a, b| names[a].cmp(&names[b]));
        let mut numbers = vec![0; names.len()];
        for (number, &place) in order.iter().enumerate() {
            numbers[place as usize] = number as RuleNumber;
        }
        let branches = in_order_of_rules(branches, &numbers);
        let index = build(&branches, vocabulary);
        names.sort_unstable();
        RuleSet { names, branches, index }
    }
}

/// Branches by the new numbers of their rules. A later branch that says the same as an earlier one is never the first to match,
/// and is left out.
fn in_order_of_rules(mut branches: Branches, numbers: &[RuleNumber]) -> Branches {
    for branch in &mut branches.list {
        branch.rule = numbers[branch.rule as usize];
    }
    let rule = |place: usize| branches.list[place].rule;
    let order = in_order(branches.list.len(), &|a, b| match rule(a).cmp(&rule(b)) {
        Ordering::Equal => a.cmp(&b),
        unequal => unequal,
    });
    let mut known = Numbers::default();
    let mut list: Vec<Branch> = Vec::with_capacity(order.len());
    for place in order {
        let branch = branches.list[place as usize].clone();
        let all = branches.all_of(&branch);
        let next = list.len() as u32;
        let is_new = !branch.has_alternatives()
            && known.find_or_insert(hash_numbers(all.iter().copied()), next, |earlier| {
                branches.all_of(&list[earlier as usize]) == all
            }) == next;
        if is_new || branch.has_alternatives() {
            list.push(branch);
        }
    }
    list.shrink_to_fit();
    branches.list = list;
    branches
}
