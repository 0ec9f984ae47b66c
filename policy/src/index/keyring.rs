//! Numbers keys, and chooses for each value the one that the fewest other values have.

use super::key::{Kind, keys};
use super::probe::Probe;
use super::table::Table;
use crate::model::Subject;
use crate::order::sort_pairs;
use crate::texts::{Numbers, TextNumber, Texts, hash_numbers};
use crate::vocabulary::{StatementNumber, Vocabulary};

/// The place of a key in the keyring.
pub(super) type KeyNumber = u32;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Key {
    /// The place of the probe in the keyring.
    probe: u32,
    kind: Kind,
    text: TextNumber,
}

/// Every distinct key and probe of some values.
#[derive(Default)]
pub(super) struct Keyring {
    pub(super) probes: Vec<Probe>,
    keys: Vec<Key>,
    /// By key: how many values could be found by it.
    uses: Vec<u32>,
    numbers: Numbers,
    /// Room for one value.
    scratch: String,
}

impl Keyring {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_exact(&self, key: KeyNumber) -> bool {
        self.keys[key as usize].kind == Kind::Exact
    }

    /// Numbers the keys of a value, of which texts may be new.
    #[inline(never)]
    fn add(&mut self, subject: &Subject, value: TextNumber, texts: &mut Texts, found: &mut Candidates) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        text.push_str(texts.get(value));
        keys(subject, &text, &mut |probe, kind, key| {
            let key = if key == text { value } else { texts.number(key) };
            let number = self.number(probe, kind, key);
            found.keys.push(number);
        });
        self.scratch = text;
        found.ends.push(found.keys.len() as u32);
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

    /// Of the keys of a value the one that the fewest values have.
    fn rarest(&self, keys: &[KeyNumber]) -> Option<KeyNumber> {
        keys.iter().copied().min_by_key(|&key| self.uses[key as usize])
    }

    /// Tables, each with the place of its probe, that lead from keys to numbers. No key is there twice.
    #[inline(never)]
    pub(super) fn tables(&self, targets: &[(KeyNumber, u32)], texts: &Texts) -> Box<[(u32, Table)]> {
        let key = |target: &(KeyNumber, u32)| self.keys[target.0 as usize];
        let by_kind = targets.iter().zip(0..).map(|(target, place)| {
            let key = key(target);
            (key.probe << 8 | key.kind.number(), place)
        });
        let sorted: Vec<(KeyNumber, u32)> = sort_pairs(by_kind).map(|(_, place)| targets[place as usize]).collect();
        let of_probes = sorted.chunk_by(|a, b| key(a).probe == key(b).probe);
        let tables = of_probes.map(|group| {
            let keyed = |target: &(KeyNumber, u32)| (key(target).kind, key(target).text, target.1);
            let pairs: Vec<(Kind, TextNumber, u32)> = group.iter().map(keyed).collect();
            (key(&group[0]).probe, Table::new(&pairs, texts))
        });
        tables.collect()
    }
}

/// The keys of values, one after another.
#[derive(Default)]
struct Candidates {
    keys: Vec<KeyNumber>,
    /// Where those of each value end.
    ends: Vec<u32>,
}

impl Candidates {
    fn values(&self) -> impl Iterator<Item = &[KeyNumber]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let keys = &self.keys[start..end as usize];
            start = end as usize;
            keys
        })
    }
}

/// The keys that each value of a list is found by: one, or none.
pub(super) fn keys_of_values(
    subject: &Subject,
    values: &[TextNumber],
    texts: &mut Texts,
) -> (Keyring, Vec<Option<KeyNumber>>) {
    let mut keyring = Keyring::default();
    let mut candidates = Candidates::default();
    for &value in values {
        keyring.add(subject, value, texts, &mut candidates);
    }
    let chosen = candidates.values().map(|keys| keyring.rarest(keys)).collect();
    (keyring, chosen)
}

/// The keys that each statement is found by. One that is not found whenever it holds has none.
#[derive(Default)]
pub(super) struct StatementKeys {
    keys: Vec<KeyNumber>,
    /// Where those of each statement end.
    ends: Vec<u32>,
}

impl StatementKeys {
    pub(super) fn of(&self, statement: StatementNumber) -> &[KeyNumber] {
        let statement = statement as usize;
        let start = statement.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start as usize..self.ends[statement] as usize]
    }

    fn push(&mut self, keys: impl Iterator<Item = KeyNumber>) {
        let start = self.keys.len();
        for key in keys {
            if self.keys[start..].last() != Some(&key) {
                self.keys.push(key);
            }
        }
        self.ends.push(self.keys.len() as u32);
    }
}

/// The keys of all statements.
pub(super) fn keys_of_statements(vocabulary: &mut Vocabulary) -> (Keyring, StatementKeys) {
    let mut keyring = Keyring::default();
    let mut candidates = Candidates::default();
    // New texts come in while values are read.
    let mut texts = std::mem::take(&mut vocabulary.texts);
    for statement in vocabulary.statements().iter().filter(|statement| !statement.is_negated) {
        let subject = vocabulary.subject_of(statement);
        for &value in vocabulary.texts_of(statement) {
            keyring.add(subject, value, &mut texts, &mut candidates);
        }
    }
    vocabulary.texts = texts;
    keyring.numbers = Numbers::default();

    let mut found = StatementKeys::default();
    let mut values = candidates.values();
    let mut chosen = Vec::new();
    for statement in vocabulary.statements() {
        let count = if statement.is_negated {
            0
        } else {
            vocabulary.texts_of(statement).len()
        };
        let mut is_found = true;
        for keys in values.by_ref().take(count) {
            match keyring.rarest(keys) {
                Some(key) => chosen.push((0, key)),
                None => is_found = false,
            }
        }
        let sorted = sort_pairs(chosen.drain(..));
        found.push(sorted.map(|(_, key)| key).take_while(|_| is_found));
    }
    (keyring, found)
}
