//! Which policies apply to a gateway, by Istio's rules.
//!
//! A policy of the mesh's root namespace or of the gateway's own applies when all labels of its selector are on the gateway's
//! pods. Gateways that the Gateway API manages are also reached by `targetRefs`; the others never are.

mod selection;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use outgate_policy::{Attachment, FieldPath, Policy};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lint::Lint;
use crate::manifest::{CheckedPolicy, GatewayTopology, Manifest, Manifests, ObjectName};

pub use selection::Selection;

/// Put on the pods of a gateway by the controller of the Gateway API; its value is the gateway's name.
pub(crate) const GATEWAY_NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// The group of the Gateway API.
const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The pods of a gateway, as far as selection sees them.
#[derive(Clone, Debug)]
pub struct GatewayWorkload {
    /// The gateway's namespace and name.
    pub name: ObjectName,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// The mesh's root namespace.
    pub root_namespace: String,
    /// What stands in front of it.
    pub topology: GatewayTopology,
}

impl GatewayWorkload {
    /// The name of the Gateway-API gateway that the pods belong to, if they do.
    #[must_use]
    pub fn gateway_api_name(&self) -> Option<&str> {
        self.labels.get(GATEWAY_NAME_LABEL).map(String::as_str)
    }

    /// The label that gateways are told apart by, without those that a new release of the chart changes.
    pub(crate) fn telling_labels(&self) -> BTreeMap<String, String> {
        let labels = &self.labels;
        let telling = ["istio", "app"].into_iter().find_map(|key| labels.get_key_value(key));
        telling.map_or_else(
            || labels.clone(),
            |(key, value)| BTreeMap::from([(key.clone(), value.clone())]),
        )
    }

    /// Whether a policy applies, or the first reason why it does not.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn selected_by(&self, policy: &Policy) -> Result<(), NotSelected> {
        let namespace = &policy.name().namespace;
        if *namespace != self.root_namespace && *namespace != self.name.namespace {
            return Err(NotSelected::OtherNamespace);
        }
        match (policy.attachment(), self.gateway_api_name()) {
            (Attachment::Labels(selector), _) => {
                let missing = selector
                    .iter()
                    .find(|(key, value)| self.labels.get(*key).map(String::as_str) != Some(*value));
                missing.map_or(Ok(()), |(key, value)| {
                    Err(NotSelected::Label {
                        key: key.to_owned(),
                        wanted: value.to_owned(),
                        found: self.labels.get(key).cloned(),
                    })
                })
            }
            (Attachment::Targets(_), None) => Err(NotSelected::NotGatewayApi),
            (Attachment::Targets(targets), Some(name)) => {
                let is_this = targets
                    .iter()
                    .any(|target| target.group == GATEWAY_API && target.kind == "Gateway" && target.name == name);
                if is_this && *namespace == self.name.namespace {
                    Ok(())
                } else {
                    Err(NotSelected::OtherTarget)
                }
            }
        }
    }
}

/// Why a policy does not apply to a gateway.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotSelected {
    /// It is neither in the gateway's namespace nor in the root namespace.
    OtherNamespace,
    /// Its selector asks for a label that the pods do not have.
    Label {
        /// The label's key.
        key: String,
        /// The value that the selector asks for.
        wanted: String,
        /// The value that the pods have.
        found: Option<String>,
    },
    /// It has `targetRefs`, which reach gateways of the Gateway API only.
    NotGatewayApi,
    /// Its `targetRefs` name something else.
    OtherTarget,
}

impl NotSelected {
    /// The field of the policy that is the reason.
    fn field(&self) -> FieldPath {
        let root = FieldPath::root();
        match self {
            Self::OtherNamespace => root.field("metadata").field("namespace"),
            Self::Label { key, .. } => root.field("spec").field("selector").field("matchLabels").field(key),
            Self::NotGatewayApi | Self::OtherTarget => root.field("spec").field("targetRefs"),
        }
    }
}

impl fmt::Display for NotSelected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherNamespace => {
                f.write_str("the policy is neither in the gateway's namespace nor in the root namespace")
            }
            Self::Label { key, wanted, found } => {
                write!(f, "the selector wants `{key}: {wanted}`, and the gateway's pods have ")?;
                match found {
                    Some(found) => write!(f, "`{key}: {found}`"),
                    None => write!(f, "no label `{key}`"),
                }
            }
            Self::NotGatewayApi => f.write_str("`targetRefs` reach gateways of the Gateway API only, and this is none"),
            Self::OtherTarget => f.write_str("its `targetRefs` do not name this gateway"),
        }
    }
}

impl Manifests {
    /// The pods of the gateway `name`: with the labels of a workload of that name, if the input has one, else with those given.
    #[must_use]
    pub fn gateway_workload(&self, name: &ObjectName, given_labels: &BTreeMap<String, String>) -> GatewayWorkload {
        let of_that_name = self.workloads().iter().filter(|workload| workload.name() == name);
        let workload = of_that_name.min_by_key(|workload| workload.content().kind);
        let workload = workload.map(Manifest::content);
        let of_mesh = self
            .mesh_config()
            .and_then(|mesh| mesh.content().default_config.gateway_topology.clone());
        let of_workload = workload.and_then(|workload| workload.gateway_topology.clone());
        GatewayWorkload {
            name: name.clone(),
            labels: workload.map_or(given_labels, |workload| &workload.labels).clone(),
            root_namespace: self.root_namespace(),
            topology: merged(of_workload.unwrap_or_default(), of_mesh.unwrap_or_default()),
        }
    }

    /// The policies that apply to a gateway, by namespace and name.
    #[must_use]
    pub fn policies_for(&self, gateway: &GatewayWorkload) -> Vec<&Manifest<CheckedPolicy>> {
        let applies = |policy: &&Manifest<CheckedPolicy>| gateway.selected_by(policy.content().policy()).is_ok();
        let mut policies: Vec<_> = self.policies().iter().filter(applies).collect();
        policies.sort_by(|a, b| a.name().cmp(b.name()));
        policies
    }

    /// The same, as decisions are made with them.
    #[must_use]
    pub fn checked_policies_for(&self, gateway: &GatewayWorkload) -> Vec<Policy> {
        let policies = self.policies_for(gateway).into_iter();
        policies.map(|policy| policy.content().policy().clone()).collect()
    }

    /// A warning for each policy that applies to none of the gateways, with the reason.
    #[must_use]
    pub fn unselected(&self, gateways: &[GatewayWorkload]) -> Diagnostics {
        let mut diagnostics: Diagnostics = self
            .policies()
            .iter()
            .filter_map(|policy| unselected(policy, gateways))
            .collect();
        diagnostics.sort();
        diagnostics
    }
}

fn unselected(policy: &Manifest<CheckedPolicy>, gateways: &[GatewayWorkload]) -> Option<Diagnostic> {
    let mut reasons = Vec::new();
    for gateway in gateways {
        match gateway.selected_by(policy.content().policy()) {
            Ok(()) => return None,
            Err(reason) => reasons.push((gateway, reason)),
        }
    }
    let (gateway, reason) = reasons.into_iter().next()?;
    let message = if gateways.len() == 1 {
        format!("this policy does not apply to the gateway {}", gateway.name)
    } else {
        format!("this policy applies to none of the {} gateways", gateways.len())
    };
    let field = reason.field();
    Some(
        Diagnostic::lint(Lint::NotSelected, message)
            .at(policy.span_at(&field), reason.to_string())
            .of_policy(policy.name().to_string())
            .in_field(field),
    )
}

fn merged(first: GatewayTopology, second: GatewayTopology) -> GatewayTopology {
    GatewayTopology {
        num_trusted_proxies: first.num_trusted_proxies.or(second.num_trusted_proxies),
        forward_client_cert_details: first.forward_client_cert_details.or(second.forward_client_cert_details),
        proxy_protocol: first.proxy_protocol.or(second.proxy_protocol),
    }
}
