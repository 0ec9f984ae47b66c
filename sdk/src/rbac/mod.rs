//! Native Envoy authorization for the same policies: the filters that Istio itself would put into the gateway.
//!
//! It is the way back for whoever stops using Outgate's filter, and the way to be judged: Istio's own renderings are the measure
//! of ours, and what Envoy makes of ours is the measure of the engine.

mod constraint;
mod matcher;

use std::fmt;

use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::{Action, Constraint, Policy, PolicyName, Rule, RuleName, Subject, TrustDomains};
use serde_json::{Map, Value, json};

use crate::authorizer::NativeAuthorizer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::Manifests;
use crate::scope::GatewayWorkload;
use constraint::Side;

/// Filters that enforce policies, each an entry of `http_filters` of Envoy's HTTP connection manager, or of `filters` of a chain of
/// network filters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// `CUSTOM`: for each authorizer, in the order of names, one that finds what it is asked about and one that asks. Istio lets
    /// them run before all others, so also before tokens are checked.
    pub custom: Vec<Value>,
    /// `AUDIT`, `DENY`, `ALLOW`, in this order.
    pub rules: Vec<Value>,
}

impl Filters {
    /// All of them in the order in which they run.
    #[must_use]
    pub fn into_all(self) -> Vec<Value> {
        self.custom.into_iter().chain(self.rules).collect()
    }
}

impl Manifests {
    /// The filters that enforce a gateway's policies natively.
    ///
    /// # Errors
    ///
    /// Located diagnostics: the input is not complete, or has an authorizer that cannot be asked.
    pub fn native_filters(&self, plugin_type: PluginType, gateway: &GatewayWorkload) -> Result<Filters, Diagnostics> {
        self.require_complete()?;
        let authorizers = self.authorizers_of(gateway, Self::native_authorizer)?;
        let policies = self.checked_policies_for(gateway);
        let rendered = render(plugin_type, &policies, &self.mesh(gateway), &authorizers);
        rendered.map_err(|refused| [Diagnostic::error(refused.to_string())].into_iter().collect())
    }
}

/// Renders the filters that enforce policies. `CUSTOM` policies find their authorizers in the list.
///
/// # Errors
///
/// For a `CUSTOM` policy whose authorizer is not there: leaving the policy out would let through what it guards.
pub fn render(
    plugin_type: PluginType,
    policies: &[Policy],
    mesh: &Mesh,
    authorizers: &[NativeAuthorizer],
) -> Result<Filters, Unrendered> {
    let domains = TrustDomains::of(mesh);
    let actions = [
        (Action::Audit, Some("LOG")),
        (Action::Deny, Some("DENY")),
        (Action::Allow, None),
    ];
    let rules = actions.iter().filter_map(|(action, name)| {
        let set = |dry_run| {
            let of_set = |policy: &&Policy| policy.action() == action && policy.dry_run() == dry_run;
            rules(plugin_type, policies.iter().filter(of_set), *name, &domains)
        };
        let (enforced, shadow) = (set(false), set(true));
        let prefix = match (&shadow, action) {
            (Some(_), Action::Deny) => "istio_dry_run_deny_",
            // What Istio writes when there is no dry-run policy, too.
            _ => "istio_dry_run_allow_",
        };
        (enforced.is_some() || shadow.is_some()).then(|| filter(plugin_type, enforced, shadow, prefix))
    });
    Ok(Filters {
        custom: custom(plugin_type, policies, &domains, authorizers)?,
        rules: rules.collect(),
    })
}

/// Two filters for each authorizer that policies name: one finds what its policies are about, and lets all of it pass; the other
/// asks about that.
fn custom(
    plugin_type: PluginType,
    policies: &[Policy],
    domains: &TrustDomains,
    authorizers: &[NativeAuthorizer],
) -> Result<Vec<Value>, Unrendered> {
    let mut named: Vec<(&str, &Policy)> = policies
        .iter()
        .filter_map(|policy| match policy.action() {
            Action::Custom { provider } => Some((provider.as_str(), policy)),
            Action::Allow | Action::Deny | Action::Audit => None,
        })
        .collect();
    named.sort_by_key(|(provider, _)| *provider);
    let mut filters = Vec::new();
    for of_provider in named.chunk_by(|(one, _), (other, _)| one == other) {
        let (provider, first) = of_provider[0];
        let authorizer = authorizers.iter().find(|known| known.name() == provider);
        let authorizer = authorizer.ok_or_else(|| Unrendered::NoAuthorizer {
            policy: first.name().clone(),
            provider: provider.to_owned(),
        })?;
        // Istio leaves connections alone whose authorizer cannot be asked about them.
        let Some(asking) = authorizer.filter(plugin_type) else {
            continue;
        };
        let policies = of_provider.iter().map(|(_, policy)| *policy);
        let found = rules(plugin_type, policies, Some("DENY"), domains);
        filters.push(filter(plugin_type, None, found, "istio_ext_authz_"));
        filters.push(asking.clone());
    }
    Ok(filters)
}

/// Why policies have no native rendering here.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unrendered {
    /// A policy has the action `CUSTOM`, and its authorizer is not known.
    NoAuthorizer {
        /// The policy.
        policy: PolicyName,
        /// The authorizer that it names.
        provider: String,
    },
}

impl fmt::Display for Unrendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAuthorizer { policy, provider } => write!(
                f,
                "AuthorizationPolicy {policy}: there is no external authorizer `{provider}`; leaving the policy out would let through \
                 what it guards"
            ),
        }
    }
}

impl std::error::Error for Unrendered {}

fn filter(plugin_type: PluginType, rules: Option<Value>, shadow_rules: Option<Value>, shadow_prefix: &str) -> Value {
    let layer = match plugin_type {
        PluginType::Http => "http",
        PluginType::Network => "network",
    };
    let mut config = Map::new();
    config.insert(
        "@type".to_owned(),
        json!(format!(
            "type.googleapis.com/envoy.extensions.filters.{layer}.rbac.v3.RBAC"
        )),
    );
    if let Some(rules) = rules {
        config.insert("rules".to_owned(), rules);
    }
    if let Some(rules) = shadow_rules {
        config.insert("shadowRules".to_owned(), rules);
    }
    config.insert("shadowRulesStatPrefix".to_owned(), json!(shadow_prefix));
    if plugin_type == PluginType::Network {
        config.insert("statPrefix".to_owned(), json!("tcp."));
    }
    json!({ "name": format!("envoy.filters.{layer}.rbac"), "typedConfig": config })
}

/// The rules of policies that share an action; `None` when there is no policy.
fn rules<'p>(
    plugin_type: PluginType,
    policies: impl Iterator<Item = &'p Policy>,
    action: Option<&str>,
    domains: &TrustDomains,
) -> Option<Value> {
    let mut policies = policies.peekable();
    policies.peek()?;
    let mut entries = Map::new();
    for policy in policies {
        let name = |index| RuleName::new(policy.name(), policy.action(), index).as_str().to_owned();
        if policy.rules().is_empty() {
            entries.insert(name(0), never());
        }
        for (index, rule) in policy.rules_read_by(plugin_type) {
            entries.insert(name(index), entry(&rule, domains));
        }
    }
    let mut rules = Map::new();
    if let Some(action) = action {
        rules.insert("action".to_owned(), json!(action));
    }
    // What stops everything, because no rule of those that allow is left.
    if !entries.is_empty() {
        rules.insert("policies".to_owned(), Value::Object(entries));
    }
    Some(Value::Object(rules))
}

/// A policy without rules keeps its engine switched on and matches nothing.
fn never() -> Value {
    json!({
        "permissions": [{ "notRule": { "any": true } }],
        "principals": [{ "notId": { "any": true } }],
    })
}

fn entry(rule: &Rule, domains: &TrustDomains) -> Value {
    let (permissions, principals): (Vec<&Constraint>, Vec<&Constraint>) = rule
        .when
        .iter()
        .partition(|constraint| constraint.subject().is_permission());
    json!({
        "permissions": sets(&rule.to, &permissions, Side::Permission, domains),
        "principals": sets(&rule.from, &principals, Side::Principal, domains),
    })
}

/// One conjunction for each source or operation, the conditions in every one.
fn sets(alternatives: &[Vec<Constraint>], when: &[&Constraint], side: Side, domains: &TrustDomains) -> Vec<Value> {
    let set = |own: &[Constraint]| {
        let mut own: Vec<&Constraint> = own.iter().collect();
        own.sort_by_key(|constraint| place(constraint));
        let all = own.into_iter().chain(when.iter().copied());
        let mut all: Vec<Value> = all
            .flat_map(|constraint| constraint::render(&domains.expand(constraint), side))
            .collect();
        if all.is_empty() {
            all.push(json!({ "any": true }));
        }
        side.all_of(&all)
    };
    if alternatives.is_empty() {
        vec![set(&[])]
    } else {
        alternatives.iter().map(|own| set(own)).collect()
    }
}

/// Where Istio puts a field of a source; fields of an operation stand in the model's order.
const fn place(constraint: &Constraint) -> u8 {
    match constraint.subject() {
        Subject::Principal => 0,
        Subject::RequestPrincipal => 1,
        Subject::Namespace => 2,
        Subject::RemoteIp => 3,
        Subject::SourceIp => 4,
        Subject::TrustDomain => 5,
        Subject::ServiceAccount => 6,
        _ => 7,
    }
}
