//! What runs: labels, which selectors compare, and what a proxy beside it has to know.

use std::collections::BTreeMap;

use outgate_policy::FieldPath;

use super::mesh_config::{self, GatewayTopology};
use super::object::Object;
use crate::diagnostic::Diagnostic;
use crate::located::{Node, Value};
use crate::source::Sources;

/// What a workload's pods have that matters to authorization.
///
/// The schemas of these kinds belong to Kubernetes and are not checked here.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The kind that says it.
    pub kind: WorkloadKind,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The service account that the pods run under; absent: `default`.
    pub service_account: Option<String>,
    /// The containers' ports that have names.
    pub named_ports: BTreeMap<String, u16>,
    /// What the annotation `proxy.istio.io/config` says stands in front of the pods, when they are a gateway.
    pub gateway_topology: Option<GatewayTopology>,
}

/// A kind that says which labels pods have, the most reliable first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "the names are those of Kubernetes")]
pub enum WorkloadKind {
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    /// Its selector is the part of the labels that it asks for.
    Service,
}

impl Workload {
    /// `None` when the kind says nothing about pods.
    pub(super) fn read(object: &Object, sources: &Sources) -> Result<Option<Self>, Diagnostic> {
        let root = FieldPath::root();
        let template = root.field("spec").field("template");
        let (kind, pod, metadata, labels) = match object.kind.as_str() {
            "Pod" => (WorkloadKind::Pod, root.clone(), "metadata", "labels"),
            "Service" => (WorkloadKind::Service, root.clone(), "spec", "selector"),
            "Deployment" => (WorkloadKind::Deployment, template, "metadata", "labels"),
            "StatefulSet" => (WorkloadKind::StatefulSet, template, "metadata", "labels"),
            "DaemonSet" => (WorkloadKind::DaemonSet, template, "metadata", "labels"),
            _ => return Ok(None),
        };
        let spec = object.node.at(&pod.field("spec"));
        let account = spec.and_then(|spec| spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")));
        let metadata = pod.field(metadata);
        let metadata = object.node.at(&metadata);
        let field = |name: &str| metadata.and_then(|metadata| metadata.get(name));
        let proxy_config = field("annotations").and_then(|annotations| annotations.get("proxy.istio.io/config"));
        Ok(Some(Self {
            kind,
            labels: field(labels).map(labels_of).unwrap_or_default(),
            service_account: account.and_then(Node::as_str).map(str::to_owned),
            named_ports: spec.map(named_ports).unwrap_or_default(),
            gateway_topology: match proxy_config {
                Some(text) => topology_of(text, sources)?,
                None => None,
            },
        }))
    }
}

fn topology_of(text: &Node, sources: &Sources) -> Result<Option<GatewayTopology>, Diagnostic> {
    let (documents, errors) = text.parse_text(sources);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let Some(document) = documents.first() else {
        return Ok(None);
    };
    Ok(mesh_config::read_proxy_config(document)?.gateway_topology)
}

fn named_ports(spec: &Node) -> BTreeMap<String, u16> {
    let items = |node: &'_ Node| match &node.value {
        Value::List(items) => items.clone(),
        _ => Vec::new(),
    };
    let containers = spec.get("containers").map(items).unwrap_or_default();
    let ports = containers
        .iter()
        .flat_map(|container| container.get("ports").map(items).unwrap_or_default());
    ports
        .filter_map(|port| {
            let name = port.get("name")?.as_str()?.to_owned();
            let Value::Number { text, .. } = &port.get("containerPort")?.value else {
                return None;
            };
            Some((name, text.parse().ok()?))
        })
        .collect()
}

fn labels_of(node: &Node) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.to_string()),
        _ => None,
    };
    node.entries()
        .iter()
        .filter_map(|entry| Some((entry.key.to_string(), text(&entry.value.value)?)))
        .collect()
}
