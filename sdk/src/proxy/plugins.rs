//! The Wasm filters of others that a gateway runs beside ours.

use std::cmp::Reverse;
use std::path::PathBuf;

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::{Plugin, PluginFailStrategy, PluginPhase};

use super::{Builder, Place, rendered};

/// A filter and where it runs.
#[derive(Clone, Debug)]
pub struct PlacedPlugin {
    /// `namespace.name`.
    pub name: String,
    /// The root context that it asks for.
    pub root: String,
    /// The module.
    pub module: PathBuf,
    /// Its configuration, as text.
    pub configuration: String,
    /// What happens to requests when it breaks.
    pub fail_strategy: PluginFailStrategy,
    /// Before or after what it runs.
    pub slot: Slot,
}

/// A place in the chain of filters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Slot {
    /// Before tokens are checked.
    BeforeAuthentication,
    /// Between the check of tokens and authorization.
    BeforeAuthorization,
    /// After authorization.
    AfterAuthorization,
}

impl Builder<'_> {
    pub(super) fn plugins(&mut self, place: &Place<'_>) -> Vec<PlacedPlugin> {
        self.review_log_providers(place);
        if !place.is_gateway {
            return Vec::new();
        }
        let workload = place.workload;
        let mut found: Vec<_> = rendered(self.manifests.plugins())
            .filter(|(object, plugin)| {
                let namespace = &object.name().namespace;
                let is_near = *namespace == workload.root_namespace || *namespace == workload.name.namespace;
                is_near
                    && plugin
                        .selector
                        .as_ref()
                        .is_none_or(|selector| selector.selects(&workload.labels))
            })
            .collect();
        // The higher priority goes first; none at all is below any.
        found.sort_by_key(|(object, plugin)| (plugin.phase, Reverse(plugin.priority), object.name()));
        let mut placed = Vec::new();
        for (object, plugin) in found {
            if plugin.is_outgate() {
                continue;
            }
            let Some(module) = plugin.url.strip_prefix("file://") else {
                let path = FieldPath::root().field("spec").field("url");
                let message = format!(
                    "WasmPlugin {}: modules are not fetched: `{}`",
                    object.name(),
                    plugin.url
                );
                self.diagnostics.push(
                    Diagnostic::error(message)
                        .at(object.span_at(&path), "")
                        .in_field(path)
                        .help("fetch the module, and name it as file:///…"),
                );
                continue;
            };
            placed.push(PlacedPlugin {
                name: format!("{}.{}", object.name().namespace, object.name().name),
                root: plugin.plugin_name.clone().unwrap_or_default(),
                module: module.into(),
                configuration: configuration_of(plugin),
                fail_strategy: plugin.fail_strategy.unwrap_or(PluginFailStrategy::FailClose),
                slot: match plugin.phase {
                    PluginPhase::Authn => Slot::BeforeAuthentication,
                    PluginPhase::Authz => Slot::BeforeAuthorization,
                    PluginPhase::Stats | PluginPhase::UnspecifiedPhase => Slot::AfterAuthorization,
                },
            });
        }
        placed
    }
}

fn configuration_of(plugin: &Plugin) -> String {
    plugin
        .plugin_config
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}
