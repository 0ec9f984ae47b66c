//! Rules, cut into plain conjunctions.

use crate::facts::Facts;
use crate::request::{Request, Unreadable};
use crate::vocabulary::{StatementNumber, Vocabulary};

use super::RuleNumber;

/// A conjunction of statements, and the rule that it is a way to match.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) rule: RuleNumber,
    /// Where its statements stand in the list of all.
    start: u32,
    end: u32,
    /// The place of its alternatives in the list of these, from 1; 0 for none.
    alternatives: u32,
}

impl Branch {
    pub(crate) const fn has_alternatives(&self) -> bool {
        self.alternatives != 0
    }
}

/// The branches of a set of rules. A large configuration has many, so they lie in few allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branches {
    pub(crate) list: Vec<Branch>,
    /// All of a branch's statements must hold; what is cheap to know comes first.
    statements: Vec<StatementNumber>,
    /// And all of any of these: the shorter side of a rule too large to be multiplied out.
    alternatives: Vec<Vec<Vec<StatementNumber>>>,
}

impl Branches {
    pub(crate) fn push(
        &mut self,
        rule: RuleNumber,
        all: impl Iterator<Item = StatementNumber>,
        any: Vec<Vec<StatementNumber>>,
    ) {
        let start = self.statements.len() as u32;
        self.statements.extend(all);
        let alternatives = if any.is_empty() {
            0
        } else {
            self.alternatives.push(any);
            self.alternatives.len() as u32
        };
        self.list.push(Branch {
            rule,
            start,
            end: self.statements.len() as u32,
            alternatives,
        });
    }

    pub(crate) fn all_of(&self, branch: &Branch) -> &[StatementNumber] {
        &self.statements[branch.start as usize..branch.end as usize]
    }

    /// How many rules there are, at most.
    pub(crate) fn rules(&self) -> u32 {
        let rules = self.list.iter().map(|branch| branch.rule + 1);
        rules.max().unwrap_or_default()
    }

    /// Calls `visit` with each conjunction, those of alternatives included, and the rule that it is of.
    pub(crate) fn each_conjunction(&self, mut visit: impl FnMut(RuleNumber, &[StatementNumber])) {
        for branch in &self.list {
            visit(branch.rule, self.all_of(branch));
            for alternative in self.alternatives_of(branch) {
                visit(branch.rule, alternative);
            }
        }
    }

    /// Calls `change` with each conjunction. It may not become longer.
    pub(crate) fn change_conjunctions(&mut self, mut change: impl FnMut(&mut Vec<StatementNumber>)) {
        let mut all = Vec::new();
        for branch in &mut self.list {
            let place = branch.start as usize..branch.end as usize;
            all.clear();
            all.extend_from_slice(&self.statements[place]);
            change(&mut all);
            branch.end = branch.end.min(branch.start + all.len() as u32);
            let place = branch.start as usize..branch.end as usize;
            self.statements[place].copy_from_slice(&all);
        }
        self.alternatives.iter_mut().flatten().for_each(change);
    }

    fn alternatives_of(&self, branch: &Branch) -> &[Vec<StatementNumber>] {
        let place = branch.alternatives.checked_sub(1);
        place.map_or(&[], |place| &self.alternatives[place as usize])
    }

    pub(super) fn holds<R: Request + ?Sized>(
        &self,
        branch: u32,
        vocabulary: &Vocabulary,
        facts: &Facts<'_, R>,
    ) -> Result<bool, Unreadable> {
        let branch = &self.list[branch as usize];
        if !all_hold(self.all_of(branch), vocabulary, facts)? {
            return Ok(false);
        }
        if !branch.has_alternatives() {
            return Ok(true);
        }
        for alternative in self.alternatives_of(branch) {
            if all_hold(alternative, vocabulary, facts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn all_hold<R: Request + ?Sized>(
    all: &[StatementNumber],
    vocabulary: &Vocabulary,
    facts: &Facts<'_, R>,
) -> Result<bool, Unreadable> {
    for &statement in all {
        if !vocabulary.holds(statement, facts)? {
            return Ok(false);
        }
    }
    Ok(true)
}
