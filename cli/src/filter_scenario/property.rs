//! Properties of requests and plugins, as they are written.

use outgate_sdk::manifest::Period;
use outgate_test_host::{Property, Status};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use super::values::{Base64, Moment};
use crate::notation::LengthOfTime;
use crate::notation::{Ordered, Shapes, exactly_one, read_by_shape};

/// A property: a bare value, or one whose type is said. The type decides the bytes that a filter reads.
#[derive(Clone, Debug)]
pub(super) enum PropertyValue {
    Value(Property),
    /// Reading it fails.
    Error(Status),
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct PropertyFields {
    /// A text.
    #[serde(default)]
    string: Option<String>,
    /// A signed integer of 64 bits.
    #[serde(default)]
    int: Option<i64>,
    /// An unsigned integer of 64 bits.
    #[serde(default)]
    uint: Option<u64>,
    /// A floating-point number of 64 bits.
    #[serde(default)]
    double: Option<f64>,
    /// A boolean: one byte.
    #[serde(default)]
    bool: Option<bool>,
    /// Bytes, in base64.
    #[serde(default)]
    bytes: Option<Base64>,
    /// A moment: nanoseconds since 1970, in 64 bits.
    #[serde(default)]
    timestamp: Option<Moment>,
    /// A length of time: nanoseconds, in 64 bits.
    #[serde(default)]
    #[schemars(with = "Option<LengthOfTime>")]
    duration: Option<Period>,
    /// A map; the values are properties again.
    #[serde(default)]
    map: Option<Ordered<PropertyValue>>,
    /// A list of properties.
    #[serde(default)]
    list: Option<Vec<PropertyValue>>,
    /// A value like one of dynamic metadata: objects are maps, all numbers doubles.
    #[serde(default)]
    json: Option<Value>,
    /// Reading the property fails with this status, to test what the filter does then. For properties of requests.
    #[serde(default)]
    error: Option<StatusName>,
}

/// What reading a property can answer besides a value.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
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
    const EXPECTED: &'static str = "a text, a boolean, a number, or an object with the type, such as `{uint: 5}`";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": ["string", "boolean", "number"]}),
            generator.subschema_for::<PropertyFields>(),
        ]
    }

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

    fn float<E: Error>(number: f64) -> Result<Self, E> {
        Ok(Self::Value(Property::Double(number)))
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
            ("json", fields.json.is_some()),
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
        let simple = simple.or(fields.json.as_ref().map(Property::from));
        let nested = map.or(list).transpose()?;
        Ok(Self::Value(simple.or(nested).unwrap_or(Property::Null)))
    }
}

/// Dynamic metadata: namespaces, each an object.
#[derive(Clone, Debug)]
pub(super) struct DynamicMetadata(pub(super) Value);

impl<'de> Shapes<'de> for DynamicMetadata {
    const EXPECTED: &'static str = "an object of objects: a name of a filter, and what it has set";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "object", "additionalProperties": {"type": "object"}})]
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let namespaces = Ordered::<serde_json::Map<String, Value>>::deserialize(object)?;
        let namespaces = namespaces.0.into_iter();
        Ok(Self(
            namespaces.map(|(name, fields)| (name, Value::Object(fields))).collect(),
        ))
    }
}

read_by_shape!(PropertyValue, DynamicMetadata);
