//! Builds the tree: decides, node by node, what sets branches apart.

use super::key::{Key, Subject, keys};
use super::table::{NumberOfText, Table};
use super::{Branch, ConstraintNumber, Index, Node, RuleNumber, Target};
use crate::model::Constraint;
use crate::order::sort_pairs;

/// So few branches are checked faster than looked up.
const FEW: usize = 4;
/// A branch with many values in many constraints stands below many keys. Beyond this many filings, on average, nodes are no
/// longer parted, so that a hostile configuration costs time at a decision rather than memory without bound.
const MOST_FILINGS_PER_BRANCH: usize = 32;

/// Builds the index of branches over a list of constraints.
pub(crate) fn build(branches: &[Branch], constraints: &[Constraint]) -> Index {
    let mut keyring = Keyring::default();
    let keys_of: Vec<Box<[KeyNumber]>> = constraints
        .iter()
        .map(|constraint| keyring.number(constraint))
        .collect();
    let mut builder = Builder {
        branches,
        keys_of,
        keys_shared_by: vec![0; keyring.keys.len()],
        constraints_shared_by: vec![0; constraints.len()],
        keys: &keyring.keys,
        nodes: Vec::new(),
        filings_left: branches
            .len()
            .saturating_mul(MOST_FILINGS_PER_BRANCH)
            .saturating_add(1024),
    };
    let all = (0..branches.len() as u32).map(|branch| Filed { branch, by: 0 });
    builder.node(&all.collect::<Vec<_>>());
    Index {
        subjects: keyring.subjects,
        nodes: builder.nodes,
    }
}

/// The place of a key in the keyring.
type KeyNumber = u32;

/// Numbers every distinct key and subject.
#[derive(Default)]
struct Keyring {
    subjects: Vec<Subject>,
    keys: Vec<(u32, Key)>,
    /// By the encoded form.
    numbers: NumberOfText,
}

impl Keyring {
    /// The keys of a constraint; none when it cannot be found by any.
    fn number(&mut self, constraint: &Constraint) -> Box<[KeyNumber]> {
        let mut encoded = Vec::new();
        let numbers = keys(constraint).unwrap_or_default().into_iter().map(|(subject, key)| {
            encoded.clear();
            subject.encode(&mut encoded);
            let next = self.subjects.len() as u32;
            let subject_number = *self.numbers.entry(encoded.as_slice().into()).or_insert(next);
            if subject_number == next {
                self.subjects.push(subject);
            }
            encoded.clear();
            key.encode(subject_number, &mut encoded);
            let next = self.keys.len() as KeyNumber;
            let key_number = *self.numbers.entry(encoded.as_slice().into()).or_insert(next);
            if key_number == next {
                self.keys.push((subject_number, key));
            }
            (0, key_number)
        });
        let mut numbers: Vec<KeyNumber> = sort_pairs(numbers).map(|(_, number)| number).collect();
        numbers.dedup();
        numbers.into()
    }
}

/// A branch on its way down the tree.
#[derive(Clone, Copy)]
struct Filed {
    branch: u32,
    /// The places, in the branch's list, of the constraints that it has been filed by, a bit each. Constraints further down the
    /// list are not filed by.
    by: u64,
}

struct Builder<'a> {
    branches: &'a [Branch],
    /// By constraint.
    keys_of: Vec<Box<[KeyNumber]>>,
    /// By key: how many of the branches at hand could be filed under it. All zero between nodes.
    keys_shared_by: Vec<u32>,
    /// By constraint: how many of the branches at hand have it. All zero between nodes.
    constraints_shared_by: Vec<u32>,
    keys: &'a [(u32, Key)],
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
        let rules = filed.iter().map(|filed| self.branches[filed.branch as usize].rule);
        let mut node = Node {
            first: rules.min().unwrap_or(RuleNumber::MAX),
            tables: Box::default(),
            guards: Box::default(),
            rest: Box::default(),
        };
        if filed.len() <= FEW || self.filings_left == 0 {
            node.rest = filed.iter().map(|filed| filed.branch).collect();
        } else {
            let (by_key, keyless) = self.part_by_key(filed);
            node.tables = self.tables(&by_key);
            let (by_constraint, rest) = self.part_by_constraint(&keyless);
            let groups = by_constraint.chunk_by(|(a, _), (b, _)| a == b);
            node.guards = groups
                .map(|group| (group[0].0, self.target(&without_numbers(group))))
                .collect();
            node.rest = rest.into();
        }
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// Files each branch under the keys of the constraint that sets it apart best; what has no keys is left over.
    fn part_by_key(&mut self, filed: &[Filed]) -> (Vec<(KeyNumber, Filed)>, Vec<Filed>) {
        for key in self.open_keys(filed) {
            self.keys_shared_by[key as usize] += 1;
        }
        let mut by_key = Vec::with_capacity(filed.len());
        let mut keyless = Vec::new();
        for filed in filed {
            let crowd = |keys: &[KeyNumber]| keys.iter().map(|&key| self.keys_shared_by[key as usize]).max();
            let best = self
                .open(*filed)
                .filter(|(_, constraint)| !self.keys_of[*constraint as usize].is_empty())
                .min_by_key(|(_, constraint)| {
                    let keys = &self.keys_of[*constraint as usize];
                    (crowd(keys), keys.len())
                });
            match best {
                None => keyless.push(*filed),
                Some((place, constraint)) => {
                    let filed = filed.also_by(place);
                    by_key.extend(self.keys_of[constraint as usize].iter().map(|key| (*key, filed)));
                }
            }
        }
        for key in self.open_keys(filed) {
            self.keys_shared_by[key as usize] = 0;
        }
        self.filings_left = self.filings_left.saturating_sub(by_key.len());
        (sort(&by_key), keyless)
    }

    fn tables(&mut self, by_key: &[(KeyNumber, Filed)]) -> Box<[(u32, Table)]> {
        let mut tables: Vec<(u32, Table)> = Vec::new();
        for group in by_key.chunk_by(|(a, _), (b, _)| a == b) {
            let target = self.target(&without_numbers(group));
            let (subject, key) = &self.keys[group[0].0 as usize];
            let at = match tables.iter().position(|(other, _)| other == subject) {
                Some(at) => at,
                None => {
                    tables.push((*subject, Table::default()));
                    tables.len() - 1
                }
            };
            tables[at].1.insert(key, target.0);
        }
        tables.into()
    }

    /// Puts branches that share a constraint behind it, so that it is looked at once for all of them.
    fn part_by_constraint(&mut self, filed: &[Filed]) -> (Vec<(ConstraintNumber, Filed)>, Vec<u32>) {
        let mut by_constraint = Vec::new();
        let mut rest = Vec::new();
        for constraint in self.open_constraints(filed) {
            self.constraints_shared_by[constraint as usize] += 1;
        }
        for filed in filed {
            let sharers = |constraint: ConstraintNumber| self.constraints_shared_by[constraint as usize] as usize;
            let most_shared = self.open(*filed).max_by_key(|(_, constraint)| sharers(*constraint));
            match most_shared {
                Some((place, constraint)) if sharers(constraint) > FEW => {
                    by_constraint.push((constraint, filed.also_by(place)));
                }
                _ => rest.push(filed.branch),
            }
        }
        for constraint in self.open_constraints(filed) {
            self.constraints_shared_by[constraint as usize] = 0;
        }
        (sort(&by_constraint), rest)
    }

    /// The constraints that a branch can still be filed by, each with its place in the branch's list.
    fn open(&self, filed: Filed) -> impl Iterator<Item = (u32, ConstraintNumber)> {
        let all = self.branches[filed.branch as usize].all.iter().copied();
        (0..u64::BITS)
            .zip(all)
            .filter(move |(place, _)| filed.by & (1 << place) == 0)
    }

    fn open_constraints(&self, filed: &[Filed]) -> Vec<ConstraintNumber> {
        let open = filed.iter().flat_map(|filed| self.open(*filed));
        open.map(|(_, constraint)| constraint).collect()
    }

    fn open_keys(&self, filed: &[Filed]) -> Vec<KeyNumber> {
        let open = filed.iter().flat_map(|filed| self.open(*filed));
        open.flat_map(|(_, constraint)| self.keys_of[constraint as usize].iter().copied())
            .collect()
    }
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
