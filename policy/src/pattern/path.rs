//! Paths: text with one wildcard, or a template with `{*}` and `{**}`.

use std::fmt;

use super::TextPattern;

/// A value of `paths`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathPattern<'a> {
    /// No template operator.
    Text(TextPattern<'a>),
    /// At least one of `{*}` and `{**}`.
    Template(PathTemplate<'a>),
}

impl<'a> PathPattern<'a> {
    /// Reads a value as Istio does.
    ///
    /// # Errors
    ///
    /// When a segment has a brace without being an operator, and for what [`PathTemplate::parse`] refuses.
    pub fn parse(value: &'a str) -> Result<Self, InvalidTemplate> {
        if value.contains(['{', '}']) {
            PathTemplate::parse(value).map(Self::Template)
        } else {
            Ok(Self::Text(TextPattern::parse(value)))
        }
    }

    /// Reads a value that [`parse`](Self::parse) has taken before, without checking it again.
    pub(crate) fn of_checked(value: &'a str) -> Self {
        if value.as_bytes().contains(&b'{') {
            Self::Template(PathTemplate::of_checked(value))
        } else {
            Self::Text(TextPattern::parse(value))
        }
    }

    /// Whether a path, without its query, matches.
    #[must_use]
    pub fn matches(self, path: &[u8]) -> bool {
        match self {
            Self::Text(text) => text.matches_string(path),
            Self::Template(template) => template.matches(path),
        }
    }
}

impl fmt::Display for PathPattern<'_> {
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathTemplate<'a> {
    /// Without the first slash and the last.
    body: &'a str,
    trailing_slash: bool,
}

/// One segment of a [`PathTemplate`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TemplateSegment<'a> {
    /// The segment itself.
    Literal(&'a str),
    /// `{*}`: one segment, not empty.
    One,
    /// `{**}`: any number of segments, even none; what it stands for may be empty.
    Many,
}

impl<'a> TemplateSegment<'a> {
    fn parse(segment: &'a str) -> Self {
        match segment {
            "{*}" => Self::One,
            "{**}" => Self::Many,
            literal => Self::Literal(literal),
        }
    }
}

impl<'a> PathTemplate<'a> {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What Istio's validation refuses, and two forms that pass it but make Envoy 1.40 refuse its configuration: a template
    /// that does not begin with exactly one `/`, and one with an empty segment.
    pub fn parse(value: &'a str) -> Result<Self, InvalidTemplate> {
        if !value.starts_with('/') {
            return Err(InvalidTemplate::NoLeadingSlash);
        }
        let template = Self::of_checked(value);
        let mut after_many = false;
        for segment in template.segments() {
            match segment {
                TemplateSegment::One | TemplateSegment::Many if after_many => {
                    return Err(InvalidTemplate::OperatorAfterMany);
                }
                TemplateSegment::One => {}
                TemplateSegment::Many => after_many = true,
                TemplateSegment::Literal("") => return Err(InvalidTemplate::EmptySegment),
                TemplateSegment::Literal(literal) if literal.contains(['{', '}']) => {
                    return Err(InvalidTemplate::BadOperator(literal.to_owned()));
                }
                TemplateSegment::Literal(literal) if !literal.bytes().all(is_literal) => {
                    return Err(InvalidTemplate::BadLiteral(literal.to_owned()));
                }
                TemplateSegment::Literal(_) => {}
            }
        }
        Ok(template)
    }

    fn of_checked(value: &'a str) -> Self {
        let body = value.strip_prefix('/').unwrap_or(value);
        let without_slash = body.strip_suffix('/');
        Self {
            body: without_slash.unwrap_or(body),
            trailing_slash: without_slash.is_some(),
        }
    }

    /// The segments, in order.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = TemplateSegment<'a>> {
        self.body.split('/').map(TemplateSegment::parse)
    }

    /// Whether the template ends in `/`.
    #[must_use]
    pub const fn trailing_slash(self) -> bool {
        self.trailing_slash
    }

    /// Whether a path, without its query, matches.
    #[must_use]
    pub fn matches(self, path: &[u8]) -> bool {
        let mut rest = path;
        let mut segments = self.segments();
        while let Some(segment) = segments.next() {
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
                        .without_tail(after_slash, segments)
                        .is_some_and(|middle| middle.iter().all(|&byte| byte == b'/' || is_matched(byte)));
                }
            }
            rest = &after_slash[end..];
        }
        rest == if self.trailing_slash { &b"/"[..] } else { b"" }
    }

    /// The text that `{**}` stands for: `text` without the literal segments that follow.
    fn without_tail<'t>(
        self,
        text: &'t [u8],
        following: impl DoubleEndedIterator<Item = TemplateSegment<'a>>,
    ) -> Option<&'t [u8]> {
        let mut text = text;
        if self.trailing_slash {
            text = text.strip_suffix(b"/")?;
        }
        for segment in following.rev() {
            // INVARIANT: `parse` lets only literals follow `{**}`.
            let TemplateSegment::Literal(literal) = segment else {
                return None;
            };
            text = text.strip_suffix(literal.as_bytes())?.strip_suffix(b"/")?;
        }
        Some(text)
    }
}

impl fmt::Display for PathTemplate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.trailing_slash { "/" } else { "" };
        write!(f, "/{}{slash}", self.body)
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
