//! Which proxies there are, and what each of them is to do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use outgate_policy::config::PluginType;
use outgate_sdk::access_log::LogProperty;
use outgate_sdk::diagnostic::{Diagnostic, Diagnostics};
use outgate_sdk::envoy::Authorization;
use outgate_sdk::filter_config::{FilterOptions, Site};
use outgate_sdk::manifest::{Manifests, ObjectName};
use outgate_sdk::proxy::{Address, Cluster, Discovery, Proxy, ProxyName};
use outgate_sdk::scope::GatewayWorkload;

use crate::enforcement;
use crate::failure::Failure;

/// What a run is to be like, whatever the manifests say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Service accounts that a client's port is opened for, beside those of workloads.
    pub(crate) clients: Vec<ObjectName>,
    /// Where hosts are on this machine.
    pub(crate) mappings: Vec<Mapping>,
    /// The filter's module; absent: Envoy's own RBAC decides.
    pub(crate) module: Option<PathBuf>,
    /// How policies are enforced.
    pub(crate) options: FilterOptions,
    /// The gateway whose policies sidecars enforce; absent: the only one.
    pub(crate) gateway: Option<GatewayWorkload>,
    /// What custom policies write for the access log.
    pub(crate) log_properties: Vec<LogProperty>,
}

impl Wishes {
    /// The gateway whose policies sidecars enforce, if they do.
    fn gateway_of_sidecars(&self, manifests: &Manifests) -> Result<Option<GatewayWorkload>, Refused> {
        if self.options.site == Site::Gateway {
            return Ok(None);
        }
        if let Some(gateway) = &self.gateway {
            return Ok(Some(gateway.clone()));
        }
        let all = manifests.gateway_proxies();
        match all.as_slice() {
            [only] => Ok(Some(manifests.gateway_workload(only.workload(), &BTreeMap::new()))),
            several => {
                let known: Vec<String> = several.iter().map(|name| name.workload().to_string()).collect();
                let help = match known.as_slice() {
                    [] => "no Gateway selects a workload of the manifests".to_owned(),
                    known => format!("there are {}", known.join(", ")),
                };
                let refused = Diagnostic::error("which gateway's policies sidecars are to enforce is not known")
                    .help(format!("name it with --gateway NAMESPACE/NAME; {help}"));
                Err(Refused::Input([refused].into_iter().collect()))
            }
        }
    }
}

/// A host's port, and where it is instead.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) to: SocketAddr,
}

impl Mapping {
    /// Reads `HOST:PORT=ADDRESS:PORT`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (host, to) = text.split_once('=')?;
            let (host, port) = host.rsplit_once(':')?;
            Some(Self {
                host: host.to_lowercase(),
                port: port.parse().ok()?,
                to: to.parse().ok()?,
            })
        };
        parsed().ok_or_else(|| {
            "expected HOST:PORT=ADDRESS:PORT, such as httpbin.default.svc.cluster.local:8000=127.0.0.1:8000".to_owned()
        })
    }

    /// Whether it is about a cluster: `outbound|port||host`, whatever the subset. A service may be named without its ending.
    fn is_about(&self, cluster: &Cluster) -> bool {
        let mut parts = cluster.name.split('|').skip(1);
        let port = parts.next().and_then(|port| port.parse().ok());
        let host = parts.nth(1).unwrap_or_default();
        let rest = host.strip_prefix(self.host.as_str());
        port == Some(self.port) && matches!(rest, Some("" | ".svc.cluster.local"))
    }
}

/// All proxies, and who decides in each.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) proxies: Vec<Planned>,
    /// What custom policies write for the access log.
    pub(crate) log_properties: Vec<LogProperty>,
}

/// One proxy.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) proxy: Proxy,
    pub(crate) authorization: Authorization,
}

impl Plan {
    /// What all of the manifests come to, and what is doubtful about it.
    pub(crate) fn of_all(manifests: &Manifests, wishes: &Wishes) -> Result<(Self, Diagnostics), Refused> {
        let mut names = manifests.gateway_proxies();
        let has_gateway = !names.is_empty();
        names.extend(manifests.client_proxies());
        for client in &wishes.clients {
            let name = client_of(manifests, client)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            let refused = Diagnostic::error("the manifests have no workload: there is no proxy to run")
                .help("add the Deployments of the gateway and of the clients, or open a client's port with --as NAMESPACE/ACCOUNT");
            return Err(Refused::Input([refused].into_iter().collect()));
        }
        let (plan, mut diagnostics) = Self::of(manifests, &names, wishes)?;
        if !has_gateway {
            let message =
                "no Gateway selects a workload of the manifests: there are sidecars only, and nobody enforces policies";
            diagnostics.push(Diagnostic::warning(message));
        }
        diagnostics.extend(plan.unused(&wishes.mappings));
        Ok((plan, diagnostics))
    }

    /// What the manifests come to for some proxies.
    pub(crate) fn of(
        manifests: &Manifests,
        names: &[ProxyName],
        wishes: &Wishes,
    ) -> Result<(Self, Diagnostics), Refused> {
        let mut diagnostics = Diagnostics::default();
        let mut proxies = Vec::with_capacity(names.len());
        let mut is_refused = false;
        for name in names {
            match planned(manifests, wishes, name) {
                Ok((planned, doubts)) => {
                    proxies.push(planned);
                    diagnostics.extend(doubts);
                }
                Err(Refused::Input(found)) => {
                    is_refused = true;
                    diagnostics.extend(found);
                }
                Err(other) => return Err(other),
            }
        }
        diagnostics.sort();
        diagnostics.dedup();
        if is_refused {
            return Err(Refused::Input(diagnostics));
        }
        let log_properties = wishes.log_properties.clone();
        Ok((
            Self {
                proxies,
                log_properties,
            },
            diagnostics,
        ))
    }

    /// The clusters of all proxies.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.proxies.iter().flat_map(|planned| &planned.proxy.clusters)
    }

    /// Where the mapped endpoints are.
    pub(crate) fn mapped(&self, mappings: &[Mapping]) -> BTreeMap<(Address, u16), SocketAddr> {
        let mut placed = BTreeMap::new();
        for mapping in mappings {
            placed.insert((Address::Network(mapping.host.clone()), mapping.port), mapping.to);
            for cluster in self.clusters().filter(|cluster| mapping.is_about(cluster)) {
                let endpoints = cluster.endpoints.iter();
                placed.extend(endpoints.map(|endpoint| ((endpoint.address.clone(), endpoint.port), mapping.to)));
            }
        }
        placed
    }

    /// A mapping that changes nothing is a typing error.
    fn unused(&self, mappings: &[Mapping]) -> Vec<Diagnostic> {
        let is_of_use = |mapping: &Mapping| {
            self.clusters().any(|cluster| {
                let mut endpoints = cluster.endpoints.iter();
                let is_endpoint = endpoints.any(|endpoint| {
                    endpoint.port == mapping.port && endpoint.address == Address::Network(mapping.host.clone())
                });
                (mapping.is_about(cluster) && cluster.discovery != Discovery::OriginalDestination) || is_endpoint
            })
        };
        let unused = mappings.iter().filter(|mapping| !is_of_use(mapping));
        let warnings = unused.map(|Mapping { host, port, .. }| {
            Diagnostic::warning(format!("--map {host}:{port}: no proxy sends to it"))
                .help("name a host and port that a Service or ServiceEntry registers, or the address of an endpoint")
        });
        warnings.collect()
    }
}

/// The client that calls under a service account.
pub(crate) fn client_of(manifests: &Manifests, account: &ObjectName) -> Result<ProxyName, Refused> {
    let name = manifests.client_of(account);
    let identity = manifests.identity_of(name.workload());
    if identity.ends_with(&format!("/sa/{}", account.name)) {
        return Ok(name);
    }
    Err(Refused::Other(Failure::Message(format!(
        "{account} is to be a service account, and there is a workload of this name that runs as {identity}"
    ))))
}

/// Why there is no plan.
pub(crate) enum Refused {
    /// The manifests are wrong.
    Input(Diagnostics),
    /// Something else is.
    Other(Failure),
}

impl Refused {
    /// Shows what is wrong with the manifests.
    pub(crate) fn failure(self, manifests: &Manifests) -> Failure {
        match self {
            Self::Input(diagnostics) => Failure::input(&diagnostics, manifests.sources()),
            Self::Other(failure) => failure,
        }
    }
}

fn planned(manifests: &Manifests, wishes: &Wishes, name: &ProxyName) -> Result<(Planned, Diagnostics), Refused> {
    let mut built = manifests.proxy(name).map_err(Refused::Input)?;
    for log in &mut built.proxy.access_logs {
        log.format.add(&wishes.log_properties);
    }
    let planned = Planned {
        authorization: authorization_in(manifests, wishes, &built.proxy)?,
        proxy: built.proxy,
    };
    Ok((planned, built.doubts))
}

/// Who decides in a proxy of the manifests.
pub(crate) fn authorization_in(
    manifests: &Manifests,
    wishes: &Wishes,
    proxy: &Proxy,
) -> Result<Authorization, Refused> {
    match &proxy.name {
        ProxyName::Gateway(gateway) => {
            let workload = manifests.gateway_workload(gateway, &BTreeMap::new());
            authorization_of(manifests, wishes, Site::Gateway, &workload, proxy)
        }
        ProxyName::Sidecar(_) => match wishes.gateway_of_sidecars(manifests)? {
            Some(workload) => authorization_of(manifests, wishes, Site::Sidecar, &workload, proxy),
            None => Ok(Authorization::None),
        },
    }
}

/// Who decides in a proxy, by a gateway's policies.
pub(crate) fn authorization_of(
    manifests: &Manifests,
    wishes: &Wishes,
    site: Site,
    workload: &GatewayWorkload,
    proxy: &Proxy,
) -> Result<Authorization, Refused> {
    let Some(module) = &wishes.module else {
        enforcement::check_native(&wishes.options).map_err(Refused::Other)?;
        let filters = |plugin_type| manifests.native_filters(plugin_type, workload).map_err(Refused::Input);
        return Ok(Authorization::Native {
            http: filters(PluginType::Http)?,
            network: filters(PluginType::Network)?,
        });
    };
    let config = |plugin_type| {
        let options = FilterOptions {
            site,
            plugin_type,
            ..wishes.options.clone()
        };
        let config = manifests.filter_config(workload, &options);
        config.map(Box::new).map_err(Refused::Input)
    };
    // At a gateway, policies about requests deny connections, too, as Istio has it. A workload's own are passed on to the gateway.
    let decides_connections = site == Site::Gateway && proxy.passes_connections();
    Ok(Authorization::Filter {
        module: module.clone(),
        http: config(PluginType::Http)?,
        network: decides_connections.then(|| config(PluginType::Network)).transpose()?,
    })
}
