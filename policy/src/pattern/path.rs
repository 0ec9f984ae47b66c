//! Paths: text with one wildcard, or a template with `{*}` and `{**}`.

use std::fmt;

use super::TextPattern;

/// A value of `paths`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PathPattern {
    /// No template operator.
    Text(TextPattern),
    /// At least one of `{*}` and `{**}`.
    Template(PathTemplate),
}

impl PathPattern {
    /// Reads a value as Istio does.
    ///
    /// # Errors
    ///
    /// When a segment has a brace without being an operator, and for what [`PathTemplate::parse`] refuses.
    pub fn parse(value: &str) -> Result<Self, InvalidTemplate> {
        let braced = |segment: &&str| segment.contains(['{', '}']);
        if !value.split('/').any(|segment| braced(&segment)) {
            return Ok(Self::Text(TextPattern::parse(value)));
        }
        PathTemplate::parse(value).map(Self::Template)
    }

    /// Whether a path, without its query, matches.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Text(text) => text.matches_string(path),
            Self::Template(template) => template.matches(path),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Template(template) => template.fmt(f),
        }
    }
}

/// A path template, such as `/v1/{*}/items/{**}`.
///
/// Envoy makes one regular expression of it; because `{**}` can only be the last operator, that expression never has to
/// backtrack, and here it is matched from both ends.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PathTemplate {
    segments: Vec<TemplateSegment>,
    trailing_slash: bool,
}

/// One segment of a [`PathTemplate`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TemplateSegment {
    /// The segment itself.
    Literal(Box<str>),
    /// `{*}`: one segment, not empty.
    One,
    /// `{**}`: any number of segments, even none; what it stands for may be empty.
    Many,
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What Istio's validation refuses, and two forms that pass it but make Envoy 1.40 refuse its configuration: a template
    /// that does not begin with exactly one `/`, and one with an empty segment.
    pub fn parse(value: &str) -> Result<Self, InvalidTemplate> {
        let body = value.strip_prefix('/').ok_or(InvalidTemplate::NoLeadingSlash)?;
        let (body, trailing_slash) = match body.strip_suffix('/') {
            Some(body) => (body, true),
            None => (body, false),
        };
        let mut segments = Vec::new();
        for segment in body.split('/') {
            if segments.contains(&TemplateSegment::Many) && matches!(segment, "{*}" | "{**}") {
                return Err(InvalidTemplate::OperatorAfterMany);
            }
            segments.push(match segment {
                "{*}" => TemplateSegment::One,
                "{**}" => TemplateSegment::Many,
                "" => return Err(InvalidTemplate::EmptySegment),
                literal if literal.contains(['{', '}']) => {
                    return Err(InvalidTemplate::BadOperator(literal.to_owned()));
                }
                literal if !literal.bytes().all(is_literal) => {
                    return Err(InvalidTemplate::BadLiteral(literal.to_owned()));
                }
                literal => TemplateSegment::Literal(literal.into()),
            });
        }
        Ok(Self {
            segments,
            trailing_slash,
        })
    }

    /// The segments, in order.
    #[must_use]
    pub fn segments(&self) -> &[TemplateSegment] {
        &self.segments
    }

    /// Whether the template ends in `/`.
    #[must_use]
    pub const fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// Whether a path, without its query, matches.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let mut rest = path;
        for (position, segment) in self.segments.iter().enumerate() {
            let Some(after_slash) = rest.strip_prefix(b"/") else {
                return false;
            };
            let end = after_slash
                .iter()
                .position(|&byte| byte == b'/')
                .unwrap_or(after_slash.len());
            match segment {
                TemplateSegment::Literal(literal) => {
                    if &after_slash[..end] != literal.as_bytes() {
                        return false;
                    }
                }
                TemplateSegment::One => {
                    if end == 0 || !after_slash[..end].iter().all(|&byte| is_matched(byte)) {
                        return false;
                    }
                }
                TemplateSegment::Many => {
                    return self
                        .without_tail(after_slash, position + 1)
                        .is_some_and(|middle| middle.iter().all(|&byte| byte == b'/' || is_matched(byte)));
                }
            }
            rest = &after_slash[end..];
        }
        rest == if self.trailing_slash { &b"/"[..] } else { b"" }
    }

    /// The text that `{**}` stands for: `text` without the literal segments from `from` on.
    fn without_tail<'a>(&self, text: &'a [u8], from: usize) -> Option<&'a [u8]> {
        let mut text = text;
        if self.trailing_slash {
            text = text.strip_suffix(b"/")?;
        }
        for segment in self.segments[from..].iter().rev() {
            // INVARIANT: `parse` lets only literals follow `{**}`.
            let TemplateSegment::Literal(literal) = segment else {
                return None;
            };
            text = text.strip_suffix(literal.as_bytes())?.strip_suffix(b"/")?;
        }
        Some(text)
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                TemplateSegment::Literal(literal) => write!(f, "/{literal}")?,
                TemplateSegment::One => f.write_str("/{*}")?,
                TemplateSegment::Many => f.write_str("/{**}")?,
            }
        }
        if self.trailing_slash { f.write_str("/") } else { Ok(()) }
    }
}

/// What an operator matches: measured on Envoy 1.40 for every byte from 0x21 to 0x7E.
const fn is_matched(byte: u8) -> bool {
    byte == b'*' || is_literal(byte)
}

/// What a literal segment of a template may hold, by Istio's validation.
const fn is_literal(byte: u8) -> bool {
    matches!(byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\''
        | b'(' | b')' | b'+' | b',' | b';' | b':' | b'@' | b'=')
}

/// Why a path is no valid template.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidTemplate {
    /// A segment with a brace that is not exactly `{*}` or `{**}`.
    BadOperator(String),
    /// An operator after `{**}`.
    OperatorAfterMany,
    /// A segment with a character that a template's literal may not have.
    BadLiteral(String),
    /// `//` inside, at the start or at the end.
    EmptySegment,
    /// The path does not begin with `/`.
    NoLeadingSlash,
}

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOperator(segment) => write!(
                f,
                "the segment `{segment}` has a brace; a segment is a literal, `{{*}}` or `{{**}}`"
            ),
            Self::OperatorAfterMany => f.write_str("`{**}` must be the last operator of a path template"),
            Self::BadLiteral(segment) => write!(
                f,
                "the segment `{segment}` has a character that a path template cannot hold; letters, digits and \
                 -._~%!$&'()+,;:@= are taken"
            ),
            Self::EmptySegment => f.write_str("a path template cannot have an empty segment (`//`)"),
            Self::NoLeadingSlash => f.write_str("a path template must begin with `/`"),
        }
    }
}

impl std::error::Error for InvalidTemplate {}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    #[test]
    fn templates_match_as_envoy_does() {
        for (template, path, expected) in [
            ("/foo/{*}", "/foo/a", true),
            ("/foo/{*}", "/foo/", false),
            ("/foo/{*}", "/foo/a/", false),
            ("/foo/{*}", "/foo/a/b", false),
            ("/foo/{*}", "/foo/a*=", true),
            ("/foo/{*}", "/foo/a\"", false),
            ("/foo/{*}", "/foo/%zz", true),
            ("/foo/{**}", "/foo/", true),
            ("/foo/{**}", "/foo//", true),
            ("/foo/{**}", "/foo/a/b", true),
            ("/foo/{**}", "/foo", false),
            ("/foo/{**}", "/foo/a|b", false),
            ("/foo/{**}/bar", "/foo//bar", true),
            ("/foo/{**}/bar", "/foo/bar", false),
            ("/foo/{**}/bar", "/foo/a/b/bar", true),
            ("/foo/{**}/bar", "/foo/a/bar/", false),
            ("/foo/{**}/", "/foo/a/", true),
            ("/foo/{**}/", "/foo//", true),
            ("/foo/{**}/", "/foo/", false),
            ("/{**}", "/", true),
            ("/{*}", "/", false),
            ("/{*}/{*}/x", "/a/b/x", true),
            ("/{*}/{*}/x", "/a//x", false),
            ("/{*}/", "/a/", true),
            ("/{*}/", "/a", false),
            ("/{*}", "", false),
            ("/{*}", "a", false),
        ] {
            let pattern = PathPattern::parse(template).unwrap();
            assert_eq!(pattern.matches(path.as_bytes()), expected, "{template} on {path}");
            assert_eq!(pattern.to_string(), template);
        }
    }

    #[test]
    fn invalid_templates_are_refused() {
        for (template, word) in [
            ("/foo/{*}bar", "brace"),
            ("/{foo}", "brace"),
            ("/{***}", "brace"),
            ("/a/}/b", "brace"),
            ("/{**}/{*}", "last operator"),
            ("/{**}/{**}", "last operator"),
            ("/a*/{*}", "character"),
            ("/*/{*}", "character"),
            ("/a b/{*}", "character"),
            ("/a?b/{*}", "character"),
            ("/a//{*}", "empty"),
            ("//{*}", "empty"),
            ("/{*}//", "empty"),
            ("foo/{*}", "begin"),
        ] {
            let error = PathPattern::parse(template).unwrap_err().to_string();
            assert!(error.contains(word), "{template}: {error}");
        }
    }
}
