//! A header.

/// A header's name and its value, which need not be UTF-8.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Header {
    /// The name as it was written. Names are compared without regard to case.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
}

impl Header {
    /// A header from what stands on both sides of its colon.
    pub fn new(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}
