//! `WasmPlugin`: how Istio is told to run the filter, in a gateway or in sidecars.

use std::fmt;

use outgate_policy::config::{Identity, PluginType, Revision};
use serde::Serialize;

use crate::filter_config::FilterConfig;
use crate::scope::Selection;

/// One `WasmPlugin` object of `extensions.istio.io/v1alpha1`. Serialises with its fields always in the same order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmPlugin {
    api_version: &'static str,
    kind: &'static str,
    metadata: PluginMetadata,
    spec: PluginSpec,
}

#[derive(Clone, Debug, Serialize)]
struct PluginMetadata {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PluginSpec {
    #[serde(flatten)]
    selection: Selection,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_secret: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "PluginType::is_http")]
    plugin_type: PluginType,
    phase: &'static str,
    fail_strategy: FailStrategy,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    traffic: Option<[PluginTraffic; 1]>,
    plugin_config: FilterConfig,
}

/// What a workload calls, and what a gateway takes, is a client's traffic.
#[derive(Clone, Debug, Serialize)]
struct PluginTraffic {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PluginPort>,
}

#[derive(Clone, Debug, Serialize)]
struct PluginPort {
    number: u16,
}

/// What happens to requests when the filter breaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailStrategy {
    /// They are refused until the configuration changes.
    #[default]
    FailClose,
    /// They are refused until a fresh instance has started. For Istio releases that have it.
    FailReload,
}

/// What a `WasmPlugin` holds beside the filter's configuration.
#[derive(Clone, Debug)]
pub struct PluginOptions {
    /// The object's name.
    pub name: String,
    /// Where the module is: `oci://`, `https://`, `http://` or `file://`.
    pub url: String,
    /// Of the module, or, for `oci://`, of the image's manifest: 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// Secret with the credentials of the image's registry.
    pub image_pull_secret: Option<String>,
    /// What happens to requests when the filter breaks.
    pub fail_strategy: FailStrategy,
    /// The ports of listeners that the filter is for: in a gateway those of its pods, in a sidecar those that are called. Empty:
    /// all, which a filter of connections cannot have.
    pub ports: Vec<u16>,
}

impl PluginOptions {
    /// The module at `url`, as the plugin `outgate`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            name: "outgate".to_owned(),
            url: url.into(),
            sha256: None,
            image_pull_secret: None,
            fail_strategy: FailStrategy::default(),
            ports: Vec::new(),
        }
    }
}

impl WasmPlugin {
    /// The plugin that runs the filter with `config` in a gateway, or in the sidecars of clients.
    ///
    /// # Errors
    ///
    /// When Istio would not take the options, or would run the filter where it must not be.
    pub fn new(
        selection: impl Into<Selection>,
        config: FilterConfig,
        options: PluginOptions,
    ) -> Result<Self, InvalidPlugin> {
        check(&options)?;
        let selection: Selection = selection.into();
        if selection.is_open() {
            return Err(InvalidPlugin::SelectsEverything);
        }
        if !config.plugin_type.is_http() && options.ports.is_empty() {
            return Err(InvalidPlugin::NoPorts);
        }
        let is_limited = config.mesh.identity == Identity::Workload || !options.ports.is_empty();
        let ports = options.ports.iter().map(|number| PluginPort { number: *number });
        let traffic = PluginTraffic {
            mode: "CLIENT",
            ports: ports.collect(),
        };
        Ok(Self {
            api_version: "extensions.istio.io/v1alpha1",
            kind: "WasmPlugin",
            metadata: PluginMetadata {
                name: options.name,
                namespace: selection.namespace().to_owned(),
            },
            spec: PluginSpec {
                selection,
                url: options.url,
                sha256: options.sha256,
                image_pull_secret: options.image_pull_secret,
                plugin_type: config.plugin_type,
                phase: "AUTHZ",
                fail_strategy: options.fail_strategy,
                traffic: is_limited.then_some([traffic]),
                plugin_config: config,
            },
        })
    }
}

impl WasmPlugin {
    /// The object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The object's namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    /// Whether it decides connections, and not requests.
    #[must_use]
    pub const fn decides_connections(&self) -> bool {
        !self.spec.plugin_type.is_http()
    }

    /// The ports that it is limited to; none: all.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.spec.traffic.iter().flatten().flat_map(|traffic| &traffic.ports);
        ports.map(|port| port.number)
    }

    /// Where the module is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.spec.url
    }

    /// The checksum that the module is pinned by.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.spec.sha256.as_deref()
    }

    /// The revision of the filter's configuration.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.spec.plugin_config.revision
    }
}

fn check(options: &PluginOptions) -> Result<(), InvalidPlugin> {
    const SCHEMES: [&str; 4] = ["oci", "https", "http", "file"];
    let scheme = options.url.split_once("://").map(|(scheme, _)| scheme);
    if options.url.is_empty() || scheme.is_some_and(|scheme| !SCHEMES.contains(&scheme)) {
        return Err(InvalidPlugin::Url);
    }
    let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !options.sha256.as_ref().is_none_or(is_hash) {
        return Err(InvalidPlugin::Sha256);
    }
    Ok(())
}

/// Why a `WasmPlugin` cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidPlugin {
    /// The URL has a scheme that Istio does not fetch from.
    Url,
    /// The hash is none.
    Sha256,
    /// Without labels, the plugin would run in every workload of the namespace.
    SelectsEverything,
    /// On all ports, a filter of connections would decide those, too, whose requests are decided.
    NoPorts,
}

impl fmt::Display for InvalidPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "the module's URL must start with oci://, https://, http:// or file://",
            Self::Sha256 => "the SHA-256 must be 64 hexadecimal digits in lower case",
            Self::SelectsEverything => {
                "no label of the gateway is known, so that the plugin would run in every workload of the namespace"
            }
            Self::NoPorts => {
                "a plugin of type NETWORK runs on connections with HTTP, too, where it would deny by policies about requests: the \
                 ports that pass connections on must be named in `match` (--match-port)"
            }
        })
    }
}

impl std::error::Error for InvalidPlugin {}

#[cfg(test)]
mod tests;
