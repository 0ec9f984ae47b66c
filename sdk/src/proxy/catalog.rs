//! The hosts that a mesh knows: Kubernetes' services, and what `ServiceEntry` registers.

use std::collections::BTreeMap;

use crate::manifest::{
    Endpoint as WrittenEndpoint, Manifest, Manifests, MeshConfig, ObjectName, Resolution, Service, ServiceEntry,
    TargetPort, Workload, WorkloadKind,
};
use crate::source::Span;
use outgate_policy::FieldPath;

use super::cluster::{Address, Discovery, Endpoint};

/// A host that the mesh knows.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name in lower case; may start with `*.`.
    pub name: String,
    /// The namespace of the object that says so.
    pub namespace: String,
    /// Its ports.
    pub ports: Vec<HostPort>,
    /// Other names: what clients of a service may leave out, and virtual addresses.
    pub(super) service: Option<ObjectName>,
    pub(super) addresses: Vec<String>,
    pub(super) discovery: Discovery,
    /// Names that the host's certificate must carry.
    pub(super) subject_alt_names: Vec<String>,
    pub(super) export_to: Vec<String>,
    pub(super) span: Span,
    endpoints: Vec<WrittenEndpoint>,
    /// Workloads behind a service.
    pods: Vec<ObjectName>,
}

/// One port of a host.
#[derive(Clone, Debug)]
pub struct HostPort {
    /// The number.
    pub number: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    name: String,
    /// The port at the endpoints.
    pub(super) target: u16,
}

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Protocol {
    Http,
    /// HTTP/2, gRPC included.
    Http2,
    /// HTTPS or TLS: a proxy on the way sees the server name only.
    Tls,
    Tcp,
}

impl Protocol {
    /// The protocol that Istio takes a name for: `HTTP`, `http-web`, `grpc`, …
    #[must_use]
    pub fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        match name.split('-').next().unwrap_or_default() {
            "http" | "http_proxy" => Self::Http,
            "http2" | "grpc" => Self::Http2,
            "https" | "tls" => Self::Tls,
            _ => Self::Tcp,
        }
    }

    /// Whether requests can be seen.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2)
    }
}

impl Host {
    /// The port of this number.
    #[must_use]
    pub fn port(&self, number: u16) -> Option<&HostPort> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// The endpoints of a port.
    pub(super) fn endpoints(&self, port: &HostPort) -> Vec<Endpoint> {
        if self.service.is_some() {
            let pods = self.pods.iter().map(|pods| Endpoint {
                address: Address::Pods(pods.clone()),
                port: port.target,
                weight: None,
            });
            return pods.collect();
        }
        if self.endpoints.is_empty() && matches!(self.discovery, Discovery::StrictDns | Discovery::LogicalDns) {
            return vec![Endpoint {
                address: Address::Network(self.name.clone()),
                port: port.target,
                weight: None,
            }];
        }
        let written = self.endpoints.iter().filter_map(|endpoint| {
            let own = endpoint.ports.as_ref().and_then(|ports| ports.get(&port.name));
            Some(Endpoint {
                address: Address::Network(endpoint.address.clone()?),
                port: own.copied().unwrap_or(port.target),
                weight: endpoint.weight,
            })
        });
        written.collect()
    }

    /// The names by which a client in `namespace` may call it.
    pub(super) fn aliases(&self, namespace: &str) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        if let Some(service) = &self.service {
            let ObjectName { namespace: own, name } = service;
            names.push(format!("{name}.{own}.svc"));
            names.push(format!("{name}.{own}"));
            if own == namespace {
                names.push(name.clone());
            }
        }
        names.extend(self.addresses.iter().filter(|address| !address.contains('/')).cloned());
        names
    }

    /// The workloads behind it, when it is a service.
    pub(super) fn pods(&self) -> &[ObjectName] {
        &self.pods
    }
}

/// All hosts.
pub(super) struct Catalog {
    hosts: Vec<Host>,
    default_export_to: Vec<String>,
}

impl Catalog {
    pub(super) fn of(manifests: &Manifests) -> Self {
        let services = manifests
            .services()
            .iter()
            .map(|service| of_service(service, manifests));
        let entries = manifests.service_entries().iter().flat_map(of_entry);
        let mut hosts: Vec<Host> = services.chain(entries).collect();
        hosts.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
        let mesh = manifests.mesh_config().map(Manifest::content);
        Self {
            hosts,
            default_export_to: mesh
                .and_then(|mesh: &MeshConfig| mesh.default_service_export_to.clone())
                .unwrap_or_default(),
        }
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The hosts that proxies of `namespace` see. Of several objects for one host, its own namespace's goes first.
    pub(super) fn visible<'c>(&'c self, namespace: &str) -> Vec<&'c Host> {
        let mut seen: BTreeMap<&str, &Host> = BTreeMap::new();
        for host in &self.hosts {
            if !super::is_exported(&host.export_to, &self.default_export_to, &host.namespace, namespace) {
                continue;
            }
            let kept = seen.entry(&host.name).or_insert(host);
            if kept.namespace != namespace && host.namespace == namespace {
                *kept = host;
            }
        }
        seen.into_values().collect()
    }
}

fn of_service(service: &Manifest<Service>, manifests: &Manifests) -> Host {
    let name = service.name();
    let spec = service.content();
    let behind: Vec<&Manifest<Workload>> = manifests
        .workloads()
        .iter()
        .filter(|workload| {
            let (kind, labels) = (workload.content().kind, &workload.content().labels);
            kind != WorkloadKind::Service && workload.name().namespace == name.namespace && spec.selects(labels)
        })
        .collect();
    let ports = spec.ports.iter().flatten().map(|port| {
        let named = port.name.clone().unwrap_or_default();
        let spoken = port.app_protocol.as_deref().unwrap_or(&named);
        let target = match &port.target_port {
            Some(TargetPort::Number(number)) => *number,
            Some(TargetPort::Name(wanted)) => behind
                .iter()
                .find_map(|workload| workload.content().named_ports.get(wanted))
                .copied()
                .unwrap_or(port.port),
            None => port.port,
        };
        HostPort {
            number: port.port,
            protocol: Protocol::named(spoken.rsplit('/').next().unwrap_or_default()),
            name: named.clone(),
            target,
        }
    });
    let cluster_ip = spec.cluster_ip.clone().filter(|ip| !ip.is_empty() && ip != "None");
    Host {
        name: name.service_host(),
        namespace: name.namespace.clone(),
        ports: ports.collect(),
        service: Some(name.clone()),
        addresses: cluster_ip.into_iter().collect(),
        discovery: Discovery::Static,
        subject_alt_names: Vec::new(),
        export_to: exported_by_annotation(service),
        span: service.span_at(&FieldPath::root().field("metadata").field("name")),
        endpoints: Vec::new(),
        // A Deployment and the Pods that it made are the same pods.
        pods: if behind.is_empty() {
            vec![name.clone()]
        } else {
            let mut pods: Vec<_> = behind.iter().map(|workload| workload.name().clone()).collect();
            pods.sort();
            pods.dedup();
            pods
        },
    }
}

fn exported_by_annotation(service: &Manifest<Service>) -> Vec<String> {
    const EXPORT_TO: &str = "networking.istio.io/exportTo";
    let path = FieldPath::root()
        .field("metadata")
        .field("annotations")
        .field(EXPORT_TO);
    let text = service.node().at(&path).and_then(crate::located::Node::as_str);
    let names = text.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn of_entry(entry: &Manifest<ServiceEntry>) -> impl Iterator<Item = Host> {
    let spec = &entry.content().spec;
    let hosts_path = FieldPath::root().field("spec").field("hosts");
    let discovery = match spec.resolution {
        None | Some(Resolution::None | Resolution::DynamicDns) => Discovery::OriginalDestination,
        Some(Resolution::Static) => Discovery::Static,
        Some(Resolution::Dns) => Discovery::StrictDns,
        Some(Resolution::DnsRoundRobin) => Discovery::LogicalDns,
    };
    let ports: Vec<HostPort> = spec
        .ports
        .iter()
        .flatten()
        .map(|port| {
            let name = port.name.clone().unwrap_or_default();
            HostPort {
                number: port.number,
                protocol: Protocol::named(port.protocol.as_deref().unwrap_or(&name)),
                target: port.target_port.unwrap_or(port.number),
                name,
            }
        })
        .collect();
    spec.hosts.iter().enumerate().map(move |(index, host)| Host {
        name: host.to_lowercase(),
        namespace: entry.name().namespace.clone(),
        ports: ports.clone(),
        service: None,
        addresses: spec.addresses.clone().unwrap_or_default(),
        discovery,
        subject_alt_names: spec.subject_alt_names.clone().unwrap_or_default(),
        export_to: spec.export_to.clone().unwrap_or_default(),
        span: entry.span_at(&hosts_path.index(index)),
        endpoints: spec.endpoints.clone().unwrap_or_default(),
        pods: Vec::new(),
    })
}
