//! Lookup tables from keys to what is found by them.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;

use super::key::Key;
use crate::pattern::IpBlock;
use crate::request::Unreadable;

/// Numbers by the keys of one subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    exact: NumberOfText,
    prefixes: Affixes,
    suffixes: Affixes,
    /// By prefix length, a map from networks. Those of IPv4 and of IPv6 differ in how long they are.
    blocks: Vec<(u8, NumberOfText)>,
}

/// Texts come from the configuration, never from a request, so the hash needs no secret.
pub(crate) type NumberOfText = HashMap<Box<[u8]>, u32, FixedState>;

/// Prefixes or suffixes, a map for each length, shortest first.
#[derive(Clone, Debug, Default)]
struct Affixes(Vec<(usize, NumberOfText)>);

impl Table {
    pub(super) fn insert(&mut self, key: &Key, number: u32) {
        match key {
            Key::Exact(text) => {
                self.exact.insert(text.clone(), number);
            }
            Key::Prefix(text) => self.prefixes.insert(text, number),
            Key::Suffix(text) => self.suffixes.insert(text, number),
            Key::Block(network) => {
                let length = network.prefix_len();
                let at = self.blocks.partition_point(|(other, _)| *other < length);
                if self.blocks.get(at).is_none_or(|(other, _)| *other != length) {
                    self.blocks.insert(at, (length, NumberOfText::default()));
                }
                with_octets(network.address(), |octets| {
                    self.blocks[at].1.insert(octets.into(), number)
                });
            }
        }
    }

    /// Calls `visit` with the number of each key that a text hits.
    pub(super) fn at_text(
        &self,
        text: &[u8],
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        if let Some(&number) = self.exact.get(text) {
            visit(number)?;
        }
        for (length, prefixes) in self.prefixes.up_to(text.len()) {
            if let Some(&number) = prefixes.get(&text[..length]) {
                visit(number)?;
            }
        }
        for (length, suffixes) in self.suffixes.up_to(text.len()) {
            if let Some(&number) = suffixes.get(&text[text.len() - length..]) {
                visit(number)?;
            }
        }
        Ok(())
    }

    /// Calls `visit` with the number of each block that holds an address.
    pub(super) fn at_address(
        &self,
        address: IpAddr,
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        for (length, networks) in &self.blocks {
            let Some(network) = IpBlock::around(address, *length) else {
                continue;
            };
            if let Some(number) = with_octets(network.address(), |octets| networks.get(octets).copied()) {
                visit(number)?;
            }
        }
        Ok(())
    }
}

impl Affixes {
    fn insert(&mut self, affix: &[u8], number: u32) {
        let at = self.0.partition_point(|(length, _)| *length < affix.len());
        if self.0.get(at).is_none_or(|(length, _)| *length != affix.len()) {
            self.0.insert(at, (affix.len(), NumberOfText::default()));
        }
        self.0[at].1.insert(affix.into(), number);
    }

    /// The maps of affixes that fit into a text of this length.
    fn up_to(&self, length: usize) -> impl Iterator<Item = (usize, &NumberOfText)> {
        let fitting = self.0.iter().take_while(move |(affix, _)| *affix <= length);
        fitting.map(|(affix, map)| (*affix, map))
    }
}

fn with_octets<T>(address: IpAddr, use_octets: impl FnOnce(&[u8]) -> T) -> T {
    match address {
        IpAddr::V4(address) => use_octets(&address.octets()),
        IpAddr::V6(address) => use_octets(&address.octets()),
    }
}
