//! Lookup tables from keys to what is found by them.

use std::net::IpAddr;

use super::affixes::{Affixes, End};
use super::key::{Kind, network_text};
use super::map::Map;
use crate::pattern::IpBlock;
use crate::request::Unreadable;
use crate::texts::{TextNumber, Texts};

/// Numbers by the keys of one probe, a part for each kind of key that there is.
#[derive(Clone, Debug)]
pub(super) struct Table(Box<[Part]>);

#[derive(Clone, Debug)]
enum Part {
    Exact(Map),
    Affixes(End, Affixes),
    /// Networks of this prefix length. Those of IPv4 and of IPv6 differ in how long they are written.
    Blocks(u8, Map),
}

impl Table {
    /// Of pairs sorted by kind, no two of which have the same key.
    pub(super) fn new(pairs: &[(Kind, TextNumber, u32)], texts: &Texts) -> Self {
        let parts = pairs.chunk_by(|a, b| a.0 == b.0).map(|group| {
            let of_kind: Vec<(TextNumber, u32)> = group.iter().map(|&(_, text, number)| (text, number)).collect();
            match group[0].0 {
                Kind::Exact => Part::Exact(Map::new(&of_kind, texts)),
                Kind::Prefix => Part::Affixes(End::Start, Affixes::new(End::Start, &of_kind, texts)),
                Kind::Suffix => Part::Affixes(End::Finish, Affixes::new(End::Finish, &of_kind, texts)),
                Kind::Block(length) => Part::Blocks(length, Map::new(&of_kind, texts)),
            }
        });
        Self(parts.collect())
    }

    /// Calls `visit` with the number of each key that a text hits.
    pub(super) fn at_text(
        &self,
        text: &[u8],
        texts: &Texts,
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        for part in &self.0 {
            match part {
                Part::Exact(map) => map.get(text, texts).map_or(Ok(()), &mut *visit)?,
                Part::Affixes(end, affixes) => affixes.of(*end, text, texts, visit)?,
                Part::Blocks(..) => {}
            }
        }
        Ok(())
    }

    /// Calls `visit` with the number of each block that holds an address.
    pub(super) fn at_address(
        &self,
        address: IpAddr,
        texts: &Texts,
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        for part in &self.0 {
            if let Part::Blocks(length, map) = part
                && let Some(network) = IpBlock::around(address, *length)
                && let Some(number) = network_text(&network, |text| map.get(text, texts))
            {
                visit(number)?;
            }
        }
        Ok(())
    }
}
