//! A gateway's way in: the servers that `Gateway` objects open in it, and the routes of each.

use std::collections::BTreeMap;

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::{Gateway, Manifest, Server, ServerTls as WrittenTls, TargetPort, TlsMode};

use super::clusters::secret_name;
use super::host_name::{intersection, matches};
use super::listener::{FilterChain, Handler, Listener};
use super::route::{RouteTable, VirtualHost, WeightedCluster};
use super::tls::{ClientCertificates, Credential, ServerTls, Trust};
use super::virtual_services::{At, Written};
use super::workloads::selects_labels;
use super::{Builder, Place, sidecar};

/// One server and where it is written.
#[derive(Clone, Copy)]
struct Opened<'m> {
    gateway: &'m Manifest<Gateway>,
    server: &'m Server,
    index: usize,
}

impl Opened<'_> {
    fn path(&self) -> FieldPath {
        FieldPath::root().field("spec").field("servers").index(self.index)
    }

    /// `namespace/name`.
    fn gateway_name(&self) -> String {
        self.gateway.name().to_string()
    }

    fn mode(&self) -> Option<TlsMode> {
        self.server
            .tls
            .as_ref()
            .map(|tls| tls.mode.unwrap_or(TlsMode::Passthrough))
    }

    /// Whether requests can be seen.
    fn is_http(&self) -> bool {
        match self.server.port.protocol.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => true,
            "HTTPS" => self.mode() != Some(TlsMode::Passthrough),
            _ => false,
        }
    }

    /// Whether connections are secured: `tls` with nothing but a redirect in it belongs to plain HTTP.
    fn is_secured(&self) -> bool {
        matches!(self.server.port.protocol.to_ascii_uppercase().as_str(), "HTTPS" | "TLS")
    }

    /// The hosts without the namespaces before them, in lower case.
    fn hosts(&self) -> Vec<String> {
        let hosts = self.server.hosts.iter();
        hosts
            .map(|host| host.rsplit('/').next().unwrap_or_default().to_lowercase())
            .collect()
    }

    /// The hosts that objects of `namespace` may have routes for.
    fn hosts_for(&self, namespace: &str) -> Vec<String> {
        let lets_in = |host: &String| match host.split_once('/') {
            Some((".", host)) => (namespace == self.gateway.name().namespace).then(|| host.to_lowercase()),
            Some(("*", host)) => Some(host.to_lowercase()),
            Some((own, host)) => (own == namespace).then(|| host.to_lowercase()),
            None => Some(host.to_lowercase()),
        };
        self.server.hosts.iter().filter_map(lets_in).collect()
    }
}

impl<'m> Builder<'m> {
    pub(super) fn gateway_listeners(&mut self, place: &Place<'_>) -> Vec<Listener> {
        let opened: Vec<Opened<'m>> = self
            .manifests
            .gateways()
            .iter()
            .filter(|gateway| selects_labels(gateway, &place.workload.labels))
            .flat_map(|gateway| {
                let servers = gateway.content().spec.servers.iter().flatten().enumerate();
                servers.map(move |(index, server)| Opened { gateway, server, index })
            })
            .collect();
        let mut by_port: BTreeMap<u16, Vec<Opened<'m>>> = BTreeMap::new();
        for server in opened {
            self.refuse_unrendered(server);
            by_port.entry(self.pod_port(server, place)).or_default().push(server);
        }
        by_port
            .into_iter()
            .map(|(port, servers)| Listener {
                name: format!("0.0.0.0_{port}"),
                port,
                chains: self.chains(&servers, port, place),
            })
            .collect()
    }

    fn refuse_unrendered(&mut self, opened: Opened<'m>) {
        let server = opened.server;
        let refused = [
            (server.bind.is_some(), opened.path().field("bind")),
            (
                server.default_endpoint.is_some(),
                opened.path().field("defaultEndpoint"),
            ),
            (
                server.tls.as_ref().is_some_and(|tls| tls.ca_crl.is_some()),
                opened.path().field("tls").field("caCrl"),
            ),
            (
                opened.mode() == Some(TlsMode::AutoPassthrough),
                opened.path().field("tls").field("mode"),
            ),
        ];
        for (is_given, path) in refused {
            if is_given {
                let message = format!("Gateway {}: `{path}` is not rendered", opened.gateway_name());
                self.diagnostics.push(
                    Diagnostic::error(message)
                        .at(opened.gateway.span_at(&path), "")
                        .in_field(path),
                );
            }
        }
    }

    /// The port in the pod that the gateway's service sends a server's port to.
    fn pod_port(&self, opened: Opened<'m>, place: &Place<'_>) -> u16 {
        let number = opened.server.port.number;
        let workload = place.workload;
        let services = self.manifests.services().iter().filter(|service| {
            let mut selector = service.content().selector.iter().flatten();
            service.name().namespace == workload.name.namespace
                && selector.all(|(key, value)| workload.labels.get(key) == Some(value))
        });
        let named = |name: &str| {
            let workloads = self
                .manifests
                .workloads()
                .iter()
                .filter(|known| *known.name() == workload.name);
            let mut ports = workloads.filter_map(|known| known.content().named_ports.get(name));
            ports.next().copied()
        };
        let mut targets = services
            .flat_map(|service| service.content().ports.iter().flatten())
            .filter(|port| port.port == number)
            .filter_map(|port| match &port.target_port {
                Some(TargetPort::Number(number)) => Some(*number),
                Some(TargetPort::Name(name)) => named(name),
                None => Some(port.port),
            });
        targets.next().unwrap_or(number)
    }

    fn chains(&mut self, servers: &[Opened<'m>], port: u16, place: &Place<'_>) -> Vec<FilterChain> {
        let mut chains = Vec::new();
        // Plain HTTP servers of a port share a route table: nothing but the host tells their requests apart.
        let plain: Vec<Opened<'m>> = servers
            .iter()
            .copied()
            .filter(|server| server.is_http() && !server.is_secured())
            .collect();
        if !plain.is_empty() {
            chains.push(FilterChain {
                server_names: Vec::new(),
                tls: None,
                handler: Handler::Http(self.gateway_routes(&plain, format!("http.{port}"), port, place)),
            });
        }
        for server in servers
            .iter()
            .copied()
            .filter(|server| server.is_secured() || !server.is_http())
        {
            if server.is_http() {
                let opened = server.server;
                let name = format!(
                    "https.{}.{}.{}.{}",
                    opened.port.number,
                    opened.port.name.as_deref().unwrap_or_default(),
                    server.gateway.name().name,
                    server.gateway.name().namespace
                );
                chains.push(FilterChain {
                    server_names: server_names(server),
                    tls: self.server_tls(server, place),
                    handler: Handler::Http(self.gateway_routes(&[server], name, port, place)),
                });
            } else {
                chains.extend(self.connection_routes(server, place));
            }
        }
        self.refuse_ambiguous(servers, &chains);
        chains
    }

    /// Two chains for the same server name: a proxy would refuse the listener.
    fn refuse_ambiguous(&mut self, servers: &[Opened<'m>], chains: &[FilterChain]) {
        let mut seen: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for chain in chains {
            let names = chain.server_names.iter().map(|name| Some(name.as_str()));
            let names: Vec<_> = if chain.server_names.is_empty() {
                vec![None]
            } else {
                names.collect()
            };
            for name in names {
                *seen.entry(name).or_default() += 1;
            }
        }
        let Some((name, _)) = seen.iter().find(|(_, count)| **count > 1) else {
            return;
        };
        let shown = name.unwrap_or("*");
        let fits = |server: &&Opened<'m>| match name {
            Some(name) => server.hosts().iter().any(|host| host == name),
            None => server.hosts().iter().any(|host| host == "*"),
        };
        let mut diagnostic = Diagnostic::error(format!(
            "two servers of port {} take connections for `{shown}`",
            servers.first().map_or(0, |server| server.server.port.number)
        ))
        .help("give the servers different hosts or ports, or leave one out");
        for server in servers.iter().filter(fits).take(2) {
            diagnostic = diagnostic.at(server.gateway.span_at(&server.path()), "");
        }
        self.diagnostics.push(diagnostic);
    }

    fn gateway_routes(&mut self, servers: &[Opened<'m>], name: String, port: u16, place: &Place<'_>) -> RouteTable {
        let mut hosts: BTreeMap<String, VirtualHost> = BTreeMap::new();
        let mut taken: BTreeMap<String, Written<'m>> = BTreeMap::new();
        for server in servers {
            let number = server.server.port.number;
            let redirects = server
                .server
                .tls
                .as_ref()
                .is_some_and(|tls| tls.https_redirect == Some(true));
            let gateway = server.gateway_name();
            for written in self.virtual_services(place, &gateway) {
                let at = At {
                    gateway: &gateway,
                    port: number,
                };
                let names = common(&server.hosts_for(written.namespace()), &written.hosts());
                if names.is_empty() {
                    continue;
                }
                let routes = self.http_routes(written, place, at);
                if routes.is_empty() {
                    continue;
                }
                for name in names {
                    if let Some(first) = taken.insert(name.clone(), written)
                        && first.object.name() != written.object.name()
                    {
                        self.conflict(written, first, &name, &format!("Gateway {gateway}"));
                        continue;
                    }
                    let domains = vec![name.clone()];
                    hosts
                        .entry(name.clone())
                        .or_insert_with(|| sidecar::virtual_host(&name, number, domains, sorted(routes.clone())));
                }
            }
            if redirects {
                for name in server.hosts() {
                    let domains = vec![name.clone()];
                    hosts
                        .entry(name.clone())
                        .or_insert_with(|| sidecar::virtual_host(&name, number, domains, Vec::new()))
                        .requires_tls = true;
                }
            }
        }
        if hosts.is_empty() {
            let number = servers.first().map_or(port, |server| server.server.port.number);
            let nothing = sidecar::virtual_host("blackhole", number, vec!["*".to_owned()], Vec::new());
            hosts.insert("blackhole".to_owned(), nothing);
        }
        RouteTable {
            name,
            stat_prefix: format!("outbound_0.0.0.0_{port}"),
            virtual_hosts: hosts.into_values().collect(),
        }
    }

    /// Connections that are passed on as they are: by server name, or by port alone.
    fn connection_routes(&mut self, server: Opened<'m>, place: &Place<'_>) -> Vec<FilterChain> {
        let gateway = server.gateway_name();
        let number = server.server.port.number;
        let tls = match server.mode() {
            None | Some(TlsMode::Passthrough | TlsMode::AutoPassthrough) => None,
            Some(_) => self.server_tls(server, place),
        };
        let mut chains = Vec::new();
        for written in self.virtual_services(place, &gateway) {
            if common(&server.hosts_for(written.namespace()), &written.hosts()).is_empty() {
                continue;
            }
            let at = |gateways: &[String], port: Option<u16>| {
                let named = gateways
                    .iter()
                    .any(|name| super::virtual_services::full_gateway(name, written.namespace()) == gateway);
                (gateways.is_empty() || named) && port.is_none_or(|port| port == number)
            };
            let spec = FieldPath::root().field("spec");
            for (index, route) in written.service.tls.iter().enumerate() {
                let path = spec.field("tls").index(index);
                let matching = route.matches.iter().filter(|wanted| at(&wanted.gateways, wanted.port));
                let names: Vec<String> = matching
                    .flat_map(|wanted| &wanted.sni_hosts)
                    .map(|name| name.to_lowercase())
                    .filter(|name| server.hosts().iter().any(|host| matches(host, name)))
                    .collect();
                if names.is_empty() {
                    continue;
                }
                let handler = self.pass_on(written, &route.route, &path, &gateway);
                chains.extend(handler.map(|handler| FilterChain {
                    server_names: names.into_iter().filter(|name| name != "*").collect(),
                    tls: tls.clone(),
                    handler,
                }));
            }
            for (index, route) in written.service.tcp.iter().enumerate() {
                let path = spec.field("tcp").index(index);
                let counts =
                    route.matches.is_empty() || route.matches.iter().any(|wanted| at(&wanted.gateways, wanted.port));
                if !counts {
                    continue;
                }
                let handler = self.pass_on(written, &route.route, &path, &gateway);
                chains.extend(handler.map(|handler| FilterChain {
                    server_names: if tls.is_some() {
                        server_names(server)
                    } else {
                        Vec::new()
                    },
                    tls: tls.clone(),
                    handler,
                }));
            }
        }
        chains
    }

    fn pass_on(
        &mut self,
        written: Written<'m>,
        to: &[crate::manifest::ConnectionDestination],
        path: &FieldPath,
        gateway: &str,
    ) -> Option<Handler> {
        let mut clusters = Vec::with_capacity(to.len());
        for (index, to) in to.iter().enumerate() {
            let path = path.field("route").index(index).field("destination");
            clusters.push(WeightedCluster {
                weight: to.weight,
                ..WeightedCluster::only(self.destination(written, &to.destination, &path)?)
            });
        }
        Some(Handler::Tcp {
            name: gateway.to_owned(),
            clusters,
            span: Some(written.span(&path.field("route"))),
        })
    }

    fn server_tls(&mut self, opened: Opened<'m>, place: &Place<'_>) -> Option<ServerTls> {
        let path = opened.path();
        let Some(tls) = &opened.server.tls else {
            let message = format!("Gateway {}: a server with TLS needs `tls`", opened.gateway_name());
            self.diagnostics.push(
                Diagnostic::error(message)
                    .at(opened.gateway.span_at(&path), "")
                    .in_field(path),
            );
            return None;
        };
        let mode = tls.mode.unwrap_or(TlsMode::Passthrough);
        let credentials = self.server_credentials(opened, tls, mode, place);
        let named = tls
            .ca_cert_credential_name
            .as_deref()
            .or(tls.credential_name.as_deref());
        let trust = match (mode, named, &tls.ca_certificates) {
            (TlsMode::IstioMutual, _, _) => Trust::Mesh,
            _ if tls.insecure_skip_verify == Some(true) => Trust::Unchecked,
            (_, Some(name), _) => Trust::Secret(secret_name(name, place.namespace())),
            (_, None, Some(file)) => Trust::File(file.clone()),
            (_, None, None) => Trust::Unchecked,
        };
        let clients = match mode {
            TlsMode::IstioMutual | TlsMode::Mutual => ClientCertificates::Required(trust),
            TlsMode::OptionalMutual => ClientCertificates::Optional(trust),
            _ => ClientCertificates::NotAsked,
        };
        if let ClientCertificates::Required(Trust::Secret(secret))
        | ClientCertificates::Optional(Trust::Secret(secret)) = &clients
        {
            let field = if tls.ca_cert_credential_name.is_some() {
                "caCertCredentialName"
            } else {
                "credentialName"
            };
            self.require_authorities(secret, opened.gateway, &path.field("tls").field(field));
        }
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        Some(ServerTls {
            credentials,
            clients,
            subject_alt_names: list(&tls.subject_alt_names),
            certificate_hashes: list(&tls.verify_certificate_hash),
            key_hashes: list(&tls.verify_certificate_spki),
            oldest: tls.min_protocol_version,
            newest: tls.max_protocol_version,
            cipher_suites: list(&tls.cipher_suites),
        })
    }

    fn server_credentials(
        &mut self,
        opened: Opened<'m>,
        tls: &WrittenTls,
        mode: TlsMode,
        place: &Place<'_>,
    ) -> Vec<Credential> {
        if mode == TlsMode::IstioMutual {
            return vec![Credential::Mesh];
        }
        let path = opened.path().field("tls");
        let names: Vec<&String> = tls
            .credential_name
            .iter()
            .chain(tls.credential_names.iter().flatten())
            .collect();
        if !names.is_empty() {
            let secrets: Vec<_> = names.iter().map(|name| secret_name(name, place.namespace())).collect();
            for secret in &secrets {
                self.require_credential(secret, opened.gateway, &path.field("credentialName"));
            }
            return secrets.into_iter().map(Credential::Secret).collect();
        }
        let one = [(&tls.server_certificate, &tls.private_key)];
        let several = tls.tls_certificates.iter().flatten();
        let several = several.map(|files| (&files.server_certificate, &files.private_key));
        let files: Vec<Credential> = one
            .into_iter()
            .chain(several)
            .filter_map(|(certificate, key)| {
                Some(Credential::Files {
                    certificate: certificate.clone()?,
                    key: key.clone()?,
                })
            })
            .collect();
        if files.is_empty() {
            let message = format!("Gateway {}: this server has no certificate", opened.gateway_name());
            self.diagnostics.push(
                Diagnostic::error(message)
                    .at(opened.gateway.span_at(&path), "")
                    .help("give `credentialName`, or `serverCertificate` and `privateKey`")
                    .in_field(path),
            );
        }
        files
    }
}

/// The server names that a server's hosts stand for; `*` is any.
fn server_names(server: Opened<'_>) -> Vec<String> {
    let hosts = server.hosts();
    if hosts.iter().any(|host| host == "*") {
        return Vec::new();
    }
    hosts
}

fn common(a: &[String], b: &[String]) -> Vec<String> {
    let mut names: Vec<String> = b
        .iter()
        .flat_map(|b| a.iter().filter_map(|a| intersection(a, b)))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Routes that take everything go last, whatever the order in the object.
fn sorted(mut routes: Vec<super::route::Route>) -> Vec<super::route::Route> {
    routes.sort_by_key(super::route::Route::is_catch_all);
    routes
}
