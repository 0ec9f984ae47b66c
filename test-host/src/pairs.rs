//! The pairs block: how lists of key and value cross the boundary.
//!
//! `count`, then `count` × (`key length`, `value length`), all `u32` little-endian; then each key and each value, NUL after each.

/// Envoy's decoder reads no block larger than this.
const MAX_BYTES: usize = 1 << 20;
/// Envoy's decoder reads no more pairs than this.
const MAX_PAIRS: usize = 1024;

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// Appends the block of `pairs` to `out`.
pub(crate) fn encode<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl ExactSizeIterator<Item = (K, V)> + Clone,
    out: &mut Vec<u8>,
) {
    out.extend(length(pairs.len()));
    for (key, value) in pairs.clone() {
        out.extend(length(key.as_ref().len()));
        out.extend(length(value.as_ref().len()));
    }
    for (key, value) in pairs {
        for item in [key.as_ref(), value.as_ref()] {
            out.extend_from_slice(item);
            out.push(0);
        }
    }
}

fn length(n: usize) -> [u8; 4] {
    // Wasm memory is 32 bits: what does not fit here cannot be handed to a guest at all.
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads a block, or says what is wrong with it.
pub(crate) fn decode(block: &[u8]) -> Result<Vec<Pair<'_>>, &'static str> {
    if block.is_empty() || block == [0] {
        return Ok(Vec::new());
    }
    if block.len() > MAX_BYTES {
        return Err("the pairs block is larger than 1 MiB");
    }
    let count = u32_at(block, 0).ok_or("the pairs block ends before its count")? as usize;
    if count > MAX_PAIRS {
        return Err("the pairs block holds more than 1024 pairs");
    }
    let mut at = 4 + count * 8;
    let mut item = |len: u32| {
        let end = at.checked_add(len as usize)?;
        let item = block.get(at..end)?;
        at = end + 1;
        (block.get(end) == Some(&0)).then_some(item)
    };
    let mut pairs = Vec::with_capacity(count);
    for index in 0..count {
        let lengths = u32_at(block, 4 + index * 8).zip(u32_at(block, 8 + index * 8));
        let (key, value) = lengths.ok_or("the pairs block ends inside its lengths")?;
        let pair = item(key).zip(item(value));
        pairs.push(pair.ok_or("the pairs block ends early, or an item has no NUL after it")?);
    }
    if at != block.len() {
        return Err("the pairs block has bytes after its last pair");
    }
    Ok(pairs)
}

fn u32_at(block: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        for pairs in [
            vec![],
            vec![("a", "1")],
            vec![("", "")],
            vec![("x-a", "1"), ("x-a", "2"), (":path", "/\0")],
        ] {
            let mut block = Vec::new();
            encode(pairs.iter().copied(), &mut block);
            let read: Vec<_> = pairs.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes())).collect();
            assert_eq!(decode(&block).as_deref(), Ok(&*read), "{pairs:?}");
        }
    }

    #[test]
    fn a_broken_block_is_refused() {
        let mut good = Vec::new();
        encode([("key", "value")].into_iter(), &mut good);
        let rows: [(&str, Vec<u8>); 6] = [
            ("cut in the count", good[..3].to_vec()),
            ("cut in the lengths", good[..9].to_vec()),
            ("cut in the items", good[..good.len() - 1].to_vec()),
            ("bytes after the end", [&good[..], &[0]].concat()),
            ("no NUL after the key", {
                let mut block = good.clone();
                block[15] = b'!';
                block
            }),
            ("too many pairs", 1025u32.to_le_bytes().to_vec()),
        ];
        for (name, block) in rows {
            assert!(decode(&block).is_err(), "{name}");
        }
    }
}
