//! Sorting, in as few compiled forms as will do: the guest carries each one.

use std::cmp::Ordering;

/// The numbers from 0 in the order that `compare` gives them.
pub(crate) fn in_order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count as u32).collect();
    numbers.sort_unstable_by(|&a, &b| compare(a as usize, b as usize));
    numbers
}

/// Sorts pairs of numbers; the first counts more.
pub(crate) fn sort_pairs(pairs: impl IntoIterator<Item = (u32, u32)>) -> impl Iterator<Item = (u32, u32)> {
    let mut packed: Vec<u64> = pairs.into_iter().map(|(first, second)| pack(first, second)).collect();
    packed.sort_unstable();
    packed.into_iter().map(|pair| ((pair >> 32) as u32, second(pair)))
}

/// Two numbers in one, of which the first counts more.
pub(crate) fn pack(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// The second of two numbers in one.
pub(crate) const fn second(pair: u64) -> u32 {
    pair as u32
}
