//! The properties that a test gives: values, and errors in place of values.

use crate::abi::Status;
use crate::property::Property;

/// Properties by path. A path is kept as the guest asks for it: its segments joined by NUL.
#[derive(Debug, Clone, Default)]
pub(crate) struct PropertyStore {
    // A request has a dozen of these at most: comparing their paths one by one beats hashing.
    entries: Vec<(Box<[u8]>, Slot)>,
}

#[derive(Debug, Clone)]
enum Slot {
    Value(Property),
    Error(Status),
}

/// What the store knows about a path.
pub(crate) enum Found<'a> {
    Value(&'a Property),
    Error(Status),
}

impl PropertyStore {
    pub(crate) fn set(&mut self, path: impl PropertyPath, value: Property) {
        self.insert(path.into_key(), Slot::Value(value));
    }

    pub(crate) fn fail(&mut self, path: impl PropertyPath, status: Status) {
        self.insert(path.into_key(), Slot::Error(status));
    }

    fn insert(&mut self, key: Box<[u8]>, slot: Slot) {
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = slot,
            None => self.entries.push((key, slot)),
        }
    }

    /// The entry with exactly this path, or the value that the rest of the path leads to inside a shorter one.
    pub(crate) fn find(&self, path: &[u8]) -> Option<Found<'_>> {
        let mut walked = None;
        for (key, slot) in &self.entries {
            let Some(rest) = path.strip_prefix(&**key) else {
                continue;
            };
            match (slot, rest) {
                (Slot::Error(status), []) => return Some(Found::Error(*status)),
                (Slot::Value(value), []) => return Some(Found::Value(value)),
                (Slot::Value(value), [0, rest @ ..]) => {
                    walked = walked.or_else(|| value.walk(rest.split(|&byte| byte == 0)));
                }
                _ => {}
            }
        }
        walked.map(Found::Value)
    }
}

/// A path of a property: dotted text (`"xds.cluster_name"`), or an array of segments where a segment has a dot in it.
///
/// ```
/// use outgate_test_host::Request;
///
/// let request = Request::get("https://api.example.com/")
///     .property("xds.cluster_name", "outbound|443||api.example.com")
///     .property(["metadata", "filter_metadata", "my.filter", "tier"], "gold");
/// ```
pub trait PropertyPath {
    /// The segments joined by NUL, as the guest asks for them.
    fn into_key(self) -> Box<[u8]>;
}

impl PropertyPath for &str {
    fn into_key(self) -> Box<[u8]> {
        self.replace('.', "\0").into_bytes().into()
    }
}

impl<const N: usize> PropertyPath for [&str; N] {
    fn into_key(self) -> Box<[u8]> {
        self.join("\0").into_bytes().into()
    }
}

impl PropertyPath for &[&str] {
    fn into_key(self) -> Box<[u8]> {
        self.join("\0").into_bytes().into()
    }
}
