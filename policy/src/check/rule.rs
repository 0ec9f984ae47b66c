//! One rule: its sources, its operations and its conditions.

use super::condition::check_condition;
use super::place::Place;
use super::values::{Context, Written, constraint};
use super::{Doubt, Findings, Problem};
use crate::model::{Action, Constraint, Rule, Subject};
use crate::resource;

const MOST_SOURCES: usize = 512;
const MOST_SERVICE_ACCOUNTS: usize = 16;

pub(super) fn check_rule(
    written: Option<resource::Rule>,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Rule {
    let Some(written) = written else {
        findings.refuse(place, Problem::Null);
        return Rule::default();
    };
    let from_place = place.field("from");
    let from = written.from.unwrap_or_default();
    findings.refuse_more_than(MOST_SOURCES, from.len(), "sources", &from_place);
    let from = from.into_iter().enumerate().filter_map(|(index, from)| {
        let place = from_place.index(index);
        let source = present(from, &place, findings, |from| from.source, "source")?;
        Some(check_source(source, context, &place.field("source"), findings))
    });
    let from = from.collect();

    let to_place = place.field("to");
    let to = written.to.unwrap_or_default().into_iter().enumerate();
    let to = to.filter_map(|(index, to)| {
        let place = to_place.index(index);
        let operation = present(to, &place, findings, |to| to.operation, "operation")?;
        Some(check_operation(operation, context, &place.field("operation"), findings))
    });
    let to = to.collect();

    let when_place = place.field("when");
    let when = written.when.unwrap_or_default().into_iter().enumerate();
    let when = when.filter_map(|(index, when)| check_condition(when, context, &when_place.index(index), findings));
    let when = when.collect();

    let rule = Rule { from, to, when };
    if *context.action == Action::Deny && has_only_http_attributes(&rule) {
        findings.warn(place, Doubt::DeniesAllTcp);
    }
    rule
}

/// The required member of a list entry.
fn present<E, T>(
    entry: Option<E>,
    place: &Place<'_>,
    findings: &mut Findings,
    member: impl FnOnce(E) -> Option<T>,
    name: &str,
) -> Option<T> {
    let Some(entry) = entry else {
        findings.refuse(place, Problem::Null);
        return None;
    };
    let member = member(entry);
    if member.is_none() {
        findings.refuse(&place.field(name), Problem::Required);
    }
    member
}

fn check_source(
    source: resource::Source,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Vec<Constraint> {
    let accounts_given = source.service_accounts.is_some() || source.not_service_accounts.is_some();
    let identities_given = source.principals.is_some()
        || source.not_principals.is_some()
        || source.namespaces.is_some()
        || source.not_namespaces.is_some();
    let mut fields = Fields::new(context, place, findings);
    if accounts_given && identities_given {
        fields.findings.refuse(place, Problem::ServiceAccountsWithPrincipals);
    }
    for (name, values) in [
        ("serviceAccounts", &source.service_accounts),
        ("notServiceAccounts", &source.not_service_accounts),
    ] {
        let count = values.as_ref().map_or(0, Vec::len);
        fields
            .findings
            .refuse_more_than(MOST_SERVICE_ACCOUNTS, count, "service accounts", &place.field(name));
    }

    fields.take(
        Subject::Principal,
        ["principals", "notPrincipals"],
        [source.principals, source.not_principals],
    );
    fields.take(
        Subject::RequestPrincipal,
        ["requestPrincipals", "notRequestPrincipals"],
        [source.request_principals, source.not_request_principals],
    );
    fields.take(
        Subject::Namespace,
        ["namespaces", "notNamespaces"],
        [source.namespaces, source.not_namespaces],
    );
    fields.take(
        Subject::SourceIp,
        ["ipBlocks", "notIpBlocks"],
        [source.ip_blocks, source.not_ip_blocks],
    );
    fields.take(
        Subject::RemoteIp,
        ["remoteIpBlocks", "notRemoteIpBlocks"],
        [source.remote_ip_blocks, source.not_remote_ip_blocks],
    );
    fields.take(
        Subject::TrustDomain,
        ["trustDomains", "notTrustDomains"],
        [source.trust_domains, source.not_trust_domains],
    );
    fields.take(
        Subject::ServiceAccount,
        ["serviceAccounts", "notServiceAccounts"],
        [source.service_accounts, source.not_service_accounts],
    );
    fields.finish("a source")
}

fn check_operation(
    operation: resource::Operation,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Vec<Constraint> {
    let mut fields = Fields::new(context, place, findings);
    fields.take(
        Subject::Host,
        ["hosts", "notHosts"],
        [operation.hosts, operation.not_hosts],
    );
    fields.take(
        Subject::Method,
        ["methods", "notMethods"],
        [operation.methods, operation.not_methods],
    );
    fields.take(
        Subject::Path,
        ["paths", "notPaths"],
        [operation.paths, operation.not_paths],
    );
    fields.take(
        Subject::Port,
        ["ports", "notPorts"],
        [operation.ports, operation.not_ports],
    );
    fields.finish("an operation")
}

/// Attributes that the action CUSTOM, which runs before anything is authenticated, cannot use.
const NOT_WITH_CUSTOM: [&str; 5] = [
    "principals",
    "requestPrincipals",
    "namespaces",
    "trustDomains",
    "serviceAccounts",
];

/// Collects the fields of one source or operation.
struct Fields<'a> {
    context: &'a Context<'a>,
    place: &'a Place<'a>,
    findings: &'a mut Findings,
    /// How much was found before.
    found_before: usize,
    constraints: Vec<Constraint>,
}

impl<'a> Fields<'a> {
    const fn new(context: &'a Context<'a>, place: &'a Place<'a>, findings: &'a mut Findings) -> Self {
        Self {
            context,
            place,
            found_before: findings.problems.len(),
            findings,
            constraints: Vec::new(),
        }
    }

    /// Takes a field and its `not` form.
    fn take(&mut self, subject: Subject, names: [&'static str; 2], values: [resource::Values; 2]) {
        for (name, values) in names.into_iter().zip(&values) {
            let given = values.as_ref().is_some_and(|values| !values.is_empty());
            if given && self.context.is_custom() && NOT_WITH_CUSTOM.contains(&names[0]) {
                let attribute = name.to_owned();
                self.findings
                    .refuse(&self.place.field(name), Problem::NotWithCustom { attribute });
            }
        }
        let written = Written {
            names,
            values,
            is_field: true,
        };
        self.constraints
            .extend(constraint(subject, written, self.context, self.place, self.findings));
    }

    fn finish(self, what: &'static str) -> Vec<Constraint> {
        // What was refused inside is not also "empty".
        if self.constraints.is_empty() && self.findings.problems.len() == self.found_before {
            self.findings.refuse(self.place, Problem::EmptyObject { what });
        }
        self.constraints
    }
}

fn has_only_http_attributes(rule: &Rule) -> bool {
    let mut constraints = rule.from.iter().chain(&rule.to).flatten().chain(&rule.when).peekable();
    constraints.peek().is_some() && constraints.all(|constraint| constraint.subject().is_http())
}
