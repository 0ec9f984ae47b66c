//! Shapes of YAML that serde has no type for. What stands in them keeps its place, so that errors point at it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ordered`] | objects whose order counts |
//! | [`shapes`] | types that are written in one of several shapes: a text, or an object that says more |
//! | [`texts`] | one text or several |
//! | [`exactly_one`] | keys that exclude each other |

mod exactly_one;
mod ordered;
mod shapes;
mod texts;

pub(crate) use exactly_one::exactly_one;
pub(crate) use ordered::Ordered;
pub(crate) use shapes::{Shapes, read_by_shape};
pub(crate) use texts::Texts;
