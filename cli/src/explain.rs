//! `outgate explain`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use outgate_policy::config::PluginType;
use outgate_policy::{
    Decision, Engine, Obstacle, Policy, PolicyExplanation, Reason, RuleName, Shadow, ShadowVerdict, Verdict,
};
use outgate_sdk::manifest::{CheckedPolicy, Manifest, Manifests};
use outgate_sdk::scope::GatewayWorkload;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::{self, Explain, OutputFormat, RequestArguments};
use crate::described::{Described, Description, PeerNames};
use crate::failure::{FINE, Failure};
use crate::output::{self, ERROR, FAINT, GOOD, PLAIN, STRONG};

pub(crate) fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    let [files @ .., method, url] = arguments.positional.as_slice() else {
        return Err(Failure::from("expected FILES... METHOD URL"));
    };
    if files.is_empty() {
        return Err(Failure::from(
            "expected manifests before the method and the URL: FILES... METHOD URL",
        ));
    }
    let (manifests, diagnostics) = arguments::load(files, arguments.mesh_config.as_ref());
    output::show_diagnostics(&diagnostics, manifests.sources());
    if diagnostics.errors() > 0 {
        return Err(Failure::Shown);
    }
    let gateway = arguments.gateway.find(&manifests);
    let request = Described::new(describe(method, url, &arguments.request)?, manifests.normalization())?;

    let selected = manifests.policies_for(&gateway);
    let policies: Vec<Policy> = selected
        .iter()
        .map(|policy| policy.content().policy().clone())
        .collect();
    let mesh = manifests.mesh(&gateway);
    let registry = manifests.registry(&gateway.name.namespace);
    let engine =
        Engine::compile(PluginType::Http, &policies, &mesh, Some(&registry)).map_err(|error| error.to_string())?;
    let decided = Decided {
        decision: engine.decide(&request)?,
        custom: asked(&engine, &request)?,
    };
    let explanations = outgate_policy::explain(PluginType::Http, &policies, &mesh, &request)?;

    match arguments.output {
        OutputFormat::Json => output::print_json(&Report::new(&decided, &explanations))?,
        OutputFormat::Text => Text {
            manifests: &manifests,
            selected: &selected,
        }
        .print(&request, &arguments.request, &gateway, &decided, &explanations),
    }
    Ok(FINE)
}

/// A decision, and who would be asked before it.
struct Decided<'e> {
    decision: Decision<'e>,
    /// Authorizers, each with the rule because of which it is asked.
    custom: Vec<(&'e str, &'e RuleName)>,
}

fn asked<'e>(engine: &'e Engine, request: &Described) -> Result<Vec<(&'e str, &'e RuleName)>, Failure> {
    let mut asked = Vec::new();
    for (place, provider) in engine.authorizers().enumerate() {
        asked.extend(engine.asks(place, request)?.map(|rule| (provider, rule)));
    }
    Ok(asked)
}

fn describe(method: &str, url: &str, arguments: &RequestArguments) -> Result<Description, Failure> {
    Ok(Description {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: arguments.headers.clone(),
        peer: arguments.principal.as_deref().map(PeerNames::workload),
        source_ip: arguments.source_ip,
        remote_ip: arguments.remote_ip,
        sni: arguments.sni.clone(),
        port: arguments.port,
        claims: arguments.jwt_claims.as_deref().map(read_claims).transpose()?,
    })
}

fn read_claims(file: &Path) -> Result<Map<String, Value>, Failure> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let claims: Value = serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
    match claims {
        Value::Object(claims) => Ok(claims),
        _ => Err(Failure::Message(format!(
            "{shown}: expected a JSON object, the token's claims"
        ))),
    }
}

/// What `--output json` prints.
#[derive(Serialize)]
struct Report<'a> {
    verdict: &'static str,
    engine: &'static str,
    rule: Option<&'a str>,
    shadow: ShadowReport<'a>,
    audit: Option<&'a str>,
    /// External authorizers that have the last word, by provider.
    custom: Vec<CustomReport<'a>>,
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
    rule: &'a str,
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
}

#[derive(Serialize)]
struct ObstacleReport {
    field: String,
    actual: String,
    expected: String,
}

impl<'a> Report<'a> {
    fn new(decided: &'a Decided<'_>, explanations: &'a [PolicyExplanation]) -> Self {
        let decision = &decided.decision;
        Self {
            verdict: decision.verdict.as_str(),
            engine: decision.decided_by.as_str(),
            rule: decision.rule.map(RuleName::as_str),
            shadow: ShadowReport {
                deny: decision.shadow.deny.map(shadow_report),
                allow: decision.shadow.allow.map(shadow_report),
            },
            audit: decision.audit.map(RuleName::as_str),
            custom: decided
                .custom
                .iter()
                .map(|(provider, rule)| CustomReport {
                    provider,
                    rule: rule.as_str(),
                })
                .collect(),
            policies: explanations.iter().map(policy_report).collect(),
        }
    }
}

fn shadow_report(shadow: ShadowVerdict<'_>) -> ShadowVerdictReport<'_> {
    let (verdict, rule) = shadow_parts(shadow);
    ShadowVerdictReport { verdict, rule }
}

fn shadow_parts(shadow: ShadowVerdict<'_>) -> (&'static str, Option<&str>) {
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

fn expectation(reason: &Reason) -> String {
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

/// Prints for people.
struct Text<'a> {
    manifests: &'a Manifests,
    selected: &'a [&'a Manifest<CheckedPolicy>],
}

impl Text<'_> {
    fn print(
        &self,
        request: &Described,
        arguments: &RequestArguments,
        gateway: &GatewayWorkload,
        decided: &Decided<'_>,
        explanations: &[PolicyExplanation],
    ) {
        let header = |name| request.header(name).unwrap_or_default();
        let caller = arguments
            .principal
            .as_deref()
            .unwrap_or("a caller without a certificate");
        anstream::println!(
            "{STRONG}{} {}://{}{}{PLAIN}",
            header(":method"),
            header(":scheme"),
            header(":authority"),
            header(":path")
        );
        anstream::println!("  from {caller}");
        anstream::println!("  at   {}", gateway.name);
        anstream::println!();
        print_verdict(decided);
        self.print_policies(explanations);
    }

    fn print_policies(&self, explanations: &[PolicyExplanation]) {
        if explanations.is_empty() {
            anstream::println!("\nNo policy applies to this gateway.");
            return;
        }
        anstream::println!("\n{STRONG}policies{PLAIN}");
        for explanation in explanations {
            let dry_run = if explanation.dry_run { ", dry-run" } else { "" };
            let matched = if explanation.matched() {
                "matches"
            } else {
                "does not match"
            };
            anstream::println!(
                "  {} {STRONG}{}{PLAIN} ({}{dry_run}) {matched}  {FAINT}{}{PLAIN}",
                mark(explanation.matched()),
                explanation.policy,
                explanation.action,
                self.place(explanation)
            );
            if explanation.rules.is_empty() {
                anstream::println!("      it has no rules, so nothing matches");
            }
            for (index, rule) in explanation.rules.iter().enumerate() {
                if rule.matched() {
                    anstream::println!("      rule {index} matches");
                }
                for obstacle in &rule.obstacles {
                    anstream::println!(
                        "      rule {index}: {} {FAINT}[{}]{PLAIN}",
                        sentence(obstacle),
                        obstacle.path
                    );
                }
            }
        }
    }

    /// Where the policy is written.
    fn place(&self, explanation: &PolicyExplanation) -> String {
        let policy = self
            .selected
            .iter()
            .find(|policy| *policy.content().name() == explanation.policy);
        policy.map_or_else(String::new, |policy| {
            let span = policy.span_at(&outgate_policy::FieldPath::root());
            self.manifests.sources().place(span).to_string()
        })
    }
}

fn print_verdict(decided: &Decided<'_>) {
    let decision = &decided.decision;
    let (style, reply) = match decision.verdict {
        Verdict::Allow => (GOOD, "goes on to the upstream"),
        Verdict::Deny => (ERROR, "403 RBAC: access denied"),
        Verdict::Unregistered => (ERROR, "502, the host is not registered"),
    };
    anstream::println!("{style}{}{PLAIN}  {reply}", decision.verdict.as_str().to_uppercase());
    anstream::println!("  engine  {}", decision.decided_by.as_str());
    anstream::println!("  rule    {}", decision.rule.map_or("-", RuleName::as_str));
    for (provider, rule) in &decided.custom {
        anstream::println!("  custom  the authorizer `{provider}` would be asked first, by {rule}");
    }
    if let Some(rule) = decision.audit {
        anstream::println!("  audit   {rule}");
    }
    let Shadow { deny, allow } = decision.shadow;
    for (action, shadow) in [("DENY", deny), ("ALLOW", allow)] {
        if let Some(shadow) = shadow {
            let (verdict, rule) = shadow_parts(shadow);
            let by = rule.map_or_else(String::new, |rule| format!(" by {rule}"));
            anstream::println!("  shadow  the dry-run {action} policies would have {verdict} it{by}");
        }
    }
}

fn sentence(obstacle: &Obstacle) -> String {
    format!("{}: {}", obstacle.actual, expectation(&obstacle.reason))
}

fn mark(matched: bool) -> String {
    if matched {
        format!("{GOOD}✓{PLAIN}")
    } else {
        format!("{FAINT}✗{PLAIN}")
    }
}
