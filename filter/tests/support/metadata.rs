//! `envoy.config.core.v3.Metadata` as protobuf encodes it.

use serde_json::{Map, Value};

/// The message whose filters are the fields of an object of objects.
pub(crate) fn encode(filters: &Value) -> Vec<u8> {
    entries(filters.as_object().expect("filters by name"), structure)
}

/// A claim of this many lists, one in another.
pub(crate) fn nested_claim(depth: usize) -> Vec<u8> {
    let mut value = field(3, b"x");
    for _ in 0..depth {
        value = field(6, &field(1, &value));
    }
    let payload = field(5, &entry("x", &value));
    entry("envoy.filters.http.jwt_authn", &entry("payload", &payload))
}

fn structure(value: &Value) -> Vec<u8> {
    entries(value.as_object().expect("values by key"), encode_value)
}

fn entries(values: &Map<String, Value>, encode: fn(&Value) -> Vec<u8>) -> Vec<u8> {
    values
        .iter()
        .flat_map(|(key, value)| entry(key, &encode(value)))
        .collect()
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    field(1, &[field(1, key.as_bytes()), field(2, value)].concat())
}

fn encode_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            let bits = number.as_f64().expect("a number").to_le_bytes();
            [&[2 << 3 | 1][..], &bits].concat()
        }
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(truth) => vec![4 << 3, u8::from(*truth)],
        Value::Object(_) => field(5, &structure(value)),
        Value::Array(elements) => {
            let elements = elements.iter().flat_map(|element| field(1, &encode_value(element)));
            field(6, &elements.collect::<Vec<_>>())
        }
    }
}

/// A field of bytes: its number and wire type, its length, its content.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        encoded.push(length as u8 | 0x80);
        length >>= 7;
    }
    encoded.push(length as u8);
    encoded.extend_from_slice(content);
    encoded
}
