//! Values of scenario files: bytes, sizes, times, properties.

use std::path::Path;
use std::{fmt, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use crate::hosted::instant;
use crate::notation::{Shapes, exactly_one, read_by_shape};

/// Bytes: a text, or an object that says where they come from.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    Known(Vec<u8>),
    File(String),
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct BytesFields {
    /// The JSON text of this value.
    #[serde(default, deserialize_with = "also_null")]
    json: Option<Value>,
    /// These bytes, in base64.
    #[serde(default)]
    base64: Option<Base64>,
    /// What this file has, beside the scenario.
    #[serde(default)]
    file: Option<String>,
}

/// In JSON, null is a value.
pub(super) fn also_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Bytes {
    /// The bytes; files stand beside the scenario.
    pub(super) fn load(&self, directory: &Path) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Known(bytes) => Ok(bytes.clone()),
            Self::File(name) => read_file(directory, name),
        }
    }
}

/// A file that a scenario names, and that is not there for it.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// As the scenario names it.
    pub(super) name: String,
    message: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn read_file(directory: &Path, name: &str) -> Result<Vec<u8>, Unreadable> {
    let path = directory.join(name);
    fs::read(&path).map_err(|error| Unreadable {
        name: name.to_owned(),
        message: format!("{} cannot be read: {error}", path.display()),
    })
}

impl<'de> Shapes<'de> for Bytes {
    const EXPECTED: &'static str = "a text, or an object with `json`, `base64` or `file`";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "string"}),
            generator.subschema_for::<BytesFields>(),
        ]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Known(text.into()))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let fields = BytesFields::deserialize(object)?;
        exactly_one(&[
            ("json", fields.json.is_some()),
            ("base64", fields.base64.is_some()),
            ("file", fields.file.is_some()),
        ])?;
        if let Some(file) = fields.file {
            return Ok(Self::File(file));
        }
        let json = fields.json.map(|json| json.to_string().into_bytes());
        Ok(Self::Known(
            json.or(fields.base64.map(|base64| base64.0)).unwrap_or_default(),
        ))
    }
}

/// A filter's configuration: a text, a file, or anything else, which is handed over as JSON.
#[derive(Clone, Debug)]
pub(super) enum Configuration {
    Text(String),
    File(String),
}

impl Configuration {
    pub(super) fn load(&self, directory: &Path) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(name) => read_file(directory, name),
        }
    }
}

impl<'de> Shapes<'de> for Configuration {
    const EXPECTED: &'static str = "a text, `{file: …}`, or an object that becomes JSON";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": ["string", "array", "object"]})]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Text(text.to_owned()))
    }

    fn list<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        Ok(Self::Text(Value::deserialize(list)?.to_string()))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(object)?;
        let fields = value.as_object();
        let only = fields.filter(|fields| fields.len() == 1);
        Ok(match only.and_then(|only| only.get("file")).and_then(Value::as_str) {
            Some(file) => Self::File(file.to_owned()),
            None => Self::Text(value.to_string()),
        })
    }
}

/// Bytes as base64.
#[derive(Clone, Debug)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Shapes<'de> for Base64 {
    const EXPECTED: &'static str = "a text in base64";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "string", "contentEncoding": "base64"})]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        let bytes = STANDARD.decode(text);
        bytes
            .map(Self)
            .map_err(|error| E::custom(format_args!("this is no base64: {error}")))
    }
}

/// A number of things, with a unit where it is large: `200k`, `8MiB`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Quantity(pub(super) u64);

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("", 1),
];

impl<'de> Shapes<'de> for Quantity {
    const EXPECTED: &'static str = "a number, such as 500, `200k` or `8MiB`";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
        vec![
            json_schema!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
            json_schema!({"type": "string", "pattern": format!("^[0-9]+ *({})$", units.join("|"))}),
        ]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = u64::try_from(number);
        number
            .map(Self)
            .map_err(|_| Self::refused(format_args!("a number that is less than nothing")))
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor = UNITS.iter().find(|(known, _)| *known == unit.trim());
        let number = digits.parse::<u64>().ok();
        let product = factor
            .zip(number)
            .and_then(|((_, factor), number)| number.checked_mul(*factor));
        product.map(Self).ok_or_else(|| Self::refused(format_args!("{text:?}")))
    }
}

/// A moment: RFC 3339, or nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Moment(pub(super) i64);

impl<'de> Shapes<'de> for Moment {
    const EXPECTED: &'static str = "a time, such as \"2026-01-01T00:00:00Z\", or nanoseconds since 1970";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "string", "format": "date-time"}),
            json_schema!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
        ]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = i64::try_from(number);
        number
            .map(Self)
            .map_err(|_| Self::refused(format_args!("a number that is too large")))
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        instant::parse(text).map(Self).map_err(E::custom)
    }
}

/// Where the clock stands: like a moment, but not before 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clock(pub(super) u64);

impl<'de> Shapes<'de> for Clock {
    const EXPECTED: &'static str = Moment::EXPECTED;

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "string", "format": "date-time"}),
            json_schema!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
        ]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = u64::try_from(number);
        number
            .map(Self)
            .map_err(|_| Self::refused(format_args!("a number that is before 1970, or too large")))
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        instant::parse_clock(text).map(Self).map_err(E::custom)
    }
}

/// The status of a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct HttpStatus(pub(super) u32);

impl HttpStatus {
    const LEAST: u32 = 100;
    const MOST: u32 = 599;
}

impl<'de> Shapes<'de> for HttpStatus {
    const EXPECTED: &'static str = "an HTTP status, from 100 to 599";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "integer", "minimum": HttpStatus::LEAST, "maximum": HttpStatus::MOST})]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        match u32::try_from(number) {
            Ok(status @ Self::LEAST..=Self::MOST) => Ok(Self(status)),
            _ => Err(Self::refused(format_args!("{number}"))),
        }
    }
}

read_by_shape!(Bytes, Configuration, Base64, Quantity, Moment, Clock, HttpStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units() {
        let read = |text: &str| {
            Quantity::text::<serde_json::Error>(text)
                .ok()
                .map(|quantity| quantity.0)
        };
        let rows = [
            ("200k", Some(200_000)),
            ("8MiB", Some(8 << 20)),
            ("8 MiB", Some(8 << 20)),
            ("17", Some(17)),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("99999999999999999999G", None),
            ("9999999999999999G", None),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
