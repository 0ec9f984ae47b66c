//! The text of a suite: which syntax it is in, and where its lines are.

/// A place in a suite's text.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The two notations of the same schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Syntax {
    TextFormat,
    Yaml,
}

impl Syntax {
    /// The syntax that a file's extension stands for.
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "textpb" | "txtpb" | "textproto" | "pbtxt" => Some(Self::TextFormat),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

pub(crate) struct Source<'t> {
    text: &'t str,
    pub(crate) syntax: Syntax,
    /// Where each line starts, in bytes. The first entry is 0.
    line_starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str, syntax: Syntax) -> Self {
        let line_ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0).chain(line_ends.map(|(end, _)| end + 1)).collect();
        Self {
            text,
            syntax,
            line_starts,
        }
    }

    pub(crate) fn position(&self, at: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= at);
        let start = self.line_starts[line - 1];
        // Characters are counted by their first bytes, so that an offset inside of one is no panic.
        let before = &self.text.as_bytes()[start..at.min(self.text.len())];
        let characters = before.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        Position {
            line,
            column: characters + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let text = "a\nö€x\r\n\nz";
        let source = Source::new(text, Syntax::TextFormat);
        for (at, line, column) in [
            (0, 1, 1),
            (1, 1, 2),
            (2, 2, 1),
            (4, 2, 2),
            (5, 2, 3),
            (7, 2, 3),
            (10, 3, 1),
            (11, 4, 1),
            (12, 4, 2),
            (99, 4, 2),
        ] {
            assert_eq!(source.position(at), Position { line, column }, "byte {at}");
        }
    }

    #[test]
    fn the_extension_tells_the_syntax() {
        for (name, expected) in [
            ("a/tests.textpb", Some(Syntax::TextFormat)),
            ("tests.TXTPB", Some(Syntax::TextFormat)),
            ("tests.yml", Some(Syntax::Yaml)),
            ("a.yaml/tests", None),
            ("tests", None),
            ("tests.json", None),
        ] {
            assert_eq!(Syntax::of_file(name), expected, "{name}");
        }
    }
}
