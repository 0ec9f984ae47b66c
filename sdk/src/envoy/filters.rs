//! The chain of HTTP filters: tokens are checked, then policies decide, then requests are routed.

use std::path::Path;

use serde_json::{Value, json};

use super::place::{Authorization, Connections, Delivery};
use super::{At, authentication, extension, typed, watched_file};
use crate::manifest::PluginFailStrategy;
use crate::proxy::{PlacedPlugin, Slot};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
/// The file with the configuration of Outgate's filter.
const AUTHORIZATION: &str = "authorization.json";

pub(super) fn http_filters(at: At<'_>) -> Vec<Value> {
    let mut filters = Vec::new();
    let plugins = |slot: Slot| {
        let plugins = at.proxy.plugins.iter().filter(move |plugin| plugin.slot == slot);
        plugins.map(plugin)
    };
    filters.extend(plugins(Slot::BeforeAuthentication));
    filters.extend(at.proxy.token_issuers.as_ref().map(authentication::filter));
    filters.extend(plugins(Slot::BeforeAuthorization));
    match &at.place.authorization {
        Authorization::None => {}
        Authorization::Native(native) => filters.extend(native.iter().cloned()),
        Authorization::Filter { .. } => filters.extend(outgate(at)),
    }
    filters.extend(plugins(Slot::AfterAuthorization));
    if at.place.connections == Connections::Addressed {
        filters.push(extension(
            "envoy.filters.http.dynamic_forward_proxy",
            "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
            json!({"dns_cache_config": super::cluster::dns_cache()}),
        ));
    }
    filters.push(extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        json!({}),
    ));
    filters
}

/// Outgate's filter, or where Envoy finds it.
fn outgate(at: At<'_>) -> Option<Value> {
    match &at.place.delivery {
        Delivery::Whole => outgate_itself(at),
        Delivery::Watched(directory) => Some(json!({
            "name": outgate_name(at),
            "config_discovery": {
                "config_source": watched_file(directory, AUTHORIZATION),
                "type_urls": [format!("type.googleapis.com/{WASM}")],
            },
        })),
    }
}

/// The configuration of Outgate's filter as a file of its own, so that it can change without the listener.
pub(super) fn watched(at: At<'_>) -> Option<(String, Value)> {
    let Authorization::Filter { config, .. } = &at.place.authorization else {
        return None;
    };
    let mut response = super::response("envoy.config.core.v3.TypedExtensionConfig", vec![outgate_itself(at)?]);
    // The version that Envoy's administration shows is the one that the access log has.
    response["version_info"] = config.revision.to_string().into();
    Some((AUTHORIZATION.to_owned(), response))
}

fn outgate_itself(at: At<'_>) -> Option<Value> {
    let Authorization::Filter { module, config } = &at.place.authorization else {
        return None;
    };
    let configuration = serde_json::to_string(config).ok()?;
    Some(wasm(&outgate_name(at), "", module, &configuration, "FAIL_RELOAD"))
}

/// As Istio names what a `WasmPlugin` makes.
fn outgate_name(at: At<'_>) -> String {
    format!("{}.outgate", at.proxy.name.workload().namespace)
}

fn plugin(plugin: &PlacedPlugin) -> Value {
    let policy = match plugin.fail_strategy {
        PluginFailStrategy::FailClose => "FAIL_CLOSED",
        PluginFailStrategy::FailOpen => "FAIL_OPEN",
        PluginFailStrategy::FailReload => "FAIL_RELOAD",
    };
    wasm(
        &plugin.name,
        &plugin.root,
        &plugin.module,
        &plugin.configuration,
        policy,
    )
}

fn wasm(name: &str, root: &str, module: &Path, configuration: &str, failure_policy: &str) -> Value {
    let configuration = typed("google.protobuf.StringValue", json!({"value": configuration}));
    extension(
        name,
        WASM,
        json!({"config": {
            "name": name,
            "root_id": root,
            "failure_policy": failure_policy,
            "configuration": configuration,
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
        }}),
    )
}
