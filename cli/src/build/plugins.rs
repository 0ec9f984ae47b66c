//! The `WasmPlugin` objects: one for a gateway, or one for each group of clients; and one more where connections are passed on.

use std::collections::{BTreeMap, BTreeSet};

use outgate_policy::config::PluginType;
use outgate_sdk::filter_config::{FilterConfig, FilterOptions, Site};
use outgate_sdk::manifest::{Manifests, ObjectName};
use outgate_sdk::proxy::ProxyName;
use outgate_sdk::scope::{GatewayWorkload, Selection};
use outgate_sdk::wasm_plugin::{FailStrategy, PluginOptions, WasmPlugin};

use super::filter_config;
use crate::arguments::{Build, object_name};
use crate::failure::Failure;

/// Workloads that get plugins.
pub(super) struct Group {
    pub(super) selection: Selection,
    /// What is added to the names of objects, to tell those of one namespace apart.
    suffix: String,
    proxies: Vec<ProxyName>,
}

/// A namespace, or one of its workloads.
#[derive(Clone, Debug)]
pub(crate) enum Clients {
    Namespace(String),
    Workload(ObjectName),
}

impl Clients {
    /// Reads `NAMESPACE` or `NAMESPACE/NAME`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return object_name(text).map(Self::Workload);
        }
        match text {
            "" => Err("expected NAMESPACE or NAMESPACE/NAME".to_owned()),
            namespace => Ok(Self::Namespace(namespace.to_owned())),
        }
    }
}

impl Group {
    /// A name that objects of this group have.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The ports on which connections are passed on.
    fn connection_ports(&self, manifests: &Manifests) -> Result<Vec<u16>, Failure> {
        let mut ports = BTreeSet::new();
        for name in &self.proxies {
            let built = manifests
                .proxy(name)
                .map_err(|diagnostics| Failure::input(&diagnostics, manifests.sources()))?;
            let found = built.proxy.connection_ports();
            ports.extend(found.map_err(|mixed| format!("{name}: {mixed}"))?);
        }
        Ok(ports.into_iter().collect())
    }
}

/// Where the filter is to run: in the gateway, or with its clients.
pub(super) fn groups(
    arguments: &Build,
    site: Site,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
) -> Result<Vec<Group>, Failure> {
    if site == Site::Sidecar {
        return groups_of_clients(arguments, manifests);
    }
    if !arguments.plugin.clients.is_empty() {
        return Err("--client is for --at sidecar".into());
    }
    let opened = manifests.gateway_proxies();
    let name = ProxyName::Gateway(gateway.name.clone());
    Ok(vec![Group {
        selection: gateway.into(),
        suffix: String::new(),
        proxies: opened.into_iter().filter(|opened| *opened == name).collect(),
    }])
}

fn groups_of_clients(arguments: &Build, manifests: &Manifests) -> Result<Vec<Group>, Failure> {
    let known = manifests.client_proxies();
    let mut wanted = arguments.plugin.clients.clone();
    if wanted.is_empty() {
        let namespaces: BTreeSet<&String> = known.iter().map(|client| &client.workload().namespace).collect();
        wanted.extend(namespaces.into_iter().cloned().map(Clients::Namespace));
    }
    if wanted.is_empty() {
        return Err(
            "the manifests have no workload that calls others; name namespaces, or workloads, with --client".into(),
        );
    }
    wanted
        .iter()
        .map(|clients| match clients {
            Clients::Namespace(namespace) => of_namespace(namespace, &known, manifests),
            Clients::Workload(workload) => of_workload(workload, manifests),
        })
        .collect()
}

fn of_namespace(namespace: &str, known: &[ProxyName], manifests: &Manifests) -> Result<Group, Failure> {
    if namespace == manifests.root_namespace() {
        return Err(format!(
            "a WasmPlugin for all of {namespace} would run in every workload of the mesh, the gateways included, since it is the root \
             namespace; name its clients with --client {namespace}/NAME"
        )
        .into());
    }
    let mut gateways = manifests.gateway_proxies().into_iter();
    if let Some(gateway) = gateways.find(|gateway| gateway.workload().namespace == namespace) {
        return Err(format!(
            "a WasmPlugin for all of {namespace} would run in {gateway}, too, as if it were a client; name the clients with --client \
             {namespace}/NAME"
        )
        .into());
    }
    let of_namespace = known.iter().filter(|client| client.workload().namespace == namespace);
    Ok(Group {
        selection: Selection::all(namespace),
        suffix: String::new(),
        proxies: of_namespace.cloned().collect(),
    })
}

fn of_workload(workload: &ObjectName, manifests: &Manifests) -> Result<Group, Failure> {
    let name = ProxyName::Sidecar(workload.clone());
    let labels = manifests.gateway_workload(workload, &BTreeMap::new()).labels;
    if labels.is_empty() {
        return Err(format!(
            "--client {workload}: no workload of this name with labels is among the manifests, so that nothing would select its pods"
        )
        .into());
    }
    Ok(Group {
        selection: Selection::labels(&workload.namespace, labels),
        suffix: format!("-{}", workload.name),
        proxies: vec![name],
    })
}

/// The plugins of one type, for all groups.
pub(super) fn of_type(
    arguments: &Build,
    options: &FilterOptions,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
    groups: &[Group],
) -> Result<Vec<WasmPlugin>, Failure> {
    let mut plugins = Vec::with_capacity(groups.len());
    let config = filter_config(options, manifests, gateway)?;
    for group in groups {
        let ports = match options.plugin_type {
            PluginType::Network if arguments.plugin.match_port.is_empty() => group.connection_ports(manifests)?,
            PluginType::Network | PluginType::Http => arguments.plugin.match_port.clone(),
        };
        plugins.push(plugin(arguments, config.clone(), group, ports)?);
    }
    Ok(plugins)
}

/// What a gateway needs: a plugin for requests, and one for connections where some are passed on.
pub(super) fn of_gateway(
    arguments: &Build,
    options: &FilterOptions,
    manifests: &Manifests,
    gateway: &GatewayWorkload,
    groups: &[Group],
) -> Result<Vec<WasmPlugin>, Failure> {
    let mut plugins = of_type(arguments, options, manifests, gateway, groups)?;
    let of_connections = FilterOptions {
        plugin_type: PluginType::Network,
        ..options.clone()
    };
    for group in groups {
        let mut ports = group.connection_ports(manifests)?;
        let wanted = &arguments.plugin.match_port;
        ports.retain(|port| wanted.is_empty() || wanted.contains(port));
        if !ports.is_empty() {
            let config = filter_config(&of_connections, manifests, gateway)?;
            plugins.push(plugin(arguments, config, group, ports)?);
        }
    }
    Ok(plugins)
}

fn plugin(arguments: &Build, config: FilterConfig, group: &Group, ports: Vec<u16>) -> Result<WasmPlugin, Failure> {
    let url = arguments.plugin.url.clone().ok_or("--url is missing")?;
    let options = PluginOptions {
        name: group.named(match config.plugin_type {
            PluginType::Http => "outgate",
            PluginType::Network => "outgate-network",
        }),
        sha256: arguments.plugin.sha256.clone(),
        fail_strategy: if arguments.plugin.fail_reload {
            FailStrategy::FailReload
        } else {
            FailStrategy::FailClose
        },
        ports,
        image_pull_secret: arguments.plugin.image_pull_secret.clone(),
        ..PluginOptions::new(url)
    };
    Ok(WasmPlugin::new(group.selection.clone(), config, options)?)
}
