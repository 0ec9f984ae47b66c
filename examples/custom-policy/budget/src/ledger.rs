//! What has been spent in a window: one value of shared data, with the callers that it was assigned.
//!
//! Shared data never forgets a key, so that keys are not callers: each limit has [`SLOTS`] of them, and a caller has one by the hash
//! of its name. A value has room for [`ROOM`] callers. Those that come later share one budget until the window ends, and so do names
//! longer than [`LONGEST`]: nobody escapes by being many. A limit takes half a megabyte at most.

/// How many values a limit has.
pub(crate) const SLOTS: u64 = 64;
/// How many callers have a budget of their own in each.
const ROOM: usize = 32;
/// The longest name that is kept, in bytes.
const LONGEST: usize = 256;

/// Whose budget it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spender(Vec<u8>);

const UNNAMED: u8 = b'-';
const NAMED: u8 = b'+';
const REST: &[u8] = b"";

impl Spender {
    /// A caller by its identity; all without one are the same.
    pub(crate) fn of(principal: Option<&[u8]>) -> Self {
        match principal {
            None => Self(vec![UNNAMED]),
            Some(name) if name.len() <= LONGEST => Self([&[NAMED], name].concat()),
            Some(_) => Self(REST.to_vec()),
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// FNV-1a. Who finds names that collide shares a value with those, and no budget.
    pub(crate) fn hash(&self) -> u64 {
        self.0.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        })
    }
}

/// What somebody has spent in a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Spent {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

/// The budgets in one value.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Ledger {
    window: u64,
    spent: Vec<(Spender, Spent)>,
}

impl Ledger {
    /// As it was left in this window, or in a later one: another worker's clock may be ahead. What was spent in an earlier one is
    /// forgotten, and so is what cannot be read.
    pub(crate) fn read(value: Option<&[u8]>, window: u64) -> Self {
        let kept = value.and_then(Self::parse).filter(|kept| kept.window >= window);
        kept.unwrap_or(Self {
            window,
            spent: Vec::new(),
        })
    }

    /// The budget of a caller; that of the rest when there is no room.
    pub(crate) fn of(&mut self, spender: &Spender) -> &mut Spent {
        let place = |spent: &[(Spender, Spent)], wanted: &[u8]| spent.iter().position(|(known, _)| known.0 == wanted);
        let name = match place(&self.spent, &spender.0) {
            Some(_) => &spender.0,
            None if self.spent.len() < ROOM => &spender.0,
            None => REST,
        };
        let place = place(&self.spent, name).unwrap_or_else(|| {
            self.spent.push((Spender(name.to_vec()), Spent::default()));
            self.spent.len() - 1
        });
        &mut self.spent[place].1
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut value = self.window.to_le_bytes().to_vec();
        for (spender, spent) in &self.spent {
            // No name is longer than `LONGEST` and the byte before it.
            value.extend_from_slice(&(spender.0.len() as u16).to_le_bytes());
            value.extend_from_slice(&spender.0);
            value.extend_from_slice(&spent.requests.to_le_bytes());
            value.extend_from_slice(&spent.bytes.to_le_bytes());
        }
        value
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (window, mut rest) = value.split_first_chunk()?;
        let mut spent = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk()?;
            let (name, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
            let (requests, after) = after.split_first_chunk()?;
            let (bytes, after) = after.split_first_chunk()?;
            let of_spender = Spent {
                requests: u64::from_le_bytes(*requests),
                bytes: u64::from_le_bytes(*bytes),
            };
            spent.push((Spender(name.to_vec()), of_spender));
            rest = after;
        }
        Some(Self {
            window: u64::from_le_bytes(*window),
            spent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Ledger, ROOM, Spender, Spent};

    fn caller(number: usize) -> Spender {
        Spender::of(Some(format!("td/ns/a/sa/{number}").as_bytes()))
    }

    #[test]
    fn what_is_written_is_read_again_in_its_window() {
        let mut ledger = Ledger::read(None, 7);
        ledger.of(&caller(1)).requests = 3;
        ledger.of(&Spender::of(None)).bytes = u64::MAX;
        let value = ledger.write();
        assert_eq!(Ledger::read(Some(&value), 7), ledger);
        assert_eq!(
            Ledger::read(Some(&value), 6),
            ledger,
            "a clock that is behind does not forget"
        );
        assert_eq!(*Ledger::read(Some(&value), 8).of(&caller(1)), Spent::default());
    }

    #[test]
    fn what_cannot_be_read_is_forgotten() {
        let mut ledger = Ledger::read(None, 7);
        ledger.of(&caller(1)).requests = 3;
        let value = ledger.write();
        for length in 1..value.len() {
            let read = Ledger::read(Some(&value[..length]), 7);
            assert!(length == 8 || read.spent.is_empty(), "{length}");
        }
        assert!(Ledger::read(Some(b"of another version"), 7).spent.is_empty());
    }

    #[test]
    fn room_is_bounded_and_the_rest_share_a_budget() {
        let mut ledger = Ledger::read(None, 0);
        for number in 0..1000 {
            ledger.of(&caller(number)).requests += 1;
        }
        assert_eq!(ledger.spent.len(), ROOM + 1);
        assert_eq!(ledger.of(&caller(0)).requests, 1);
        assert_eq!(ledger.of(&caller(999)).requests, 1000 - ROOM as u64);
        let long = Spender::of(Some(&[b'a'; LONGEST + 1]));
        assert_eq!(ledger.of(&long).requests, 1000 - ROOM as u64);
        let value = ledger.write();
        assert!(value.len() < (ROOM + 1) * (LONGEST + 19) + 8, "{}", value.len());
    }
}
