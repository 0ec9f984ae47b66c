//! Finds all prefixes, or all suffixes, that a text has.

use std::cmp::Ordering;

use super::map::Map;
use crate::order::{in_order, sort_pairs};
use crate::request::Unreadable;
use crate::texts::{TextNumber, Texts};

/// Texts of so many different lengths are looked up one length after another.
const FEW_LENGTHS: usize = 8;

/// Which end of a text an affix stands at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Start,
    Finish,
}

/// Numbers by prefix or suffix.
#[derive(Clone, Debug)]
pub(super) enum Affixes {
    /// A map for each length, shortest first.
    ByLength(Box<[(u32, Map)]>),
    /// In order, so that the longest affix of a text is the one just before it, or one that this one begins with.
    Sorted(Box<[Affix]>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Affix {
    text: TextNumber,
    number: u32,
    /// The place of the longest other affix that this one has, from 1; 0 for none.
    shorter: u32,
}

impl End {
    fn cmp(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Start => a.cmp(b),
            Self::Finish => a.iter().rev().cmp(b.iter().rev()),
        }
    }

    fn has(self, text: &[u8], affix: &[u8]) -> bool {
        match self {
            Self::Start => text.starts_with(affix),
            Self::Finish => text.ends_with(affix),
        }
    }

    /// The part of a text that an affix of this length is compared with.
    fn part(self, text: &[u8], length: usize) -> Option<&[u8]> {
        match self {
            Self::Start => text.get(..length),
            Self::Finish => text.len().checked_sub(length).and_then(|start| text.get(start..)),
        }
    }
}

impl Affixes {
    /// Of texts that are all different.
    pub(super) fn new(end: End, pairs: &[(TextNumber, u32)], texts: &Texts) -> Self {
        let length = |pair: &(TextNumber, u32)| texts.get(pair.0).len();
        let lengths = pairs.iter().zip(0..).map(|(pair, place)| (length(pair) as u32, place));
        let pairs: Vec<(TextNumber, u32)> = sort_pairs(lengths).map(|(_, place)| pairs[place as usize]).collect();
        let by_length = || pairs.chunk_by(|a, b| length(a) == length(b));
        if by_length().count() <= FEW_LENGTHS {
            let maps = by_length().map(|group| (length(&group[0]) as u32, Map::new(group, texts)));
            return Self::ByLength(maps.collect());
        }
        let bytes = |text: TextNumber| texts.get(text).as_bytes();
        let mut sorted: Vec<Affix> = Vec::with_capacity(pairs.len());
        for place in in_order(pairs.len(), &|a, b| end.cmp(bytes(pairs[a].0), bytes(pairs[b].0))) {
            let (text, number) = pairs[place as usize];
            // What is just before it, or what that has: see the search.
            let mut shorter = sorted.len() as u32;
            while let Some(place) = shorter.checked_sub(1) {
                let candidate = sorted[place as usize];
                if end.has(bytes(text), bytes(candidate.text)) {
                    break;
                }
                shorter = candidate.shorter;
            }
            sorted.push(Affix { text, number, shorter });
        }
        Self::Sorted(sorted.into())
    }

    /// Calls `visit` with the number of each affix that a text has.
    pub(super) fn of(
        &self,
        end: End,
        text: &[u8],
        texts: &Texts,
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::ByLength(maps) => {
                for (length, map) in maps {
                    let Some(part) = end.part(text, *length as usize) else {
                        break;
                    };
                    if let Some(number) = map.get(part, texts) {
                        visit(number)?;
                    }
                }
            }
            Self::Sorted(sorted) => {
                let bytes = |affix: &Affix| texts.get(affix.text).as_bytes();
                // Whatever stands between an affix of the text and the text itself has that affix, too.
                let not_after = |affix: &Affix| end.cmp(bytes(affix), text) != Ordering::Greater;
                let mut place = sorted.partition_point(not_after) as u32;
                while let Some(at) = place.checked_sub(1) {
                    let affix = &sorted[at as usize];
                    if end.has(text, bytes(affix)) {
                        visit(affix.number)?;
                    }
                    place = affix.shorter;
                }
            }
        }
        Ok(())
    }
}
