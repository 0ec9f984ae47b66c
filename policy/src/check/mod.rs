//! Validation: a resource as written becomes a [`Policy`], or a list of what is wrong with it.
//!
//! Every rule of Istio's admission (the webhook and the CRD's own) is kept, so that what passes here passes there. Where native
//! would silently widen or drop a rule because of a bad value, the policy is refused instead.

mod condition;
pub(crate) mod place;
mod rule;
mod values;
mod violation;

pub use violation::{Doubt, Problem, Violation, Warning};

use crate::model::{Action, Attachment, Policy, PolicyName, Target};
use crate::resource::{self, Metadata, StringMap};
use crate::{FieldPath, resource::AuthorizationPolicy};
use place::Place;
use values::Context;

/// A valid policy and what is doubtful about it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The policy.
    pub policy: Policy,
    /// What is allowed but rarely meant.
    pub warnings: Vec<Warning>,
}

impl Policy {
    /// The API group and versions that a policy may be written in.
    pub const API_VERSIONS: [&'static str; 2] = ["security.istio.io/v1", "security.istio.io/v1beta1"];
    /// The kind.
    pub const KIND: &'static str = "AuthorizationPolicy";
    /// The annotation that makes a policy be tried only.
    pub const DRY_RUN_ANNOTATION: &'static str = "istio.io/dry-run";

    /// Checks a policy as written.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of its fields; never an empty list.
    pub fn check(written: AuthorizationPolicy) -> Result<Checked, Vec<Violation>> {
        let mut findings = Findings::default();
        let policy = check_resource(written, &mut findings);
        if findings.problems.is_empty() {
            let warnings = findings
                .doubts
                .into_iter()
                .map(|(path, doubt)| Warning {
                    policy: policy.name.clone(),
                    path,
                    doubt,
                })
                .collect();
            return Ok(Checked { policy, warnings });
        }
        Err(findings
            .problems
            .into_iter()
            .map(|(path, problem)| Violation {
                policy: policy.name.clone(),
                path,
                problem,
            })
            .collect())
    }
}

/// What has been found so far.
#[derive(Default)]
struct Findings {
    problems: Vec<(FieldPath, Problem)>,
    doubts: Vec<(FieldPath, Doubt)>,
}

impl Findings {
    #[inline(never)]
    fn refuse(&mut self, place: &Place<'_>, problem: Problem) {
        self.problems.push((place.path(), problem));
    }

    #[inline(never)]
    fn warn(&mut self, place: &Place<'_>, doubt: Doubt) {
        self.doubts.push((place.path(), doubt));
    }

    fn refuse_more_than(&mut self, limit: usize, actual: usize, what: &'static str, place: &Place<'_>) {
        if actual > limit {
            self.refuse(place, Problem::TooMany { what, limit });
        }
    }
}

const MOST_RULES: usize = 512;
const MOST_TARGETS: usize = 16;
const MOST_LABELS: usize = 4096;
const LONGEST_LABEL_VALUE: usize = 63;

fn check_resource(mut written: AuthorizationPolicy, findings: &mut Findings) -> Policy {
    if let Some(version) = &written.api_version
        && !Policy::API_VERSIONS.contains(&version.as_str())
    {
        findings.refuse(
            &Place::root("apiVersion"),
            Problem::WrongKind {
                expected: Policy::API_VERSIONS[0],
            },
        );
    }
    if written.kind.as_ref().is_some_and(|kind| kind != Policy::KIND) {
        findings.refuse(&Place::root("kind"), Problem::WrongKind { expected: Policy::KIND });
    }
    let metadata = Place::root("metadata");
    if written.metadata.name.is_empty() {
        findings.refuse(&metadata.field("name"), Problem::Required);
    }
    let spec = Place::root("spec");
    let action = check_action(&written.spec, &spec, findings);
    let dry_run = check_annotations(&written.metadata, &action, &metadata.field("annotations"), findings);
    let attachment = check_attachment(&mut written.spec, &spec, findings);
    let Metadata { name, namespace, .. } = written.metadata;
    let name = PolicyName {
        namespace: namespace.unwrap_or_else(|| Metadata::DEFAULT_NAMESPACE.to_owned()),
        name,
    };

    let place = spec.field("rules");
    let rules = written.spec.rules.unwrap_or_default();
    findings.refuse_more_than(MOST_RULES, rules.len(), "rules", &place);
    let context = Context {
        namespace: &name.namespace,
        action: &action,
    };
    let rules = rules.into_iter().enumerate();
    let rules = rules
        .map(|(index, rule)| rule::check_rule(rule, &context, &place.index(index), findings))
        .collect();
    Policy {
        name,
        action,
        dry_run,
        attachment,
        rules,
    }
}

fn check_action(written: &resource::Spec, spec: &Place<'_>, findings: &mut Findings) -> Action {
    let no_rules = written.rules.as_ref().is_none_or(Vec::is_empty);
    let action = written.action.unwrap_or_default();
    if let (resource::Action::Deny | resource::Action::Custom, true) = (action, no_rules) {
        let action = if action == resource::Action::Deny {
            "DENY"
        } else {
            "CUSTOM"
        };
        findings.refuse(spec, Problem::NeverTriggers { action });
    }
    if action != resource::Action::Custom && written.provider.is_some() {
        findings.refuse(&spec.field("provider"), Problem::ProviderWithoutCustom);
    }
    match action {
        resource::Action::Allow => Action::Allow,
        resource::Action::Deny => Action::Deny,
        resource::Action::Audit => Action::Audit,
        resource::Action::Custom => {
            let provider = written.provider.as_ref().and_then(|provider| provider.name.clone());
            let provider = provider.unwrap_or_default();
            if provider.is_empty() {
                findings.refuse(&spec.field("provider").field("name"), Problem::Required);
            }
            Action::Custom { provider }
        }
    }
}

fn check_annotations(
    metadata: &resource::Metadata,
    action: &Action,
    annotations: &Place<'_>,
    findings: &mut Findings,
) -> bool {
    let mut dry_run = false;
    for (key, value) in metadata.annotations.iter() {
        let place = annotations.field(key);
        if key == Policy::DRY_RUN_ANNOTATION {
            match parse_go_bool(value) {
                Some(parsed) => dry_run = parsed,
                None => findings.refuse(
                    &place,
                    Problem::DryRunNotBoolean {
                        value: value.to_owned(),
                    },
                ),
            }
            match action {
                Action::Allow | Action::Deny => {}
                Action::Audit => findings.refuse(&place, Problem::DryRunUnsupported { action: "AUDIT" }),
                Action::Custom { .. } => findings.refuse(&place, Problem::DryRunUnsupported { action: "CUSTOM" }),
            }
        } else if key.starts_with("internal.istio.io/parent") || key == "internal.istio.io/webhook-always-reject" {
            findings.refuse(&place, Problem::ReservedAnnotation);
        }
    }
    dry_run
}

/// Go's `strconv.ParseBool`.
fn parse_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn check_attachment(written: &mut resource::Spec, spec: &Place<'_>, findings: &mut Findings) -> Attachment {
    let given = [
        written.selector.is_some(),
        written.target_ref.is_some(),
        written.target_refs.as_ref().is_some_and(|targets| !targets.is_empty()),
    ];
    if given.into_iter().filter(|&given| given).count() > 1 {
        findings.refuse(spec, Problem::OnlyOneAttachment);
    }
    let mut targets = Vec::new();
    if let Some(target) = written.target_ref.take() {
        targets.push(check_target(target, &spec.field("targetRef"), findings));
    }
    if let Some(written) = written.target_refs.take() {
        let place = spec.field("targetRefs");
        findings.refuse_more_than(MOST_TARGETS, written.len(), "targetRefs", &place);
        for (index, target) in written.into_iter().enumerate() {
            match target {
                Some(target) => targets.push(check_target(target, &place.index(index), findings)),
                None => findings.refuse(&place.index(index), Problem::Null),
            }
        }
    }
    if !targets.is_empty() {
        return Attachment::Targets(targets);
    }
    let labels = written
        .selector
        .take()
        .map(|selector| check_selector(selector, &spec.field("selector"), findings))
        .unwrap_or_default();
    Attachment::Labels(labels)
}

fn check_selector(selector: resource::Selector, place: &Place<'_>, findings: &mut Findings) -> StringMap {
    let labels = selector.match_labels;
    let of_labels = place.field("matchLabels");
    if labels.is_empty() {
        findings.warn(place, Doubt::SelectorWithoutLabels);
    }
    findings.refuse_more_than(MOST_LABELS, labels.len(), "labels", &of_labels);
    for (key, value) in labels.iter() {
        let place = of_labels.field(key);
        if key.is_empty() {
            findings.refuse(&of_labels, Problem::EmptyLabelKey);
        }
        if key.contains('*') || value.contains('*') {
            findings.refuse(&place, Problem::WildcardInSelector);
        }
        if value.chars().count() > LONGEST_LABEL_VALUE {
            findings.refuse(&place, Problem::LongLabelValue);
        }
    }
    labels
}

/// The kinds that Istio attaches policies to.
const TARGETS: [(&str, &str); 4] = [
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
];

fn check_target(target: resource::TargetRef, place: &Place<'_>, findings: &mut Findings) -> Target {
    let [mut group, kind, name] = [target.group, target.kind, target.name].map(Option::unwrap_or_default);
    if group == "core" {
        group.clear();
    }
    if name.is_empty() {
        findings.refuse(&place.field("name"), Problem::Required);
    }
    if kind.is_empty() {
        findings.refuse(&place.field("kind"), Problem::Required);
    } else if !TARGETS.contains(&(group.as_str(), kind.as_str())) {
        findings.refuse(
            place,
            Problem::UnsupportedTarget {
                group: group.clone(),
                kind: kind.clone(),
            },
        );
    }
    if target.namespace.as_ref().is_some_and(|namespace| !namespace.is_empty()) {
        findings.refuse(&place.field("namespace"), Problem::CrossNamespaceTarget);
    }
    Target { group, kind, name }
}
