//! Header lines, in the order in which they came.

use std::borrow::Cow;
use std::ops::Range;

use crate::config::HeaderMode;

/// The header lines of a request. Names are lower case; `host` is `:authority`; a repeated header is repeated here.
///
/// All lines lie in one block of bytes, so that the filter can keep what its host handed over.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    block: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a line's name and value lie in the block.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Takes a block of bytes and the ranges of each line's name and value in it. Names must be lower case. Ranges that leave
    /// the block read as empty.
    #[must_use]
    pub fn from_block(block: Vec<u8>, lines: impl IntoIterator<Item = (Range<usize>, Range<usize>)>) -> Self {
        Self {
            block,
            lines: lines.into_iter().map(|(name, value)| Line { name, value }).collect(),
        }
    }

    /// These lines, with other values for some headers. A header that is not there stays away.
    #[must_use]
    pub fn replaced<'v>(&self, values: impl IntoIterator<Item = (&'v str, &'v [u8])>) -> Self {
        let mut replaced = self.clone();
        for (name, value) in values {
            let start = replaced.block.len();
            replaced.block.extend_from_slice(value);
            let place = start..replaced.block.len();
            for (line, own) in replaced.lines.iter_mut().zip(&self.lines) {
                if self.bytes(&own.name) == name.as_bytes() {
                    line.value = place.clone();
                }
            }
        }
        replaced
    }

    /// The lines, each a name and a value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines
            .iter()
            .map(|line| (self.bytes(&line.name), self.bytes(&line.value)))
    }

    /// The values of a header, a line each.
    pub fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines
            .iter()
            .filter(move |line| self.bytes(&line.name) == name.as_bytes())
            .map(|line| self.bytes(&line.value))
    }

    /// The first line of a header.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let line = self
            .lines
            .iter()
            .find(|line| self.bytes(&line.name) == name.as_bytes())?;
        Some(self.bytes(&line.value))
    }

    /// What a rule about a header is compared with: each line by itself, or all of them joined with commas.
    pub(crate) fn compared<'a>(&'a self, name: &'a str, mode: HeaderMode) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let mut lines = self.lines(name);
        let first = lines.next().map(|first| match mode {
            HeaderMode::Individual => Cow::Borrowed(first),
            HeaderMode::Joined => {
                let mut joined = Cow::Borrowed(first);
                for line in lines.by_ref() {
                    let text = joined.to_mut();
                    text.push(b',');
                    text.extend_from_slice(line);
                }
                joined
            }
        });
        first.into_iter().chain(lines.map(Cow::Borrowed))
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.block.get(range.clone()).unwrap_or_default()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let start = headers.block.len();
            headers.block.extend(name.as_ref().iter().map(u8::to_ascii_lowercase));
            let middle = headers.block.len();
            headers.block.extend_from_slice(value.as_ref());
            let end = headers.block.len();
            headers.lines.push(Line {
                name: start..middle,
                value: middle..end,
            });
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMode, Headers};

    #[test]
    fn lines_are_compared_one_by_one_or_joined() {
        let headers: Headers = [("X-A", "1"), ("x-b", ""), ("x-a", "2,3"), ("x-a", "")]
            .into_iter()
            .collect();
        let compared = |name, mode| -> Vec<String> {
            headers
                .compared(name, mode)
                .map(|value| String::from_utf8(value.into_owned()).unwrap())
                .collect()
        };
        assert_eq!(compared("x-a", HeaderMode::Individual), ["1", "2,3", ""]);
        assert_eq!(compared("x-a", HeaderMode::Joined), ["1,2,3,"]);
        assert_eq!(compared("x-b", HeaderMode::Joined), [""]);
        assert!(compared("x-c", HeaderMode::Joined).is_empty());
    }
}
