//! Fields that Istio has and that are not rendered: they are told apart from misspelt ones, and never passed over.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::object::Object;
use crate::diagnostic::Diagnostic;
use crate::located;

const MESSAGE: &str = "this field is Istio's, but it is not rendered here";

/// A field that is not rendered; to give it is an error, save for `null`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unrendered;

impl<'de> Deserialize<'de> for Unrendered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(Self),
            Some(_) => Err(D::Error::custom(MESSAGE)),
        }
    }
}

/// An object as it was read; an error when it has a field that is not rendered. Such an object is in order, and stands in nobody's
/// way until a proxy is rendered.
pub type Rendered<T> = Result<T, Diagnostic>;

/// Keeps the refusal of an unrendered field for whoever renders. Other errors are errors now.
pub(super) fn deferred<T>(object: &Object, read: Result<T, located::Error>) -> Result<Rendered<T>, Diagnostic> {
    read.map(Ok).or_else(|error| {
        let message = error.message().to_owned();
        let path = error.path();
        let named = |what: &str| format!("{} {}: {what}", object.kind, object.name);
        if message == MESSAGE {
            let diagnostic = Diagnostic::from(error)
                .with_message(named(&format!("`{path}` is not rendered")))
                .help("leave the field out here; what it does in a cluster cannot be tried");
            return Ok(Err(diagnostic));
        }
        Err(Diagnostic::from(error).with_message(named(&message)))
    })
}
