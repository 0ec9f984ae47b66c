//! Manifests: everything that was read, typed, checked, and still knowing its place.

mod destination_rule;
mod duration;
mod extension_provider;
mod gateway;
mod kind;
mod list;
mod mesh_config;
mod object;
mod plugin;
mod policy;
mod request_authentication;
mod secret;
mod service;
mod service_entry;
mod sidecar;
mod spec;
mod telemetry;
mod unrendered;
mod virtual_service;
mod workload;

pub use destination_rule::{
    ClientTls, ClientTlsMode, ConnectionPool, DestinationRule, HttpPool, LabelSelector, LoadBalancer, PortPolicy,
    SimpleLoadBalancer, Subset, TcpPool, TrafficPolicy,
};
pub use duration::Period;
pub use extension_provider::{EnvoyExtAuthzGrpc, EnvoyExtAuthzHttp, ExtensionProvider, RequestBodyInCheck};
pub use gateway::{Gateway, GatewayPort, GatewaySpec, Server, ServerTls, TlsCertificate, TlsMode, TlsVersion};
pub use mesh_config::{
    AccessLogEncoding, ForwardClientCertDetails, GatewayTopology, MeshConfig, Normalization, OutboundTrafficMode,
    OutboundTrafficPolicy, PathNormalization, ProxyConfig,
};
pub use object::ObjectName;
pub use plugin::{Plugin, PluginFailStrategy, PluginPhase};
pub use policy::CheckedPolicy;
pub use request_authentication::{ClaimHeader, JwtHeader, JwtRule, RequestAuthentication};
pub use secret::{Certificate, IssuerRef, Secret};
pub use service::{Service, ServicePortSpec, TargetPort};
pub use service_entry::{
    Endpoint, Location, Resolution, ServiceEntry, ServiceEntrySpec, ServicePort, WorkloadSelector,
};
pub use sidecar::{EgressListener, Sidecar, SidecarOutboundPolicy};
pub use telemetry::{AccessLogging, LogFilter, ProviderRef, Telemetry};
pub use unrendered::{Rendered, Unrendered};
pub use virtual_service::{
    ConnectionDestination, Destination, DirectBody, DirectResponse, HeaderChanges, HeaderOperations, HttpDestination,
    HttpMatch, HttpRoute, PortSelector, Redirect, Retries, Rewrite, StringMatch, TcpMatch, TcpRoute, TlsMatch,
    TlsRoute, VirtualService,
};
pub use workload::{Workload, WorkloadKind};

use std::collections::HashMap;

use outgate_policy::FieldPath;
use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::input::{self, Input};
use crate::located::{self, Node};
use crate::source::{Sources, Span};

use kind::Known;
use object::Object;

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    sources: Sources,
    policies: Vec<Manifest<CheckedPolicy>>,
    service_entries: Vec<Manifest<ServiceEntry>>,
    gateways: Vec<Manifest<Gateway>>,
    virtual_services: Vec<Manifest<Rendered<VirtualService>>>,
    destination_rules: Vec<Manifest<Rendered<DestinationRule>>>,
    request_authentications: Vec<Manifest<Rendered<RequestAuthentication>>>,
    sidecars: Vec<Manifest<Rendered<Sidecar>>>,
    telemetries: Vec<Manifest<Rendered<Telemetry>>>,
    plugins: Vec<Manifest<Rendered<Plugin>>>,
    services: Vec<Manifest<Service>>,
    secrets: Vec<Manifest<Secret>>,
    certificates: Vec<Manifest<Certificate>>,
    workloads: Vec<Manifest<Workload>>,
    mesh: Option<Manifest<MeshConfig>>,
    skipped: Vec<Skipped>,
    unrendered: Vec<Skipped>,
    is_complete: bool,
}

/// One object and where it is written.
#[derive(Clone, Debug)]
pub struct Manifest<T> {
    name: ObjectName,
    node: Node,
    content: T,
}

impl<T> Manifest<T> {
    /// The object's namespace and name.
    #[must_use]
    pub const fn name(&self) -> &ObjectName {
        &self.name
    }

    /// The object.
    #[must_use]
    pub const fn content(&self) -> &T {
        &self.content
    }

    /// The object as it was written.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Where a field is written, or the nearest parent of it that is.
    #[must_use]
    pub fn span_at(&self, path: &FieldPath) -> Span {
        self.node.span_at(path)
    }
}

/// An object that was read and has no use here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Its kind.
    pub kind: String,
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its namespace and name.
    pub name: ObjectName,
    /// Where it is.
    pub span: Span,
}

impl Skipped {
    /// `Deployment apps/v1 default/foo (file:line:column)`.
    #[must_use]
    pub fn describe(&self, sources: &Sources) -> String {
        let (kind, version, name) = (&self.kind, &self.api_version, &self.name);
        format!("{kind} {version} {name} ({})", sources.place(self.span))
    }
}

impl Manifests {
    /// Reads all inputs. What is wrong with them is in the diagnostics, in the order of the files; objects that are wrong are left
    /// out, and [`is_complete`](Self::is_complete) says so.
    #[must_use]
    pub fn load(inputs: &[Input]) -> (Self, Diagnostics) {
        let mut loader = Loader::default();
        let texts = input::read_all(inputs, &mut loader.manifests.sources, &mut loader.diagnostics);
        for text in texts {
            loader.read_text(&text);
        }
        loader.finish()
    }

    /// Whether everything that was read could be used. If not, a policy may be missing, and nothing should be built from this.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Refuses to go on where it could not.
    pub(crate) fn require_complete(&self) -> Result<(), Diagnostics> {
        if self.is_complete {
            return Ok(());
        }
        let message = "the input has errors, so that a policy may be missing; nothing is built from it";
        Err([Diagnostic::error(message)].into_iter().collect())
    }

    /// The texts that were read.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The `AuthorizationPolicy` objects, in the order of the input.
    #[must_use]
    pub fn policies(&self) -> &[Manifest<CheckedPolicy>] {
        &self.policies
    }

    /// The `ServiceEntry` objects, in the order of the input.
    #[must_use]
    pub fn service_entries(&self) -> &[Manifest<ServiceEntry>] {
        &self.service_entries
    }

    /// The `Gateway` objects of `networking.istio.io`, in the order of the input.
    #[must_use]
    pub fn gateways(&self) -> &[Manifest<Gateway>] {
        &self.gateways
    }

    /// The `VirtualService` objects, in the order of the input.
    #[must_use]
    pub fn virtual_services(&self) -> &[Manifest<Rendered<VirtualService>>] {
        &self.virtual_services
    }

    /// The `DestinationRule` objects, in the order of the input.
    #[must_use]
    pub fn destination_rules(&self) -> &[Manifest<Rendered<DestinationRule>>] {
        &self.destination_rules
    }

    /// The `RequestAuthentication` objects, in the order of the input.
    #[must_use]
    pub fn request_authentications(&self) -> &[Manifest<Rendered<RequestAuthentication>>] {
        &self.request_authentications
    }

    /// The `Sidecar` objects, in the order of the input.
    #[must_use]
    pub fn sidecars(&self) -> &[Manifest<Rendered<Sidecar>>] {
        &self.sidecars
    }

    /// The `Telemetry` objects, in the order of the input.
    #[must_use]
    pub fn telemetries(&self) -> &[Manifest<Rendered<Telemetry>>] {
        &self.telemetries
    }

    /// The `WasmPlugin` objects, in the order of the input.
    #[must_use]
    pub fn plugins(&self) -> &[Manifest<Rendered<Plugin>>] {
        &self.plugins
    }

    /// Kubernetes' `Service` objects, in the order of the input.
    #[must_use]
    pub fn services(&self) -> &[Manifest<Service>] {
        &self.services
    }

    /// The `Secret` objects, in the order of the input.
    #[must_use]
    pub fn secrets(&self) -> &[Manifest<Secret>] {
        &self.secrets
    }

    /// cert-manager's `Certificate` objects, in the order of the input.
    #[must_use]
    pub fn certificates(&self) -> &[Manifest<Certificate>] {
        &self.certificates
    }

    /// The objects that say which labels pods have, in the order of the input.
    #[must_use]
    pub fn workloads(&self) -> &[Manifest<Workload>] {
        &self.workloads
    }

    /// The mesh's configuration, when the input has one.
    #[must_use]
    pub fn mesh_config(&self) -> Option<&Manifest<MeshConfig>> {
        self.mesh.as_ref()
    }

    /// What the mesh's proxies do with paths before any filter sees them.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        let mesh = self.mesh.as_ref().map(Manifest::content);
        mesh.and_then(|mesh| mesh.path_normalization.normalization)
            .unwrap_or(Normalization::Default)
    }

    /// The objects that have no use here, in the order of the input.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The objects that change what a proxy does and are not rendered, in the order of the input.
    #[must_use]
    pub fn unrendered(&self) -> &[Skipped] {
        &self.unrendered
    }

    /// The namespace whose policies apply in all of them.
    #[must_use]
    pub fn root_namespace(&self) -> String {
        let mesh = self.mesh.as_ref().map(Manifest::content);
        mesh.map_or_else(
            || MeshConfig::default().root_namespace().to_owned(),
            |mesh| mesh.root_namespace().to_owned(),
        )
    }
}

/// Reads texts into manifests.
#[derive(Default)]
struct Loader {
    manifests: Manifests,
    diagnostics: Diagnostics,
    /// Group, kind and name of every object, and where it is.
    seen: HashMap<(String, String, ObjectName), Span>,
    /// Whether the mesh's configuration was given as such, so that those in the manifests do not count.
    mesh_is_given: bool,
}

impl Loader {
    fn read_text(&mut self, text: &input::Text) {
        let (documents, errors) = located::parse(&self.manifests.sources, text.file);
        self.diagnostics.extend(errors.into_iter().map(Diagnostic::from));
        for document in documents {
            if text.is_mesh_config && document.get("kind").is_none() {
                let name = ObjectName::new("", "mesh configuration");
                self.add_mesh_config(name, document, true);
                continue;
            }
            for node in list::unpack(document) {
                if let Err(diagnostic) = self.read_object(node) {
                    self.diagnostics.push(diagnostic);
                }
            }
        }
    }

    fn finish(mut self) -> (Manifests, Diagnostics) {
        self.diagnostics.sort();
        self.manifests.is_complete = self.diagnostics.errors() == 0;
        (self.manifests, self.diagnostics)
    }

    fn read_object(&mut self, node: Node) -> Result<(), Diagnostic> {
        let object = Object::read(node)?;
        let known = object.known()?;
        self.refuse_namesake(&object)?;
        match known {
            Known::AuthorizationPolicy => {
                let policy = policy::read(&object, &mut self.diagnostics)?;
                self.manifests
                    .policies
                    .extend(policy.map(|policy| object.holding(policy)));
            }
            Known::ServiceEntry => {
                let entry = read_content(&object)?;
                self.manifests.service_entries.push(object.holding(entry));
            }
            Known::Gateway => {
                let gateway = read_content(&object)?;
                self.manifests.gateways.push(object.holding(gateway));
            }
            Known::VirtualService => {
                let read = read_spec(&object)?;
                self.manifests.virtual_services.push(object.holding(read));
            }
            Known::DestinationRule => {
                let read = read_spec(&object)?;
                self.manifests.destination_rules.push(object.holding(read));
            }
            Known::RequestAuthentication => {
                let read = read_spec(&object)?;
                self.manifests.request_authentications.push(object.holding(read));
            }
            Known::Sidecar => {
                let read = read_spec(&object)?;
                self.manifests.sidecars.push(object.holding(read));
            }
            Known::Telemetry => {
                let read = read_spec(&object)?;
                self.manifests.telemetries.push(object.holding(read));
            }
            Known::WasmPlugin => {
                let read = read_spec(&object)?;
                self.manifests.plugins.push(object.holding(read));
            }
            Known::Service => {
                let service: service::Document = read_content(&object)?;
                if let Some(workload) = Workload::read(&object, &self.manifests.sources)? {
                    self.manifests.workloads.push(object.clone().holding(workload));
                }
                self.manifests.services.push(object.holding(service.into_service()));
            }
            Known::Secret => {
                let secret = Secret::read(&object)?;
                self.manifests.secrets.push(object.holding(secret));
            }
            Known::Certificate => {
                let certificate: secret::Document = read_content(&object)?;
                self.manifests.certificates.push(object.holding(certificate.spec));
            }
            Known::Unrendered => {
                self.manifests.unrendered.push(object.listed());
                self.skip(&object);
            }
            Known::Workload => match Workload::read(&object, &self.manifests.sources)? {
                Some(workload) => self.manifests.workloads.push(object.holding(workload)),
                None => self.skip(&object),
            },
            Known::ConfigMap => match istio_mesh(&object) {
                Some(text) => self.read_embedded_mesh(&object.name, text),
                None => self.skip(&object),
            },
            Known::IstioOperator => {
                let path = FieldPath::root().field("spec").field("meshConfig");
                match object.node.at(&path) {
                    Some(mesh) => self.add_mesh_config(object.name.clone(), mesh.clone(), false),
                    None => self.skip(&object),
                }
            }
            Known::Unused => self.skip(&object),
        }
        Ok(())
    }

    fn refuse_namesake(&mut self, object: &Object) -> Result<(), Diagnostic> {
        if object.name.name.is_empty() {
            return Ok(());
        }
        let key = (object.group.clone(), object.kind.clone(), object.name.clone());
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, object.span());
                Ok(())
            }
            Some(&first) => Err(Diagnostic::error(format!(
                "{} {} stands twice in the input",
                object.kind, object.name
            ))
            .at(object.span(), "again here")
            .at(first, "first here")),
        }
    }

    fn skip(&mut self, object: &Object) {
        self.manifests.skipped.push(object.listed());
    }

    fn read_embedded_mesh(&mut self, name: &ObjectName, text: &Node) {
        let (documents, errors) = text.parse_text(&self.manifests.sources);
        self.diagnostics.extend(errors.into_iter().map(Diagnostic::from));
        for document in documents {
            self.add_mesh_config(name.clone(), document, false);
        }
    }

    fn add_mesh_config(&mut self, name: ObjectName, node: Node, is_given: bool) {
        let Some(content) = mesh_config::read(&node, &mut self.diagnostics) else {
            return;
        };
        let new = Manifest { name, node, content };
        match &self.manifests.mesh {
            Some(first) if self.mesh_is_given == is_given => {
                let root = FieldPath::root();
                let diagnostic = Diagnostic::error("the input has more than one mesh configuration")
                    .at(new.span_at(&root), "again here")
                    .at(first.span_at(&root), "first here")
                    .help("leave one of them out, or say which one with the mesh configuration's own option");
                self.diagnostics.push(diagnostic);
            }
            Some(_) if self.mesh_is_given => {}
            _ => {
                self.manifests.mesh = Some(new);
                self.mesh_is_given = is_given;
            }
        }
    }
}

impl Object {
    fn listed(&self) -> Skipped {
        Skipped {
            span: self.span(),
            api_version: self.api_version(),
            kind: self.kind.clone(),
            name: self.name.clone(),
        }
    }

    fn holding<T>(self, content: T) -> Manifest<T> {
        Manifest {
            name: self.name,
            node: self.node,
            content,
        }
    }
}

fn read_content<T: DeserializeOwned>(object: &Object) -> Result<T, Diagnostic> {
    object.node.read().map_err(|error| {
        let message = format!("{} {}: {error}", object.kind, object.name);
        Diagnostic::from(error).with_message(message)
    })
}

/// Reads the `spec` of an object that matters to rendered proxies only.
fn read_spec<S: DeserializeOwned + Default>(object: &Object) -> Result<Rendered<S>, Diagnostic> {
    let read = object.node.read::<spec::Object<S>>();
    unrendered::deferred(object, read.map(|object| object.spec))
}

/// The mesh's configuration in Istio's ConfigMap: `istio`, or `istio-` and a revision.
fn istio_mesh(object: &Object) -> Option<&Node> {
    let name = &object.name.name;
    (name == "istio" || name.starts_with("istio-"))
        .then(|| object.node.get("data")?.get("mesh"))
        .flatten()
}

#[cfg(test)]
mod tests;
