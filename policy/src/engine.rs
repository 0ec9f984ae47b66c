//! The compiled policies of one gateway.

use std::fmt;

use crate::check::{Problem, Violation};
use crate::config::{Config, HeaderMode, Mesh};
use crate::decision::{DecidedBy, Decision, RuleName, Shadow, ShadowVerdict, Verdict};
use crate::facts::Facts;
use crate::model::{Action, Policy};
use crate::order::in_order;
use crate::registry::Registry;
use crate::request::{Attribute, Attributes, Request, Unreadable};
use crate::rule_set::RuleSet;
use crate::trust_domain::TrustDomains;
use crate::{FieldPath, config};

/// Decides requests. Compiled once for a configuration, used for many requests, never changed.
#[derive(Clone, Debug)]
pub struct Engine {
    header_mode: HeaderMode,
    registry: Option<Registry>,
    /// By provider, in byte order.
    custom: Vec<(String, RuleSet)>,
    deny: Option<RuleSet>,
    allow: Option<RuleSet>,
    audit: Option<RuleSet>,
    shadow_deny: Option<RuleSet>,
    shadow_allow: Option<RuleSet>,
    attributes: Attributes,
}

impl Engine {
    /// Compiles a configuration as the filter gets it.
    ///
    /// # Errors
    ///
    /// Every violation of every policy, and policies that are there twice. Nothing is compiled in part.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut policies: Vec<Policy> = Vec::with_capacity(config.policies.len());
        let mut violations = Vec::new();
        for written in &config.policies {
            match Policy::check(written) {
                Ok(checked) => policies.push(checked.policy),
                Err(found) => violations.extend(found),
            }
        }
        let order = in_order(policies.len(), &|a, b| policies[a].name().cmp(policies[b].name()));
        for pair in order.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|place| policies[place as usize].name());
            if first == second {
                violations.push(Violation {
                    policy: first.clone(),
                    path: FieldPath::root().field("metadata").field("name"),
                    problem: Problem::Duplicate,
                });
            }
        }
        if violations.is_empty() {
            Ok(Self::compile(&policies, &config.mesh, config.registry.as_ref()))
        } else {
            Err(ConfigError { violations })
        }
    }

    /// Compiles policies that have been checked.
    #[must_use]
    pub fn compile(policies: &[Policy], mesh: &Mesh, registry: Option<&config::Registry>) -> Self {
        let domains = TrustDomains::of(mesh);
        let set = |action: &Action, dry_run: bool| {
            let policies = policies.iter();
            RuleSet::new(
                policies.filter(|policy| policy.action() == action && policy.dry_run() == dry_run),
                &domains,
            )
        };
        let mut custom: Vec<(String, RuleSet)> = Vec::new();
        for policy in policies {
            if let Action::Custom { provider } = policy.action()
                && let Err(place) = custom.binary_search_by(|(known, _)| known.cmp(provider))
                && let Some(rules) = set(policy.action(), false)
            {
                custom.insert(place, (provider.clone(), rules));
            }
        }
        let mut engine = Self {
            header_mode: mesh.header_mode,
            registry: Registry::new(registry),
            custom,
            deny: set(&Action::Deny, false),
            allow: set(&Action::Allow, false),
            audit: set(&Action::Audit, false),
            shadow_deny: set(&Action::Deny, true),
            shadow_allow: set(&Action::Allow, true),
            attributes: Attributes::default(),
        };
        let rules = engine.rule_sets().flat_map(RuleSet::attributes);
        engine.attributes = rules
            .chain(engine.registry.is_some().then_some(Attribute::Headers))
            .collect();
        engine
    }

    /// The attributes that some rule can ask for. What is not in here is never asked for.
    #[must_use]
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// Decides a request, in native's order: registry, `CUSTOM`, `AUDIT`, `DENY`, `ALLOW`.
    ///
    /// # Errors
    ///
    /// When an attribute that is needed cannot be read. The request must then be denied.
    pub fn decide<R: Request + ?Sized>(&self, request: &R) -> Result<Decision<'_>, Unreadable> {
        let facts = Facts {
            request,
            header_mode: self.header_mode,
        };
        let mut decision = Decision {
            verdict: Verdict::Allow,
            decided_by: DecidedBy::Default,
            rule: None,
            shadow: Shadow::default(),
            audit: None,
            custom: Vec::new(),
        };
        if !self.is_registered(request)? {
            decision.verdict = Verdict::Unregistered;
            decision.decided_by = DecidedBy::Registry;
            return Ok(decision);
        }
        for (provider, rules) in &self.custom {
            if let Some(rule) = rules.first_match(&facts)? {
                decision.custom.push((provider, rule));
            }
        }
        decision.audit = first_match(self.audit.as_ref(), &facts)?;
        decision.shadow = Shadow {
            deny: shadow(
                self.shadow_deny.as_ref(),
                &facts,
                ShadowVerdict::Denied,
                ShadowVerdict::Allowed,
            ),
            allow: shadow(
                self.shadow_allow.as_ref(),
                &facts,
                ShadowVerdict::Allowed,
                ShadowVerdict::Denied,
            ),
        };
        if let Some(rule) = first_match(self.deny.as_ref(), &facts)? {
            decision.verdict = Verdict::Deny;
            decision.decided_by = DecidedBy::Deny;
            decision.rule = Some(rule);
        } else if let Some(rules) = &self.allow {
            decision.rule = rules.first_match(&facts)?;
            decision.decided_by = DecidedBy::Allow;
            decision.verdict = match decision.rule {
                Some(_) => Verdict::Allow,
                None => Verdict::Deny,
            };
        }
        Ok(decision)
    }

    fn is_registered<R: Request + ?Sized>(&self, request: &R) -> Result<bool, Unreadable> {
        let Some(registry) = &self.registry else {
            return Ok(true);
        };
        let authority = request.headers()?.first(":authority");
        Ok(authority.is_some_and(|authority| registry.knows(authority)))
    }

    fn rule_sets(&self) -> impl Iterator<Item = &RuleSet> {
        let native = [
            &self.deny,
            &self.allow,
            &self.audit,
            &self.shadow_deny,
            &self.shadow_allow,
        ];
        self.custom
            .iter()
            .map(|(_, rules)| rules)
            .chain(native.into_iter().flatten())
    }
}

fn first_match<'e, R: Request + ?Sized>(
    rules: Option<&'e RuleSet>,
    facts: &Facts<'_, R>,
) -> Result<Option<&'e RuleName>, Unreadable> {
    rules.map_or(Ok(None), |rules| rules.first_match(facts))
}

fn shadow<'e, R: Request + ?Sized>(
    rules: Option<&'e RuleSet>,
    facts: &Facts<'_, R>,
    matched: fn(Option<&'e RuleName>) -> ShadowVerdict<'e>,
    unmatched: fn(Option<&'e RuleName>) -> ShadowVerdict<'e>,
) -> Option<ShadowVerdict<'e>> {
    Some(match rules?.first_match(facts) {
        Ok(Some(rule)) => matched(Some(rule)),
        Ok(None) => unmatched(None),
        Err(_) => ShadowVerdict::Unreadable,
    })
}

/// A configuration is refused: some of its policies are invalid.
#[derive(Clone, Debug)]
pub struct ConfigError {
    violations: Vec<Violation>,
}

impl ConfigError {
    /// What is wrong; never empty.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
