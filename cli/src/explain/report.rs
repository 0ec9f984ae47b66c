//! The explanation for machines.

use std::borrow::Cow;

use outgate_policy::{DecidedBy, Obstacle, PolicyExplanation, Reason, RuleName, ShadowVerdict, Verdict};
use serde::Serialize;

use super::{Compared, Explained};

/// What `--output json` prints.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    verdict: &'static str,
    engine: &'static str,
    rule: Option<Cow<'a, str>>,
    shadow: ShadowReport<'a>,
    audit: Option<&'a str>,
    /// External authorizers that have the last word, by provider.
    custom: Vec<CustomReport<'a>>,
    /// What rules were compared with; `null` where that is the request as it is spelled.
    canonical: Option<CanonicalReport<'a>>,
    policies: Vec<PolicyReport<'a>>,
}

#[derive(Serialize)]
struct ShadowReport<'a> {
    deny: Option<ShadowVerdictReport<'a>>,
    allow: Option<ShadowVerdictReport<'a>>,
}

#[derive(Serialize)]
struct ShadowVerdictReport<'a> {
    verdict: &'static str,
    rule: Option<&'a str>,
}

#[derive(Serialize)]
struct CustomReport<'a> {
    provider: &'a str,
    /// Envoy's name of its service; `null` where the manifests do not say, or not so that the filter could ask.
    cluster: Option<&'a str>,
    rule: &'a str,
}

#[derive(Serialize)]
struct CanonicalReport<'a> {
    host: &'a str,
    path: &'a str,
    ambiguity: Option<&'static str>,
    /// The decision on the request as it is spelled, where that is another one.
    literal: Option<ShadowVerdictReport<'a>>,
}

#[derive(Serialize)]
struct PolicyReport<'a> {
    policy: String,
    action: String,
    dry_run: bool,
    matched: bool,
    rules: Vec<RuleReport<'a>>,
}

#[derive(Serialize)]
struct RuleReport<'a> {
    rule: &'a str,
    matched: bool,
    obstacles: Vec<ObstacleReport>,
    /// Fields that only HTTP has, which are not asked of a connection.
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct ObstacleReport {
    field: String,
    actual: String,
    expected: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(explained: &'a Explained<'_>) -> Self {
        let decision = &explained.decision;
        let (verdict, engine, rule) = match explained.refused_for() {
            Some((ambiguity, _)) => (Verdict::Deny, DecidedBy::Ambiguity, Some(ambiguity.rule().into())),
            None => {
                let rule = decision.rule.map(|rule| rule.as_str().into());
                (decision.verdict, decision.decided_by, rule)
            }
        };
        Self {
            verdict: verdict.as_str(),
            engine: engine.as_str(),
            rule,
            shadow: ShadowReport {
                deny: decision.shadow.deny.map(shadow_report),
                allow: decision.shadow.allow.map(shadow_report),
            },
            audit: decision.audit.map(RuleName::as_str),
            custom: explained
                .custom
                .iter()
                .map(|asked| CustomReport {
                    provider: asked.provider,
                    cluster: asked.cluster.as_deref(),
                    rule: asked.rule.as_str(),
                })
                .collect(),
            canonical: explained.canonical.as_ref().map(canonical_report),
            policies: explained.policies.iter().map(policy_report).collect(),
        }
    }
}

fn canonical_report<'a>(compared: &'a Compared<'_>) -> CanonicalReport<'a> {
    CanonicalReport {
        host: &compared.host,
        path: &compared.path,
        ambiguity: compared.ambiguity.map(outgate_policy::canonical::Ambiguity::as_str),
        literal: compared.literal.map(|(verdict, rule)| ShadowVerdictReport {
            verdict: verdict.as_str(),
            rule: rule.map(RuleName::as_str),
        }),
    }
}

fn shadow_report(shadow: ShadowVerdict<'_>) -> ShadowVerdictReport<'_> {
    let (verdict, rule) = shadow_parts(shadow);
    ShadowVerdictReport { verdict, rule }
}

pub(super) fn shadow_parts(shadow: ShadowVerdict<'_>) -> (&'static str, Option<&str>) {
    match shadow {
        ShadowVerdict::Allowed(rule) => ("allowed", rule.map(RuleName::as_str)),
        ShadowVerdict::Denied(rule) => ("denied", rule.map(RuleName::as_str)),
        ShadowVerdict::Unreadable => ("unreadable", None),
    }
}

fn policy_report(explanation: &PolicyExplanation) -> PolicyReport<'_> {
    PolicyReport {
        policy: explanation.policy.to_string(),
        action: explanation.action.to_string(),
        dry_run: explanation.dry_run,
        matched: explanation.matched(),
        rules: explanation
            .rules
            .iter()
            .map(|rule| RuleReport {
                rule: rule.rule.as_str(),
                matched: rule.matched(),
                obstacles: rule.obstacles.iter().map(obstacle_report).collect(),
                left_out: rule.left_out.iter().map(ToString::to_string).collect(),
            })
            .collect(),
    }
}

fn obstacle_report(obstacle: &Obstacle) -> ObstacleReport {
    ObstacleReport {
        field: obstacle.path.to_string(),
        actual: obstacle.actual.clone(),
        expected: expectation(&obstacle.reason),
    }
}

pub(super) fn expectation(reason: &Reason) -> String {
    match reason {
        Reason::NoneOf(values) if values.len() == 1 => format!("not `{}`", values[0]),
        Reason::NoneOf(values) => {
            let shown: Vec<String> = values
                .iter()
                .take(MOST_VALUES)
                .map(|value| format!("`{value}`"))
                .collect();
            let more = values.len().saturating_sub(MOST_VALUES);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("none of {}{more}", shown.join(", "))
        }
        Reason::NeedsHttp => "the rule allows by something that only HTTP has".to_owned(),
        Reason::Excluded(value) => format!("excluded by `{value}`"),
    }
}

const MOST_VALUES: usize = 6;
