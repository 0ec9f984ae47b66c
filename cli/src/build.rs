//! `outgate build`.

mod envoy;
mod istio;
pub(crate) mod plugins;

use std::fs;
use std::process::ExitCode;

use outgate_sdk::filter_config::{FilterConfig, FilterOptions};
use outgate_sdk::manifest::Manifests;
use outgate_sdk::scope::GatewayWorkload;
use outgate_sdk::yaml;
use serde::Serialize;

use crate::arguments::{Build, BuildTarget, unselected};
use crate::enforcement;
use crate::failure::{FINE, Failure};
use crate::output;

pub(crate) fn run(arguments: &Build) -> Result<ExitCode, Failure> {
    let has_log = matches!(arguments.target, BuildTarget::Istio | BuildTarget::Envoy);
    if !has_log && !arguments.log.log_properties.is_empty() {
        return Err(
            "--log-property is for --for istio and --for envoy: nothing else that is built has an access log".into(),
        );
    }
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
    let options = FilterOptions {
        plugin_type: arguments.plugin_type(),
        ..arguments.filter.options()?
    };
    let text = match arguments.target {
        BuildTarget::Istio => return istio::write(arguments, &options, manifests, &gateway),
        BuildTarget::Rbac => {
            enforcement::check_native(&options)?;
            let filters = manifests.native_filters(arguments.plugin_type(), &gateway);
            let filters = filters.map_err(|diagnostics| Failure::input(&diagnostics, manifests.sources()))?;
            yaml::to_yaml(&filters.into_all())?
        }
        BuildTarget::Wasmplugin => {
            let groups = plugins::groups(arguments, options.site, manifests, &gateway)?;
            yaml_documents(&plugins::of_type(arguments, &options, manifests, &gateway, &groups)?)?
        }
        BuildTarget::Filter | BuildTarget::Envoy => {
            let config = filter_config(&options, manifests, &gateway)?;
            serde_json::to_string_pretty(&config)? + "\n"
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

fn filter_config(
    options: &FilterOptions,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
) -> Result<FilterConfig, Failure> {
    let config = manifests.filter_config(gateway, options);
    config.map_err(|diagnostics| Failure::input(&diagnostics, manifests.sources()))
}

/// Several objects in one file.
fn yaml_documents<T: Serialize>(objects: &[T]) -> Result<String, Failure> {
    let documents = objects.iter().map(yaml::to_yaml).collect::<Result<Vec<_>, _>>()?;
    Ok(documents.join("---\n"))
}
