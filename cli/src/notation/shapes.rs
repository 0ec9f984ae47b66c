//! Types that are written in one of several shapes.

use std::fmt;
use std::marker::PhantomData;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// A type that is written in one of several shapes. Each shape that it does not take is refused by saying which it does.
pub(crate) trait Shapes<'de>: Sized {
    /// What may stand here, for people: `a text or an object`.
    const EXPECTED: &'static str;

    /// The same for the schema, shape by shape. It may allow more than the reader, and never less.
    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema>;

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Str(text), &Self::EXPECTED))
    }

    fn boolean<E: Error>(value: bool) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Bool(value), &Self::EXPECTED))
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        Err(E::invalid_type(Unexpected::Signed(number), &Self::EXPECTED))
    }

    fn float<E: Error>(number: f64) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Float(number), &Self::EXPECTED))
    }

    fn list<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::invalid_type(Unexpected::Seq, &Self::EXPECTED))
    }

    fn object<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::invalid_type(Unexpected::Map, &Self::EXPECTED))
    }

    /// Refuses a value of the right type.
    fn refused<E: Error>(found: fmt::Arguments<'_>) -> E {
        E::custom(format_args!("expected {}, found {found}", Self::EXPECTED))
    }

    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByShape(PhantomData))
    }
}

/// The schema of a type by its shapes.
pub(crate) fn any_shape<T: for<'de> Shapes<'de>>(generator: &mut SchemaGenerator) -> Schema {
    let mut shapes = T::shapes(generator);
    let mut schema = match &mut *shapes {
        [only] => std::mem::take(only),
        _ => json_schema!({ "anyOf": shapes }),
    };
    let mut description = T::EXPECTED.to_owned();
    if let Some(first) = description.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    schema.insert("description".to_owned(), (description + ".").into());
    schema
}

struct ByShape<T>(PhantomData<T>);

impl<'de, T: Shapes<'de>> Visitor<'de> for ByShape<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::text(text)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        T::boolean(value)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::integer(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::integer(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        T::float(number)
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Err(E::invalid_type(Unexpected::Unit, &T::EXPECTED))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(SeqAccessDeserializer::new(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(MapAccessDeserializer::new(map))
    }
}

/// `Deserialize` and `JsonSchema` by [`Shapes`].
macro_rules! read_by_shape {
    ($($type:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as $crate::notation::Shapes<'de>>::read(deserializer)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::notation::any_shape::<Self>(generator)
            }
        }
    )+};
}
pub(crate) use read_by_shape;

/// `JsonSchema` of a type that is read as another one, and then checked.
macro_rules! schema_of {
    ($type:ty = $fields:ty) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$fields>::json_schema(generator)
            }
        }
    };
}
pub(crate) use schema_of;
