//! Builds the tree: decides, node by node, what sets branches apart.

use super::keyring::{KeyNumber, Keyring, StatementKeys, keys_of_statements};
use super::table::Table;
use super::{Branches, Index, Node, Place, RuleNumber, Target};
use crate::order::sort_pairs;
use crate::vocabulary::{StatementNumber, Vocabulary};

/// So few branches are checked faster than looked up.
const FEW: usize = 4;
/// A branch with many values in many statements stands below many keys. Beyond this many filings, on average, nodes are no
/// longer parted, so that a hostile configuration costs time at a decision rather than memory without bound.
const MOST_FILINGS_PER_BRANCH: usize = 32;

/// Builds the index of branches, whose rules are in order.
pub(crate) fn build(branches: &Branches, vocabulary: &mut Vocabulary) -> Index {
    let (keyring, statement_keys) = keys_of_statements(vocabulary);
    let count = branches.list.len();
    let mut builder = Builder {
        branches,
        vocabulary,
        keys_shared_by: vec![0; keyring.len()],
        statements_shared_by: vec![0; vocabulary.statements().len()],
        keyring: &keyring,
        statement_keys: &statement_keys,
        nodes: Vec::new(),
        filings_left: count.saturating_mul(MOST_FILINGS_PER_BRANCH).saturating_add(1024),
    };
    let all = (0..count as u32).map(|branch| Filed { branch, by: 0 });
    builder.node(&all.collect::<Vec<_>>());
    let mut nodes = builder.nodes;
    nodes.shrink_to_fit();
    Index {
        probes: keyring.probes,
        nodes,
    }
}

/// A branch on its way down the tree.
#[derive(Clone, Copy)]
struct Filed {
    branch: u32,
    /// The places, in the branch's list, of the statements that it has been filed by, a bit each. Statements further down the
    /// list are not filed by.
    by: u64,
}

struct Builder<'a> {
    branches: &'a Branches,
    vocabulary: &'a Vocabulary,
    keyring: &'a Keyring,
    statement_keys: &'a StatementKeys,
    /// By key: how many of the branches at hand could be filed under it. All zero between nodes.
    keys_shared_by: Vec<u32>,
    /// By statement: how many of the branches at hand have it. All zero between nodes.
    statements_shared_by: Vec<u32>,
    nodes: Vec<Node>,
    filings_left: usize,
}

impl Builder<'_> {
    fn target(&mut self, filed: &[Filed]) -> Target {
        match filed {
            [only] => Target::branch(only.branch),
            _ => Target::node(self.node(filed)),
        }
    }

    /// Adds a node for these branches, after the nodes below it.
    fn node(&mut self, filed: &[Filed]) -> u32 {
        let rules = filed.iter().map(|filed| self.branches.list[filed.branch as usize].rule);
        let mut node = Node {
            first: rules.min().unwrap_or(RuleNumber::MAX),
            tables: Box::default(),
            guards: Box::default(),
            rest: Box::default(),
        };
        if filed.len() <= FEW {
            node.rest = filed.iter().map(|filed| filed.branch).collect();
        } else {
            // A statement in common parts branches without filing any twice.
            let (by_key, keyless) = match self.filings_left {
                0 => (Vec::new(), filed.to_vec()),
                _ => self.part_by_key(filed),
            };
            node.tables = self.tables(&by_key);
            let (by_statement, rest) = self.part_by_statement(&keyless);
            let groups = by_statement.chunk_by(|(a, _), (b, _)| a == b);
            let guards: Vec<(StatementNumber, Target)> = groups
                .map(|group| (group[0].0, self.target(&without_numbers(group))))
                .collect();
            let by_rule = guards
                .iter()
                .zip(0..)
                .map(|((_, target), place)| (self.first_of(*target), place));
            node.guards = sort_pairs(by_rule).map(|(_, place)| guards[place as usize]).collect();
            node.rest = rest.into();
        }
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// Files each branch under the keys of the statement that sets it apart best; what has no keys is left over.
    fn part_by_key(&mut self, filed: &[Filed]) -> (Vec<(KeyNumber, Filed)>, Vec<Filed>) {
        let (keyring, keys) = (self.keyring, self.statement_keys);
        for filed in filed {
            for (_, statement) in open(self.branches, *filed) {
                for &key in keys.of(statement) {
                    self.keys_shared_by[key as usize] += 1;
                }
            }
        }
        let mut by_key = Vec::with_capacity(filed.len());
        let mut keyless = Vec::new();
        for filed in filed {
            let crowd = |keys: &[KeyNumber]| keys.iter().map(|&key| self.keys_shared_by[key as usize]).max();
            let are_exact = |keys: &[KeyNumber]| keys.iter().all(|&key| keyring.is_exact(key));
            let best = open(self.branches, *filed)
                .map(|(place, statement)| (place, keys.of(statement)))
                .filter(|(_, keys)| !keys.is_empty())
                // Of prefixes and suffixes a text can have many at once, of exact values one.
                .min_by_key(|(_, keys)| (crowd(keys), !are_exact(keys), keys.len()));
            match best {
                None => keyless.push(*filed),
                Some((place, keys)) => {
                    let filed = filed.also_by(place);
                    by_key.extend(keys.iter().map(|key| (*key, filed)));
                }
            }
        }
        for filed in filed {
            for (_, statement) in open(self.branches, *filed) {
                for &key in keys.of(statement) {
                    self.keys_shared_by[key as usize] = 0;
                }
            }
        }
        self.filings_left = self.filings_left.saturating_sub(by_key.len());
        (sort(&by_key), keyless)
    }

    fn tables(&mut self, by_key: &[(KeyNumber, Filed)]) -> Box<[(u32, Table)]> {
        let groups = by_key.chunk_by(|(a, _), (b, _)| a == b);
        let targets: Vec<(KeyNumber, u32)> = groups
            .map(|group| (group[0].0, self.target(&without_numbers(group)).0))
            .collect();
        self.keyring.tables(&targets, &self.vocabulary.texts)
    }

    /// Puts branches that share a statement behind it, so that it is looked at once for all of them.
    fn part_by_statement(&mut self, filed: &[Filed]) -> (Vec<(StatementNumber, Filed)>, Vec<u32>) {
        let mut by_statement = Vec::new();
        let mut rest = Vec::new();
        for filed in filed {
            for (_, statement) in open(self.branches, *filed) {
                self.statements_shared_by[statement as usize] += 1;
            }
        }
        for filed in filed {
            let sharers = |statement: StatementNumber| self.statements_shared_by[statement as usize] as usize;
            let most_shared = open(self.branches, *filed).max_by_key(|(_, statement)| sharers(*statement));
            match most_shared {
                Some((place, statement)) if sharers(statement) > FEW => {
                    by_statement.push((statement, filed.also_by(place)));
                }
                _ => rest.push(filed.branch),
            }
        }
        for filed in filed {
            for (_, statement) in open(self.branches, *filed) {
                self.statements_shared_by[statement as usize] = 0;
            }
        }
        (sort(&by_statement), rest)
    }

    fn first_of(&self, target: Target) -> RuleNumber {
        match target.read() {
            Place::Node(node) => self.nodes[node as usize].first,
            Place::Branch(branch) => self.branches.list[branch as usize].rule,
        }
    }
}

/// The statements that a branch can still be filed by, each with its place in the branch's list.
fn open(branches: &Branches, filed: Filed) -> impl Iterator<Item = (u32, StatementNumber)> {
    let all = branches.all_of(&branches.list[filed.branch as usize]).iter().copied();
    (0..u64::BITS)
        .zip(all)
        .filter(move |(place, _)| filed.by & (1 << place) == 0)
}

impl Filed {
    const fn also_by(self, place: u32) -> Self {
        Self {
            branch: self.branch,
            by: self.by | 1 << place,
        }
    }
}

/// By number, then in the order given.
fn sort(numbered: &[(u32, Filed)]) -> Vec<(u32, Filed)> {
    let places = numbered.iter().zip(0..).map(|((number, _), place)| (*number, place));
    sort_pairs(places).map(|(_, place)| numbered[place as usize]).collect()
}

fn without_numbers(group: &[(u32, Filed)]) -> Vec<Filed> {
    group.iter().map(|(_, filed)| *filed).collect()
}
