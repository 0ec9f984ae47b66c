//! A proxy's clusters: one for each port of each host that it sees, and for each part of it.

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::manifest::{
    ClientTls, ClientTlsMode, ConnectionPool, Gateway, Manifest, ObjectName, SimpleLoadBalancer, TlsMode,
};

use super::catalog::{Host, HostPort, Protocol};
use super::cluster::{BLACK_HOLE, Cluster, Discovery, LoadBalancing, PASSTHROUGH, Pool, outbound_name, outbound_sni};
use super::destination::{PortRules, Rules};
use super::tls::{Credential, Trust, UpstreamTls};
use super::workloads::selects_labels;
use super::{Builder, Place};

/// What connections inside of the mesh offer.
const MESH_ALPN: [&str; 2] = ["istio-peer-exchange", "istio"];
const MESH_ALPN_H2: [&str; 3] = ["istio-peer-exchange", "istio", "h2"];

impl Builder<'_> {
    pub(super) fn clusters(&mut self, place: &Place<'_>) -> Vec<Cluster> {
        let hosts: Vec<Host> = self.visible(place);
        let mut clusters = Vec::new();
        for host in &hosts {
            let rules = self.rules_for(host, place);
            let subsets = rules.iter().flat_map(|rules| &rules.rule.subsets);
            let parts: Vec<Option<&str>> = std::iter::once(None)
                .chain(subsets.map(|subset| Some(subset.name.as_str())))
                .collect();
            for port in &host.ports {
                for part in &parts {
                    clusters.push(self.cluster(host, port, *part, rules.as_ref(), place));
                }
            }
        }
        clusters.push(special(BLACK_HOLE, Discovery::Static));
        clusters.push(special(PASSTHROUGH, Discovery::OriginalDestination));
        clusters
    }

    fn cluster(
        &mut self,
        host: &Host,
        port: &HostPort,
        part: Option<&str>,
        rules: Option<&Rules<'_>>,
        place: &Place<'_>,
    ) -> Cluster {
        let said = rules.map(|rules| rules.of_port(part, port.number)).unwrap_or_default();
        let http2 = port.protocol == Protocol::Http2;
        let tls = self.upstream_tls(host, port, part, rules, &said, place);
        Cluster {
            name: outbound_name(port.number, part, &host.name),
            discovery: host.discovery,
            endpoints: if host.discovery == Discovery::OriginalDestination {
                Vec::new()
            } else {
                host.endpoints(port)
            },
            load_balancing: load_balancing(&said),
            http2,
            tls,
            pool: pool(said.pool.as_ref()),
        }
    }

    fn upstream_tls(
        &mut self,
        host: &Host,
        port: &HostPort,
        part: Option<&str>,
        rules: Option<&Rules<'_>>,
        said: &PortRules,
        place: &Place<'_>,
    ) -> Option<UpstreamTls> {
        let Some((tls, rules)) = said.tls.as_ref().zip(rules) else {
            // Istio's automatic mutual TLS: where the other end takes it.
            let sni = outbound_sni(port.number, part, &host.name);
            return self
                .takes_mesh_tls(host, port)
                .then(|| mesh_tls(None, self.identities_of(host), sni, port.protocol));
        };
        match tls.mode {
            ClientTlsMode::Disable => None,
            ClientTlsMode::IstioMutual => Some(mesh_tls(
                tls.sni.clone(),
                if tls.subject_alt_names.is_empty() {
                    self.identities_of(host)
                } else {
                    tls.subject_alt_names.clone()
                },
                outbound_sni(port.number, part, &host.name),
                port.protocol,
            )),
            ClientTlsMode::Simple | ClientTlsMode::Mutual => self.own_tls(host, port, tls, rules, place),
        }
    }

    /// TLS that the proxy originates with certificates that are not the mesh's.
    fn own_tls(
        &mut self,
        host: &Host,
        port: &HostPort,
        tls: &ClientTls,
        rules: &Rules<'_>,
        place: &Place<'_>,
    ) -> Option<UpstreamTls> {
        if tls.credential_name.is_some() && !place.is_gateway && rules.rule.workload_selector.is_none() {
            // Istio does the same: sidecars have no access to the gateways' secrets, and send what they get as it is.
            return None;
        }
        let is_mutual = tls.mode == ClientTlsMode::Mutual;
        let secret = tls
            .credential_name
            .as_deref()
            .map(|name| secret_name(name, place.namespace()));
        let credential = match &secret {
            _ if !is_mutual => None,
            Some(secret) => Some(Credential::Secret(secret.clone())),
            None => match (&tls.client_certificate, &tls.private_key) {
                (Some(certificate), Some(key)) => Some(Credential::Files {
                    certificate: certificate.clone(),
                    key: key.clone(),
                }),
                _ => {
                    let path = FieldPath::root().field("spec").field("trafficPolicy");
                    let message = format!(
                        "DestinationRule {}: mode MUTUAL needs a client certificate",
                        rules.object.name()
                    );
                    let diagnostic = Diagnostic::error(message)
                        .at(rules.object.span_at(&path), "")
                        .help("give `credentialName`, or `clientCertificate` and `privateKey`");
                    self.diagnostics.push(diagnostic);
                    return None;
                }
            },
        };
        if let Some(secret) = &secret {
            self.require_secret(secret, is_mutual, rules.object, "credentialName");
        }
        let trust = match (&secret, &tls.ca_certificates) {
            _ if tls.insecure_skip_verify => Trust::Unchecked,
            (Some(secret), _) => Trust::Secret(secret.clone()),
            (None, Some(file)) => Trust::File(file.clone()),
            (None, None) => Trust::System,
        };
        let subject_alt_names = if tls.subject_alt_names.is_empty() {
            host.subject_alt_names.clone()
        } else {
            tls.subject_alt_names.clone()
        };
        Some(UpstreamTls {
            credential,
            trust,
            subject_alt_names,
            sni: tls.sni.clone().filter(|sni| !sni.is_empty()),
            alpn: if port.protocol == Protocol::Http2 {
                vec!["h2"]
            } else {
                Vec::new()
            },
        })
    }

    /// The identities of a service's workloads, as certificates have them; none when they are not all known.
    fn identities_of(&self, host: &Host) -> Vec<String> {
        let identities = host.pods().iter().map(|pods| {
            let is_known = self.manifests.runs(pods);
            is_known.then(|| format!("spiffe://{}", self.manifests.identity_of(pods)))
        });
        identities.collect::<Option<_>>().unwrap_or_default()
    }

    /// Whether a gateway of the mesh listens at this port for mesh certificates.
    fn takes_mesh_tls(&self, host: &Host, port: &HostPort) -> bool {
        let is_mutual = |gateway: &Manifest<Gateway>| {
            let servers = gateway.content().spec.servers.iter().flatten();
            servers
                .filter(|server| server.port.number == port.number)
                .any(|server| server.tls.as_ref().and_then(|tls| tls.mode) == Some(TlsMode::IstioMutual))
        };
        host.pods().iter().any(|pods| {
            let labels = self
                .manifests
                .gateway_workload(pods, &std::collections::BTreeMap::new())
                .labels;
            let mut gateways = self.manifests.gateways().iter();
            gateways.any(|gateway| selects_labels(gateway, &labels) && is_mutual(gateway))
        })
    }
}

/// The secret that `credentialName` means: in the proxy's namespace, unless it says another.
pub(super) fn secret_name(name: &str, namespace: &str) -> ObjectName {
    match name.split_once('/') {
        Some((namespace, name)) => ObjectName::new(namespace, name),
        None => ObjectName::new(namespace, name),
    }
}

fn mesh_tls(sni: Option<String>, names: Vec<String>, default_sni: String, protocol: Protocol) -> UpstreamTls {
    UpstreamTls {
        credential: Some(Credential::Mesh),
        trust: Trust::Mesh,
        subject_alt_names: names,
        sni: Some(sni.filter(|sni| !sni.is_empty()).unwrap_or(default_sni)),
        alpn: if protocol == Protocol::Http2 {
            MESH_ALPN_H2.to_vec()
        } else {
            MESH_ALPN.to_vec()
        },
    }
}

fn load_balancing(said: &PortRules) -> LoadBalancing {
    match said.load_balancer.as_ref().and_then(|balancer| balancer.simple) {
        Some(SimpleLoadBalancer::RoundRobin) => LoadBalancing::RoundRobin,
        Some(SimpleLoadBalancer::Random) => LoadBalancing::Random,
        _ => LoadBalancing::LeastRequest,
    }
}

fn pool(said: Option<&ConnectionPool>) -> Pool {
    let tcp = said.and_then(|said| said.tcp.clone()).unwrap_or_default();
    let http = said.and_then(|said| said.http.clone()).unwrap_or_default();
    Pool {
        max_connections: tcp.max_connections,
        connect_timeout: tcp.connect_timeout,
        tcp_idle_timeout: tcp.idle_timeout,
        max_pending_requests: http.http1_max_pending_requests,
        max_requests: http.http2_max_requests,
        max_requests_per_connection: http.max_requests_per_connection,
        max_retries: http.max_retries,
        http_idle_timeout: http.idle_timeout,
    }
}

fn special(name: &str, discovery: Discovery) -> Cluster {
    Cluster {
        name: name.to_owned(),
        discovery,
        endpoints: Vec::new(),
        load_balancing: LoadBalancing::default(),
        http2: false,
        tls: None,
        pool: Pool::default(),
    }
}
