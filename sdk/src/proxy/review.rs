//! What is wrong among objects that are each in order: names of what is not there, and fields that are not rendered.

use std::collections::BTreeMap;

use outgate_policy::FieldPath;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::{DestinationRule, Gateway, Manifest, Manifests, ObjectName, Rendered, Resolution, Secret};
use crate::suggest;

use super::catalog::Catalog;
use super::virtual_services::{MESH, full_gateway};
use super::{Builder, host_name, rendered, workloads};

impl Manifests {
    /// What stands in the way of rendering any proxy, and what is doubtful about all of them.
    #[must_use]
    pub fn review(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        refused(self.virtual_services(), &mut diagnostics);
        refused(self.destination_rules(), &mut diagnostics);
        refused(self.request_authentications(), &mut diagnostics);
        refused(self.sidecars(), &mut diagnostics);
        refused(self.telemetries(), &mut diagnostics);
        refused(self.plugins(), &mut diagnostics);
        self.review_service_entries(&mut diagnostics);
        self.review_gateways(&mut diagnostics);
        self.review_virtual_services(&mut diagnostics);
        self.review_destination_rules(&mut diagnostics);
        for object in self.unrendered() {
            let message = format!(
                "{} {} is not rendered: the proxies run without it",
                object.kind, object.name
            );
            diagnostics.push(Diagnostic::warning(message).at(object.span, ""));
        }
        diagnostics.sort();
        diagnostics
    }

    fn review_service_entries(&self, diagnostics: &mut Diagnostics) {
        let spec = FieldPath::root().field("spec");
        for entry in self.service_entries() {
            let written = &entry.content().spec;
            let mut refuse = |field: &str, why: &str| {
                let path = spec.field(field);
                let message = format!("ServiceEntry {}: `{path}`: {why}", entry.name());
                diagnostics.push(Diagnostic::error(message).at(entry.span_at(&path), "").in_field(path));
            };
            if written.workload_selector.is_some() {
                refuse("workloadSelector", "is not rendered");
            }
            if written.resolution == Some(Resolution::DynamicDns) {
                refuse("resolution", "DYNAMIC_DNS is not rendered");
            }
            let is_static = written.resolution == Some(Resolution::Static);
            if is_static && written.endpoints.as_ref().is_none_or(Vec::is_empty) {
                refuse("endpoints", "with resolution STATIC there must be some");
            }
            let mut endpoints = written.endpoints.iter().flatten();
            if endpoints.any(|endpoint| {
                endpoint
                    .address
                    .as_ref()
                    .is_some_and(|text| text.starts_with("unix://"))
            }) {
                refuse("endpoints", "unix:// addresses are not rendered");
            }
        }
    }

    fn review_gateways(&self, diagnostics: &mut Diagnostics) {
        for gateway in self.gateways() {
            let mut workloads = self.workloads().iter();
            if workloads.any(|workload| workloads::selects(gateway, workload)) {
                continue;
            }
            let path = FieldPath::root().field("spec").field("selector");
            let message = format!("Gateway {}: its selector matches no workload here", gateway.name());
            diagnostics.push(
                Diagnostic::warning(message)
                    .at(gateway.span_at(&path), "")
                    .in_field(path)
                    .help("nobody opens its ports; add the Deployment of the gateway, or mend the labels"),
            );
        }
    }

    fn review_virtual_services(&self, diagnostics: &mut Diagnostics) {
        let known: Vec<String> = self
            .gateways()
            .iter()
            .map(|gateway: &Manifest<Gateway>| gateway.name().to_string())
            .collect();
        let spec = FieldPath::root().field("spec");
        for (object, service) in rendered(self.virtual_services()) {
            if service.hosts.is_empty() {
                let message = format!("VirtualService {}: there are no `hosts`", object.name());
                diagnostics.push(Diagnostic::error(message).at(object.span_at(&spec), ""));
            }
            let own = service.gateways.iter().enumerate();
            let own = own.map(|(index, name)| (spec.field("gateways").index(index), name));
            let of_matches = service.http.iter().enumerate().flat_map(|(route, http)| {
                let path = spec.field("http").index(route).field("match");
                http.matches.iter().enumerate().flat_map(move |(index, wanted)| {
                    let path = path.index(index).field("gateways");
                    let names = wanted.gateways.iter().enumerate();
                    names
                        .map(move |(index, name)| (path.index(index), name))
                        .collect::<Vec<_>>()
                })
            });
            for (path, name) in own.chain(of_matches) {
                let full = full_gateway(name, &object.name().namespace);
                if full == MESH || known.contains(&full) {
                    continue;
                }
                let message = format!("VirtualService {}: there is no Gateway {full}", object.name());
                let meant = suggest::closest(&full, known.iter().map(String::as_str));
                let diagnostic = Diagnostic::error(message).at(object.span_at(&path), "").in_field(path);
                diagnostics.push(match (meant, known.as_slice()) {
                    (Some(meant), _) => diagnostic.help(format!("did you mean `{meant}`?")),
                    (None, []) => diagnostic.help("the input has no Gateway at all"),
                    (None, known) => diagnostic.help(format!("the gateways here are {}", known.join(", "))),
                });
            }
        }
    }

    fn review_destination_rules(&self, diagnostics: &mut Diagnostics) {
        let catalog = Catalog::of(self);
        let mut seen: BTreeMap<(String, String), &Manifest<Rendered<DestinationRule>>> = BTreeMap::new();
        for (object, rule) in rendered(self.destination_rules()) {
            let path = FieldPath::root().field("spec").field("host");
            let host = host_name::full_name(&rule.host, &object.name().namespace);
            if !catalog
                .hosts()
                .iter()
                .any(|known| host_name::matches(&host, &known.name))
            {
                let message = format!("DestinationRule {}: nobody registers `{host}`", object.name());
                let names = catalog.hosts().iter().map(|known| known.name.as_str());
                let diagnostic = Diagnostic::warning(message)
                    .at(object.span_at(&path), "")
                    .in_field(path.clone());
                diagnostics.push(match suggest::closest(&host, names) {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic.help("it has no effect; register the host with a ServiceEntry or a Service"),
                });
            }
            if rule.workload_selector.is_some() {
                continue;
            }
            if let Some(first) = seen.insert((object.name().namespace.clone(), host.clone()), object) {
                let message = format!(
                    "DestinationRule {} and DestinationRule {} are both for `{host}`",
                    first.name(),
                    object.name()
                );
                diagnostics.push(
                    Diagnostic::error(message)
                        .at(object.span_at(&path), "again here")
                        .at(first.span_at(&path), "first here")
                        .help("Istio takes parts of each by their age, which files do not have: make one of them"),
                );
            }
        }
    }
}

fn refused<T>(objects: &[Manifest<Rendered<T>>], diagnostics: &mut Diagnostics) {
    diagnostics.extend(
        objects
            .iter()
            .filter_map(|object| object.content().as_ref().err().cloned()),
    );
}

/// What of a secret is needed.
#[derive(Clone, Copy)]
enum Need {
    /// A certificate and its key.
    Credential,
    /// Certificates of authorities.
    Authorities,
}

impl Need {
    fn is_met_by(self, secret: &Secret) -> bool {
        match self {
            Self::Credential => secret.certificate().is_some() && secret.key().is_some(),
            Self::Authorities => secret.authorities().is_some(),
        }
    }

    const fn keys(self) -> &'static str {
        match self {
            Self::Credential => "`tls.crt` and `tls.key`",
            Self::Authorities => "`ca.crt`",
        }
    }
}

impl Builder<'_> {
    pub(super) fn require_secret<T>(&mut self, secret: &ObjectName, is_mutual: bool, by: &Manifest<T>, field: &str) {
        let path = find_field(by, field);
        if is_mutual {
            self.require(secret, Need::Credential, by, &path);
        }
        self.require(secret, Need::Authorities, by, &path);
    }

    pub(super) fn require_credential<T>(&mut self, secret: &ObjectName, by: &Manifest<T>, path: &FieldPath) {
        self.require(secret, Need::Credential, by, path);
    }

    pub(super) fn require_authorities<T>(&mut self, secret: &ObjectName, by: &Manifest<T>, path: &FieldPath) {
        self.require(secret, Need::Authorities, by, path);
    }

    fn require<T>(&mut self, wanted: &ObjectName, need: Need, by: &Manifest<T>, path: &FieldPath) {
        let certificates = self.manifests.certificates().iter();
        let mut issued = certificates.map(|certificate| certificate.content().secret(certificate.name()));
        if issued.any(|name| name == *wanted) {
            return;
        }
        let found = self.manifests.secrets().iter().find(|secret| secret.name() == wanted);
        let diagnostic = match found {
            Some(secret) if need.is_met_by(secret.content()) => return,
            Some(secret) => Diagnostic::error(format!("Secret {wanted} lacks {}", need.keys()))
                .at(by.span_at(path), "needed here")
                .at(secret.span_at(&FieldPath::root().field("data")), "this is the secret"),
            None => {
                let names: Vec<String> = self
                    .manifests
                    .secrets()
                    .iter()
                    .map(|secret| secret.name().to_string())
                    .collect();
                let diagnostic =
                    Diagnostic::error(format!("there is no Secret {wanted}")).at(by.span_at(path), "needed here");
                match suggest::closest(&wanted.to_string(), names.iter().map(String::as_str)) {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic.help(format!(
                        "add it (`kubectl get secret -n {} {} -o yaml`), or a cert-manager Certificate that makes it, which is then \
                         issued here for the time of the run",
                        wanted.namespace, wanted.name
                    )),
                }
            }
        };
        self.diagnostics.push(diagnostic.in_field(path.clone()));
    }
}

/// The first field of this name in an object, wherever it is.
fn find_field<T>(object: &Manifest<T>, field: &str) -> FieldPath {
    fn search(node: &crate::located::Node, path: &FieldPath, field: &str) -> Option<FieldPath> {
        use crate::located::Value;
        match &node.value {
            Value::Map(entries) => entries.iter().find_map(|entry| {
                let path = path.field(&entry.key);
                if &*entry.key == field {
                    return Some(path);
                }
                search(&entry.value, &path, field)
            }),
            Value::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| search(item, &path.index(index), field)),
            _ => None,
        }
    }
    search(object.node(), &FieldPath::root(), field).unwrap_or_else(FieldPath::root)
}
