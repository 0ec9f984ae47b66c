//! The kinds of objects that are known, and what is done with each.

use super::object::Object;
use crate::diagnostic::Diagnostic;
use crate::suggest;

/// What is done with a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Known {
    AuthorizationPolicy,
    RequestAuthentication,
    ServiceEntry,
    Gateway,
    VirtualService,
    DestinationRule,
    Sidecar,
    Telemetry,
    WasmPlugin,
    ConfigMap,
    IstioOperator,
    Service,
    Secret,
    Certificate,
    Workload,
    /// What a proxy does depends on it, and it is not rendered.
    Unrendered,
    /// Known to exist, and not used here.
    Unused,
}

/// The kinds of an API group.
struct Group {
    name: &'static str,
    /// Empty: any.
    versions: &'static [&'static str],
    kinds: &'static [(&'static str, Known)],
    /// Whether `kinds` is all that there is, so that another kind is a mistake.
    is_complete: bool,
}

const GROUPS: [Group; 8] = [
    Group {
        name: "security.istio.io",
        versions: &["v1", "v1beta1"],
        kinds: &[
            ("AuthorizationPolicy", Known::AuthorizationPolicy),
            ("PeerAuthentication", Known::Unrendered),
            ("RequestAuthentication", Known::RequestAuthentication),
        ],
        is_complete: true,
    },
    Group {
        name: "networking.istio.io",
        versions: &["v1", "v1beta1", "v1alpha3"],
        kinds: &[
            ("DestinationRule", Known::DestinationRule),
            ("EnvoyFilter", Known::Unrendered),
            ("Gateway", Known::Gateway),
            ("ProxyConfig", Known::Unrendered),
            ("ServiceEntry", Known::ServiceEntry),
            ("Sidecar", Known::Sidecar),
            ("VirtualService", Known::VirtualService),
            ("WorkloadEntry", Known::Unrendered),
            ("WorkloadGroup", Known::Unused),
        ],
        is_complete: true,
    },
    Group {
        name: "install.istio.io",
        versions: &[],
        kinds: &[("IstioOperator", Known::IstioOperator)],
        is_complete: false,
    },
    Group {
        name: "apps",
        versions: &[],
        kinds: &[
            ("DaemonSet", Known::Workload),
            ("Deployment", Known::Workload),
            ("StatefulSet", Known::Workload),
        ],
        is_complete: false,
    },
    Group {
        name: "",
        versions: &[],
        kinds: &[
            ("ConfigMap", Known::ConfigMap),
            ("Pod", Known::Workload),
            ("Secret", Known::Secret),
            ("Service", Known::Service),
        ],
        is_complete: false,
    },
    Group {
        name: "telemetry.istio.io",
        versions: &["v1", "v1alpha1"],
        kinds: &[("Telemetry", Known::Telemetry)],
        is_complete: true,
    },
    Group {
        name: "extensions.istio.io",
        versions: &["v1alpha1"],
        kinds: &[("WasmPlugin", Known::WasmPlugin)],
        is_complete: true,
    },
    Group {
        name: "cert-manager.io",
        versions: &[],
        kinds: &[("Certificate", Known::Certificate)],
        is_complete: false,
    },
];

impl Object {
    /// What is to be done with the object. A name that is nearly one of ours is a mistake, not somebody else's kind: a policy must
    /// not be passed over for a typing error.
    pub(super) fn known(&self) -> Result<Known, Diagnostic> {
        let Some(group) = GROUPS.iter().find(|group| group.name == self.group) else {
            return self.refuse_similar_group();
        };
        let known = group.kinds.iter().find(|(kind, _)| *kind == self.kind);
        let Some(&(_, known)) = known else {
            return self.unknown_kind(group);
        };
        if group.versions.is_empty() || group.versions.contains(&self.version.as_str()) {
            return Ok(known);
        }
        Err(self
            .refuse(
                "apiVersion",
                format!("`{}` has no version `{}`", self.group, self.version),
            )
            .help(format!(
                "the versions of {} are {}",
                self.group,
                suggest::listed(group.versions)
            )))
    }

    fn refuse_similar_group(&self) -> Result<Known, Diagnostic> {
        let ours = GROUPS.iter().filter(|group| group.is_complete).map(|group| group.name);
        match suggest::closest(&self.group, ours) {
            Some(meant) => Err(self
                .refuse("apiVersion", format!("unknown API group `{}`", self.group))
                .help(format!("did you mean `{meant}`?"))),
            None => Ok(Known::Unused),
        }
    }

    fn unknown_kind(&self, group: &Group) -> Result<Known, Diagnostic> {
        let kinds: Vec<_> = group.kinds.iter().map(|(kind, _)| *kind).collect();
        let elsewhere = GROUPS
            .iter()
            .filter(|other| other.is_complete)
            .find(|other| other.kinds.iter().any(|(kind, _)| *kind == self.kind));
        let refused = self.refuse("kind", format!("`{}` has no kind `{}`", self.api_version(), self.kind));
        if let (Some(other), true) = (elsewhere, group.is_complete) {
            return Err(refused.help(format!("{} is a kind of `{}`", self.kind, other.name)));
        }
        if !group.is_complete {
            return Ok(Known::Unused);
        }
        Err(match suggest::closest(&self.kind, kinds.iter().copied()) {
            Some(meant) => refused.help(format!("did you mean `{meant}`?")),
            None => refused.help(format!("its kinds are {}", suggest::listed(&kinds))),
        })
    }
}
