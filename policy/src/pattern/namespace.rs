//! Namespaces in peer identities.

use std::fmt;

use super::regex_dot;

/// A value of `namespaces` or `source.namespace`: rendered as the expression `.*/ns/<value>/.*`, in which every `*` of the
/// value, at any place, stands for any text, slashes included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NamespacePattern<'a>(&'a str);

impl<'a> NamespacePattern<'a> {
    /// Takes a value as written.
    #[must_use]
    pub const fn parse(value: &'a str) -> Self {
        Self(value)
    }

    /// The value as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether one name of the peer matches, be it a SPIFFE identity or not.
    #[must_use]
    pub fn matches(self, name: &[u8]) -> bool {
        if !regex_dot::is_line(name) {
            return false;
        }
        // The literal parts are parted by "any text", so the leftmost place of each leaves the most room for the next.
        let mut rest = name;
        let mut parts = self.0.split('*').peekable();
        let mut first = true;
        while let Some(part) = parts.next() {
            let before: &[u8] = if first { b"/ns/" } else { b"" };
            let after: &[u8] = if parts.peek().is_none() { b"/" } else { b"" };
            let Some(end) = find_end(rest, [before, part.as_bytes(), after]) else {
                return false;
            };
            rest = &rest[end..];
            first = false;
        }
        true
    }
}

impl fmt::Display for NamespacePattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Where the first occurrence of the three parts in a row ends.
fn find_end(text: &[u8], parts: [&[u8]; 3]) -> Option<usize> {
    let length = parts.iter().map(|part| part.len()).sum();
    (0..=text.len().checked_sub(length)?)
        .find(|&start| {
            let mut rest = &text[start..];
            parts.iter().all(|part| match rest.strip_prefix(*part) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => false,
            })
        })
        .map(|start| start + length)
}

#[cfg(test)]
mod tests {
    use super::NamespacePattern;

    #[test]
    fn every_star_is_any_text() {
        for (pattern, name, expected) in [
            ("foo", "spiffe://td/ns/foo/sa/a", true),
            ("foo", "https://x/ns/foo/y", true),
            ("foo", "spiffe://td/ns/foo", false),
            ("foo", "spiffe://td/ns/foobar/sa/a", false),
            ("foo", "spiffe://td/ns/bar/ns/foo/sa", true),
            ("foo*", "spiffe://td/ns/foobar/sa/a", true),
            ("*bar", "spiffe://td/ns/foobar/sa/a", true),
            ("*bar", "spiffe://td/ns/foo/bar/a", true),
            ("f*r", "spiffe://td/ns/foobar/sa/a", true),
            ("f*b*r", "spiffe://td/ns/foobar/sa/a", true),
            ("f*b*r", "spiffe://td/ns/for/sa/a", false),
            ("*", "spiffe://td/ns//", true),
            ("*", "spiffe://td/ns/x", false),
            ("a.c", "spiffe://td/ns/abc/sa/a", false),
            ("a*a", "spiffe://td/ns/a/sa", false),
            ("a*a", "spiffe://td/ns/aa/sa", true),
        ] {
            assert_eq!(
                NamespacePattern::parse(pattern).matches(name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
        assert!(NamespacePattern::parse("foo").matches(b"\xFF/ns/foo/"));
        assert!(!NamespacePattern::parse("foo").matches(b"\n/ns/foo/"));
    }
}
