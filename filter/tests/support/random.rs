//! Numbers that look random and are the same in each run.

/// A generator. The same seed gives the same numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// Up to `most` bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.byte()).collect()
    }

    /// One of them; there is at least one.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// The bytes with one to four changes: a byte set, a bit flipped, a piece cut out, doubled or put in.
    pub(crate) fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mutated = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(mutated.len() + 1);
            let end = (at + self.below(9)).min(mutated.len());
            match self.below(6) {
                0 if at < mutated.len() => mutated[at] = self.byte(),
                1 if at < mutated.len() => mutated[at] ^= 1 << self.below(8),
                // Lengths go wrong at their edges.
                2 if at < mutated.len() => mutated[at] = *self.pick(&[0, 1, 0x7F, 0x80, 0x84, 0xFE, 0xFF]),
                3 => drop(mutated.drain(at..end)),
                4 => {
                    let piece = mutated[at..end].to_vec();
                    mutated.splice(at..at, piece);
                }
                _ => {
                    let piece = self.bytes(5);
                    mutated.splice(at..at, piece);
                }
            }
        }
        mutated
    }

    /// `splitmix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}
