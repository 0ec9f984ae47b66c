//! One rule: its sources, its operations and its conditions.

use super::condition::check_condition;
use super::{Doubt, Findings, Problem};
use crate::FieldPath;
use crate::model::{Action, Constraint, Rule, Values};
use crate::pattern::{
    NamespacePattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount, TextPattern,
    TrustDomainPattern,
};
use crate::resource;

const MOST_SOURCES: usize = 512;
const MOST_SERVICE_ACCOUNTS: usize = 16;

/// What a rule's meaning takes from its policy.
pub(super) struct Context<'a> {
    pub(super) namespace: &'a str,
    pub(super) action: &'a Action,
}

impl Context<'_> {
    pub(super) const fn is_custom(&self) -> bool {
        matches!(self.action, Action::Custom { .. })
    }
}

pub(super) fn check_rule(
    written: Option<&resource::Rule>,
    context: &Context<'_>,
    path: &FieldPath,
    findings: &mut Findings,
) -> Rule {
    let Some(written) = written else {
        findings.refuse(path, Problem::Null);
        return Rule::default();
    };
    let from_path = path.field("from");
    let from = written.from.as_deref().unwrap_or_default();
    findings.refuse_more_than(MOST_SOURCES, from.len(), "sources", &from_path);
    let from = from.iter().enumerate().map(|(index, from)| {
        let path = from_path.index(index);
        let source = present(from.as_ref(), &path, findings, |from| from.source.as_ref(), "source")?;
        Some(check_source(source, context, &path.field("source"), findings))
    });
    let from = from.collect::<Vec<_>>();

    let to_path = path.field("to");
    let to = written.to.as_deref().unwrap_or_default().iter().enumerate();
    let to = to.map(|(index, to)| {
        let path = to_path.index(index);
        let operation = present(to.as_ref(), &path, findings, |to| to.operation.as_ref(), "operation")?;
        Some(check_operation(operation, &path.field("operation"), findings))
    });
    let to = to.collect::<Vec<_>>();

    let when_path = path.field("when");
    let when = written.when.as_deref().unwrap_or_default().iter().enumerate();
    let when = when.map(|(index, when)| check_condition(when.as_ref(), context, &when_path.index(index), findings));
    let when = when.collect::<Vec<_>>();

    let rule = Rule {
        from: from.into_iter().flatten().collect(),
        to: to.into_iter().flatten().collect(),
        when: when.into_iter().flatten().collect(),
    };
    if *context.action == Action::Deny && has_only_http_attributes(&rule) {
        findings.warn(path, Doubt::DeniesAllTcp);
    }
    rule
}

/// The required member of a list entry.
fn present<'a, E, T>(
    entry: Option<&'a E>,
    path: &FieldPath,
    findings: &mut Findings,
    member: impl FnOnce(&'a E) -> Option<&'a T>,
    name: &str,
) -> Option<&'a T> {
    let Some(entry) = entry else {
        findings.refuse(path, Problem::Null);
        return None;
    };
    let member = member(entry);
    if member.is_none() {
        findings.refuse(&path.field(name), Problem::Required);
    }
    member
}

fn check_source(
    source: &resource::Source,
    context: &Context<'_>,
    path: &FieldPath,
    findings: &mut Findings,
) -> Vec<Constraint> {
    let accounts_given = source.service_accounts.is_some() || source.not_service_accounts.is_some();
    let identities_given = source.principals.is_some()
        || source.not_principals.is_some()
        || source.namespaces.is_some()
        || source.not_namespaces.is_some();
    if accounts_given && identities_given {
        findings.refuse(path, Problem::ServiceAccountsWithPrincipals);
    }
    for (name, values) in [
        ("serviceAccounts", &source.service_accounts),
        ("notServiceAccounts", &source.not_service_accounts),
    ] {
        let count = values.as_ref().map_or(0, Vec::len);
        findings.refuse_more_than(MOST_SERVICE_ACCOUNTS, count, "service accounts", &path.field(name));
    }

    let mut fields = Fields {
        path,
        context: Some(context),
        findings,
        constraints: Vec::new(),
    };
    fields.take(
        ["principals", "notPrincipals"],
        [&source.principals, &source.not_principals],
        plain(PrincipalPattern::parse),
        Constraint::Principal,
    );
    fields.take(
        ["requestPrincipals", "notRequestPrincipals"],
        [&source.request_principals, &source.not_request_principals],
        plain(RequestPrincipalPattern::parse),
        Constraint::RequestPrincipal,
    );
    fields.take(
        ["namespaces", "notNamespaces"],
        [&source.namespaces, &source.not_namespaces],
        plain(NamespacePattern::parse),
        Constraint::Namespace,
    );
    fields.take(
        ["ipBlocks", "notIpBlocks"],
        [&source.ip_blocks, &source.not_ip_blocks],
        |value| value.parse().map_err(Problem::IpBlock),
        Constraint::SourceIp,
    );
    fields.take(
        ["remoteIpBlocks", "notRemoteIpBlocks"],
        [&source.remote_ip_blocks, &source.not_remote_ip_blocks],
        |value| value.parse().map_err(Problem::IpBlock),
        Constraint::RemoteIp,
    );
    fields.take(
        ["trustDomains", "notTrustDomains"],
        [&source.trust_domains, &source.not_trust_domains],
        |value| TrustDomainPattern::parse_without_slash(value).map_err(Problem::TrustDomain),
        Constraint::TrustDomain,
    );
    fields.take(
        ["serviceAccounts", "notServiceAccounts"],
        [&source.service_accounts, &source.not_service_accounts],
        |value| ServiceAccount::parse(value, context.namespace).map_err(Problem::ServiceAccount),
        Constraint::ServiceAccount,
    );
    fields.finish("a source")
}

fn check_operation(operation: &resource::Operation, path: &FieldPath, findings: &mut Findings) -> Vec<Constraint> {
    let mut fields = Fields {
        path,
        context: None,
        findings,
        constraints: Vec::new(),
    };
    fields.take(
        ["hosts", "notHosts"],
        [&operation.hosts, &operation.not_hosts],
        plain(TextPattern::parse),
        Constraint::Host,
    );
    fields.take(
        ["methods", "notMethods"],
        [&operation.methods, &operation.not_methods],
        plain(TextPattern::parse),
        Constraint::Method,
    );
    fields.take(
        ["paths", "notPaths"],
        [&operation.paths, &operation.not_paths],
        |value| PathPattern::parse(value).map_err(Problem::Template),
        Constraint::Path,
    );
    fields.take(
        ["ports", "notPorts"],
        [&operation.ports, &operation.not_ports],
        parse_port,
        Constraint::Port,
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
    path: &'a FieldPath,
    /// Of a source; an operation needs none.
    context: Option<&'a Context<'a>>,
    findings: &'a mut Findings,
    constraints: Vec<Constraint>,
}

impl Fields<'_> {
    /// Takes a field and its `not` form.
    fn take<T>(
        &mut self,
        names: [&'static str; 2],
        written: [&resource::Values; 2],
        parse: impl Fn(&str) -> Result<T, Problem>,
        constraint: impl FnOnce(Values<T>) -> Constraint,
    ) {
        for (name, values) in names.into_iter().zip(written) {
            let given = values.as_ref().is_some_and(|values| !values.is_empty());
            if given && self.context.is_some_and(Context::is_custom) && NOT_WITH_CUSTOM.contains(&names[0]) {
                let attribute = name.to_owned();
                self.findings
                    .refuse(&self.path.field(name), Problem::NotWithCustom { attribute });
            }
        }
        let [any_of, none_of] =
            [0, 1].map(|side| parse_values(written[side], &self.path.field(names[side]), &parse, self.findings));
        if !any_of.is_empty() || !none_of.is_empty() {
            self.constraints.push(constraint(Values { any_of, none_of }));
        }
    }

    fn finish(self, what: &'static str) -> Vec<Constraint> {
        // What was refused above is not also "empty".
        let refused_inside = self
            .findings
            .problems
            .iter()
            .any(|(path, _)| path.segments().starts_with(self.path.segments()));
        if self.constraints.is_empty() && !refused_inside {
            self.findings.refuse(self.path, Problem::EmptyObject { what });
        }
        self.constraints
    }
}

/// Parses a list of values; what cannot be parsed is refused, with its place in the list.
pub(super) fn parse_values<T>(
    written: &resource::Values,
    path: &FieldPath,
    parse: impl Fn(&str) -> Result<T, Problem>,
    findings: &mut Findings,
) -> Vec<T> {
    let mut parsed = Vec::new();
    for (index, value) in written.iter().flatten().enumerate() {
        let result = if value.is_empty() {
            Err(Problem::EmptyValue)
        } else if value.contains(char::is_control) {
            Err(Problem::ControlCharacter)
        } else {
            parse(value)
        };
        match result {
            Ok(value) => parsed.push(value),
            Err(problem) => findings.refuse(&path.index(index), problem),
        }
    }
    parsed
}

/// A parser that cannot fail, as one that can.
pub(super) fn plain<T>(parse: impl Fn(&str) -> T) -> impl Fn(&str) -> Result<T, Problem> {
    move |value| Ok(parse(value))
}

/// Go's `strconv.ParseUint`, bounded: digits only, leading zeros taken.
pub(super) fn parse_port(value: &str) -> Result<u16, Problem> {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_err(|_| Problem::Port)
    } else {
        Err(Problem::Port)
    }
}

fn has_only_http_attributes(rule: &Rule) -> bool {
    let mut constraints = rule.from.iter().chain(&rule.to).flatten().chain(&rule.when).peekable();
    constraints.peek().is_some()
        && constraints.all(|constraint| {
            matches!(
                constraint,
                Constraint::Host(_)
                    | Constraint::Method(_)
                    | Constraint::Path(_)
                    | Constraint::Header { .. }
                    | Constraint::RequestPrincipal(_)
                    | Constraint::Claim { .. }
            )
        })
}
