//! All rules of one action, compiled.

use crate::config::PluginType;
use crate::decision::RuleName;
use crate::facts::Facts;
use crate::index::{Branch, Branches, Index, RuleNumber, build};
use crate::model::{Constraint, Policy, Rule};
use crate::order::{in_order, pack, second, sort};
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
    scratch: Scratch,
}

/// Room for one rule while it is cut; a large configuration has many rules.
#[derive(Debug, Default)]
struct Scratch {
    from: Conjunctions,
    to: Conjunctions,
    when: Conjunctions,
    sorted: Vec<u64>,
}

impl RuleSetBuilder {
    /// Cuts a policy's rules into branches.
    pub(crate) fn add(
        &mut self,
        policy: &Policy,
        plugin_type: PluginType,
        domains: &TrustDomains,
        vocabulary: &mut Vocabulary,
    ) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for (index, rule) in policy.rules_read_by(plugin_type) {
            self.names.push(RuleName::new(policy.name(), policy.action(), index));
            self.cut(&rule, domains, vocabulary, &mut scratch);
        }
        self.scratch = scratch;
    }

    fn cut(&mut self, written: &Rule, domains: &TrustDomains, vocabulary: &mut Vocabulary, scratch: &mut Scratch) {
        let Scratch { from, to, when, sorted } = scratch;
        from.read(&written.from, domains, vocabulary);
        to.read(&written.to, domains, vocabulary);
        when.read(std::slice::from_ref(&written.when), domains, vocabulary);
        let rule = self.names.len() as RuleNumber - 1;
        let mut branch = |parts: [&[StatementNumber]; 3], any: Vec<Vec<StatementNumber>>| {
            let all = parts.into_iter().flatten();
            sorted.extend(all.map(|&statement| pack(vocabulary.cost(statement), statement)));
            sort(sorted);
            sorted.dedup();
            self.branches.push(rule, sorted.drain(..).map(second), any);
        };
        let when = when.get(0);
        if from.len().saturating_mul(to.len()) <= MOST_COMBINATIONS {
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                branch([when, from, to], Vec::new());
            }
        } else {
            let (longer, shorter) = if from.len() < to.len() { (to, from) } else { (from, to) };
            for longer in longer.iter() {
                branch([when, longer, &[]], shorter.iter().map(<[_]>::to_vec).collect());
            }
        }
    }

    /// The branches of the rules so far.
    pub(crate) const fn branches_mut(&mut self) -> &mut Branches {
        &mut self.branches
    }

    /// Numbers the rules in the byte order of their names, and builds the index.
    pub(crate) fn finish(self, vocabulary: &mut Vocabulary) -> RuleSet {
        let Self { names, branches, .. } = self;
        let order = in_order(names.len(), &|a, b| names[a].cmp(&names[b]));
        let mut numbers = vec![0; names.len()];
        for (number, &place) in order.iter().enumerate() {
            numbers[place as usize] = number as RuleNumber;
        }
        let branches = in_order_of_rules(branches, &numbers);
        let index = build(&branches, vocabulary);
        let mut names: Vec<Option<RuleName>> = names.into_iter().map(Some).collect();
        let names = order.iter().filter_map(|&place| names[place as usize].take()).collect();
        RuleSet { names, branches, index }
    }
}

/// Conjunctions of statements, one after another.
#[derive(Debug, Default)]
struct Conjunctions {
    statements: Vec<StatementNumber>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Conjunctions {
    /// No conjunction at all is one that asks for nothing.
    fn read(&mut self, written: &[Vec<Constraint>], domains: &TrustDomains, vocabulary: &mut Vocabulary) {
        self.statements.clear();
        self.ends.clear();
        for all in written {
            for constraint in all {
                vocabulary.add(constraint, domains, &mut self.statements);
            }
            self.ends.push(self.statements.len());
        }
        if written.is_empty() {
            self.ends.push(0);
        }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, place: usize) -> &[StatementNumber] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.statements[start..self.ends[place]]
    }

    fn iter(&self) -> impl Iterator<Item = &[StatementNumber]> {
        (0..self.len()).map(|place| self.get(place))
    }
}

/// Branches by the new numbers of their rules. A later branch that says the same as an earlier one is never the first to match,
/// and is left out.
fn in_order_of_rules(mut branches: Branches, numbers: &[RuleNumber]) -> Branches {
    for branch in &mut branches.list {
        branch.rule = numbers[branch.rule as usize];
    }
    let rule = |place: usize| branches.list[place].rule;
    let order = in_order(branches.list.len(), &|a, b| rule(a).cmp(&rule(b)));
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
