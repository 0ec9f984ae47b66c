//! `AuthorizationPolicy` as it is written: the shape of `security.istio.io/v1` and `v1beta1`, nothing checked yet.
//!
//! Field names and nesting are Istio's. An unknown field is an error: a misspelt `notPaths` must never widen a policy.
//! [`Policy::check`](crate::Policy::check) turns a resource into the checked model.

use serde::Serialize;

use crate::by_field::by_field;
use crate::by_name::by_name;

pub use crate::string_map::StringMap;

/// One `AuthorizationPolicy` object, as `kubectl get -o json` prints it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationPolicy {
    /// `security.istio.io/v1` or `v1beta1`; both have the same schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// `AuthorizationPolicy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name, namespace and the dry-run annotation.
    pub metadata: Metadata,
    /// What is allowed or denied. An absent `spec` allows nothing: the default action is `ALLOW` and there is no rule.
    pub spec: Spec,
}

by_field!(AuthorizationPolicy = "an AuthorizationPolicy" {
    api_version = "apiVersion",
    kind = "kind",
    metadata = "metadata",
    spec = "spec" (nullable),
} ignored {
    "status",
});

impl AuthorizationPolicy {
    /// A policy of these parts.
    #[must_use]
    pub fn new(metadata: Metadata, spec: Spec) -> Self {
        Self {
            api_version: None,
            kind: None,
            metadata,
            spec,
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

by_field!(Metadata = "an object's metadata" {
    name = "name",
    namespace = "namespace",
    labels = "labels",
    annotations = "annotations",
} ignored {
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
});

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

    /// Where an object without a namespace lands.
    pub(crate) const DEFAULT_NAMESPACE: &'static str = "default";

    /// The namespace that the object lands in: its own, or `default`.
    #[must_use]
    pub fn effective_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(Self::DEFAULT_NAMESPACE)
    }
}

/// `spec` of an `AuthorizationPolicy`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Which workloads of the namespace the policy is for; absent: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The hidden singular form of `targetRefs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<TargetRef>,
    /// Gateway-API attachment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_refs: Option<Vec<Option<TargetRef>>>,
    /// What a matching request meets; absent: `ALLOW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The external authorizer of a `CUSTOM` policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// The request matches the policy when any rule matches. Absent, null and empty are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Option<Rule>>>,
}

by_field!(Spec = "the spec of an AuthorizationPolicy" {
    selector = "selector",
    target_ref = "targetRef",
    target_refs = "targetRefs",
    action = "action",
    provider = "provider",
    rules = "rules",
});

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
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels that a workload must carry, all of them.
    pub match_labels: StringMap,
}

by_field!(Selector = "a selector" {
    match_labels = "matchLabels",
});

/// `spec.targetRefs[]`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRef {
    /// API group of the target; empty is the core group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the target; Istio takes none but the policy's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

by_field!(TargetRef = "a target reference" {
    group = "group",
    kind = "kind",
    name = "name",
    namespace = "namespace",
});

/// `spec.provider`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Names an `extensionProviders` entry of `MeshConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

by_field!(Provider = "a provider" {
    name = "name",
});

/// `spec.rules[]`: any `from`, any `to`, every `when`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Who calls. Absent and empty: anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<Option<From>>>,
    /// What is called. Absent and empty: anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<Option<To>>>,
    /// Further conditions, all of which must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Vec<Option<Condition>>>,
}

by_field!(Rule = "a rule" {
    from = "from",
    to = "to",
    when = "when",
});

/// `spec.rules[].from[]`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct From {
    /// Required by validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

by_field!(From = "an entry of `from`" {
    source = "source",
});

/// `spec.rules[].to[]`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct To {
    /// Required by validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

by_field!(To = "an entry of `to`" {
    operation = "operation",
});

/// A list of values in a policy. Presence is kept apart from emptiness because validation tells them apart.
pub type Values = Option<Vec<String>>;

/// `spec.rules[].from[].source`: every field given must match.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are Istio's; the checked model documents each")]
pub struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_principals: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_principals: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_request_principals: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_namespaces: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_accounts: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_service_accounts: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_blocks: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ip_blocks: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip_blocks: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_remote_ip_blocks: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domains: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_trust_domains: Values,
}

by_field!(Source = "a source" {
    principals = "principals",
    not_principals = "notPrincipals",
    request_principals = "requestPrincipals",
    not_request_principals = "notRequestPrincipals",
    namespaces = "namespaces",
    not_namespaces = "notNamespaces",
    service_accounts = "serviceAccounts",
    not_service_accounts = "notServiceAccounts",
    ip_blocks = "ipBlocks",
    not_ip_blocks = "notIpBlocks",
    remote_ip_blocks = "remoteIpBlocks",
    not_remote_ip_blocks = "notRemoteIpBlocks",
    trust_domains = "trustDomains",
    not_trust_domains = "notTrustDomains",
});

/// `spec.rules[].to[].operation`: every field given must match.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are Istio's; the checked model documents each")]
pub struct Operation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_hosts: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ports: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_methods: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Values,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_paths: Values,
}

by_field!(Operation = "an operation" {
    hosts = "hosts",
    not_hosts = "notHosts",
    ports = "ports",
    not_ports = "notPorts",
    methods = "methods",
    not_methods = "notMethods",
    paths = "paths",
    not_paths = "notPaths",
});

/// `spec.rules[].when[]`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The attribute, such as `request.headers[x-team]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Values of which one must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Values,
    /// Values of which none may match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_values: Values,
}

by_field!(Condition = "a condition" {
    key = "key",
    values = "values",
    not_values = "notValues",
});
