//! Many values of one subject, of which few are compared with a request.

use std::ops::Range;

use super::keyring::keys_of_values;
use super::probe::Probe;
use super::table::Table;
use crate::facts::Facts;
use crate::model::Subject;
use crate::order::sort_pairs;
use crate::request::{Request, Unreadable};
use crate::texts::{TextNumber, Texts};

/// Values, found by their keys.
#[derive(Clone, Debug)]
pub(crate) struct ValueSet {
    tables: Box<[(Probe, Table)]>,
    /// Where the values of each key stand among all.
    groups: Box<[Range<u32>]>,
    /// Those without a key come last.
    values: Box<[TextNumber]>,
    with_keys: u32,
}

impl ValueSet {
    /// So few values are compared one by one.
    pub(crate) const FEW: usize = 32;

    /// A set of values, of which keys may be new texts.
    pub(crate) fn new(subject: &Subject, values: &[TextNumber], texts: &mut Texts) -> Self {
        let (keyring, keys) = keys_of_values(subject, values, texts);
        let without = keyring.len() as u32;
        let by_key = keys.iter().zip(values);
        let sorted: Vec<(u32, TextNumber)> =
            sort_pairs(by_key.map(|(key, &value)| (key.unwrap_or(without), value))).collect();
        let mut groups = Vec::new();
        let mut targets = Vec::new();
        let mut with_keys = 0;
        for group in sorted.chunk_by(|(a, _), (b, _)| a == b) {
            let key = group[0].0;
            if key != without {
                let end = with_keys + group.len() as u32;
                targets.push((key, groups.len() as u32));
                groups.push(with_keys..end);
                with_keys = end;
            }
        }
        let tables = keyring.tables(&targets, texts).into_iter();
        Self {
            tables: tables
                .map(|(probe, table)| (keyring.probes[probe as usize].clone(), table))
                .collect(),
            groups: groups.into(),
            values: sorted.into_iter().map(|(_, value)| value).collect(),
            with_keys,
        }
    }

    /// Whether any of the values matches.
    pub(crate) fn any_match<R: Request + ?Sized>(
        &self,
        subject: &Subject,
        texts: &Texts,
        facts: &Facts<'_, R>,
    ) -> Result<bool, Unreadable> {
        let among = |range: Range<u32>| {
            let values = &self.values[range.start as usize..range.end as usize];
            facts.any_text_matches(subject, values, texts)
        };
        let mut is_found = false;
        for (probe, table) in &self.tables {
            probe.visit(table, texts, facts, &mut |group| {
                is_found = is_found || among(self.groups[group as usize].clone())?;
                Ok(())
            })?;
        }
        Ok(is_found || among(self.with_keys..self.values.len() as u32)?)
    }
}
