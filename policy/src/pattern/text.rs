//! Text with one wildcard: `*`, `*suffix`, `prefix*` or exact.

use std::fmt;

use super::regex_dot;

/// A value of a text field.
///
/// A `*` anywhere but alone, first or last is an ordinary character, and a leading one is read before a trailing one: `*a*`
/// is the suffix `a*`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextPattern<'a> {
    /// `*`: the attribute is there. What that means differs by attribute: a header exists, even empty; a string is not empty.
    Present,
    /// The whole text.
    Exact(&'a str),
    /// `prefix*`.
    Prefix(&'a str),
    /// `*suffix`.
    Suffix(&'a str),
}

impl<'a> TextPattern<'a> {
    /// Reads a value as Istio does.
    #[must_use]
    pub fn parse(value: &'a str) -> Self {
        if value == "*" {
            Self::Present
        } else if let Some(suffix) = value.strip_prefix('*') {
            Self::Suffix(suffix)
        } else if let Some(prefix) = value.strip_suffix('*') {
            Self::Prefix(prefix)
        } else {
            Self::Exact(value)
        }
    }

    /// Whether a header line matches: presence is enough for `*`, even of an empty line.
    #[must_use]
    pub fn matches_header(self, line: &[u8]) -> bool {
        match self {
            Self::Present => true,
            _ => self.matches_literal(line),
        }
    }

    /// Whether a header line matches with ASCII letters of either case taken as equal.
    #[must_use]
    pub fn matches_header_ignoring_case(self, line: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => line.eq_ignore_ascii_case(text.as_bytes()),
            Self::Prefix(text) => line
                .get(..text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes())),
            Self::Suffix(text) => line
                .len()
                .checked_sub(text.len())
                .and_then(|start| line.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(text.as_bytes())),
        }
    }

    /// Whether a string matches: `*` is rendered as the expression `.+`, which needs one character and no newline.
    #[must_use]
    pub fn matches_string(self, text: &[u8]) -> bool {
        match self {
            Self::Present => regex_dot::is_non_empty_line(text),
            _ => self.matches_literal(text),
        }
    }

    fn matches_literal(self, text: &[u8]) -> bool {
        match self {
            Self::Present => false,
            Self::Exact(exact) => text == exact.as_bytes(),
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_bytes()),
        }
    }
}

/// The value as it was written.
impl fmt::Display for TextPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("*"),
            Self::Exact(text) => f.write_str(text),
            Self::Prefix(text) => write!(f, "{text}*"),
            Self::Suffix(text) => write!(f, "*{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TextPattern;

    #[test]
    fn one_wildcard_at_one_end() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "A", false),
            ("a*", "abc", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a*", "xa*", true),
            ("*a*", "xay", false),
            ("a*b", "a*b", true),
            ("a*b", "axb", false),
            ("**", "x*", true),
            ("**", "x", false),
            ("*", "x", true),
            ("*", "", false),
            ("*", "a\nb", false),
        ] {
            assert_eq!(
                TextPattern::parse(pattern).matches_string(text.as_bytes()),
                expected,
                "{pattern} on {text:?}"
            );
            assert_eq!(TextPattern::parse(pattern).to_string(), pattern);
        }
    }

    #[test]
    fn presence_of_a_header_needs_no_content() {
        assert!(TextPattern::Present.matches_header(b""));
        assert!(TextPattern::Present.matches_header_ignoring_case(b"\xFF"));
    }

    #[test]
    fn hosts_ignore_ascii_case_only() {
        for (pattern, text, expected) in [
            ("Test.com", &b"tEST.COM"[..], true),
            ("*.test.com", b"a.TEST.com", true),
            ("*.test.com", b"test.com", false),
            ("test.com:*", b"TEST.com:443", true),
            ("test.com:*", b"test.com", false),
            ("\u{e9}.com", b"\xC3\x89.com", false),
        ] {
            assert_eq!(
                TextPattern::parse(pattern).matches_header_ignoring_case(text),
                expected,
                "{pattern} on {text:?}"
            );
        }
    }
}
