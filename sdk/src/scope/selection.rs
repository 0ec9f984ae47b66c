//! Which workloads of a namespace an object of Istio is for.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{GATEWAY_API, GatewayWorkload};

/// The workloads of a namespace that an object of Istio is for. Serialises as what stands in the object's `spec`: `selector`,
/// `targetRefs`, or nothing.
#[derive(Clone, Debug)]
pub struct Selection {
    namespace: String,
    selected: Selected,
}

#[derive(Clone, Debug)]
enum Selected {
    All,
    Labels(BTreeMap<String, String>),
    /// A gateway of the Gateway API.
    Gateway(String),
}

impl Selection {
    /// All workloads of a namespace; of the mesh, where it is the root namespace.
    pub fn all(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            selected: Selected::All,
        }
    }

    /// The workloads with these labels.
    pub fn labels(namespace: impl Into<String>, labels: BTreeMap<String, String>) -> Self {
        Self {
            namespace: namespace.into(),
            selected: Selected::Labels(labels),
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether it was meant to select by labels, and no label is known.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&self.selected, Selected::Labels(labels) if labels.is_empty())
    }
}

/// A gateway of the Gateway API by its name, another by the label that gateways are told apart by.
impl From<&GatewayWorkload> for Selection {
    fn from(gateway: &GatewayWorkload) -> Self {
        Self {
            namespace: gateway.name.namespace.clone(),
            selected: match gateway.gateway_api_name() {
                Some(name) => Selected::Gateway(name.to_owned()),
                None => Selected::Labels(gateway.telling_labels()),
            },
        }
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        match &self.selected {
            Selected::All => {}
            Selected::Labels(labels) => fields.serialize_entry("selector", &json!({"matchLabels": labels}))?,
            Selected::Gateway(name) => {
                let target = json!({"group": GATEWAY_API, "kind": "Gateway", "name": name});
                fields.serialize_entry("targetRefs", &[target])?;
            }
        }
        fields.end()
    }
}
