//! `WasmPlugin` as written by users: filters that run beside ours, or ours.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::destination_rule::LabelSelector;
use super::unrendered::Unrendered;

/// `spec` of a `WasmPlugin`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Plugin {
    /// The pods that run it; absent: all of the namespace.
    pub selector: Option<LabelSelector>,
    /// Where the module is.
    pub url: String,
    /// Where among the proxy's own filters it runs.
    pub phase: PluginPhase,
    /// Within a phase, the higher is first.
    pub priority: Option<i32>,
    /// What happens to requests when it breaks.
    pub fail_strategy: Option<PluginFailStrategy>,
    /// Its configuration.
    pub plugin_config: Option<serde_json::Value>,
    /// The root context that it asks for.
    pub plugin_name: Option<String>,
    /// For whoever fetches the module.
    #[serde(rename = "sha256")]
    _sha256: IgnoredAny,
    #[serde(rename = "imagePullPolicy")]
    _image_pull_policy: IgnoredAny,
    #[serde(rename = "imagePullSecret")]
    _image_pull_secret: IgnoredAny,
    #[serde(rename = "targetRef")]
    _target_ref: Unrendered,
    #[serde(rename = "targetRefs")]
    _target_refs: Unrendered,
    #[serde(rename = "verificationKey")]
    _verification_key: Unrendered,
    #[serde(rename = "vmConfig")]
    _vm_config: Unrendered,
    #[serde(rename = "match")]
    _match: Unrendered,
    #[serde(rename = "type")]
    _type: Unrendered,
}

impl Plugin {
    /// Whether it is Outgate's own filter, by its configuration.
    #[must_use]
    pub fn is_outgate(&self) -> bool {
        let version = self.plugin_config.as_ref().and_then(|config| config.get("apiVersion"));
        version.is_some_and(|version| version == "outgate/v1")
    }

    /// The revision of its configuration, when it is ours.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.plugin_config.as_ref()?.get("revision")?.as_str()
    }
}

/// `phase`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginPhase {
    /// Before tokens are checked.
    Authn,
    /// Before authorization.
    Authz,
    /// After authorization.
    Stats,
    /// Last.
    #[default]
    UnspecifiedPhase,
}

/// `failStrategy`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginFailStrategy {
    /// Requests are refused.
    FailClose,
    /// Requests pass.
    FailOpen,
    /// Requests are refused until a fresh instance has started.
    FailReload,
}
