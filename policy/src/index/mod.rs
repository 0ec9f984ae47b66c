//! Finds the rules that a request could match without looking at the others.
//!
//! # How it works
//!
//! A rule is cut into *branches*, each a plain conjunction of constraints; the rule matches when any of its branches does. The
//! index is a tree. At each node every branch is filed under the constraint that sets it apart from the most others, by its
//! values as *keys* of a [`Table`]; branches that share a key and are still many go into a node of their own, where the next
//! constraint sets them apart:
//!
//! ```text
//!            Host                    Principal              Path
//!  request ──┬─ exact "a.com" ─────────────────────────────────────▶ branch 7
//!            ├─ exact "b.com" ──────┬─ exact "td/ns/x/sa/1" ───────▶ branch 1
//!            │                      └─ exact "td/ns/x/sa/2" ───────▶ branch 2
//!            └─ suffix ".c.com" ────┬─ exact "td/ns/y/sa/1" ─┬─ prefix "/v1/" ─▶ branch 4
//!                                   :                        └─ exact "/x" ────▶ branch 5
//!  guard: not (Host any of "d.com") ─▶ branches without a key that share a constraint
//!  rest ─────────────────────────────▶ branches that nothing sets apart
//! ```
//!
//! A request is looked up by the few texts that it has for each subject: a hash lookup for exact values, one for each length of
//! prefix or suffix, one for each length of network. What is found is a superset of what matches, and is checked. The wanted
//! answer is the *first* matching rule in the byte order of names; rules are numbered in that order, each node knows the lowest
//! number below it, and a node that cannot better what is found already is passed over.

mod build;
mod key;
mod table;

use key::Subject;
use table::Table;

use crate::facts::Facts;
use crate::model::Constraint;
use crate::request::{Request, Unreadable};

pub(crate) use build::build;
pub(crate) use table::NumberOfText;

/// The number of a rule, in the byte order of names.
pub(crate) type RuleNumber = u32;
/// The place of a constraint in a rule set's list.
pub(crate) type ConstraintNumber = u32;

/// A conjunction of constraints, and the rule that it is a way to match.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) rule: RuleNumber,
    /// All of these must hold; what is cheap to know comes first.
    pub(crate) all: Box<[ConstraintNumber]>,
    /// And, unless empty, all of any of these: the shorter side of a rule too large to be multiplied out.
    pub(crate) any: Box<[Box<[ConstraintNumber]>]>,
}

impl Branch {
    pub(crate) fn holds<R: Request + ?Sized>(
        &self,
        constraints: &[Constraint],
        facts: &Facts<'_, R>,
    ) -> Result<bool, Unreadable> {
        if !all_hold(&self.all, constraints, facts)? {
            return Ok(false);
        }
        for alternative in &self.any {
            if all_hold(alternative, constraints, facts)? {
                return Ok(true);
            }
        }
        Ok(self.any.is_empty())
    }
}

fn all_hold<R: Request + ?Sized>(
    all: &[ConstraintNumber],
    constraints: &[Constraint],
    facts: &Facts<'_, R>,
) -> Result<bool, Unreadable> {
    for &constraint in all {
        if !facts.hold(&constraints[constraint as usize])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The tree. See the module's page.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    subjects: Vec<Subject>,
    /// Children before parents; the root is last.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The lowest rule number below.
    first: RuleNumber,
    /// What keys lead to, by the subject's place in the index's list.
    tables: Box<[(u32, Table)]>,
    /// What a constraint leads to that all branches below it share.
    guards: Box<[(ConstraintNumber, Target)]>,
    /// Branches to be checked, in order.
    rest: Box<[u32]>,
}

/// Where a key leads: to a node, or at once to a branch. One number, because a large configuration has many.
#[derive(Clone, Copy, Debug)]
struct Target(u32);

impl Target {
    const IS_NODE: u32 = 1 << 31;

    const fn branch(number: u32) -> Self {
        Self(number)
    }

    const fn node(number: u32) -> Self {
        Self(number | Self::IS_NODE)
    }

    const fn read(self) -> Place {
        if self.0 & Self::IS_NODE == 0 {
            Place::Branch(self.0)
        } else {
            Place::Node(self.0 & !Self::IS_NODE)
        }
    }
}

enum Place {
    Node(u32),
    Branch(u32),
}

/// What a search works with.
struct Search<'a, R: ?Sized> {
    index: &'a Index,
    branches: &'a [Branch],
    constraints: &'a [Constraint],
    facts: &'a Facts<'a, R>,
    /// The lowest rule number found so far.
    best: Option<RuleNumber>,
}

impl Index {
    /// The lowest-numbered rule of which a branch holds.
    pub(crate) fn first_match<R: Request + ?Sized>(
        &self,
        branches: &[Branch],
        constraints: &[Constraint],
        facts: &Facts<'_, R>,
    ) -> Result<Option<RuleNumber>, Unreadable> {
        let mut search = Search {
            index: self,
            branches,
            constraints,
            facts,
            best: None,
        };
        if let Some(root) = self.nodes.last() {
            search.node(root)?;
        }
        Ok(search.best)
    }
}

impl<R: Request + ?Sized> Search<'_, R> {
    fn node(&mut self, node: &Node) -> Result<(), Unreadable> {
        if !self.could_better(node.first) {
            return Ok(());
        }
        for &branch in &node.rest {
            self.branch(branch)?;
        }
        for (subject, table) in &node.tables {
            match &self.index.subjects[*subject as usize] {
                Subject::Address(which) => {
                    if let Some(address) = self.facts.address(*which)? {
                        table.at_address(address, &mut |target| self.target(Target(target)))?;
                    }
                }
                subject => {
                    subject.texts(self.facts, &mut |text| {
                        table.at_text(text, &mut |target| self.target(Target(target)))
                    })?;
                }
            }
        }
        for &(constraint, target) in &node.guards {
            if self.could_better(self.first_of(target)) && self.facts.hold(&self.constraints[constraint as usize])? {
                self.target(target)?;
            }
        }
        Ok(())
    }

    fn target(&mut self, target: Target) -> Result<(), Unreadable> {
        match target.read() {
            Place::Node(node) => {
                let index = self.index;
                self.node(&index.nodes[node as usize])
            }
            Place::Branch(branch) => self.branch(branch),
        }
    }

    fn branch(&mut self, branch: u32) -> Result<(), Unreadable> {
        let branch = &self.branches[branch as usize];
        if self.could_better(branch.rule) && branch.holds(self.constraints, self.facts)? {
            self.best = Some(branch.rule);
        }
        Ok(())
    }

    fn first_of(&self, target: Target) -> RuleNumber {
        match target.read() {
            Place::Node(node) => self.index.nodes[node as usize].first,
            Place::Branch(branch) => self.branches[branch as usize].rule,
        }
    }

    fn could_better(&self, rule: RuleNumber) -> bool {
        self.best.is_none_or(|best| rule < best)
    }
}
