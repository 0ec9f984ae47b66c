//! Shapes of YAML that serde has no type for. What stands in them keeps its place, so that errors point at it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ordered`] | objects whose order counts |
//! | [`shapes`] | types that are written in one of several shapes: a text, or an object that says more |
//! | [`texts`] | one text or several |
//! | [`mod@exactly_one`] | keys that exclude each other |
//! | [`length_of_time`] | lengths of time, for the schema |
//!
//! Whatever is read here has a JSON Schema, too: `outgate schema` prints it.

mod exactly_one;
mod length_of_time;
mod ordered;
mod shapes;
mod texts;

pub(crate) use exactly_one::exactly_one;
pub(crate) use length_of_time::LengthOfTime;
pub(crate) use ordered::Ordered;
pub(crate) use shapes::{Shapes, any_shape, read_by_shape, schema_of};
pub(crate) use texts::Texts;
