//! Manifests as text: what the SDK writes is YAML that every reader takes for the same values.

use std::fmt;

use serde::Serialize;

/// Writes a value as a YAML document. Fields keep their order; strings that some reader would take for something else are quoted.
///
/// # Errors
///
/// When the value cannot be written: a map with keys that are no scalars.
pub fn to_yaml<T: Serialize>(value: &T) -> Result<String, Unwritable> {
    serde_saphyr::to_string(value).map_err(|error| Unwritable(error.to_string()))
}

/// Why a value could not be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unwritable(String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this cannot be written as YAML: {}", self.0)
    }
}

impl std::error::Error for Unwritable {}
