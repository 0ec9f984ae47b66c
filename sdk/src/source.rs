//! Texts and places in them: everything that is read keeps the place it was read from.

use std::fmt;
use std::sync::Arc;

/// A range of bytes of one text that [`Sources`] holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span {
    file: u32,
    start: u32,
    end: u32,
}

impl Span {
    /// The range from byte `start` to byte `end` of `file`.
    ///
    /// Texts are at most [`Sources::LARGEST`] long, so that every place in them fits.
    #[must_use]
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            file: file.0,
            start: place(start),
            end: place(end.max(start)),
        }
    }

    /// The text that the range is of.
    #[must_use]
    pub const fn file(self) -> FileId {
        FileId(self.file)
    }

    /// The first byte.
    #[must_use]
    pub const fn start(self) -> usize {
        self.start as usize
    }

    /// The byte after the last.
    #[must_use]
    pub const fn end(self) -> usize {
        self.end as usize
    }
}

/// Names one of the texts of a [`Sources`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FileId(u32);

/// A place as people write it: both numbers start at 1, columns count characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// The texts that have been read, kept to show the lines that diagnostics are about.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// The longest text that is taken, in bytes: 64 MiB.
    pub const LARGEST: usize = 64 << 20;

    /// Keeps a text under the name that diagnostics show.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile::new(name.into(), text.into()));
        id
    }

    /// The text that `id` names.
    ///
    /// # Panics
    ///
    /// When `id` was made by other `Sources`.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Where `span` starts.
    #[must_use]
    pub fn place(&self, span: Span) -> Place<'_> {
        let file = self.file(span.file());
        Place {
            file: file.name(),
            position: file.position(span.start()),
        }
    }
}

/// One text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: String,
    text: Arc<str>,
    line_starts: Vec<u32>,
    is_ascii: bool,
}

impl SourceFile {
    fn new(name: String, text: Arc<str>) -> Self {
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(breaks.map(|(offset, _)| u32::try_from(offset + 1).unwrap_or(u32::MAX)))
            .collect();
        Self {
            is_ascii: text.is_ascii(),
            name,
            text,
            line_starts,
        }
    }

    /// The name that diagnostics show: a path as given, or `<stdin>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The line and column of a byte.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_of(offset);
        let start = self.line_start(line);
        // A line may be megabytes of JSON, and asked about for each of thousands of findings.
        let before = if self.is_ascii {
            offset.min(self.text.len()).saturating_sub(start)
        } else {
            self.text.get(start..offset).unwrap_or_default().chars().count()
        };
        Position {
            line,
            column: before + 1,
        }
    }

    /// The line, counted from 1, that a byte stands in.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.line_starts
            .partition_point(|&start| start as usize <= offset)
            .max(1)
    }

    /// The first byte of a line, counted from 1; for a line after the last, the end of the text.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.line_starts
            .get(line.saturating_sub(1))
            .map_or(self.text.len(), |&start| start as usize)
    }

    /// The byte after the last of a line, its break left out.
    pub(crate) fn line_end(&self, line: usize) -> usize {
        let start = self.line_start(line);
        let whole = &self.text[start..self.line_start(line + 1)];
        start + whole.trim_end_matches(['\n', '\r']).len()
    }
}

/// A line of a text; displays as `file:line:column`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place<'a> {
    /// The name of the text.
    pub file: &'a str,
    /// The line and column in it.
    pub position: Position,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.position.line, self.position.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "a: ü\nbé: c\r\n\nd");
        let rows = [
            (0, 1, 1),
            (3, 1, 4),
            (5, 1, 5),
            (6, 2, 1),
            (10, 2, 4),
            (14, 3, 1),
            (15, 4, 1),
            (16, 4, 2),
        ];
        for (offset, line, column) in rows {
            assert_eq!(
                sources.file(file).position(offset),
                Position { line, column },
                "byte {offset}"
            );
        }
        assert_eq!(sources.place(Span::new(file, 6, 8)).to_string(), "a.yaml:2:1");
        assert_eq!(sources.file(file).line_end(2), 12);
    }
}
