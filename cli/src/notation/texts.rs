//! One text or several.

use schemars::{Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};

use super::{Shapes, read_by_shape};

/// A text, or a list of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'de> Shapes<'de> for Texts {
    const EXPECTED: &'static str = "a text or a list of texts";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            generator.subschema_for::<String>(),
            generator.subschema_for::<Vec<String>>(),
        ]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self(vec![text.to_owned()]))
    }

    fn list<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        Vec::deserialize(list).map(Self)
    }
}

read_by_shape!(Texts);
