//! Dynamic metadata as Envoy holds it: the protobuf message `envoy.config.core.v3.Metadata`, written by hand.
//!
//! ```text
//! Metadata  { map<string, Struct> filter_metadata = 1 }
//! Struct    { map<string, Value> fields = 1 }
//! Value     { oneof: NullValue 1 | double 2 | string 3 | bool 4 | Struct 5 | ListValue 6 }
//! ListValue { repeated Value values = 1 }
//! ```
//! A map is repeated entries of `{ key = 1; value = 2 }`.

use serde_json::{Map, Value};

/// The wire bytes of a `Metadata` message whose namespaces are the fields of `namespaces`.
///
/// A namespace is a `Struct`: one that is no JSON object is taken as an empty one.
pub(crate) fn encode(namespaces: &Map<String, Value>) -> Vec<u8> {
    let mut metadata = Vec::new();
    for (name, fields) in namespaces {
        let fields = fields.as_object().map(structure).unwrap_or_default();
        bytes_field(&mut metadata, 1, &entry(name, &fields));
    }
    metadata
}

fn structure(fields: &Map<String, Value>) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, field) in fields {
        bytes_field(&mut message, 1, &entry(name, &value(field)));
    }
    message
}

fn value(json: &Value) -> Vec<u8> {
    let mut message = Vec::new();
    match json {
        Value::Null => varint_field(&mut message, 1, 0),
        Value::Number(n) => {
            varint(&mut message, tag(2, WireType::Fixed64));
            message.extend(n.as_f64().unwrap_or(f64::NAN).to_le_bytes());
        }
        Value::String(text) => bytes_field(&mut message, 3, text.as_bytes()),
        Value::Bool(b) => varint_field(&mut message, 4, u64::from(*b)),
        Value::Object(fields) => bytes_field(&mut message, 5, &structure(fields)),
        Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                bytes_field(&mut list, 1, &value(item));
            }
            bytes_field(&mut message, 6, &list);
        }
    }
    message
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    bytes_field(&mut entry, 1, key.as_bytes());
    bytes_field(&mut entry, 2, value);
    entry
}

#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
}

fn tag(field: u64, wire_type: WireType) -> u64 {
    field << 3 | wire_type as u64
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, tag(field, WireType::Bytes));
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, tag(field, WireType::Varint));
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The expected bytes are those of the reference implementation of protobuf, worked out field by field.
    #[test]
    fn each_kind_of_value_has_its_wire_bytes() {
        let rows: [(&str, Value, &[u8]); 7] = [
            ("null", json!(null), &[0x08, 0x00]),
            ("number", json!(1.5), &[0x11, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]),
            ("string", json!("hi"), &[0x1a, 2, b'h', b'i']),
            ("true", json!(true), &[0x20, 1]),
            ("false", json!(false), &[0x20, 0]),
            ("list", json!([true]), &[0x32, 4, 0x0a, 2, 0x20, 1]),
            (
                "struct",
                json!({"a": ""}),
                &[0x2a, 9, 0x0a, 7, 0x0a, 1, b'a', 0x12, 2, 0x1a, 0],
            ),
        ];
        for (name, json, expected) in rows {
            assert_eq!(value(&json), expected, "{name}");
        }
    }

    #[test]
    fn metadata_is_a_map_of_structs() {
        let json = json!({"ns": {"k": true}});
        let expected = [
            0x0a, 15, 0x0a, 2, b'n', b's', 0x12, 9, 0x0a, 7, 0x0a, 1, b'k', 0x12, 2, 0x20, 1,
        ];
        assert_eq!(encode(json.as_object().unwrap()), expected);
    }

    #[test]
    fn long_lengths_take_more_than_one_byte() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
    }
}
