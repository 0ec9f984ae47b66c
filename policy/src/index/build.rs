//! Builds the tree: decides, node by node, what sets branches apart.

use super::key::{Kind, keys};
use super::probe::Probe;
use super::table::Table;
use super::{Branches, Index, Node, Place, RuleNumber, Target};
use crate::order::sort_pairs;
use crate::texts::{Numbers, TextNumber, hash_numbers};
use crate::vocabulary::{StatementNumber, Vocabulary};

/// So few branches are checked faster than looked up.
const FEW: usize = 4;
/// A branch with many values in many statements stands below many keys. Beyond this many filings, on average, nodes are no
/// longer parted, so that a hostile configuration costs time at a decision rather than memory without bound.
const MOST_FILINGS_PER_BRANCH: usize = 32;

/// Builds the index of branches, whose rules are in order.
pub(crate) fn build(branches: &Branches, vocabulary: &mut Vocabulary) -> Index {
    let keyring = Keyring::new(vocabulary);
    let count = branches.list.len();
    let mut builder = Builder {
        branches,
        vocabulary,
        keys_shared_by: vec![0; keyring.keys.len()],
        statements_shared_by: vec![0; vocabulary.statements().len()],
        keyring: &keyring,
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

/// The place of a key in the keyring.
type KeyNumber = u32;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Key {
    /// The place of the probe in the keyring.
    probe: u32,
    kind: Kind,
    text: TextNumber,
}

/// Numbers every distinct key and probe.
#[derive(Default)]
struct Keyring {
    probes: Vec<Probe>,
    keys: Vec<Key>,
    /// By key: how many values could be found by it.
    uses: Vec<u32>,
    numbers: Numbers,
    /// The keys of each statement, one after another. A statement that is not found whenever it holds has none.
    of_statements: Vec<KeyNumber>,
    /// Where those of each statement end.
    ends: Vec<u32>,
}

impl Keyring {
    fn new(vocabulary: &mut Vocabulary) -> Self {
        let mut keyring = Self::default();
        let candidates = keyring.number_all(vocabulary);
        keyring.choose(&candidates);
        keyring
    }

    /// Numbers the keys of all values.
    fn number_all(&mut self, vocabulary: &mut Vocabulary) -> Candidates {
        let mut candidates = Candidates::default();
        // New texts come in while values are read.
        let mut texts = std::mem::take(&mut vocabulary.texts);
        let mut value = String::new();
        for statement in vocabulary.statements() {
            if !statement.is_negated {
                let subject = vocabulary.subject_of(statement);
                for &text in vocabulary.texts_of(statement) {
                    value.clear();
                    value.push_str(texts.get(text));
                    keys(subject, &value, &mut |probe, kind, text| {
                        let text = texts.number(text);
                        candidates.keys.push(self.number(probe, kind, text));
                    });
                    candidates.ends_of_values.push(candidates.keys.len() as u32);
                }
            }
            candidates
                .ends_of_statements
                .push(candidates.ends_of_values.len() as u32);
        }
        vocabulary.texts = texts;
        candidates
    }

    fn number(&mut self, probe: Probe, kind: Kind, text: TextNumber) -> KeyNumber {
        let probe = self.probes.iter().position(|known| *known == probe).unwrap_or_else(|| {
            self.probes.push(probe);
            self.probes.len() - 1
        }) as u32;
        let key = Key { probe, kind, text };
        let next = self.keys.len() as KeyNumber;
        let known = &self.keys;
        let hash = hash_numbers([probe, kind.number(), text]);
        let number = self
            .numbers
            .find_or_insert(hash, next, |number| known[number as usize] == key);
        if number == next {
            self.keys.push(key);
            self.uses.push(0);
        }
        self.uses[number as usize] += 1;
        number
    }

    /// Of the keys of each value takes the one that the fewest values have.
    fn choose(&mut self, candidates: &Candidates) {
        self.numbers = Numbers::default();
        let mut values = candidates.values();
        let mut value = 0;
        let mut chosen = Vec::new();
        for &end in &candidates.ends_of_statements {
            let mut is_found = true;
            for keys in values.by_ref().take((end - value) as usize) {
                match keys.iter().min_by_key(|&&key| self.uses[key as usize]) {
                    Some(&key) => chosen.push((0, key)),
                    None => is_found = false,
                }
            }
            value = end;
            let start = self.of_statements.len();
            for (_, key) in sort_pairs(chosen.drain(..)) {
                if is_found && self.of_statements[start..].last() != Some(&key) {
                    self.of_statements.push(key);
                }
            }
            self.ends.push(self.of_statements.len() as u32);
        }
    }

    fn are_exact(&self, keys: &[KeyNumber]) -> bool {
        keys.iter().all(|&key| self.keys[key as usize].kind == Kind::Exact)
    }

    fn of(&self, statement: StatementNumber) -> &[KeyNumber] {
        let statement = statement as usize;
        let start = statement.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.of_statements[start as usize..self.ends[statement] as usize]
    }
}

/// The keys of all values, one after another.
#[derive(Default)]
struct Candidates {
    keys: Vec<KeyNumber>,
    ends_of_values: Vec<u32>,
    /// Where the values of each statement end.
    ends_of_statements: Vec<u32>,
}

impl Candidates {
    fn values(&self) -> impl Iterator<Item = &[KeyNumber]> {
        let mut start = 0;
        self.ends_of_values.iter().map(move |&end| {
            let keys = &self.keys[start..end as usize];
            start = end as usize;
            keys
        })
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
        if filed.len() <= FEW || self.filings_left == 0 {
            node.rest = filed.iter().map(|filed| filed.branch).collect();
        } else {
            let (by_key, keyless) = self.part_by_key(filed);
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
        let keyring = self.keyring;
        for filed in filed {
            for (_, statement) in open(self.branches, *filed) {
                for &key in keyring.of(statement) {
                    self.keys_shared_by[key as usize] += 1;
                }
            }
        }
        let mut by_key = Vec::with_capacity(filed.len());
        let mut keyless = Vec::new();
        for filed in filed {
            let crowd = |keys: &[KeyNumber]| keys.iter().map(|&key| self.keys_shared_by[key as usize]).max();
            let best = open(self.branches, *filed)
                .map(|(place, statement)| (place, keyring.of(statement)))
                .filter(|(_, keys)| !keys.is_empty())
                // Of prefixes and suffixes a text can have many at once, of exact values one.
                .min_by_key(|(_, keys)| (crowd(keys), !keyring.are_exact(keys), keys.len()));
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
                for &key in keyring.of(statement) {
                    self.keys_shared_by[key as usize] = 0;
                }
            }
        }
        self.filings_left = self.filings_left.saturating_sub(by_key.len());
        (sort(&by_key), keyless)
    }

    fn tables(&mut self, by_key: &[(KeyNumber, Filed)]) -> Box<[(u32, Table)]> {
        let mut found: Vec<(Key, u32)> = Vec::new();
        for group in by_key.chunk_by(|(a, _), (b, _)| a == b) {
            let target = self.target(&without_numbers(group));
            found.push((self.keyring.keys[group[0].0 as usize], target.0));
        }
        let by_kind = found
            .iter()
            .zip(0..)
            .map(|((key, _), place)| (key.probe << 8 | key.kind.number(), place));
        let found: Vec<(Key, u32)> = sort_pairs(by_kind).map(|(_, place)| found[place as usize]).collect();
        let of_probes = found.chunk_by(|(a, _), (b, _)| a.probe == b.probe);
        let table = |group: &[(Key, u32)]| {
            let pairs: Vec<(Kind, TextNumber, u32)> = group
                .iter()
                .map(|(key, target)| (key.kind, key.text, *target))
                .collect();
            (group[0].0.probe, Table::new(&pairs, &self.vocabulary.texts))
        };
        of_probes.map(table).collect()
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
