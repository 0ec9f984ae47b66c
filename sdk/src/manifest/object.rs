//! What every Kubernetes object has: a version, a kind, a namespace and a name.

use std::fmt;

use outgate_policy::FieldPath;

use crate::diagnostic::Diagnostic;
use crate::located::{Node, Value};
use crate::source::Span;

/// The namespace that an object without one lands in.
const DEFAULT_NAMESPACE: &str = "default";

/// A namespace and a name in it; displays as `namespace/name`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectName {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl ObjectName {
    /// The host that a service of this name has.
    #[must_use]
    pub fn service_host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A document that says which kind of object it is.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: ObjectName,
    pub(super) node: Node,
}

impl Object {
    /// Reads what the document says about itself.
    pub(super) fn read(node: Node) -> Result<Self, Diagnostic> {
        let Value::Map(_) = node.value else {
            return Err(
                Diagnostic::error(format!("expected a Kubernetes object, found {}", node.described()))
                    .at(node.span, ""),
            );
        };
        let api_version = text(&node, "apiVersion")?;
        let kind = text(&node, "kind")?;
        let (Some(api_version), Some(kind)) = (api_version, kind) else {
            let missing = if kind.is_none() { "kind" } else { "apiVersion" };
            return Err(Diagnostic::error(format!("this document has no `{missing}`"))
                .at(node.span_at(&FieldPath::root()), "")
                .help(
                    "a manifest starts with `apiVersion:` and `kind:`; a bare MeshConfig is given on its own, as the mesh \
                     configuration",
                ));
        };
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let field = |name| node.get("metadata").map_or(Ok(None), |metadata| text(metadata, name));
        let namespace = field("namespace")?.unwrap_or(DEFAULT_NAMESPACE);
        let name = field("name")?.unwrap_or_default();
        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            name: ObjectName::new(namespace, name),
            node,
        })
    }

    /// Where the object starts.
    pub(super) fn span(&self) -> Span {
        self.node.span_at(&FieldPath::root().field("kind"))
    }

    /// An error about one of the object's own fields.
    pub(super) fn refuse(&self, field: &str, message: String) -> Diagnostic {
        let path = FieldPath::root().field(field);
        Diagnostic::error(message)
            .at(self.node.span_at(&path), "")
            .in_field(path)
    }

    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Result<Option<&'a str>, Diagnostic> {
    let Some(value) = node.get(key) else {
        return Ok(None);
    };
    match value.as_str() {
        Some("") => Ok(None),
        Some(text) => Ok(Some(text)),
        None if value.value == Value::Null => Ok(None),
        None => {
            let message = format!("`{key}`: expected a string, found {}", value.described());
            let diagnostic = Diagnostic::error(message).at(value.span, "");
            Err(match &value.value {
                Value::Bool { text, .. } | Value::Number { text, .. } => {
                    diagnostic.help(format!("quote it: \"{text}\""))
                }
                _ => diagnostic,
            })
        }
    }
}
