//! Objects that are read field by field.
//!
//! A derived reader is a few kilobytes of code for each type; here all of them share what does not depend on the type.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

/// Implements `Deserialize` for a struct that has a default: each field by the name that it is written as. Unknown fields and
/// fields that are there twice are errors, and so are absent ones that are marked as `required`. For those marked as `nullable`,
/// null stands for the default. What is `ignored` may be anything.
macro_rules! by_field {
    (
        $type:ident $(<$($parameter:ident),+>)? = $expected:literal {
            $($field:ident = $name:literal $(($mark:ident))?,)+
        }
        $(ignored { $($ignored:literal,)+ })?
    ) => {
        impl<'de $($(, $parameter: Default + serde::Deserialize<'de>)+)?> serde::Deserialize<'de> for $type $(<$($parameter),+>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, reason = "each is named as its field is")]
                enum Place {
                    $($field,)+
                }

                const FIELDS: &[&str] = &[$($name,)+ $($($ignored,)+)?];

                struct Fields<T>(std::marker::PhantomData<T>);

                impl<'de $($(, $parameter: Default + serde::Deserialize<'de>)+)?> serde::de::Visitor<'de>
                    for Fields<$type $(<$($parameter),+>)?>
                {
                    type Value = $type $(<$($parameter),+>)?;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut read = Self::Value::default();
                        let mut seen = 0;
                        while let Some(place) = $crate::by_field::next_field(&mut map, FIELDS, &mut seen)? {
                            $(if place == Place::$field as usize {
                                $crate::by_field::by_field!(@read map, read.$field $(, $mark)?);
                                continue;
                            })+
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        $($crate::by_field::by_field!(@absent seen & 1 << Place::$field as u32, $name $(, $mark)?);)+
                        Ok(read)
                    }
                }

                deserializer.deserialize_struct(stringify!($type), FIELDS, Fields(std::marker::PhantomData))
            }
        }
    };
    (@read $map:ident, $field:expr, nullable) => {
        $crate::by_field::read_nullable(&mut $map, &mut $field)?
    };
    (@read $map:ident, $field:expr $(, required)?) => {
        $crate::by_field::read(&mut $map, &mut $field)?
    };
    (@absent $seen:expr, $name:literal, required) => {
        if $seen == 0 {
            return Err(serde::de::Error::missing_field($name));
        }
    };
    (@absent $seen:expr, $name:literal $(, nullable)?) => {};
}

pub(crate) use by_field;

/// The place of the next field among the names; none when there is no further one. `seen` has a bit for each.
pub(crate) fn next_field<'de, A: MapAccess<'de>>(
    map: &mut A,
    names: &'static [&'static str],
    seen: &mut u32,
) -> Result<Option<usize>, A::Error> {
    let Some(place) = map.next_key_seed(Name(names))? else {
        return Ok(None);
    };
    if *seen & 1 << place != 0 {
        return Err(A::Error::duplicate_field(names[place]));
    }
    *seen |= 1 << place;
    Ok(Some(place))
}

/// Reads a field. Those of one type share the code, which a compiler would not think of.
#[inline(never)]
pub(crate) fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A, field: &mut T) -> Result<(), A::Error> {
    *field = map.next_value()?;
    Ok(())
}

/// Reads a field for which null stands for the default.
pub(crate) fn read_nullable<'de, A: MapAccess<'de>, T: Default + Deserialize<'de>>(
    map: &mut A,
    field: &mut T,
) -> Result<(), A::Error> {
    *field = map.next_value::<Option<_>>()?.unwrap_or_default();
    Ok(())
}

/// Reads one of these names. An unknown one is refused while it is read, so that a located error points at it.
#[derive(Clone, Copy)]
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let place = self.0.iter().position(|known| *known == name);
        place.ok_or_else(|| E::unknown_field(name, self.0))
    }
}
