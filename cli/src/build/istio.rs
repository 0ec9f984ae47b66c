//! `outgate build --for istio`: everything that a cluster needs, in a directory.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use outgate_sdk::access_log::{self, PROVIDER, Telemetry};
use outgate_sdk::filter_config::{FilterOptions, Site};
use outgate_sdk::manifest::Manifests;
use outgate_sdk::scope::GatewayWorkload;
use outgate_sdk::wasm_plugin::WasmPlugin;
use outgate_sdk::yaml;
use serde_json::json;

use super::plugins::{self, Group};
use super::yaml_documents;
use crate::arguments::Build;
use crate::failure::Failure;

/// The name of the `Telemetry` objects.
const TELEMETRY: &str = "outgate-access-log";

/// Writes the files, and says which.
pub(super) fn write(
    arguments: &Build,
    options: &FilterOptions,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
) -> Result<(), Failure> {
    let directory = arguments
        .out
        .as_deref()
        .ok_or("--for istio writes several files; name their directory with --out")?;
    let site = options.site;
    let groups = plugins::groups(arguments, site, manifests, gateway)?;
    let plugins = match site {
        Site::Gateway if !arguments.names_type() => {
            plugins::of_gateway(arguments, options, manifests, gateway, &groups)?
        }
        // A policy about requests may deny connections that have nothing to do with them, which at a gateway is what Istio does.
        Site::Gateway | Site::Sidecar => plugins::of_type(arguments, options, manifests, gateway, &groups)?,
    };
    let telemetries: Vec<Telemetry> = groups.iter().map(|group| telemetry(site, gateway, group)).collect();
    let readme = match site {
        Site::Gateway => readme_of_gateway(gateway, &plugins, manifests),
        Site::Sidecar => readme_of_sidecars(gateway, &plugins, manifests),
    };
    let files = [
        ("mesh-config.yaml", mesh_config(arguments)?),
        ("wasm-plugin.yaml", yaml_documents(&plugins)?),
        ("telemetry.yaml", yaml_documents(&telemetries)?),
        ("README.md", readme),
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

fn telemetry(site: Site, gateway: &GatewayWorkload, group: &Group) -> Telemetry {
    match site {
        Site::Gateway => Telemetry::new(gateway, TELEMETRY),
        Site::Sidecar => Telemetry::at_sidecars(group.selection.clone(), &group.named(TELEMETRY)),
    }
}

/// The provider of the log, as a part of the mesh configuration.
fn mesh_config(arguments: &Build) -> Result<String, Failure> {
    let part = yaml::to_yaml(&json!({"extensionProviders": [access_log::provider(&arguments.log.log_properties)]}))?;
    Ok(format!(
        "# A part of the mesh configuration: add it to what the mesh has, under `meshConfig` of the Helm values or of the\n\
         # IstioOperator, or in `data.mesh` of the ConfigMap `istio`. Providers that are there already must stay.\n{part}"
    ))
}

fn readme_of_gateway(gateway: &GatewayWorkload, plugins: &[WasmPlugin], manifests: &Manifests) -> String {
    let namespace = &gateway.name.namespace;
    format!(
        "# Outgate in {gateway_name}\n\n\
         {plugins}\
         They decide with these policies:\n\n{policies}\n\
         {module}\n\
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
        gateway_name = gateway.name,
        plugins = listed_plugins(plugins),
        policies = listed_policies(gateway, manifests),
        module = module(plugins),
        workload = gateway.name.name,
    )
}

fn readme_of_sidecars(gateway: &GatewayWorkload, plugins: &[WasmPlugin], manifests: &Manifests) -> String {
    let namespace = plugins.first().map_or("NAMESPACE", WasmPlugin::namespace);
    let connections = if plugins.iter().any(WasmPlugin::decides_connections) {
        "Connections that applications secure themselves are decided by principal, namespace and server name; a policy that denies\n\
         by host, method or path denies them whatever these are.\n"
    } else {
        "Connections that applications secure themselves (an HTTPS client in the pod) are passed on: the gateway decides those.\n"
    };
    format!(
        "# Outgate at the clients of {gateway_name}\n\n\
         {plugins}\
         They decide with the gateway's policies, before a request leaves its pod. The caller is the workload itself:\n\n{policies}\n\
         {module}\n\
         What goes to the gateway, and what leaves the mesh past it, is decided; what one workload of the mesh asks another is not.\n\
         {connections}\n\
         **This is no boundary against a hostile pod.** Who can change a pod's network rules, or runs as the sidecar's user, goes\n\
         past its sidecar. The gateway must go on enforcing the policies, and a NetworkPolicy must leave it the only way out. What\n\
         deciding at the source gives is an answer without the way to the gateway, and a log of who was stopped where it happened.\n\n\
         ## Apply\n\n\
         1. `mesh-config.yaml` is a part of the mesh configuration: it defines the log provider `{PROVIDER}`. Add it first: a\n   \
            `Telemetry` whose provider does not exist logs nothing at all.\n\
         2. `kubectl apply -f wasm-plugin.yaml`\n\
         3. `kubectl apply -f telemetry.yaml`: the log of what the clients call gets every field, the filter's included. It takes\n   \
            the place of the log that they had for it.\n\n\
         ## Check\n\n\
         ```sh\n\
         istioctl proxy-config ecds -n {namespace} deploy/CLIENT                   # the filter, with its revision\n\
         kubectl logs -n {namespace} deploy/CLIENT -c istio-proxy | tail -1        # outgate_decision, outgate_rule, outgate_revision\n\
         ```\n\n\
         ## The AuthorizationPolicy objects themselves\n\n\
         They stay in the cluster, or in the configuration of the filter at the gateway: nothing here takes their place.\n\n\
         ## Back\n\n\
         `kubectl delete -f telemetry.yaml -f wasm-plugin.yaml`: the gateway decides alone, as before.\n",
        gateway_name = gateway.name,
        plugins = listed_plugins(plugins),
        policies = listed_policies(gateway, manifests),
        module = module(plugins),
    )
}

fn listed_plugins(plugins: &[WasmPlugin]) -> String {
    let mut text = String::from("| Filter | Namespace | Decides | Revision |\n|---|---|---|---|\n");
    for plugin in plugins {
        let what = match plugin.ports() {
            ports if plugin.decides_connections() => {
                let ports: Vec<String> = ports.map(|port| port.to_string()).collect();
                format!("connections on {}", ports.join(", "))
            }
            _ => "requests".to_owned(),
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {what} | `{}` |",
            plugin.name(),
            plugin.namespace(),
            plugin.revision()
        );
    }
    text + "\n"
}

fn listed_policies(gateway: &GatewayWorkload, manifests: &Manifests) -> String {
    let policies = manifests.policies_for(gateway);
    if policies.is_empty() {
        return "- none: everything passes\n".to_owned();
    }
    policies.iter().map(|policy| format!("- {}\n", policy.name())).collect()
}

fn module(plugins: &[WasmPlugin]) -> String {
    let Some(plugin) = plugins.first() else {
        return String::new();
    };
    let pinned = match plugin.sha256() {
        Some(sha256) => format!("pinned by its checksum `{sha256}`"),
        None => "**not pinned**: give `--sha256`, which `outgate package` prints, so that nobody can put another module there".to_owned(),
    };
    format!("The module comes from `{}`, {pinned}.\n", plugin.url())
}
