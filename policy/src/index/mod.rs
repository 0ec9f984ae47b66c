//! Finds the rules that a request could match without looking at the others. The crate's front page explains how.
//!
//! ```text
//! vocabulary ─▶ keyring ──▶ build ──▶ Index ──▶ nodes ──▶ table ──▶ map, affixes
//!   statements   key, probe             │                  by kind of key
//!                                       └─▶ value_set: inside a statement with many values, the same once more
//! ```

mod affixes;
mod branches;
mod build;
mod key;
mod keyring;
mod map;
mod probe;
mod table;
mod value_set;

use probe::Probe;
use table::Table;

use crate::facts::Facts;
use crate::request::{Request, Unreadable};
use crate::vocabulary::{StatementNumber, Vocabulary};

pub(crate) use branches::{Branch, Branches};
pub(crate) use build::build;
pub(crate) use value_set::ValueSet;

/// The number of a rule, in the byte order of names.
pub(crate) type RuleNumber = u32;

/// The tree. See the module's page.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    probes: Vec<Probe>,
    /// Children before parents; the root is last.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The lowest rule number below.
    first: RuleNumber,
    /// What keys lead to, by the place of their probe in the index's list.
    tables: Box<[(u32, Table)]>,
    /// What a statement leads to that all branches below it share; the lowest rule numbers come first.
    guards: Box<[(StatementNumber, Target)]>,
    /// Branches to be checked, the lowest rule numbers first.
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

/// What has been found last, so that what is found again and again is looked at once.
#[derive(Default)]
struct Recent {
    found: [Option<u32>; 4],
    next: usize,
}

impl Recent {
    /// Whether it was found lately; from now on it was.
    fn has(&mut self, found: u32) -> bool {
        if self.found.contains(&Some(found)) {
            return true;
        }
        self.found[self.next] = Some(found);
        self.next = (self.next + 1) % self.found.len();
        false
    }
}

/// What a search works with.
struct Search<'a, R: ?Sized> {
    index: &'a Index,
    branches: &'a Branches,
    vocabulary: &'a Vocabulary,
    facts: &'a Facts<'a, R>,
    /// The lowest rule number found so far.
    best: Option<RuleNumber>,
}

impl Index {
    /// The lowest-numbered rule of which a branch holds.
    pub(crate) fn first_match<R: Request + ?Sized>(
        &self,
        branches: &Branches,
        vocabulary: &Vocabulary,
        facts: &Facts<'_, R>,
    ) -> Result<Option<RuleNumber>, Unreadable> {
        let mut search = Search {
            index: self,
            branches,
            vocabulary,
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
            // What follows is no better.
            if !self.branch(branch)? {
                break;
            }
        }
        let texts = &self.vocabulary.texts;
        for (probe, table) in &node.tables {
            let probe = &self.index.probes[*probe as usize];
            // A path can have a segment a thousand times.
            let mut recent = Recent::default();
            probe.visit(table, texts, self.facts, &mut |target| {
                if recent.has(target) {
                    return Ok(());
                }
                self.target(Target(target))
            })?;
        }
        for &(statement, target) in &node.guards {
            if !self.could_better(self.first_of(target)) {
                break;
            }
            if self.vocabulary.holds(statement, self.facts)? {
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
            Place::Branch(branch) => self.branch(branch).map(drop),
        }
    }

    /// Checks a branch, unless it cannot better what is found already: then the answer is false.
    fn branch(&mut self, branch: u32) -> Result<bool, Unreadable> {
        let rule = self.branches.list[branch as usize].rule;
        if !self.could_better(rule) {
            return Ok(false);
        }
        if self.branches.holds(branch, self.vocabulary, self.facts)? {
            self.best = Some(rule);
        }
        Ok(true)
    }

    fn first_of(&self, target: Target) -> RuleNumber {
        match target.read() {
            Place::Node(node) => self.index.nodes[node as usize].first,
            Place::Branch(branch) => self.branches.list[branch as usize].rule,
        }
    }

    fn could_better(&self, rule: RuleNumber) -> bool {
        self.best.is_none_or(|best| rule < best)
    }
}
