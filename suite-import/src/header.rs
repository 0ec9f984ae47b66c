//! A header, and what becomes of one that is given several times.

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

/// Joins the values of repeated names with `, `, as the plugin tester does before the plugin sees a header.
///
/// A name keeps the place and the case in which it came first.
///
/// ```
/// use outgate_suite_import::{Header, join_repeats};
///
/// let headers = [Header::new("X-Tag", "a"), Header::new("accept", "*/*"), Header::new("x-tag", "b")];
/// assert_eq!(join_repeats(headers), [Header::new("X-Tag", "a, b"), Header::new("accept", "*/*")]);
/// ```
#[must_use]
pub fn join_repeats(headers: impl IntoIterator<Item = Header>) -> Vec<Header> {
    let mut joined: Vec<Header> = Vec::new();
    for header in headers {
        match joined
            .iter_mut()
            .find(|known| known.key.eq_ignore_ascii_case(&header.key))
        {
            Some(known) => {
                known.value.extend_from_slice(b", ");
                known.value.extend_from_slice(&header.value);
            }
            None => joined.push(header),
        }
    }
    joined
}
