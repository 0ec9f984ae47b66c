//! Values of scenario files: bytes, sizes, times, properties.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outgate_sdk::manifest::Period;
use outgate_test_host::{Property, Status};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use crate::hosted::instant;
use crate::notation::{Ordered, Shapes, exactly_one, read_by_shape};

/// Bytes: a text, or an object that says where they come from.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    Known(Vec<u8>),
    File(String),
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BytesFields {
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    base64: Option<Base64>,
    #[serde(default)]
    file: Option<String>,
}

impl Bytes {
    /// The bytes; files stand beside the scenario.
    pub(super) fn load(&self, directory: &Path) -> Result<Vec<u8>, String> {
        match self {
            Self::Known(bytes) => Ok(bytes.clone()),
            Self::File(file) => read_file(&directory.join(file)),
        }
    }

    /// The file that they are in.
    pub(super) fn file(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::File(file) => Some(file),
        }
    }
}

pub(super) fn read_file(path: &PathBuf) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

impl<'de> Shapes<'de> for Bytes {
    const EXPECTED: &'static str = "a text, or an object with `json`, `base64` or `file`";

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
    pub(super) fn load(&self, directory: &Path) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(file) => read_file(&directory.join(file)),
        }
    }

    pub(super) fn file(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::File(file) => Some(file),
        }
    }
}

impl<'de> Shapes<'de> for Configuration {
    const EXPECTED: &'static str = "a text, `{file: …}`, or an object that becomes JSON";

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

/// A property: a bare value, or one whose type is said. The type decides the bytes that a filter reads.
#[derive(Clone, Debug)]
pub(super) enum PropertyValue {
    Value(Property),
    /// Reading it fails.
    Error(Status),
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PropertyFields {
    #[serde(default)]
    string: Option<String>,
    #[serde(default)]
    int: Option<i64>,
    #[serde(default)]
    uint: Option<u64>,
    #[serde(default)]
    double: Option<f64>,
    #[serde(default)]
    bool: Option<bool>,
    #[serde(default)]
    bytes: Option<Base64>,
    #[serde(default)]
    timestamp: Option<Moment>,
    #[serde(default)]
    duration: Option<Period>,
    #[serde(default)]
    map: Option<Ordered<PropertyValue>>,
    #[serde(default)]
    list: Option<Vec<PropertyValue>>,
    #[serde(default)]
    error: Option<StatusName>,
}

/// What reading a property can answer besides a value.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StatusName {
    NotFound,
    BadArgument,
    SerializationFailure,
    InvalidMemoryAccess,
    InternalFailure,
    Unimplemented,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::NotFound => Self::NotFound,
            StatusName::BadArgument => Self::BadArgument,
            StatusName::SerializationFailure => Self::SerializationFailure,
            StatusName::InvalidMemoryAccess => Self::InvalidMemoryAccess,
            StatusName::InternalFailure => Self::InternalFailure,
            StatusName::Unimplemented => Self::Unimplemented,
        }
    }
}

impl PropertyValue {
    fn inner<E: Error>(self) -> Result<Property, E> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Error(_) => Err(E::custom("`error` is for a whole property, not for a part of one")),
        }
    }
}

impl<'de> Shapes<'de> for PropertyValue {
    const EXPECTED: &'static str = "a text, a boolean, an integer, or an object with the type, such as `{uint: 5}`";

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Value(text.into()))
    }

    fn boolean<E: Error>(value: bool) -> Result<Self, E> {
        Ok(Self::Value(value.into()))
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = i64::try_from(number);
        let property = number.map(|number| Self::Value(number.into()));
        property.map_err(|_| E::custom("the number is too large for an integer; write `{uint: …}`"))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let fields = PropertyFields::deserialize(object)?;
        exactly_one(&[
            ("string", fields.string.is_some()),
            ("int", fields.int.is_some()),
            ("uint", fields.uint.is_some()),
            ("double", fields.double.is_some()),
            ("bool", fields.bool.is_some()),
            ("bytes", fields.bytes.is_some()),
            ("timestamp", fields.timestamp.is_some()),
            ("duration", fields.duration.is_some()),
            ("map", fields.map.is_some()),
            ("list", fields.list.is_some()),
            ("error", fields.error.is_some()),
        ])?;
        if let Some(status) = fields.error {
            return Ok(Self::Error(status.into()));
        }
        let nanoseconds = |period: Period| i64::try_from(period.0.as_nanos()).unwrap_or(i64::MAX);
        let map = fields.map.map(|map| {
            let entries = map.0.into_iter().map(|(key, value)| Ok((key, value.inner()?)));
            entries.collect::<Result<Vec<_>, D::Error>>().map(Property::Map)
        });
        let list = fields.list.map(|list| {
            let items = list.into_iter().map(Self::inner);
            items.collect::<Result<Vec<_>, D::Error>>().map(Property::List)
        });
        let simple = fields.string.map(Property::String);
        let simple = simple.or(fields.int.map(Property::Int));
        let simple = simple.or(fields.uint.map(Property::Uint));
        let simple = simple.or(fields.double.map(Property::Double));
        let simple = simple.or(fields.bool.map(Property::Bool));
        let simple = simple.or(fields.bytes.map(|bytes| Property::Bytes(bytes.0)));
        let simple = simple.or(fields.timestamp.map(|moment| Property::Timestamp(moment.0)));
        let simple = simple.or(fields.duration.map(|period| Property::Duration(nanoseconds(period))));
        let nested = map.or(list).transpose()?;
        Ok(Self::Value(simple.or(nested).unwrap_or(Property::Null)))
    }
}

/// Dynamic metadata: namespaces, each an object.
#[derive(Clone, Debug)]
pub(super) struct DynamicMetadata(pub(super) Value);

impl<'de> Shapes<'de> for DynamicMetadata {
    const EXPECTED: &'static str = "an object of objects: a name of a filter, and what it has set";

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let namespaces = Ordered::<serde_json::Map<String, Value>>::deserialize(object)?;
        let namespaces = namespaces.0.into_iter();
        Ok(Self(
            namespaces.map(|(name, fields)| (name, Value::Object(fields))).collect(),
        ))
    }
}

read_by_shape!(
    Bytes,
    Configuration,
    Base64,
    Quantity,
    Moment,
    PropertyValue,
    DynamicMetadata
);

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
