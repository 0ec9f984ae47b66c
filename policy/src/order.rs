//! Sorting. The library's sorts are six kilobytes of code for each type and order; the guest carries these two instead.

use std::cmp::Ordering;

/// The numbers from 0 in the order that `compare` gives them; equal ones as they were.
pub(crate) fn in_order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count as u32).collect();
    let mut scratch = vec![0; count];
    merge_sort(&mut numbers, &mut scratch, compare);
    numbers
}

fn merge_sort(numbers: &mut [u32], scratch: &mut [u32], compare: &dyn Fn(usize, usize) -> Ordering) {
    if numbers.len() < 2 {
        return;
    }
    let middle = numbers.len() / 2;
    merge_sort(&mut numbers[..middle], scratch, compare);
    merge_sort(&mut numbers[middle..], scratch, compare);
    let is_after = |a: u32, b: u32| compare(a as usize, b as usize) == Ordering::Greater;
    // Configurations come nearly in order.
    if !is_after(numbers[middle - 1], numbers[middle]) {
        return;
    }
    let left = &mut scratch[..middle];
    left.copy_from_slice(&numbers[..middle]);
    let (mut from_left, mut from_right) = (0, middle);
    for place in 0..numbers.len() {
        let Some(&next) = left.get(from_left) else { break };
        if from_right < numbers.len() && is_after(next, numbers[from_right]) {
            numbers[place] = numbers[from_right];
            from_right += 1;
        } else {
            numbers[place] = next;
            from_left += 1;
        }
    }
}

/// Sorts pairs of numbers; the first counts more.
pub(crate) fn sort_pairs(pairs: impl IntoIterator<Item = (u32, u32)>) -> impl Iterator<Item = (u32, u32)> {
    let mut packed: Vec<u64> = pairs.into_iter().map(|(first, second)| pack(first, second)).collect();
    sort(&mut packed);
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

/// So few are sorted by moving each to its place.
const FEW: usize = 32;

/// Sorts numbers: few by insertion, many byte by byte.
pub(crate) fn sort(numbers: &mut Vec<u64>) {
    if numbers.len() <= FEW {
        for end in 1..numbers.len() {
            let next = numbers[end];
            let mut place = end;
            while place > 0 && numbers[place - 1] > next {
                numbers[place] = numbers[place - 1];
                place -= 1;
            }
            numbers[place] = next;
        }
        return;
    }
    let first = numbers[0];
    let differing = numbers.iter().fold(0, |bits, number| bits | (number ^ first));
    let mut sorted = vec![0; numbers.len()];
    for shift in (0..u64::BITS).step_by(8) {
        let byte = |number: u64| usize::from((number >> shift) as u8);
        if byte(differing) == 0 {
            continue;
        }
        let mut ends = [0; 256];
        for &number in &*numbers {
            ends[byte(number)] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        for &number in numbers.iter().rev() {
            let end = &mut ends[byte(number)];
            *end -= 1;
            sorted[*end] = number;
        }
        std::mem::swap(numbers, &mut sorted);
    }
}

#[cfg(test)]
mod tests {
    use super::{in_order, sort};

    #[test]
    fn sorts_as_the_library_does() {
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 20
        };
        for count in (0..200).chain([1_000, 70_000]) {
            for range in [2, 300, 1 << 34, u64::MAX >> 20] {
                let numbers: Vec<u64> = (0..count).map(|_| random() % range).collect();
                let mut expected = numbers.clone();
                expected.sort_unstable();
                let mut sorted = numbers.clone();
                sort(&mut sorted);
                assert_eq!(sorted, expected);
                let mut expected: Vec<u32> = (0..count as u32).collect();
                expected.sort_by_key(|&place| numbers[place as usize]);
                assert_eq!(in_order(count, &|a, b| numbers[a].cmp(&numbers[b])), expected);
            }
        }
    }
}
