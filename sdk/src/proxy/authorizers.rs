//! The services of external authorizers: a gateway must know them to ask them.

use crate::authorizer::named_by;
use crate::diagnostic::Diagnostic;

use super::cluster::Cluster;
use super::{Builder, Place};

impl Builder<'_> {
    /// Istio denies whatever an authorizer would be asked about that it does not find; here it is a mistake to be told.
    pub(super) fn refuse_unknown_authorizers(&mut self, place: &Place<'_>, clusters: &[Cluster]) {
        if !place.is_gateway {
            return;
        }
        let policies = self.manifests.policies_for(place.workload);
        for (name, policy) in named_by(&policies) {
            // What else is wrong with an authorizer is told where it is given its form: the filter cannot ask all that Envoy can.
            let Ok(service) = self.manifests.authorizer_service(name) else {
                continue;
            };
            if clusters.iter().any(|cluster| cluster.name == service.cluster) {
                continue;
            }
            let message = format!(
                "the extension provider `{name}` cannot be asked by {}: there is no cluster {}",
                place.workload.name, service.cluster
            );
            let help = match self.full_name(&service.host, place) {
                Some(full) => format!("write `{full}`: services are named in full here"),
                None => "register the host with a Service or ServiceEntry that has this port, and that the gateway sees (exportTo)"
                    .to_owned(),
            };
            let span = self.manifests.mesh_config().map(|mesh| mesh.span_at(&service.path));
            let mut diagnostic = Diagnostic::error(message);
            if let Some(span) = span {
                diagnostic = diagnostic.at(span, "");
            }
            let root = outgate_policy::FieldPath::root();
            let asked = policy.span_at(&root.field("spec").field("provider").field("name"));
            self.diagnostics.push(
                diagnostic
                    .at(asked, "asked because of this policy")
                    .help(help)
                    .in_field(service.path),
            );
        }
    }

    /// The host that clients may call by this name, which is not its own.
    fn full_name(&self, name: &str, place: &Place<'_>) -> Option<String> {
        let hosts = self.visible(place);
        let mut called = hosts
            .into_iter()
            .filter(|host| host.name != name && host.aliases(place.namespace()).iter().any(|alias| alias == name));
        called.next().map(|host| host.name)
    }
}
