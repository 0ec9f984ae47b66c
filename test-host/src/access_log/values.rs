//! Values of JSON, made of what a stream has.

use serde_json::{Map, Value};

use crate::property::Property;

/// At most this many bytes; what is no UTF-8, such as the half of a character that is left, becomes U+FFFD.
pub(super) fn shortened(bytes: &[u8], length: Option<usize>) -> String {
    let end = length.map_or(bytes.len(), |length| length.min(bytes.len()));
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

pub(super) fn not_empty(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// A property as JSON. Envoy prints a double that is a whole number without a fraction.
pub(super) fn of_property(value: &Property) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Property::String(text) => text.as_str().into(),
        Property::Bytes(bytes) | Property::Message(bytes) => shortened(bytes, None).into(),
        Property::Int(n) | Property::Timestamp(n) | Property::Duration(n) => (*n).into(),
        Property::Uint(n) => (*n).into(),
        Property::Double(n) if n.fract() == 0.0 && n.abs() < EXACT => (*n as i64).into(),
        Property::Double(n) => (*n).into(),
        Property::Bool(b) => (*b).into(),
        Property::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), of_property(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Property::List(items) => items.iter().map(of_property).collect(),
        Property::Null => Value::Null,
    }
}
