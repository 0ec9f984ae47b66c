//! How a gateway's policies are enforced: what a command line, or a scenario, says beside the manifests.

use clap::{Args, ValueEnum};
use outgate_policy::config::{Matching, OnAmbiguous, PluginType};
use outgate_sdk::filter_config::{FilterOptions, Site};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::Failure;

/// Where policies are enforced, and what requests are compared as.
#[derive(Args, Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[command(next_help_heading = "Enforcement")]
pub(crate) struct Enforcement {
    /// Where the gateway's policies are enforced.
    #[arg(long, default_value = "gateway")]
    #[serde(default)]
    pub(crate) at: EnforcementPoint,

    /// What hosts and paths of requests are compared as.
    #[arg(long, default_value = "istio")]
    #[serde(default)]
    pub(crate) matching: Comparison,

    /// What becomes of a request whose host or path servers may read differently, with canonical matching [default: it is
    /// compared as far as it can be read].
    #[arg(long, value_name = "HOW")]
    on_ambiguous: Option<AmbiguityAnswer>,
}

impl Enforcement {
    /// The same for the filter's configuration.
    pub(crate) fn options(self) -> FilterOptions {
        FilterOptions {
            site: self.at.into(),
            matching: self.matching.into(),
            on_ambiguous: self.on_ambiguous.map(Into::into),
            ..FilterOptions::default()
        }
    }
}

/// Refuses what Envoy's own RBAC filters cannot do.
pub(crate) fn check_native(options: &FilterOptions) -> Result<(), Failure> {
    if options.site == Site::Sidecar {
        return Err(Failure::from(
            "at a sidecar only Outgate's filter decides: for Envoy's own RBAC filters, the caller is in the caller's certificate, and \
             an application has none",
        ));
    }
    if options.extensions.is_some() {
        return Err(Failure::from(
            "custom policies are in the filter's module: Envoy's RBAC filters have none; leave out --extensions",
        ));
    }
    if options.matching == Matching::Canonical {
        return Err(Failure::from(
            "canonical matching is Outgate's own: Envoy's RBAC filters compare hosts and paths as Istio does",
        ));
    }
    Ok(())
}

/// Where policies are enforced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, ValueEnum)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EnforcementPoint {
    /// At the gateway.
    #[default]
    Gateway,
    /// At the sidecars of those that call through it, before anything leaves their pods.
    Sidecar,
}

impl From<EnforcementPoint> for Site {
    fn from(point: EnforcementPoint) -> Self {
        match point {
            EnforcementPoint::Gateway => Self::Gateway,
            EnforcementPoint::Sidecar => Self::Sidecar,
        }
    }
}

/// What hosts and paths are compared as.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, ValueEnum)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Comparison {
    /// What Envoy compares for Istio: bytes as they come, in the host the port included.
    #[default]
    Istio,
    /// What servers make of them: the host without port and final dot, the path decoded and resolved.
    Canonical,
}

impl From<Comparison> for Matching {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::Istio => Self::Istio,
            Comparison::Canonical => Self::Canonical,
        }
    }
}

/// What becomes of an ambiguous request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, ValueEnum)]
enum AmbiguityAnswer {
    /// It is denied with 403, as by a policy.
    #[serde(rename = "deny")]
    Deny,
    /// It is answered with 400.
    #[value(name = "400")]
    #[serde(rename = "400")]
    BadRequest,
}

impl From<AmbiguityAnswer> for OnAmbiguous {
    fn from(answer: AmbiguityAnswer) -> Self {
        match answer {
            AmbiguityAnswer::Deny => Self::Deny,
            AmbiguityAnswer::BadRequest => Self::BadRequest,
        }
    }
}

/// What a filter decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PluginKind {
    /// Requests.
    Http,
    /// Connections that are passed on as they are: TCP and TLS passthrough.
    Network,
}

impl From<PluginKind> for PluginType {
    fn from(kind: PluginKind) -> Self {
        match kind {
            PluginKind::Http => Self::Http,
            PluginKind::Network => Self::Network,
        }
    }
}
