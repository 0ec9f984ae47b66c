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
        let mut patterns = self.0.iter().map(|written| TextPattern::parse(written));
        patterns.any(|pattern| pattern.matches_header_ignoring_case(name))
    }
}
