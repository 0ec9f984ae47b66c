//! What has been seen: values of shared data, each with the pairs of some callers.
//!
//! Shared data never forgets a key, so there are [`SLOTS`] of them, and all pairs of a caller are in one, by the hash of its name. A
//! pair is eight bytes. A value has room for [`ROOM`] pairs, and then forgets the oldest: a caller that calls ever new hosts makes
//! itself, and those that share its value, new again, and nobody else. All of it takes a megabyte at most.

use std::hash::{DefaultHasher, Hasher};

/// How many values there are.
const SLOTS: u64 = 256;
/// How many pairs each has.
const ROOM: usize = 512;

/// A caller and a host, as a hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pair {
    caller: u64,
    hash: u64,
}

impl Pair {
    /// Of a caller by its identity; all without one are the same.
    ///
    /// The hash is SipHash, whose value for a known pair nobody finds a host name to by trying.
    pub(crate) fn of(principal: Option<&[u8]>, host: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        // So that no end of a name is the beginning of a host.
        let length = principal.map_or(u64::MAX, |principal| principal.len() as u64);
        hasher.write(&length.to_le_bytes());
        hasher.write(principal.unwrap_or_default());
        let caller = hasher.finish();
        hasher.write(host);
        Self {
            caller,
            hash: hasher.finish(),
        }
    }

    /// The key of shared data that it is kept under.
    pub(crate) fn slot(self) -> String {
        (self.caller % SLOTS).to_string()
    }
}

/// The pairs in one value, oldest first.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen(Vec<u64>);

impl Seen {
    pub(crate) fn read(value: Option<&[u8]>) -> Self {
        let (pairs, _) = value.unwrap_or_default().as_chunks();
        Self(pairs.iter().map(|pair| u64::from_le_bytes(*pair)).collect())
    }

    /// Adds a pair; false when it is there.
    pub(crate) fn add(&mut self, pair: Pair) -> bool {
        if self.0.contains(&pair.hash) {
            return false;
        }
        if self.0.len() >= ROOM {
            self.0.drain(..=self.0.len() - ROOM);
        }
        self.0.push(pair.hash);
        true
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        self.0.iter().flat_map(|pair| pair.to_le_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pair, ROOM, Seen};

    #[test]
    fn pairs_are_told_apart() {
        let pairs = [
            Pair::of(Some(b"a"), b"b"),
            Pair::of(Some(b"a"), b"c"),
            Pair::of(Some(b"ab"), b""),
            Pair::of(None, b"b"),
            Pair::of(Some(b""), b"b"),
            Pair::of(Some(b"a\0b"), b"c"),
            Pair::of(Some(b"a"), b"b\0c"),
        ];
        for (index, pair) in pairs.iter().enumerate() {
            for other in &pairs[..index] {
                assert_ne!(pair.hash, other.hash, "{index}");
            }
        }
        assert_eq!(pairs[0].slot(), pairs[1].slot(), "one caller, one value");
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let pair = |number: usize| Pair::of(Some(b"a"), number.to_string().as_bytes());
        let mut seen = Seen::default();
        for number in 0..ROOM + 10 {
            assert!(seen.add(pair(number)), "{number}");
        }
        assert_eq!(seen.0.len(), ROOM);
        let mut seen = Seen::read(Some(&seen.write()));
        assert!(!seen.add(pair(ROOM + 9)));
        assert!(!seen.add(pair(10)));
        assert!(seen.add(pair(9)));
        assert_eq!(seen.0.len(), ROOM);
    }

    #[test]
    fn any_value_can_be_read() {
        assert_eq!(Seen::read(None), Seen::default());
        assert_eq!(Seen::read(Some(b"seven b")), Seen::default());
        let mut long = Seen::read(Some(&[7; 9 * ROOM * 8]));
        assert!(long.add(Pair::of(None, b"a")));
        assert_eq!(long.0.len(), ROOM);
    }
}
