//! Proxy-Wasm's encoding of header lines.
//!
//! ```text
//! count: u32 · count × (name length: u32, value length: u32) · count × (name, NUL, value, NUL)      little-endian
//! ```

use std::ops::Range;

use outgate_policy::Headers;

use crate::host::HeaderLine;

/// The block does not follow its own lengths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed;

/// Reads a block without copying its text.
///
/// # Errors
///
/// When a length leads out of the block, a NUL is missing, or something is left over.
pub fn parse(block: Vec<u8>) -> Result<Headers, Malformed> {
    let lines = ranges(&block)?;
    Ok(Headers::from_block(block, lines))
}

/// Writes header lines as a block.
#[must_use]
pub fn write(lines: &[HeaderLine]) -> Vec<u8> {
    // What a host call takes is shorter than this.
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut block = u32::try_from(lines.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in lines {
        block.extend_from_slice(&length(name));
        block.extend_from_slice(&length(value));
    }
    for text in lines.iter().flat_map(|(name, value)| [name, value]) {
        block.extend_from_slice(text);
        block.push(0);
    }
    block
}

/// Where a line's name and its value stand.
type Line = (Range<usize>, Range<usize>);

fn ranges(block: &[u8]) -> Result<Vec<Line>, Malformed> {
    // An empty map may come as no byte or as one.
    if block.len() <= 1 {
        return Ok(Vec::new());
    }
    let count = u32_at(block, 0)?;
    let mut text = count
        .checked_mul(8)
        .and_then(|lengths| lengths.checked_add(4))
        .ok_or(Malformed)?;
    if text > block.len() {
        return Err(Malformed);
    }
    let mut lines = Vec::with_capacity(count);
    for line in 0..count {
        let name = item(block, text, u32_at(block, 4 + line * 8)?)?;
        let value = item(block, name.end + 1, u32_at(block, 8 + line * 8)?)?;
        text = value.end + 1;
        lines.push((name, value));
    }
    if text == block.len() { Ok(lines) } else { Err(Malformed) }
}

fn u32_at(block: &[u8], at: usize) -> Result<usize, Malformed> {
    let bytes = block.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Malformed)?;
    usize::try_from(u32::from_le_bytes(*bytes)).map_err(|_| Malformed)
}

/// The range of a text and the check of the NUL after it.
fn item(block: &[u8], start: usize, length: usize) -> Result<Range<usize>, Malformed> {
    let end = start.checked_add(length).ok_or(Malformed)?;
    match block.get(end) {
        Some(0) => Ok(start..end),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, write};

    fn encode(lines: &[(&str, &str)]) -> Vec<u8> {
        let owned = lines
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        write(&owned.collect::<Vec<_>>())
    }

    #[test]
    fn reads_lines_in_order() {
        let lines = [(":authority", "a.com"), ("x", ""), ("x", "2")];
        let headers = parse(encode(&lines)).unwrap();
        let read: Vec<_> = headers.iter().collect();
        let expected: Vec<_> = lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        assert_eq!(read, expected);
        assert_eq!(parse(vec![]).unwrap().iter().count(), 0);
        assert_eq!(parse(vec![0]).unwrap().iter().count(), 0);
    }

    #[test]
    fn every_truncation_and_every_wrong_byte_in_a_length_is_refused() {
        let block = encode(&[("name", "value"), ("other", "")]);
        for end in 2..block.len() {
            assert!(parse(block[..end].to_vec()).is_err(), "{end} bytes");
        }
        for at in 0..20 {
            for byte in [1, 3, 7, 0x7F, 0xFF] {
                let mut wrong = block.clone();
                if wrong[at] != byte {
                    wrong[at] = byte;
                    assert!(parse(wrong).is_err(), "byte {at} is {byte}");
                }
            }
        }
        assert!(parse([block, vec![0]].concat()).is_err());
    }
}
