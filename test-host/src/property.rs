//! Values of properties, and how they are encoded for the guest.

use crate::pairs;

/// The value of a property, with the type that Envoy gives it: the type decides the bytes that the guest reads.
///
/// ```
/// use outgate_test_host::Property;
///
/// assert_eq!(Property::from(true).encode().unwrap(), [1]);
/// assert_eq!(Property::Int(8443).encode().unwrap(), 8443i64.to_le_bytes());
/// assert_eq!(Property::from("/v1").encode().unwrap(), b"/v1");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Property {
    /// Text: as it is.
    String(String),
    /// Bytes: as they are.
    Bytes(Vec<u8>),
    /// A signed integer: 8 bytes, little-endian.
    Int(i64),
    /// An unsigned integer: 8 bytes, little-endian.
    Uint(u64),
    /// A boolean: 1 byte.
    Bool(bool),
    /// A floating-point number: 8 bytes, little-endian.
    Double(f64),
    /// Nanoseconds since the epoch: 8 bytes, little-endian.
    Timestamp(i64),
    /// Nanoseconds: 8 bytes, little-endian.
    Duration(i64),
    /// A map: a pairs block of keys and encoded values. A longer path walks into it by key.
    Map(Vec<(String, Property)>),
    /// A list: a pairs block of encoded elements and empty values. A longer path walks into it by index.
    List(Vec<Property>),
    /// A protobuf message: its wire bytes.
    Message(Vec<u8>),
    /// The null of a JSON-like value: alone or inside a map or list it cannot be encoded.
    Null,
}

/// A property that Envoy cannot hand to a guest, because it is or holds a null. The guest gets status 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSerializable;

impl std::fmt::Display for NotSerializable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value is or holds a null, which has no encoding")
    }
}

impl std::error::Error for NotSerializable {}

impl Property {
    /// The bytes that a guest reads.
    ///
    /// # Errors
    /// When the value is or holds a [`Property::Null`].
    pub fn encode(&self) -> Result<Vec<u8>, NotSerializable> {
        let mut out = Vec::new();
        self.encode_into(&mut out)?;
        Ok(out)
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), NotSerializable> {
        match self {
            Self::String(text) => out.extend_from_slice(text.as_bytes()),
            Self::Bytes(bytes) | Self::Message(bytes) => out.extend_from_slice(bytes),
            Self::Int(n) | Self::Timestamp(n) | Self::Duration(n) => out.extend(n.to_le_bytes()),
            Self::Uint(n) => out.extend(n.to_le_bytes()),
            Self::Double(n) => out.extend(n.to_le_bytes()),
            Self::Bool(b) => out.push(u8::from(*b)),
            Self::Map(entries) => {
                let values = encode_all(entries.iter().map(|(_, value)| value))?;
                pairs::encode(entries.iter().map(|(key, _)| key).zip(&values), out);
            }
            Self::List(items) => {
                let items = encode_all(items.iter())?;
                pairs::encode(items.iter().map(|item| (item, "")), out);
            }
            Self::Null => return Err(NotSerializable),
        }
        Ok(())
    }

    /// The value inside this one that the remaining segments of a path lead to.
    pub(crate) fn walk<'a>(&self, path: impl Iterator<Item = &'a [u8]>) -> Option<&Self> {
        path.into_iter().try_fold(self, |value, segment| match value {
            Self::Map(entries) => entries
                .iter()
                .find(|(key, _)| key.as_bytes() == segment)
                .map(|(_, value)| value),
            Self::List(items) => {
                let index: usize = std::str::from_utf8(segment).ok()?.parse().ok()?;
                items.get(index)
            }
            _ => None,
        })
    }
}

fn encode_all<'a>(values: impl Iterator<Item = &'a Property>) -> Result<Vec<Vec<u8>>, NotSerializable> {
    values.map(Property::encode).collect()
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Property {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Property {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Property {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&[u8]> for Property {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// JSON as `google.protobuf.Struct` holds it: every number is a double.
impl From<&serde_json::Value> for Property {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => Self::Double(n.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Map(fields.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }
}
