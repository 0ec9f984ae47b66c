//! The explanation for people.

use outgate_policy::config::{OnAmbiguous, PluginType};
use outgate_policy::{FieldPath, Obstacle, PolicyExplanation, RuleExplanation, RuleName, Shadow, Verdict};
use outgate_sdk::filter_config::Site;
use outgate_sdk::manifest::{CheckedPolicy, Manifest};

use super::report::{expectation, shadow_parts};
use super::{Asked, Compared, Explained, Question};
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG, WARNING};

pub(super) fn print(question: &Question<'_>, explained: &Explained<'_>, principal: Option<&str>) {
    print_subject(question, principal);
    if let Some(compared) = &explained.canonical {
        print_compared(compared);
    }
    anstream::println!();
    print_verdict(question, explained);
    print_policies(question, &explained.policies);
}

fn print_subject(question: &Question<'_>, principal: Option<&str>) {
    let subject = question.subject;
    let caller = principal.unwrap_or("a caller without a certificate");
    if question.options.plugin_type == PluginType::Http {
        let header = |name| subject.header(name).unwrap_or_default();
        anstream::println!(
            "{STRONG}{} {}://{}{}{PLAIN}",
            header(":method"),
            header(":scheme"),
            header(":authority"),
            header(":path")
        );
    } else {
        let name = subject.server_name();
        let name = name.map_or_else(|| "without a server name".to_owned(), |name| format!("for {name}"));
        anstream::println!(
            "{STRONG}a connection to port {} {name}{PLAIN}",
            subject.description().port
        );
    }
    anstream::println!("  from {caller}");
    match question.options.site {
        Site::Gateway => anstream::println!("  at   {}", question.gateway.name),
        Site::Sidecar => anstream::println!(
            "  at   the caller's sidecar, by the policies of {}",
            question.gateway.name
        ),
    }
}

fn print_compared(compared: &Compared<'_>) {
    anstream::println!("  as   {}{}, the canonical form", compared.host, compared.path);
    if let Some(ambiguity) = compared.ambiguity {
        anstream::println!("       {WARNING}ambiguous{PLAIN}: servers may read the {ambiguity} differently");
    }
}

fn print_verdict(question: &Question<'_>, explained: &Explained<'_>) {
    let decision = &explained.decision;
    if let Some((ambiguity, how)) = explained.refused_for() {
        let reply = match how {
            OnAmbiguous::Deny => "403 RBAC: access denied",
            OnAmbiguous::BadRequest => "400",
        };
        anstream::println!("{ERROR}DENY{PLAIN}  {reply}, before any policy");
        anstream::println!("  rule    {}", ambiguity.rule());
        anstream::println!("\nwere it not refused for that:\n");
    }
    let (style, reply) = match (decision.verdict, question.options.plugin_type) {
        (Verdict::Allow, _) => (GOOD, "goes on to the upstream"),
        (Verdict::Deny, PluginType::Http) => (ERROR, "403 RBAC: access denied"),
        (Verdict::Deny, PluginType::Network) => (ERROR, "the connection is closed with its first data"),
        (Verdict::Unregistered, PluginType::Http) => (ERROR, "502, the host is not registered"),
        (Verdict::Unregistered, PluginType::Network) => (ERROR, "closed, the server name is not registered"),
    };
    anstream::println!("{style}{}{PLAIN}  {reply}", decision.verdict.as_str().to_uppercase());
    anstream::println!("  engine  {}", decision.decided_by.as_str());
    anstream::println!("  rule    {}", decision.rule.map_or("-", RuleName::as_str));
    for Asked {
        provider,
        cluster,
        rule,
    } in &explained.custom
    {
        let place = cluster
            .as_ref()
            .map_or_else(String::new, |cluster| format!(" at {cluster}"));
        anstream::println!("  custom  the authorizer `{provider}` would be asked first{place}, by {rule}");
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
    if let Some((verdict, rule)) = explained.canonical.as_ref().and_then(|compared| compared.literal) {
        let by = rule.map_or_else(String::new, |rule| format!(" by {rule}"));
        anstream::println!(
            "  literal as it is spelled, the verdict would be {}{by}",
            verdict.as_str()
        );
    }
}

fn print_policies(question: &Question<'_>, explanations: &[PolicyExplanation]) {
    if explanations.is_empty() {
        anstream::println!("\nNo policy applies to this gateway.");
        return;
    }
    anstream::println!("\n{STRONG}policies{PLAIN}");
    let selected = question.manifests.policies_for(question.gateway);
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
            place(question, &selected, explanation)
        );
        if explanation.rules.is_empty() {
            anstream::println!("      it has no rules, so nothing matches");
        }
        for (index, rule) in explanation.rules.iter().enumerate() {
            print_rule(index, rule);
        }
    }
}

fn print_rule(index: usize, rule: &RuleExplanation) {
    if rule.matched() {
        anstream::println!("      rule {index} matches");
    }
    for path in &rule.left_out {
        anstream::println!("      rule {index}: not asked of a connection {FAINT}[{path}]{PLAIN}");
    }
    for obstacle in &rule.obstacles {
        anstream::println!(
            "      rule {index}: {} {FAINT}[{}]{PLAIN}",
            sentence(obstacle),
            obstacle.path
        );
    }
}

/// Where the policy is written.
fn place(question: &Question<'_>, selected: &[&Manifest<CheckedPolicy>], explanation: &PolicyExplanation) -> String {
    let policy = selected
        .iter()
        .find(|policy| *policy.content().name() == explanation.policy);
    policy.map_or_else(String::new, |policy| {
        let span = policy.span_at(&FieldPath::root());
        question.manifests.sources().place(span).to_string()
    })
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
