//! `AuthorizationPolicy` as it is written: the shape of `security.istio.io/v1` and `v1beta1`, nothing checked yet.
//!
//! Field names and nesting are Istio's. An unknown field is an error: a misspelt `notPaths` must never widen a policy.
//! [`Policy::check`](crate::Policy::check) turns a resource into the checked model.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::by_name::by_name;

pub use crate::string_map::StringMap;

/// One `AuthorizationPolicy` object, as `kubectl get -o json` prints it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationPolicy {
    /// `security.istio.io/v1` or `v1beta1`; both have the same schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// `AuthorizationPolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name, namespace and the dry-run annotation.
    #[serde(default)]
    pub metadata: Metadata,
    /// What is allowed or denied. An absent `spec` allows nothing: the default action is `ALLOW` and there is no rule.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: Spec,
    #[serde(default, rename = "status", skip_serializing)]
    _status: IgnoredAny,
}

impl AuthorizationPolicy {
    /// A policy of these parts.
    #[must_use]
    pub fn new(metadata: Metadata, spec: Spec) -> Self {
        Self {
            metadata,
            spec,
            ..Self::default()
        }
    }
}

/// The part of a Kubernetes object's metadata that this project reads; what the API server adds is accepted and dropped.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The object's name, unique in its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's namespace; `default` is what `kubectl apply` would make of an absent one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's labels.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub labels: StringMap,
    /// The object's annotations.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub annotations: StringMap,
}

/// Written out because a derived one would carry a member for every field that is dropped.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const FIELDS: &[&str] = &[
            "name",
            "namespace",
            "labels",
            "annotations",
            "generateName",
            "selfLink",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "ownerReferences",
            "finalizers",
            "managedFields",
        ];

        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object's metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut metadata = Metadata::default();
                while let Some(field) = map.next_key::<FieldName>()? {
                    match FIELDS[field.0] {
                        "name" => metadata.name = map.next_value()?,
                        "namespace" => metadata.namespace = map.next_value()?,
                        "labels" => metadata.labels = map.next_value()?,
                        "annotations" => metadata.annotations = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(metadata)
            }
        }

        /// The place of a field's name among `FIELDS`. An unknown one is refused while the name is read, so that a located error
        /// points at it.
        struct FieldName(usize);

        impl<'de> Deserialize<'de> for FieldName {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_identifier(Name)
            }
        }

        struct Name;

        impl Visitor<'_> for Name {
            type Value = FieldName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<FieldName, E> {
                let place = FIELDS.iter().position(|known| *known == name);
                place.map(FieldName).ok_or_else(|| E::unknown_field(name, FIELDS))
            }
        }

        deserializer.deserialize_struct("Metadata", FIELDS, Fields)
    }
}

impl Metadata {
    /// Metadata of a new object: a name in a namespace and nothing else.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: Some(namespace.into()),
            ..Self::default()
        }
    }

    /// The namespace that the object lands in: its own, or `default`.
    #[must_use]
    pub fn effective_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

/// `spec` of an `AuthorizationPolicy`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Which workloads of the namespace the policy is for; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The hidden singular form of `targetRefs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<TargetRef>,
    /// Gateway-API attachment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_refs: Option<Vec<Option<TargetRef>>>,
    /// What a matching request meets; absent: `ALLOW`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The external authorizer of a `CUSTOM` policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// The request matches the policy when any rule matches. Absent, null and empty are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Option<Rule>>>,
}

/// `spec.action`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// Let through what matches; once one such policy exists, everything else is denied.
    #[default]
    Allow,
    /// Stop what matches.
    Deny,
    /// Mark what matches; the verdict is not changed.
    Audit,
    /// Ask an external authorizer about what matches.
    Custom,
}

by_name!(Action {
    Allow = "ALLOW",
    Deny = "DENY",
    Audit = "AUDIT",
    Custom = "CUSTOM",
});

/// `spec.selector`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels that a workload must carry, all of them.
    #[serde(default)]
    pub match_labels: StringMap,
}

/// `spec.targetRefs[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRef {
    /// API group of the target; empty is the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the target; Istio takes none but the policy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// `spec.provider`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// Names an `extensionProviders` entry of `MeshConfig`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `spec.rules[]`: any `from`, any `to`, every `when`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Who calls. Absent and empty: anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<Option<From>>>,
    /// What is called. Absent and empty: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<Option<To>>>,
    /// Further conditions, all of which must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Vec<Option<Condition>>>,
}

/// `spec.rules[].from[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct From {
    /// Required by validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// `spec.rules[].to[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct To {
    /// Required by validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// A list of values in a policy. Presence is kept apart from emptiness because validation tells them apart.
pub type Values = Option<Vec<String>>;

/// `spec.rules[].from[].source`: every field given must match.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are Istio's; the checked model documents each")]
pub struct Source {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_principals: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_principals: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_request_principals: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_namespaces: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_service_accounts: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_blocks: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ip_blocks: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip_blocks: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_remote_ip_blocks: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domains: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_trust_domains: Values,
}

/// `spec.rules[].to[].operation`: every field given must match.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are Istio's; the checked model documents each")]
pub struct Operation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_hosts: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ports: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_methods: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Values,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_paths: Values,
}

/// `spec.rules[].when[]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// The attribute, such as `request.headers[x-team]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Values of which one must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Values,
    /// Values of which none may match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_values: Values,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
