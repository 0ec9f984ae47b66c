//! `Telemetry`: which proxies log where.

use serde::Deserialize;

use super::destination_rule::LabelSelector;
use super::unrendered::Unrendered;

/// `spec` of a `Telemetry`, as far as access logs go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Telemetry {
    /// The pods that it is for; absent: all of the namespace.
    pub selector: Option<LabelSelector>,
    /// Where accesses are logged.
    pub access_logging: Vec<AccessLogging>,
    #[serde(rename = "targetRef")]
    _target_ref: Unrendered,
    #[serde(rename = "targetRefs")]
    _target_refs: Unrendered,
    #[serde(rename = "metrics")]
    _metrics: Unrendered,
    #[serde(rename = "tracing")]
    _tracing: Unrendered,
}

/// `accessLogging[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessLogging {
    /// Names of the mesh configuration's `extensionProviders`; empty: the default.
    pub providers: Vec<ProviderRef>,
    /// Which accesses are logged.
    pub filter: Option<LogFilter>,
    /// Log nothing.
    pub disabled: bool,
    #[serde(rename = "match")]
    _match: Unrendered,
}

/// `providers[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderRef {
    /// The provider's name.
    pub name: String,
}

/// `filter`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogFilter {
    /// In the Common Expression Language.
    pub expression: String,
}
