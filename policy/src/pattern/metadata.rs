//! Values of `experimental.envoy.filters.*`.

use std::fmt;

use super::TextPattern;

/// What a value of another filter's dynamic metadata must be.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MetadataPattern {
    /// A string that matches.
    Text(TextPattern),
    /// Written `[value]`: a list with a string element that matches.
    ListWith(TextPattern),
}

impl MetadataPattern {
    /// Reads a value as Istio does.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        match value.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => Self::ListWith(TextPattern::parse(inner)),
            None => Self::Text(TextPattern::parse(value)),
        }
    }
}

impl fmt::Display for MetadataPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::ListWith(text) => write!(f, "[{text}]"),
        }
    }
}
