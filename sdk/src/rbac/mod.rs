//! Native Envoy RBAC for the same policies: the filters that Istio itself would put into the gateway.
//!
//! It is the way back for whoever stops using Outgate's filter, and the way to be judged: Istio's own renderings are the measure
//! of ours, and what Envoy makes of ours is the measure of the engine.

mod constraint;
mod matcher;

use std::fmt;

use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::{Action, Constraint, Policy, PolicyName, Rule, RuleName, Subject, TrustDomains};
use serde_json::{Map, Value, json};

use constraint::Side;

/// Renders the filters that enforce policies, in the order in which they must run: `AUDIT`, `DENY`, `ALLOW`. Each is an entry of
/// `http_filters` of Envoy's HTTP connection manager, or of `filters` of a chain of network filters.
///
/// # Errors
///
/// For a `CUSTOM` policy: what Istio renders for it depends on the provider, and leaving the policy out would let through what it
/// guards.
pub fn render(plugin_type: PluginType, policies: &[Policy], mesh: &Mesh) -> Result<Vec<Value>, Unrendered> {
    let custom = policies
        .iter()
        .find(|policy| matches!(policy.action(), Action::Custom { .. }));
    if let Some(policy) = custom {
        return Err(Unrendered::Custom(policy.name().clone()));
    }
    let domains = TrustDomains::of(mesh);
    let filters = [
        (Action::Audit, Some("LOG")),
        (Action::Deny, Some("DENY")),
        (Action::Allow, None),
    ];
    Ok(filters
        .iter()
        .filter_map(|(action, name)| {
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
        })
        .collect())
}

/// Renders the filter that finds out which requests an external authorizer is asked about: the first half of what Istio renders
/// for the `CUSTOM` policies of one provider.
///
/// `None` when there are no such policies.
#[must_use]
pub fn render_custom_matching(
    plugin_type: PluginType,
    policies: &[Policy],
    provider: &str,
    mesh: &Mesh,
) -> Option<Value> {
    let of_provider = |policy: &&Policy| matches!(policy.action(), Action::Custom { provider: own } if own == provider);
    let rules = rules(
        plugin_type,
        policies.iter().filter(of_provider),
        Some("DENY"),
        &TrustDomains::of(mesh),
    )?;
    Some(filter(plugin_type, None, Some(rules), "istio_ext_authz_"))
}

/// Why policies have no native rendering here.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unrendered {
    /// A policy has the action `CUSTOM`.
    Custom(PolicyName),
}

impl fmt::Display for Unrendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(policy) => write!(
                f,
                "AuthorizationPolicy {policy}: the native form of a CUSTOM policy depends on its provider and is not rendered; \
                 leaving the policy out would let through what it guards"
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
