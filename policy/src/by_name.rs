//! Enums that are written as one of a few words.
//!
//! Derived readers of enums take up a few percent of the guest; here all of them share one.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// Implements `as_str`, `Serialize` and `Deserialize` for an enum without data, by the word of each variant.
macro_rules! by_name {
    ($type:ident { $($variant:ident = $name:literal,)+ }) => {
        impl $type {
            const NAMES: &'static [&'static str] = &[$($name),+];
            const VARIANTS: &'static [Self] = &[$(Self::$variant),+];

            /// The word that it is written as.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::by_name::place_of_name(deserializer, Self::NAMES).map(|place| Self::VARIANTS[place])
            }
        }
    };
}

pub(crate) use by_name;

/// Reads one of these words, and returns its place among them.
pub(crate) fn place_of_name<'de, D: Deserializer<'de>>(
    deserializer: D,
    names: &'static [&'static str],
) -> Result<usize, D::Error> {
    struct OneOf(&'static [&'static str]);

    impl Visitor<'_> for OneOf {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one of ")?;
            for (place, name) in self.0.iter().enumerate() {
                write!(f, "{}`{name}`", if place == 0 { "" } else { ", " })?;
            }
            Ok(())
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
            let place = self.0.iter().position(|known| *known == name);
            place.ok_or_else(|| E::unknown_variant(name, self.0))
        }
    }

    deserializer.deserialize_str(OneOf(names))
}
