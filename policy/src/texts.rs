//! Texts, each kept once.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

/// The number of a text.
pub(crate) type TextNumber = u32;

/// Texts by number, one after another in one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// Finds the number of a text; empty once nothing is added any more.
    numbers: Numbers,
}

impl Texts {
    /// The number of a text, which is kept from now on.
    pub(crate) fn number(&mut self, text: &str) -> TextNumber {
        let next = self.ends.len() as TextNumber;
        let known = Ends {
            all: &self.all,
            ends: &self.ends,
        };
        let number = self
            .numbers
            .find_or_insert(hash(text.as_bytes()), next, |number| known.get(number) == text);
        if number == next {
            self.all.push_str(text);
            self.ends.push(self.all.len() as u32);
        }
        number
    }

    /// The number of a text that was not here before.
    pub(crate) fn number_of_new(&mut self, text: &str) -> Option<TextNumber> {
        let before = self.ends.len();
        let number = self.number(text);
        (self.ends.len() > before).then_some(number)
    }

    /// The number of a text that is here, unless they are frozen.
    pub(crate) fn find(&self, text: &[u8]) -> Option<TextNumber> {
        self.numbers
            .find(hash(text), |number| self.get(number).as_bytes() == text)
    }

    pub(crate) fn get(&self, number: TextNumber) -> &str {
        let known = Ends {
            all: &self.all,
            ends: &self.ends,
        };
        known.get(number)
    }

    /// Gives back what only adding needs.
    pub(crate) fn freeze(&mut self) {
        self.numbers = Numbers::default();
        self.all.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

#[derive(Clone, Copy)]
struct Ends<'a> {
    all: &'a str,
    ends: &'a [u32],
}

impl<'a> Ends<'a> {
    fn get(self, number: TextNumber) -> &'a str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        // A range of whole texts is never refused; indexing would bring along how to show where a character is cut.
        self.all
            .get(start as usize..self.ends[number] as usize)
            .unwrap_or_default()
    }
}

/// Texts come from the configuration, never from a request, so the hash needs no secret.
pub(crate) fn hash(text: &[u8]) -> u32 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(text);
    hasher.finish() as u32
}

/// The hash of a few numbers.
pub(crate) fn hash_numbers(numbers: impl IntoIterator<Item = u32>) -> u32 {
    let mut hasher = FixedState::default().build_hasher();
    numbers.into_iter().for_each(|number| hasher.write_u32(number));
    hasher.finish() as u32
}

/// Numbers by hash: what they are the numbers of, and whether two are equal, its user knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    /// A power of two, of which at least a quarter is empty; or none.
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Slot {
    const EMPTY: Self = Self {
        hash: 0,
        number: u32::MAX,
    };

    const fn is_empty(self) -> bool {
        self.number == u32::MAX
    }
}

impl Numbers {
    const FEWEST: usize = 8;

    /// The number of something equal that is here already, or `number`, which then is here from now on.
    pub(crate) fn find_or_insert(&mut self, hash: u32, number: u32, mut is_equal: impl FnMut(u32) -> bool) -> u32 {
        if self.used * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            if slot.is_empty() {
                self.slots[at] = Slot { hash, number };
                self.used += 1;
                return number;
            }
            if slot.hash == hash && is_equal(slot.number) {
                return slot.number;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The number of something equal.
    pub(crate) fn find(&self, hash: u32, mut is_equal: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            if slot.is_empty() {
                return None;
            }
            if slot.hash == hash && is_equal(slot.number) {
                return Some(slot.number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    const fn first_slot(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let larger = (self.slots.len() * 2).max(Self::FEWEST);
        let smaller = std::mem::replace(&mut self.slots, vec![Slot::EMPTY; larger]);
        for slot in smaller.into_iter().filter(|slot| !slot.is_empty()) {
            let mut at = self.first_slot(slot.hash);
            while !self.slots[at].is_empty() {
                at = (at + 1) & (larger - 1);
            }
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn each_text_has_one_number() {
        let mut texts = Texts::default();
        let all: Vec<String> = (0..5_000)
            .map(|number| format!("text {number}"))
            .chain(["".to_owned()])
            .collect();
        let numbers: Vec<u32> = all.iter().map(|text| texts.number(text)).collect();
        assert!(numbers.iter().copied().eq(0..all.len() as u32));
        let again: Vec<u32> = all.iter().map(|text| texts.number(text)).collect();
        assert_eq!(numbers, again);
        texts.freeze();
        assert!(
            all.iter()
                .zip(&numbers)
                .all(|(text, &number)| texts.get(number) == text)
        );
    }
}
