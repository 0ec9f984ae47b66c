//! The values of a field, by the subject that they are about.

use super::place::Place;
use super::{Findings, Problem};
use crate::model::{Action, Constraint, Subject};
use crate::pattern::{IpBlock, PathPattern, ServiceAccount, TrustDomainPattern, parse_port};
use crate::resource;

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

/// A field and its `not` form: their names, and what is written in them.
pub(super) struct Written<'a> {
    pub(super) names: [&'static str; 2],
    pub(super) values: [&'a resource::Values; 2],
    /// Whether the trust domains are those of a source, which cannot have a slash.
    pub(super) is_field: bool,
}

/// Makes a constraint of a field and its `not` form; none when there is no value.
pub(super) fn constraint(
    subject: Subject,
    written: &Written<'_>,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Constraint> {
    let mut side = |side: usize| {
        let place = place.field(written.names[side]);
        let mut kept = Vec::new();
        for (index, value) in written.values[side].iter().flatten().enumerate() {
            match keep(&subject, value, context, written.is_field) {
                Ok(value) => kept.push(value),
                Err(problem) => findings.refuse(&place.index(index), problem),
            }
        }
        kept
    };
    let [any_of, none_of] = [side(0), side(1)];
    (!any_of.is_empty() || !none_of.is_empty()).then(|| Constraint::new(subject, any_of, none_of))
}

/// The text of a value as it is kept: what it is, and nothing that native does not take.
fn keep(subject: &Subject, value: &str, context: &Context<'_>, is_field: bool) -> Result<Box<str>, Problem> {
    if value.is_empty() {
        return Err(Problem::EmptyValue);
    }
    if value.contains(char::is_control) {
        return Err(Problem::ControlCharacter);
    }
    match subject {
        Subject::SourceIp | Subject::RemoteIp | Subject::DestinationIp => {
            value.parse::<IpBlock>().map_err(Problem::IpBlock)?;
        }
        Subject::Port => {
            parse_port(value).ok_or(Problem::Port)?;
        }
        Subject::Path => {
            PathPattern::parse(value).map_err(Problem::Template)?;
        }
        Subject::TrustDomain => {
            let parse = if is_field {
                TrustDomainPattern::parse_without_slash
            } else {
                TrustDomainPattern::parse
            };
            parse(value).map_err(Problem::TrustDomain)?;
        }
        Subject::ServiceAccount => {
            let account = ServiceAccount::parse(value, context.namespace).map_err(Problem::ServiceAccount)?;
            return Ok([account.namespace(), "/", account.name()].concat().into());
        }
        Subject::Principal
        | Subject::RequestPrincipal
        | Subject::Namespace
        | Subject::Claim(_)
        | Subject::Header(_)
        | Subject::Host
        | Subject::Method
        | Subject::Sni
        | Subject::Metadata { .. } => {}
    }
    Ok(value.into())
}
