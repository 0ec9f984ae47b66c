//! Why a configuration is refused.

use std::fmt;

use outgate_policy::{FieldPath, PolicyName, Violation};

/// Why a configuration is refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// A policy is not valid.
    Invalid(Violation),
    /// Two policies have the same name in the same namespace.
    Namesake {
        /// The name.
        policy: PolicyName,
    },
    /// A policy asks an external authorizer that is not there.
    Provider {
        /// The policy.
        policy: PolicyName,
        /// The authorizer.
        provider: String,
    },
    /// A policy asks an external authorizer about connections.
    CustomOfConnections {
        /// The policy.
        policy: PolicyName,
    },
    /// Custom policies would have to decide connections.
    ExtensionsOfConnections,
    /// Something is to become of ambiguous requests, and nothing tells which they are.
    AmbiguityUnseen,
    /// A policy compares the direct peer's address, which the filter does not see behind the PROXY protocol.
    HiddenPeer {
        /// The policy.
        policy: PolicyName,
        /// The field that compares it.
        path: FieldPath,
    },
    /// Identities would be read from a header that clients may write.
    ForgeableIdentity,
    /// A policy is to be enforced at sidecars, and asks for something that is another thing there.
    OtherAtSidecar {
        /// The policy.
        policy: PolicyName,
        /// The field that asks for it.
        path: FieldPath,
        /// What it is at a sidecar.
        meaning: &'static str,
    },
}

impl Refused {
    /// The policy and the field that are refused; `None` when it is not about a policy.
    #[must_use]
    pub fn place(&self) -> Option<(&PolicyName, FieldPath)> {
        let root = FieldPath::root();
        match self {
            Self::Invalid(violation) => Some((violation.policy(), violation.path().clone())),
            Self::Namesake { policy } => Some((policy, root.field("metadata").field("name"))),
            Self::Provider { policy, .. } => Some((policy, root.field("spec").field("provider").field("name"))),
            Self::CustomOfConnections { policy } => Some((policy, root.field("spec").field("action"))),
            Self::HiddenPeer { policy, path } | Self::OtherAtSidecar { policy, path, .. } => {
                Some((policy, path.clone()))
            }
            Self::ForgeableIdentity | Self::ExtensionsOfConnections | Self::AmbiguityUnseen => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(_) | Self::Namesake { .. } | Self::ExtensionsOfConnections => None,
            Self::Provider { .. } => Some(
                "add it to extensionProviders of the mesh configuration, with envoyExtAuthzHttp, and give that among the files",
            ),
            Self::CustomOfConnections { .. } => Some(
                "Istio itself leaves such a policy out on TCP; select other workloads with it, or decide in a DENY or ALLOW policy",
            ),
            Self::AmbiguityUnseen => Some("set `matching: canonical`, too"),
            Self::HiddenPeer { .. } => Some(
                "insert the filter `envoy.filters.http.set_filter_state` before this one (with an EnvoyFilter), let it write \
                 %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% under a key of your choice, and give that key as the direct \
                 address's filter state; or use remoteIpBlocks for the client's address",
            ),
            Self::OtherAtSidecar { .. } => Some(
                "enforce this policy at the gateway, or write one for sidecars that goes by principal, host, method, path and headers",
            ),
            Self::ForgeableIdentity => Some(
                "set gatewayTopology.forwardClientCertDetails to SANITIZE_SET, or take identities from the certificate",
            ),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violation) => violation.problem().fmt(f),
            Self::Namesake { .. } => f.write_str("two policies have this name"),
            Self::Provider { provider, .. } => {
                write!(f, "there is no external authorizer `{provider}` that the filter could ask")
            }
            Self::CustomOfConnections { .. } => {
                f.write_str("an external authorizer is asked about requests, and this filter decides connections")
            }
            Self::ExtensionsOfConnections => {
                f.write_str("custom policies decide requests, and this filter decides connections")
            }
            Self::AmbiguityUnseen => f.write_str("what is ambiguous is told by canonical matching only"),
            Self::HiddenPeer { .. } => f.write_str(
                "the gateway is behind the PROXY protocol (gatewayTopology.proxyProtocol), where a Wasm filter does not see the \
                 address of its direct peer",
            ),
            Self::OtherAtSidecar { meaning, .. } => write!(f, "at a sidecar {meaning}"),
            Self::ForgeableIdentity => f.write_str(
                "identities cannot be taken from x-forwarded-client-cert: the gateway does not replace what clients send in it",
            ),
        }
    }
}

impl std::error::Error for Refused {}
