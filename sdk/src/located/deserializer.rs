//! A tree to any type that serde can read. Errors carry the place and the field in which they happened.

use outgate_policy::Segment;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Entry, Error, Node, Number, Value};
use crate::suggest;

impl Node {
    /// Reads the tree as a `T`.
    ///
    /// # Errors
    ///
    /// The first thing that does not fit, with its place and the path of its field.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(NodeDeserializer(self))
    }
}

struct NodeDeserializer<'a>(&'a Node);

impl NodeDeserializer<'_> {
    fn expected(&self, what: &str) -> Error {
        Error::new(format!("expected {what}, found {}", self.0.described())).or_at(self.0.span)
    }

    fn expected_string(&self) -> Error {
        let error = self.expected("a string");
        match &self.0.value {
            Value::Bool { text, .. } | Value::Number { text, .. } => error.with_help(format!("quote it: \"{text}\"")),
            _ => error,
        }
    }

    fn expected_plain(&self, what: &str) -> Error {
        let error = self.expected(what);
        match self.0.as_str() {
            Some(text) if !matches!(super::scalar::resolve(text), Value::String(_)) => {
                error.with_help(format!("leave the quotes out: {text}"))
            }
            _ => error,
        }
    }

    fn located<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error.expected() {
            // serde knows the value, and not how it is written: `no` would be called `false`.
            Some(expected) => self.expected_shape(expected),
            None => error.or_at(self.0.span),
        })
    }

    fn expected_shape(&self, expected: &str) -> Error {
        let error = self.expected(expected);
        match &self.0.value {
            Value::Bool { text, .. } | Value::Number { text, .. } if expected.contains("text") => {
                error.with_help(format!("if it is a text, quote it: \"{text}\""))
            }
            _ => error,
        }
    }
}

impl<'de> serde::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool { value, .. } => visitor.visit_bool(*value),
            Value::Number { value, .. } => match *value {
                Number::Integer(value) => visitor.visit_i64(value),
                Number::Unsigned(value) => visitor.visit_u64(value),
                Number::Float(value) => visitor.visit_f64(value),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
        };
        self.located(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::Bool { .. } => self.deserialize_any(visitor),
            _ => Err(self.expected_plain("a boolean")),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::Number {
                value: Number::Integer(_) | Number::Unsigned(_),
                ..
            } => self.deserialize_any(visitor),
            _ => Err(self.expected_plain("an integer")),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::String(_) => self.deserialize_any(visitor),
            _ => Err(self.expected_string()),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::List(_) => self.deserialize_any(visitor),
            Value::Map(_) | Value::Null => Err(self.expected("a list")),
            _ => Err(self
                .expected("a list")
                .with_help("put it in brackets, or on a line of its own after `- `")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            Value::Map(_) => self.deserialize_any(visitor),
            Value::List(_) => Err(self.expected("an object").with_help("leave the `-` out")),
            _ => Err(self.expected("an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0.value {
            Value::Map(_) | Value::List(_) => self.deserialize_map(visitor),
            _ => {
                const FEW: usize = 12;
                let error = self.expected("an object");
                Err(if fields.len() <= FEW {
                    error.with_help(format!("its fields are {}", suggest::listed(fields)))
                } else {
                    error
                })
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::String(text) = &self.0.value else {
            return Err(self
                .expected_string()
                .with_help(format!("the values here are {}", suggest::listed(variants))));
        };
        self.located(visitor.visit_enum(Variant(text)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(NodeDeserializer(item))
            .map(Some)
            .map_err(|error| error.or_at(item.span).within(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'a> {
    entries: &'a [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.entries.get(self.next) else {
            return Ok(None);
        };
        if entry.key_needs_quotes {
            let error = Error::new(format!("the key `{}` is not a string", entry.key))
                .with_help(format!("quote it: \"{}\"", entry.key));
            return Err(error.or_at(entry.key_span));
        }
        let key: StrDeserializer<'_, Error> = (*entry.key).into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| {
            error
                .or_at(entry.key_span)
                .within(Segment::Field(entry.key.clone().into()))
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(entry) = self.entries.get(self.next) else {
            return Err(Error::new("a value was asked for before its key"));
        };
        self.next += 1;
        seed.deserialize(NodeDeserializer(&entry.value)).map_err(|error| {
            error
                .or_at(entry.value.span)
                .within(Segment::Field(entry.key.clone().into()))
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len() - self.next)
    }
}

/// An enum's value: variants have no content in the schemas that are read here.
struct Variant<'a>(&'a str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Error> {
        Err(Error::new("a bare word cannot hold a value"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::new("a bare word cannot hold a list"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(Error::new("a bare word cannot hold an object"))
    }
}
