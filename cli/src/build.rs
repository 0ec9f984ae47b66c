//! `outgate build`.

mod envoy;
mod istio;

use std::fs;
use std::process::ExitCode;

use outgate_policy::config::PluginType;
use outgate_sdk::filter_config::{FilterConfig, FilterOptions};
use outgate_sdk::manifest::Manifests;
use outgate_sdk::rbac;
use outgate_sdk::scope::GatewayWorkload;
use outgate_sdk::wasm_plugin::{FailStrategy, PluginOptions, WasmPlugin};
use outgate_sdk::yaml;
use serde_json::Value;

use crate::arguments::{Build, BuildTarget, unselected};
use crate::failure::{FINE, Failure};
use crate::output;

pub(crate) fn run(arguments: &Build) -> Result<ExitCode, Failure> {
    let (manifests, diagnostics) = arguments.input.load();
    output::show_diagnostics(&diagnostics, manifests.sources());
    if diagnostics.errors() > 0 {
        return Err(Failure::Shown);
    }
    if arguments.target == BuildTarget::Envoy {
        put(arguments, &envoy::bootstrap(arguments, &manifests)?)?;
    } else {
        for_gateway(arguments, &manifests)?;
    }
    Ok(FINE)
}

fn for_gateway(arguments: &Build, manifests: &Manifests) -> Result<(), Failure> {
    let gateway = arguments.gateway(manifests)?;
    output::show_diagnostics(&unselected(manifests, &gateway), manifests.sources());
    let text = match arguments.target {
        BuildTarget::Istio => return istio::write(arguments, manifests, &gateway),
        BuildTarget::Rbac => yaml::to_yaml(&native_rbac(PluginType::Http, manifests, &gateway)?)?,
        BuildTarget::Wasmplugin => yaml::to_yaml(&wasm_plugin(arguments, manifests, &gateway)?)?,
        BuildTarget::Filter | BuildTarget::Envoy => {
            serde_json::to_string_pretty(&filter_config(arguments, manifests, &gateway)?)? + "\n"
        }
    };
    put(arguments, &text)
}

/// Writes a text where it is wanted.
fn put(arguments: &Build, text: &str) -> Result<(), Failure> {
    match &arguments.out {
        None => print!("{text}"),
        Some(file) => {
            fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
    }
    Ok(())
}

fn filter_config(arguments: &Build, manifests: &Manifests, gateway: &GatewayWorkload) -> Result<FilterConfig, Failure> {
    let options = FilterOptions {
        identity: arguments.filter.identity.into(),
        direct_address_filter_state: arguments.filter.direct_address_filter_state.clone(),
        ..FilterOptions::default()
    };
    let config = manifests.filter_config(gateway, &options);
    config.map_err(|diagnostics| Failure::input(&diagnostics, manifests.sources()))
}

pub(crate) fn native_rbac(
    plugin_type: PluginType,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
) -> Result<Vec<Value>, Failure> {
    let policies = manifests.policies_for(gateway);
    let policies: Vec<_> = policies
        .iter()
        .map(|policy| policy.content().policy().clone())
        .collect();
    Ok(rbac::render(plugin_type, &policies, &manifests.mesh(gateway))?)
}

fn wasm_plugin(arguments: &Build, manifests: &Manifests, gateway: &GatewayWorkload) -> Result<WasmPlugin, Failure> {
    let config = filter_config(arguments, manifests, gateway)?;
    let url = arguments.plugin.url.clone().ok_or("--url is missing")?;
    let options = PluginOptions {
        sha256: arguments.plugin.sha256.clone(),
        fail_strategy: if arguments.plugin.fail_reload {
            FailStrategy::FailReload
        } else {
            FailStrategy::FailClose
        },
        ports: arguments.plugin.match_port.clone(),
        image_pull_secret: arguments.plugin.image_pull_secret.clone(),
        ..PluginOptions::new(url)
    };
    Ok(WasmPlugin::new(gateway, config, options)?)
}
