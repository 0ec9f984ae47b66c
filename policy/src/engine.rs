//! The compiled policies of one gateway.

use std::fmt;

use crate::canonical::canonical_policy;
use crate::check::{Problem, Violation};
use crate::config::{Config, HeaderMode, Matching, Mesh, PluginType};
use crate::decision::{DecidedBy, Decision, RuleName, Shadow, ShadowVerdict, Verdict};
use crate::facts::Facts;
use crate::model::{Action, Policy};
use crate::registry::Registry;
use crate::request::{Attribute, Attributes, Request, Unreadable};
use crate::resource::AuthorizationPolicy;
use crate::rule_set::{RuleSet, RuleSetBuilder};
use crate::texts::Texts;
use crate::trust_domain::TrustDomains;
use crate::vocabulary::Vocabulary;
use crate::{FieldPath, config, exclusions};

/// Decides requests. Compiled once for a configuration, used for many requests, never changed.
#[derive(Clone, Debug)]
pub struct Engine {
    plugin_type: PluginType,
    header_mode: HeaderMode,
    registry: Option<Registry>,
    vocabulary: Vocabulary,
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
    pub fn new<X>(config: &Config<Vec<AuthorizationPolicy>, X>) -> Result<Self, ConfigError> {
        let mut builder = EngineBuilder::new(config.plugin_type, &config.mesh);
        for policy in &config.policies {
            builder.check(policy.clone());
        }
        builder.finish(config.registry.as_ref())
    }

    /// Compiles policies that have been checked.
    ///
    /// # Errors
    ///
    /// What is wrong with them in this mesh, and policies that are there twice.
    pub fn compile(
        plugin_type: PluginType,
        policies: &[Policy],
        mesh: &Mesh,
        registry: Option<&config::Registry>,
    ) -> Result<Self, ConfigError> {
        let mut builder = EngineBuilder::new(plugin_type, mesh);
        for policy in policies {
            builder.take(policy.clone());
        }
        builder.finish(registry)
    }

    /// The attributes that some rule can ask for. What is not in here is never asked for.
    #[must_use]
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// The external authorizers that `CUSTOM` policies name, in the order in which they are asked.
    pub fn authorizers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.custom.iter().map(|(provider, _)| provider.as_str())
    }

    /// The rule because of which an authorizer, by its place among [them](Self::authorizers), must be asked about a request.
    ///
    /// # Errors
    ///
    /// When an attribute that is needed cannot be read. The request must then be denied.
    pub fn asks<R: Request + ?Sized>(&self, authorizer: usize, request: &R) -> Result<Option<&RuleName>, Unreadable> {
        let facts = self.facts(request);
        let of_authorizer = self.custom.get(authorizer).map(|(_, rules)| rules);
        self.first_match(of_authorizer, &facts)
    }

    /// Decides a request that no authorizer objects to, in native's order: registry, `AUDIT`, `DENY`, `ALLOW`.
    ///
    /// # Errors
    ///
    /// When an attribute that is needed cannot be read. The request must then be denied.
    pub fn decide<R: Request + ?Sized>(&self, request: &R) -> Result<Decision<'_>, Unreadable> {
        let facts = self.facts(request);
        let mut decision = Decision {
            verdict: Verdict::Allow,
            decided_by: DecidedBy::Default,
            rule: None,
            shadow: Shadow::default(),
            audit: None,
        };
        if !self.is_registered(request)? {
            decision.verdict = Verdict::Unregistered;
            decision.decided_by = DecidedBy::Registry;
            return Ok(decision);
        }
        decision.audit = self.first_match(self.audit.as_ref(), &facts)?;
        decision.shadow = Shadow {
            deny: self.shadow(
                self.shadow_deny.as_ref(),
                &facts,
                ShadowVerdict::Denied,
                ShadowVerdict::Allowed,
            ),
            allow: self.shadow(
                self.shadow_allow.as_ref(),
                &facts,
                ShadowVerdict::Allowed,
                ShadowVerdict::Denied,
            ),
        };
        if let Some(rule) = self.first_match(self.deny.as_ref(), &facts)? {
            decision.verdict = Verdict::Deny;
            decision.decided_by = DecidedBy::Deny;
            decision.rule = Some(rule);
        } else if let Some(rules) = &self.allow {
            decision.rule = rules.first_match(&self.vocabulary, &facts)?;
            decision.decided_by = DecidedBy::Allow;
            decision.verdict = match decision.rule {
                Some(_) => Verdict::Allow,
                None => Verdict::Deny,
            };
        }
        Ok(decision)
    }

    /// Whether a request's host may be called at all. A connection whose client has not named a host is not the registry's.
    ///
    /// # Errors
    ///
    /// When the host cannot be read. The request must then be denied.
    pub fn is_registered<R: Request + ?Sized>(&self, request: &R) -> Result<bool, Unreadable> {
        let Some(registry) = &self.registry else {
            return Ok(true);
        };
        Ok(match self.plugin_type {
            PluginType::Http => request.authority()?.is_some_and(|authority| registry.knows(&authority)),
            PluginType::Network => request.sni()?.is_none_or(|name| registry.knows(name)),
        })
    }

    fn facts<'r, R: ?Sized>(&self, request: &'r R) -> Facts<'r, R> {
        Facts {
            request,
            header_mode: self.header_mode,
        }
    }

    fn first_match<'e, R: Request + ?Sized>(
        &'e self,
        rules: Option<&'e RuleSet>,
        facts: &Facts<'_, R>,
    ) -> Result<Option<&'e RuleName>, Unreadable> {
        rules.map_or(Ok(None), |rules| rules.first_match(&self.vocabulary, facts))
    }

    fn shadow<'e, R: Request + ?Sized>(
        &'e self,
        rules: Option<&'e RuleSet>,
        facts: &Facts<'_, R>,
        matched: fn(Option<&'e RuleName>) -> ShadowVerdict<'e>,
        unmatched: fn(Option<&'e RuleName>) -> ShadowVerdict<'e>,
    ) -> Option<ShadowVerdict<'e>> {
        Some(match rules?.first_match(&self.vocabulary, facts) {
            Ok(Some(rule)) => matched(Some(rule)),
            Ok(None) => unmatched(None),
            Err(_) => ShadowVerdict::Unreadable,
        })
    }
}

/// Compiles policies one by one, so that none needs to be kept as it was written.
#[derive(Debug)]
pub struct EngineBuilder {
    plugin_type: PluginType,
    matching: Matching,
    domains: TrustDomains,
    header_mode: HeaderMode,
    vocabulary: Vocabulary,
    /// By action, and whether they are only tried. There are few.
    sets: Vec<(Action, bool, RuleSetBuilder)>,
    /// `namespace/name` of each policy. A namespace cannot have a slash.
    names: Texts,
    violations: Vec<Violation>,
}

impl EngineBuilder {
    /// For policies of a mesh, in a plugin of this type.
    #[must_use]
    pub fn new(plugin_type: PluginType, mesh: &Mesh) -> Self {
        Self {
            plugin_type,
            matching: mesh.matching,
            domains: TrustDomains::of(mesh),
            header_mode: mesh.header_mode,
            vocabulary: Vocabulary::default(),
            sets: Vec::new(),
            names: Texts::default(),
            violations: Vec::new(),
        }
    }

    /// Checks a policy as written, and adds it. What is wrong with it is said at the end.
    pub fn check(&mut self, written: AuthorizationPolicy) {
        match Policy::check(written) {
            Ok(checked) => self.take(checked.policy),
            Err(found) => self.violations.extend(found),
        }
    }

    /// Adds a policy that has been checked. What is wrong with it in this mesh is said at the end.
    pub fn take(&mut self, policy: Policy) {
        let policy = match self.matching {
            Matching::Istio => Ok(policy),
            Matching::Canonical => canonical_policy(policy),
        };
        match policy {
            Ok(policy) => {
                let name = policy.name();
                let text = [&name.namespace, "/", &name.name].concat();
                if self.names.number_of_new(&text).is_none() {
                    self.violations.push(Violation {
                        policy: name.clone(),
                        path: FieldPath::root().field("metadata").field("name"),
                        problem: Problem::Duplicate,
                    });
                }
                self.add(&policy);
            }
            Err(found) => self.violations.extend(found),
        }
    }

    fn add(&mut self, policy: &Policy) {
        let of_policy =
            |(action, dry_run, _): &(Action, bool, _)| action == policy.action() && *dry_run == policy.dry_run();
        let place = self.sets.iter().position(of_policy).unwrap_or_else(|| {
            let set = RuleSetBuilder::default();
            self.sets.push((policy.action().clone(), policy.dry_run(), set));
            self.sets.len() - 1
        });
        let (_, _, set) = &mut self.sets[place];
        set.add(policy, self.plugin_type, &self.domains, &mut self.vocabulary);
    }

    /// The engine for all of these policies, and for the hosts that may be called at all.
    ///
    /// # Errors
    ///
    /// Every violation of every policy, and policies that were added twice.
    pub fn finish(self, registry: Option<&config::Registry>) -> Result<Engine, ConfigError> {
        if self.violations.is_empty() {
            Ok(self.compile(registry))
        } else {
            Err(ConfigError {
                violations: self.violations,
            })
        }
    }

    fn compile(self, registry: Option<&config::Registry>) -> Engine {
        let Self {
            plugin_type,
            mut vocabulary,
            mut sets,
            header_mode,
            names,
            ..
        } = self;
        drop(names);
        exclusions::gather(sets.iter_mut().map(|(_, _, set)| set.branches_mut()), &mut vocabulary);
        vocabulary.close();
        let registry = Registry::new(registry);
        let names_hosts = match plugin_type {
            PluginType::Http => Attribute::Headers,
            PluginType::Network => Attribute::Sni,
        };
        let needs_host = registry.is_some().then_some(names_hosts);
        let mut engine = Engine {
            plugin_type,
            header_mode,
            attributes: vocabulary.attributes().chain(needs_host).collect(),
            registry,
            vocabulary: Vocabulary::default(),
            custom: Vec::new(),
            deny: None,
            allow: None,
            audit: None,
            shadow_deny: None,
            shadow_allow: None,
        };
        for (action, dry_run, set) in sets {
            let rules = set.finish(&mut vocabulary);
            match (action, dry_run) {
                (Action::Allow, false) => engine.allow = Some(rules),
                (Action::Allow, true) => engine.shadow_allow = Some(rules),
                (Action::Deny, false) => engine.deny = Some(rules),
                (Action::Deny, true) => engine.shadow_deny = Some(rules),
                (Action::Audit, _) => engine.audit = Some(rules),
                (Action::Custom { provider }, _) => {
                    let is_before = |(known, _): &(String, RuleSet)| *known < provider;
                    let place = engine.custom.partition_point(is_before);
                    engine.custom.insert(place, (provider, rules));
                }
            }
        }
        vocabulary.texts.freeze();
        engine.vocabulary = vocabulary;
        engine
    }
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
