//! `outgate build --for istio`: everything that a cluster needs, in a directory.

use std::fs;
use std::path::Path;

use outgate_sdk::access_log::{self, PROVIDER, Telemetry};
use outgate_sdk::manifest::Manifests;
use outgate_sdk::scope::GatewayWorkload;
use outgate_sdk::wasm_plugin::WasmPlugin;
use outgate_sdk::yaml;
use serde_json::json;

use super::wasm_plugin;
use crate::arguments::Build;
use crate::failure::Failure;

/// Writes the files, and says which.
pub(super) fn write(arguments: &Build, manifests: &Manifests, gateway: &GatewayWorkload) -> Result<(), Failure> {
    let directory = arguments
        .out
        .as_deref()
        .ok_or("--for istio writes several files; name their directory with --out")?;
    let plugin = wasm_plugin(arguments, manifests, gateway)?;
    let telemetry = Telemetry::new(gateway, "outgate-access-log");
    let files = [
        ("mesh-config.yaml", mesh_config()?),
        ("wasm-plugin.yaml", yaml::to_yaml(&plugin)?),
        ("telemetry.yaml", yaml::to_yaml(&telemetry)?),
        ("README.md", readme(gateway, &plugin, manifests)),
    ];
    fs::create_dir_all(directory).map_err(|error| format!("{} cannot be made: {error}", directory.display()))?;
    for (name, text) in files {
        let file = directory.join(name);
        fs::write(&file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        anstream::println!("{}", file.display());
    }
    anstream::println!(
        "{} says what to apply, and in which order",
        Path::new(directory).join("README.md").display()
    );
    Ok(())
}

/// The provider of the log, as a part of the mesh configuration.
fn mesh_config() -> Result<String, Failure> {
    let part = yaml::to_yaml(&json!({"extensionProviders": [access_log::provider()]}))?;
    Ok(format!(
        "# A part of the mesh configuration: add it to what the mesh has, under `meshConfig` of the Helm values or of the\n\
         # IstioOperator, or in `data.mesh` of the ConfigMap `istio`. Providers that are there already must stay.\n{part}"
    ))
}

fn readme(gateway: &GatewayWorkload, plugin: &WasmPlugin, manifests: &Manifests) -> String {
    let namespace = &gateway.name.namespace;
    let (name, gateway_name) = (plugin.name(), &gateway.name);
    let policies = manifests.policies_for(gateway);
    let listed: String = policies.iter().map(|policy| format!("- {}\n", policy.name())).collect();
    let listed = if listed.is_empty() {
        "- none: everything passes\n".to_owned()
    } else {
        listed
    };
    let pinned = match plugin.sha256() {
        Some(sha256) => format!("pinned by its checksum `{sha256}`"),
        None => "**not pinned**: give `--sha256`, which `outgate package` prints, so that nobody can put another module there".to_owned(),
    };
    format!(
        "# Outgate in {gateway_name}\n\n\
         The filter `{name}` decides with these policies, in revision `{revision}`:\n\n{listed}\n\
         The module comes from `{url}`, {pinned}.\n\n\
         ## Apply\n\n\
         1. `mesh-config.yaml` is a part of the mesh configuration: it defines the log provider `{PROVIDER}`. Add it first: a\n   \
            `Telemetry` whose provider does not exist logs nothing at all.\n\
         2. `kubectl apply -f wasm-plugin.yaml`\n\
         3. `kubectl apply -f telemetry.yaml`: the gateway's access log gets every field, the filter's included. It takes the\n   \
            place of the log that the gateway had.\n\n\
         ## Check\n\n\
         ```sh\n\
         istioctl proxy-config ecds -n {namespace} deploy/{workload}   # the filter, with its revision\n\
         kubectl logs -n {namespace} deploy/{workload} | tail -1     # outgate_decision, outgate_rule, outgate_revision\n\
         ```\n\n\
         ## The AuthorizationPolicy objects themselves\n\n\
         The filter carries them in its configuration. Those that are also in the cluster are enforced by Envoy's own RBAC filter\n\
         after it: with the same decisions, at native's cost for each policy. Where that cost is the reason for the filter, keep\n\
         the objects in version control and out of the cluster, and build this again when they change. Until the plugin is in\n\
         place they must stay: take them away last.\n\n\
         ## Back\n\n\
         Apply the AuthorizationPolicy objects, then `kubectl delete -f telemetry.yaml -f wasm-plugin.yaml`. In this order the\n\
         gateway is never without policies.\n",
        revision = plugin.revision(),
        url = plugin.url(),
        workload = gateway.name.name,
    )
}
