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
pub(super) struct Written {
    pub(super) names: [&'static str; 2],
    pub(super) values: [resource::Values; 2],
    /// Whether the trust domains are those of a source, which cannot have a slash.
    pub(super) is_field: bool,
}

/// Makes a constraint of a field and its `not` form; none when there is no value.
pub(super) fn constraint(
    subject: Subject,
    written: Written,
    context: &Context<'_>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Constraint> {
    let [any_of, none_of] = written.values.map(Option::unwrap_or_default);
    let mut side = |name, mut values: Vec<String>| {
        let place = place.field(name);
        for (index, value) in values.iter_mut().enumerate() {
            if let Err(problem) = check_value(&subject, value, context, written.is_field) {
                findings.refuse(&place.index(index), problem);
            }
        }
        values
    };
    let any_of = side(written.names[0], any_of);
    let none_of = side(written.names[1], none_of);
    (!any_of.is_empty() || !none_of.is_empty()).then(|| Constraint::new(subject, any_of, none_of))
}

/// Leaves a value as it is kept: whole, and nothing that native does not take.
fn check_value(subject: &Subject, value: &mut String, context: &Context<'_>, is_field: bool) -> Result<(), Problem> {
    if value.is_empty() {
        return Err(Problem::EmptyValue);
    }
    if has_control_character(value) {
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
            *value = [account.namespace(), "/", account.name()].concat();
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
    Ok(())
}

fn has_control_character(text: &str) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // Eight bytes at a time, because a large configuration has hundreds of thousands of texts, hardly any of which has a byte
    // that is not a printable ASCII character.
    let (eights, rest) = text.as_bytes().as_chunks();
    let mut suspicious = 0;
    for &eight in eights {
        let eight = u64::from_le_bytes(eight);
        let control = eight.wrapping_sub(ONES * u64::from(b' '));
        let delete = (eight ^ (ONES * 0x7F)).wrapping_sub(ONES);
        suspicious |= (control | delete | eight) & HIGH;
    }
    for &byte in rest {
        suspicious |= u64::from(!matches!(byte, b' '..=b'~'));
    }
    suspicious != 0 && text.contains(char::is_control)
}
