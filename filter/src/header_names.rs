//! Names of headers as `MeshConfig` writes them: exact, `prefix*` or `*suffix`, in any case.

use outgate_policy::pattern::TextPattern;

/// A list of them.
#[derive(Debug, Default)]
pub(crate) struct HeaderNames(Vec<String>);

impl HeaderNames {
    pub(crate) const fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is one of them.
    pub(crate) fn contain(&self, name: &[u8]) -> bool {
        is_any(&self.0, name)
    }
}

/// Whether a name, of a header or of a host, is one of these.
pub(crate) fn is_any(names: &[String], name: &[u8]) -> bool {
    let mut patterns = names.iter().map(|written| TextPattern::parse(written));
    patterns.any(|pattern| pattern.matches_header_ignoring_case(name))
}
