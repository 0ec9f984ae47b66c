//! The engine against a model of Envoy's RBAC.
//!
//! Generated policies are rendered as native RBAC and evaluated by a small model of Envoy's matchers ([`envoy`]), which shares no
//! code with the engine. The engine decides the same requests from the policies themselves. Every answer must be the same: the
//! verdict, the rule that is reported, what dry-run policies would have done, whether an audit rule matched.
//!
//! `OUTGATE_CASES` says how many requests are compared.

mod coverage;
mod envoy;
mod policies;
mod requests;

use std::fmt;

use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::{Decision, Engine, Policy, RuleName, ShadowVerdict, Verdict};
use outgate_sdk::rbac;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use coverage::Coverage;
use envoy::{Action, Filter};
use requests::World;

const REQUESTS_PER_SET: usize = 24;
const DEFAULT_CASES: usize = 60_000;

#[test]
fn the_engine_decides_as_native_rbac() {
    let cases = match std::env::var("OUTGATE_CASES") {
        Ok(number) => number.parse().expect("OUTGATE_CASES is a number"),
        Err(_) => DEFAULT_CASES,
    };
    let config = Config {
        cases: u32::try_from(cases / REQUESTS_PER_SET + 1).expect("so many cases"),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let coverage = Coverage::default();
    let input = (
        policies::mesh(),
        policies::set(),
        proptest::collection::vec(requests::world(), REQUESTS_PER_SET),
    );
    let input = input.prop_map(|(mesh, policies, worlds)| Case { mesh, policies, worlds });
    let result = TestRunner::new(config).run(&input, |case| case.check(&coverage));
    if let Err(failure) = result {
        panic!("{failure}");
    }
    println!("{coverage}");
    coverage.assert_thorough(cases);
}

struct Case {
    mesh: Mesh,
    policies: Vec<Policy>,
    worlds: Vec<World>,
}

/// What a failure shows: the policies as they are rendered, which is shorter than how they are held.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} {:?}", self.mesh.trust_domain, self.mesh.trust_domain_aliases)?;
        for policy in &self.policies {
            writeln!(f, "{policy:?}")?;
        }
        Ok(())
    }
}

impl Case {
    fn check(&self, coverage: &Coverage) -> Result<(), TestCaseError> {
        let engine = Engine::compile(PluginType::Http, &self.policies, &self.mesh, None).unwrap();
        let rendered = rbac::render(PluginType::Http, &self.policies, &self.mesh, &[]);
        let rendered = rendered
            .map_err(|error| TestCaseError::fail(error.to_string()))?
            .into_all();
        let native: Vec<Filter> = rendered.iter().map(Filter::read).collect();
        for world in &self.worlds {
            let ours = engine
                .decide(world)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            let ours = Answer::of_engine(&ours);
            let theirs = Answer::of_native(&native, world, coverage);
            coverage.answer(&theirs);
            if ours != theirs {
                return Err(TestCaseError::fail(format!(
                    "{world:#?}\nengine: {ours:#?}\nnative: {theirs:#?}\nrendered: {rendered:#?}"
                )));
            }
        }
        Ok(())
    }
}

/// What is compared.
#[derive(Debug, Default, Eq, PartialEq)]
struct Answer {
    denied: bool,
    rule: Option<String>,
    audited: bool,
    /// Whether the dry-run policies would have stopped the request, and by which rule.
    shadow_deny: Option<(bool, Option<String>)>,
    shadow_allow: Option<(bool, Option<String>)>,
}

impl Answer {
    fn of_engine(decision: &Decision<'_>) -> Self {
        let name = |rule: Option<&RuleName>| rule.map(ToString::to_string);
        let shadow = |shadow: Option<ShadowVerdict<'_>>| match shadow? {
            ShadowVerdict::Allowed(rule) => Some((false, name(rule))),
            ShadowVerdict::Denied(rule) => Some((true, name(rule))),
            ShadowVerdict::Unreadable => panic!("everything can be read"),
        };
        Self {
            denied: decision.verdict != Verdict::Allow,
            rule: name(decision.rule),
            audited: decision.audit.is_some(),
            shadow_deny: shadow(decision.shadow.deny),
            shadow_allow: shadow(decision.shadow.allow),
        }
    }

    /// The filters in a row, as Envoy runs them: the first that denies ends it.
    fn of_native(filters: &[Filter], world: &World, coverage: &Coverage) -> Self {
        let mut answer = Self::default();
        for filter in filters {
            let shadow = filter.shadow_rules.as_ref().map(|rules| {
                let matched = rules.first_match(world, coverage);
                (matched.is_some() == (rules.action == Action::Deny), matched)
            });
            let enforced = filter
                .rules
                .as_ref()
                .map(|rules| (rules.action, rules.first_match(world, coverage)));
            match filter.action() {
                Action::Log => answer.audited = matches!(enforced, Some((_, Some(_)))),
                Action::Deny => answer.shadow_deny = shadow,
                Action::Allow => answer.shadow_allow = shadow,
            }
            match enforced {
                // Which rule has allowed is told, too; a denial before it has ended the row, as far as the verdict goes.
                Some((Action::Allow, matched)) if !answer.denied => {
                    answer.denied = matched.is_none();
                    answer.rule = matched;
                }
                Some((Action::Deny, Some(rule))) => {
                    answer.denied = true;
                    answer.rule = Some(rule);
                }
                _ => {}
            }
        }
        answer
    }
}
