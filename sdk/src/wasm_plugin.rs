//! `WasmPlugin`: how Istio is told to run the filter in a gateway.

use std::collections::BTreeMap;
use std::fmt;

use outgate_policy::config::Revision;
use serde::Serialize;

use crate::filter_config::FilterConfig;
use crate::scope::{GATEWAY_API, GatewayWorkload};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<PluginSelector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_refs: Option<[PluginTarget; 1]>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_secret: Option<String>,
    phase: &'static str,
    fail_strategy: FailStrategy,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    traffic: Option<[PluginTraffic; 1]>,
    plugin_config: FilterConfig,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PluginSelector {
    match_labels: BTreeMap<String, String>,
}

/// What a gateway takes counts as a client's traffic.
#[derive(Clone, Debug, Serialize)]
struct PluginTraffic {
    mode: &'static str,
    ports: Vec<PluginPort>,
}

#[derive(Clone, Debug, Serialize)]
struct PluginPort {
    number: u16,
}

#[derive(Clone, Debug, Serialize)]
struct PluginTarget {
    group: &'static str,
    kind: &'static str,
    name: String,
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
    /// The ports of the gateway's service that the filter is for; empty: all.
    pub ports: Vec<u16>,
    /// Labels that select the gateway's pods; absent: `istio` or `app` of its labels, else all of them.
    pub selector: Option<BTreeMap<String, String>>,
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
            selector: None,
        }
    }
}

impl WasmPlugin {
    /// The plugin that runs the filter with `config` in `gateway`.
    ///
    /// # Errors
    ///
    /// When Istio would not take the options.
    pub fn new(gateway: &GatewayWorkload, config: FilterConfig, options: PluginOptions) -> Result<Self, InvalidPlugin> {
        check(&options)?;
        let target = gateway.gateway_api_name().filter(|_| options.selector.is_none());
        let target_refs = target.map(|name| {
            [PluginTarget {
                group: GATEWAY_API,
                kind: "Gateway",
                name: name.to_owned(),
            }]
        });
        let match_labels = options.selector.unwrap_or_else(|| gateway.telling_labels());
        if target_refs.is_none() && match_labels.is_empty() {
            return Err(InvalidPlugin::SelectsEverything);
        }
        Ok(Self {
            api_version: "extensions.istio.io/v1alpha1",
            kind: "WasmPlugin",
            metadata: PluginMetadata {
                name: options.name,
                namespace: gateway.name.namespace.clone(),
            },
            spec: PluginSpec {
                selector: target_refs.is_none().then_some(PluginSelector { match_labels }),
                target_refs,
                url: options.url,
                sha256: options.sha256,
                image_pull_secret: options.image_pull_secret,
                phase: "AUTHZ",
                fail_strategy: options.fail_strategy,
                traffic: (!options.ports.is_empty()).then(|| {
                    [PluginTraffic {
                        mode: "CLIENT",
                        ports: options
                            .ports
                            .iter()
                            .map(|number| PluginPort { number: *number })
                            .collect(),
                    }]
                }),
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
}

impl fmt::Display for InvalidPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "the module's URL must start with oci://, https://, http:// or file://",
            Self::Sha256 => "the SHA-256 must be 64 hexadecimal digits in lower case",
            Self::SelectsEverything => {
                "no label of the gateway is known, so that the plugin would run in every workload of the namespace"
            }
        })
    }
}

impl std::error::Error for InvalidPlugin {}

#[cfg(test)]
mod tests;
