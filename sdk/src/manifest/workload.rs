//! What runs: only labels matter here, because selectors compare them.

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
        let template = root.field("spec").field("template").field("metadata");
        let (kind, metadata, labels) = match object.kind.as_str() {
            "Pod" => (WorkloadKind::Pod, root.field("metadata"), "labels"),
            "Service" => (WorkloadKind::Service, root.field("spec"), "selector"),
            "Deployment" => (WorkloadKind::Deployment, template, "labels"),
            "StatefulSet" => (WorkloadKind::StatefulSet, template, "labels"),
            "DaemonSet" => (WorkloadKind::DaemonSet, template, "labels"),
            _ => return Ok(None),
        };
        let metadata = object.node.at(&metadata);
        let field = |name: &str| metadata.and_then(|metadata| metadata.get(name));
        let proxy_config = field("annotations").and_then(|annotations| annotations.get("proxy.istio.io/config"));
        Ok(Some(Self {
            kind,
            labels: field(labels).map(labels_of).unwrap_or_default(),
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
