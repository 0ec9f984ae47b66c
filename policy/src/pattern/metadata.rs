//! Values of `experimental.envoy.filters.*`.

use std::fmt;

use super::TextPattern;

/// What a value of another filter's dynamic metadata must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataPattern<'a> {
    /// A string that matches.
    Text(TextPattern<'a>),
    /// Written `[value]`: a list with a string element that matches.
    ListWith(TextPattern<'a>),
}

impl<'a> MetadataPattern<'a> {
    /// Reads a value as Istio does.
    #[must_use]
    pub fn parse(value: &'a str) -> Self {
        match value.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => Self::ListWith(TextPattern::parse(inner)),
            None => Self::Text(TextPattern::parse(value)),
        }
    }
}

impl fmt::Display for MetadataPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::ListWith(text) => write!(f, "[{text}]"),
        }
    }
}
