//! A gateway's policies at the sidecars of those that call through it.

use outgate_policy::config::{Egress, PluginType};
use outgate_policy::{Policy, Subject};

use super::Refused;
use super::builder::places;
use crate::manifest::{Location, Manifest, Manifests};
use crate::scope::GatewayWorkload;

/// The hosts of services in a cluster. Istio's name of the cluster's domain can be changed, and hardly ever is.
const SERVICES: &str = "*.svc.cluster.local";

impl Manifests {
    /// Which requests of a sidecar go to a gateway, or past it out of the mesh.
    pub(super) fn egress(&self, gateway: &GatewayWorkload) -> Egress {
        let of_gateway = self.services().iter().filter(|service| {
            service.name().namespace == gateway.name.namespace && service.content().selects(&gateway.labels)
        });
        let mut gateways: Vec<String> = of_gateway.map(|service| service.name().service_host()).collect();
        if gateways.is_empty() {
            gateways.push(gateway.name.service_host());
        }
        gateways.sort();
        let internal = self.service_entries().iter().filter(|entry| {
            let spec = &entry.content().spec;
            spec.location == Some(Location::MeshInternal)
        });
        let mut internal_hosts: Vec<String> = internal
            .flat_map(|entry: &Manifest<_>| entry.content().spec.hosts.clone())
            .chain([SERVICES.to_owned()])
            .collect();
        internal_hosts.sort();
        internal_hosts.dedup();
        Egress {
            gateways,
            internal_hosts,
        }
    }
}

/// What a policy asks for that is something else at a sidecar than at a gateway, or is never there.
///
/// Enforcing it all the same would stop, or let through, other requests than at the gateway, and nobody would notice.
pub(super) fn other_meaning(policy: &Policy, plugin_type: PluginType) -> impl Iterator<Item = Refused> {
    type IsAsked = fn(&Subject) -> bool;
    const OF_BOTH: [(IsAsked, &str); 3] = [
        (
            |subject| matches!(subject, Subject::Port | Subject::DestinationIp),
            "this is what the application calls, not where the gateway listens",
        ),
        (
            |subject| matches!(subject, Subject::SourceIp | Subject::RemoteIp),
            "the caller's address is the workload's own",
        ),
        (
            |subject| {
                matches!(
                    subject,
                    Subject::RequestPrincipal | Subject::Claim(_) | Subject::Metadata { .. }
                )
            },
            "no token is checked on the way out, and no filter leaves metadata",
        ),
    ];
    // An application that speaks TLS itself is passed on as a connection, with its server name.
    const OF_REQUESTS: [(IsAsked, &str); 1] = [(
        |subject| matches!(subject, Subject::Sni),
        "a request comes from the application without TLS, and so without a server name",
    )];
    let of_requests = OF_REQUESTS.into_iter().filter(move |_| plugin_type == PluginType::Http);
    OF_BOTH
        .into_iter()
        .chain(of_requests)
        .flat_map(move |(is_asked, meaning)| {
            places(policy, is_asked).map(move |path| Refused::OtherAtSidecar {
                policy: policy.name().clone(),
                path,
                meaning,
            })
        })
}
