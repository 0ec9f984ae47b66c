//! `envoy.config.core.v3.Metadata` from its protobuf encoding.
//!
//! The typed encoding is read, rather than single claims by path, because only it tells a string from a number, and because a
//! null claim makes the host refuse to hand out a claim by path.

use outgate_policy::{Fields as Values, Metadata, MetadataValue};

/// The bytes are no such message, or nested beyond reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed;

/// Deeper than any claim, shallow enough for a guest's stack.
const DEEPEST: u8 = 64;

/// Reads the message.
///
/// # Errors
///
/// When it is malformed.
pub fn parse(message: &[u8]) -> Result<Metadata, Malformed> {
    let mut filters = Vec::new();
    for field in Fields(message) {
        if let (1, Wire::Bytes(entry)) = field? {
            let (filter, fields) = map_entry(entry)?;
            let fields = structure(fields, DEEPEST)?;
            filters.extend(name(filter).map(|filter| (filter, fields)));
        }
    }
    Ok(filters.into_iter().collect())
}

fn structure(message: &[u8], depth: u8) -> Result<Values, Malformed> {
    let mut values = Vec::new();
    for field in Fields(message) {
        if let (1, Wire::Bytes(entry)) = field? {
            let (key, message) = map_entry(entry)?;
            let value = value(message, depth)?;
            values.extend(name(key).map(|key| (key, value)));
        }
    }
    Ok(values.into_iter().collect())
}

fn value(message: &[u8], depth: u8) -> Result<MetadataValue, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let mut value = MetadataValue::Null;
    for field in Fields(message) {
        value = match field? {
            (1, Wire::Varint(_)) => MetadataValue::Null,
            (2, Wire::Fixed64(bits)) => MetadataValue::Number(f64::from_bits(bits)),
            (3, Wire::Bytes(text)) => MetadataValue::String(text.to_vec()),
            (4, Wire::Varint(truth)) => MetadataValue::Bool(truth != 0),
            (5, Wire::Bytes(message)) => MetadataValue::Struct(structure(message, depth)?),
            (6, Wire::Bytes(message)) => MetadataValue::List(list(message, depth)?),
            _ => value,
        };
    }
    Ok(value)
}

fn list(message: &[u8], depth: u8) -> Result<Vec<MetadataValue>, Malformed> {
    let mut elements = Vec::new();
    for field in Fields(message) {
        if let (1, Wire::Bytes(element)) = field? {
            elements.push(value(element, depth)?);
        }
    }
    Ok(elements)
}

fn map_entry(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields(message) {
        match field? {
            (1, Wire::Bytes(text)) => key = text,
            (2, Wire::Bytes(message)) => value = message,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Keys, unlike texts, are looked up by what policies say, which is UTF-8: nobody can ask for another.
fn name(key: &[u8]) -> Option<String> {
    String::from_utf8(key.to_vec()).ok()
}

/// The fields of a message, each with its number.
struct Fields<'a>(&'a [u8]);

enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Wire<'a>), Malformed> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.chunk()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            5 => {
                self.chunk::<4>()?;
                Wire::Fixed32
            }
            _ => return Err(Malformed),
        };
        Ok((tag >> 3, wire))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, parse};
    use outgate_policy::MetadataValue;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut encoded = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            encoded.push(length as u8 | 0x80);
            length >>= 7;
        }
        encoded.push(length as u8);
        [encoded, content.to_vec()].concat()
    }

    fn entry(key: &str, value: &[u8]) -> Vec<u8> {
        field(1, &[field(1, key.as_bytes()), field(2, value)].concat())
    }

    #[test]
    fn every_type_of_value_is_told_apart() {
        let number = [vec![2 << 3 | 1], 2.5_f64.to_le_bytes().to_vec()].concat();
        let values = [
            entry("text", &field(3, b"a")),
            entry("number", &number),
            entry("true", &[4 << 3, 1]),
            entry("null", &[1 << 3, 0]),
            entry("object", &field(5, &entry("inner", &field(3, b"b")))),
            entry(
                "list",
                &field(6, &[field(1, &field(3, b"c")), field(1, &number)].concat()),
            ),
            entry("empty", b""),
        ]
        .concat();
        let metadata = parse(&entry("filter", &values)).unwrap();
        let text = |text: &str| MetadataValue::String(text.into());
        for (key, expected) in [
            ("text", text("a")),
            ("number", MetadataValue::Number(2.5)),
            ("true", MetadataValue::Bool(true)),
            ("null", MetadataValue::Null),
            (
                "object",
                MetadataValue::Struct([("inner".to_owned(), text("b"))].into_iter().collect()),
            ),
            ("list", MetadataValue::List(vec![text("c"), MetadataValue::Number(2.5)])),
            ("empty", MetadataValue::Null),
        ] {
            assert_eq!(metadata.get("filter", key), Some(&expected), "{key}");
        }
    }

    /// Native compares the bytes of a string; some filters fill it with a header as it came.
    #[test]
    fn a_text_may_hold_any_bytes() {
        let metadata = parse(&entry("filter", &entry("key", &field(3, b"a\xFF")))).unwrap();
        let text = MetadataValue::String(b"a\xFF".to_vec());
        assert_eq!(metadata.get("filter", "key"), Some(&text));
    }

    #[test]
    fn a_key_that_no_policy_can_name_is_passed_over() {
        let odd = field(1, &[field(1, b"\xFF"), field(2, &field(3, b"a"))].concat());
        let metadata = parse(&entry("filter", &[odd, entry("key", &field(3, b"b"))].concat())).unwrap();
        assert_eq!(metadata.get("filter", "key"), Some(&MetadataValue::String("b".into())));
    }

    #[test]
    fn hostile_bytes_are_an_error() {
        let good = entry("filter", &entry("key", &field(3, b"value")));
        for end in 1..good.len() {
            assert!(parse(&good[..end]).is_err(), "{end} bytes");
        }
        assert!(parse(&[0xFF; 11]).is_err());
        let mut deep = field(3, b"x");
        for _ in 0..=DEEPEST {
            deep = field(6, &field(1, &deep));
        }
        assert!(parse(&entry("f", &entry("k", &deep))).is_err());
    }
}
