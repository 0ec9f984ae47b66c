//! A map from texts to numbers that is built once.

use crate::texts::{TextNumber, Texts, hash};

/// So few are compared one by one.
const FEW: usize = 8;
const EMPTY: u32 = u32::MAX;

/// Numbers by text.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    entries: Box<[Entry]>,
    /// The places of entries, by hash; a power of two, of which at least a quarter is empty, or none for few entries.
    slots: Box<[u32]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    text: TextNumber,
    number: u32,
}

impl Map {
    /// Of texts that are all different.
    pub(super) fn new(pairs: &[(TextNumber, u32)], texts: &Texts) -> Self {
        let entry = |&(text, number): &(TextNumber, u32)| Entry {
            hash: hash(texts.get(text).as_bytes()),
            text,
            number,
        };
        let entries: Box<[Entry]> = pairs.iter().map(entry).collect();
        let mut slots = Box::default();
        if entries.len() > FEW {
            let size = (entries.len() * 4 / 3 + 1).next_power_of_two();
            slots = vec![EMPTY; size].into_boxed_slice();
            for (place, entry) in entries.iter().enumerate() {
                let mut at = entry.hash as usize & (size - 1);
                while slots[at] != EMPTY {
                    at = (at + 1) & (size - 1);
                }
                slots[at] = place as u32;
            }
        }
        Self { entries, slots }
    }

    pub(super) fn get(&self, text: &[u8], texts: &Texts) -> Option<u32> {
        let hash = hash(text);
        let is_it = |entry: &Entry| entry.hash == hash && texts.get(entry.text).as_bytes() == text;
        if self.slots.is_empty() {
            let entry = self.entries.iter().find(|entry| is_it(entry))?;
            return Some(entry.number);
        }
        let mut at = hash as usize & (self.slots.len() - 1);
        while self.slots[at] != EMPTY {
            let entry = &self.entries[self.slots[at] as usize];
            if is_it(entry) {
                return Some(entry.number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }
}
