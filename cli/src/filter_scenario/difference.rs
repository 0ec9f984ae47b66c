//! What is not as expected.

use outgate_policy::FieldPath;

/// An expectation that does not hold.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// The field of the case that expects it.
    pub(super) field: FieldPath,
    pub(super) expected: String,
    pub(super) found: String,
    /// What to write in the field's place, if that would make it hold.
    pub(super) replacement: Option<String>,
}

impl Difference {
    pub(super) fn new(field: FieldPath, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            field,
            expected: expected.into(),
            found: found.into(),
            replacement: None,
        }
    }
}
