//! The frame that objects share around their `spec`.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// An object of which the `spec` matters; who it is has been read before.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    bound = "S: DeserializeOwned + Default"
)]
pub(super) struct Object<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default, rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(default)]
    pub(super) spec: S,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}
