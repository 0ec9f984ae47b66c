//! Keys: what a rule can be found by.

use std::net::IpAddr;

use crate::ascii::with_lower_case;
use crate::facts::{AddressSubject, Facts};
use crate::model::{Constraint, Values};
use crate::pattern::{
    IpBlock, MetadataPattern, NamespacePattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, SPIFFE,
    ServiceAccount, TemplateSegment, TextPattern, TrustDomainPattern, after_each,
};
use crate::request::{Request, Unreadable};

/// What a key is compared with: one text, several or none of a request.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Subject {
    /// `:authority`, in lower case.
    Host,
    Method,
    /// The path without its query.
    Path,
    Header(Box<str>),
    /// What follows `spiffe://` in a name of the peer.
    Principal,
    /// What follows `/ns/` in a name of the peer, up to the next slash.
    Namespace,
    /// `namespace/sa/name` in a SPIFFE name of the peer.
    ServiceAccount,
    /// What follows `spiffe://`, up to the first slash.
    TrustDomain,
    /// The claim `iss`.
    Issuer,
    /// The claim `sub`.
    Sub,
    Claim(Box<[String]>),
    Sni,
    /// Two bytes, big-endian.
    Port,
    Metadata(Box<str>, Box<str>),
    Address(AddressSubject),
}

/// A condition on a [`Subject`] that can be looked up.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Key {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    /// Without host bits, so that equal networks are one key.
    Block(IpBlock),
}

impl Subject {
    /// Writes a text that no other subject and no key has.
    pub(super) fn encode(&self, text: &mut Vec<u8>) {
        let kind = match self {
            Self::Host => 0,
            Self::Method => 1,
            Self::Path => 2,
            Self::Header(_) => 3,
            Self::Principal => 4,
            Self::Namespace => 5,
            Self::ServiceAccount => 6,
            Self::TrustDomain => 7,
            Self::Issuer => 8,
            Self::Sub => 9,
            Self::Claim(_) => 10,
            Self::Sni => 11,
            Self::Port => 12,
            Self::Metadata(..) => 13,
            Self::Address(AddressSubject::Source) => 14,
            Self::Address(AddressSubject::Remote) => 15,
            Self::Address(AddressSubject::Destination) => 16,
        };
        text.extend([SUBJECT, kind]);
        let mut name = |name: &str| {
            text.extend((name.len() as u32).to_le_bytes());
            text.extend(name.as_bytes());
        };
        match self {
            Self::Header(header) => name(header),
            Self::Claim(path) => path.iter().for_each(|step| name(step)),
            Self::Metadata(filter, key) => [filter, key].into_iter().for_each(|part| name(part)),
            _ => {}
        }
    }
}

impl Key {
    /// Writes a text that no other key of any subject has.
    pub(super) fn encode(&self, subject: u32, text: &mut Vec<u8>) {
        let (kind, value) = match self {
            Self::Exact(value) => (EXACT, &**value),
            Self::Prefix(value) => (PREFIX, &**value),
            Self::Suffix(value) => (SUFFIX, &**value),
            Self::Block(block) => {
                text.extend([BLOCK, block.prefix_len()]);
                text.extend(subject.to_le_bytes());
                return match block.address() {
                    IpAddr::V4(address) => text.extend(address.octets()),
                    IpAddr::V6(address) => text.extend(address.octets()),
                };
            }
        };
        text.push(kind);
        text.extend(subject.to_le_bytes());
        text.extend(value);
    }
}

const SUBJECT: u8 = 0;
const EXACT: u8 = 1;
const PREFIX: u8 = 2;
const SUFFIX: u8 = 3;
const BLOCK: u8 = 4;

/// Keys of which at least one is hit whenever the constraint holds; `None` when there are no such keys.
///
/// A key may be hit when the constraint does not hold, so what is found is checked.
pub(super) fn keys(constraint: &Constraint) -> Option<Vec<(Subject, Key)>> {
    match constraint {
        Constraint::Principal(values) => each(values, &Subject::Principal, principal_key),
        Constraint::RequestPrincipal(values) => all(values, request_principal_key),
        Constraint::Namespace(values) => each(values, &Subject::Namespace, namespace_key),
        Constraint::ServiceAccount(values) => each(values, &Subject::ServiceAccount, |account| {
            Some(Key::Exact(service_account_text(account).into()))
        }),
        Constraint::TrustDomain(values) => each(values, &Subject::TrustDomain, trust_domain_key),
        Constraint::SourceIp(values) => blocks(values, AddressSubject::Source),
        Constraint::RemoteIp(values) => blocks(values, AddressSubject::Remote),
        Constraint::DestinationIp(values) => blocks(values, AddressSubject::Destination),
        Constraint::Claim { path, values } => each(values, &Subject::Claim(path.as_slice().into()), text_key),
        Constraint::Header { name, values } => each(values, &Subject::Header(name.as_str().into()), text_key),
        Constraint::Host(values) => each(values, &Subject::Host, host_key),
        Constraint::Method(values) => each(values, &Subject::Method, text_key),
        Constraint::Path(values) => each(values, &Subject::Path, path_key),
        Constraint::Port(values) => each(values, &Subject::Port, |port| {
            Some(Key::Exact(port.to_be_bytes().into()))
        }),
        Constraint::Sni(values) => each(values, &Subject::Sni, text_key),
        Constraint::Metadata { filter, key, values } => each(
            values,
            &Subject::Metadata(filter.as_str().into(), key.as_str().into()),
            |pattern| match pattern {
                MetadataPattern::Text(text) | MetadataPattern::ListWith(text) => text_key(text),
            },
        ),
    }
}

fn all<T>(values: &Values<T>, key: impl Fn(&T) -> Option<(Subject, Key)>) -> Option<Vec<(Subject, Key)>> {
    if values.any_of.is_empty() {
        return None;
    }
    values.any_of.iter().map(key).collect()
}

fn each<T>(values: &Values<T>, subject: &Subject, key: impl Fn(&T) -> Option<Key>) -> Option<Vec<(Subject, Key)>> {
    all(values, |value| Some((subject.clone(), key(value)?)))
}

fn blocks(values: &Values<IpBlock>, subject: AddressSubject) -> Option<Vec<(Subject, Key)>> {
    each(values, &Subject::Address(subject), |block| {
        Some(Key::Block(block.network()))
    })
}

fn text_key(pattern: &TextPattern) -> Option<Key> {
    match pattern {
        // True of nearly every request that has the attribute: nothing is found by it.
        TextPattern::Present => None,
        TextPattern::Exact(text) => Some(Key::Exact(text.as_bytes().into())),
        TextPattern::Prefix(text) => Some(Key::Prefix(text.as_bytes().into())),
        TextPattern::Suffix(text) => Some(Key::Suffix(text.as_bytes().into())),
    }
}

fn host_key(pattern: &TextPattern) -> Option<Key> {
    text_key(pattern).map(|key| match key {
        Key::Exact(text) => Key::Exact(text.to_ascii_lowercase().into()),
        Key::Prefix(text) => Key::Prefix(text.to_ascii_lowercase().into()),
        Key::Suffix(text) => Key::Suffix(text.to_ascii_lowercase().into()),
        Key::Block(block) => Key::Block(block),
    })
}

fn principal_key(pattern: &PrincipalPattern) -> Option<Key> {
    text_key(pattern.text())
}

fn request_principal_key(pattern: &RequestPrincipalPattern) -> Option<(Subject, Key)> {
    let subject = text_key(pattern.subject()).map(|key| (Subject::Sub, key));
    subject.or_else(|| text_key(pattern.issuer()).map(|key| (Subject::Issuer, key)))
}

fn namespace_key(pattern: &NamespacePattern) -> Option<Key> {
    let text = pattern.as_str();
    let (literal, open) = match text.split_once('*') {
        Some((literal, _)) => (literal, true),
        None => (text, false),
    };
    match literal.split_once('/') {
        Some((segment, _)) => Some(Key::Exact(segment.as_bytes().into())),
        None if !open => Some(Key::Exact(literal.as_bytes().into())),
        None if literal.is_empty() => None,
        None => Some(Key::Prefix(literal.as_bytes().into())),
    }
}

fn service_account_text(account: &ServiceAccount) -> Vec<u8> {
    [account.namespace(), "/sa/", account.name()].concat().into_bytes()
}

fn trust_domain_key(pattern: &TrustDomainPattern) -> Option<Key> {
    let text = pattern.as_str();
    let first_segment = |text: &str| text.split('/').next().unwrap_or(text).as_bytes().into();
    match text.strip_prefix('*') {
        Some("") => None,
        Some(suffix) => Some(Key::Suffix(first_segment(suffix))),
        None => match text.strip_suffix('*') {
            Some(prefix) if !prefix.contains('/') => Some(Key::Prefix(prefix.as_bytes().into())),
            _ => Some(Key::Exact(first_segment(text))),
        },
    }
}

fn path_key(pattern: &PathPattern) -> Option<Key> {
    let template = match pattern {
        PathPattern::Text(text) => return text_key(text),
        PathPattern::Template(template) => template,
    };
    let literal = |segment: &TemplateSegment| match segment {
        TemplateSegment::Literal(text) => Some(text.clone()),
        TemplateSegment::One | TemplateSegment::Many => None,
    };
    let mut head = String::from("/");
    for text in template.segments().iter().map_while(literal) {
        head += &text;
        head.push('/');
    }
    let mut tail = if template.trailing_slash() { "/" } else { "" }.to_owned();
    for text in template.segments().iter().rev().map_while(literal) {
        tail = format!("/{text}{tail}");
    }
    Some(if tail.len() > head.len() {
        Key::Suffix(tail.into_bytes().into())
    } else {
        Key::Prefix(head.into_bytes().into())
    })
}

impl Subject {
    /// Calls `visit` with each text that the request has for this subject; addresses have none.
    pub(super) fn texts<R: Request + ?Sized>(
        &self,
        facts: &Facts<'_, R>,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Host => header_lines(facts, ":authority", &mut |line| {
                with_lower_case(line, |line| visit(line))
            }),
            Self::Method => header_lines(facts, ":method", visit),
            Self::Header(name) => header_lines(facts, name, visit),
            Self::Path => facts.path()?.map_or(Ok(()), visit),
            Self::Principal => spiffe_names(facts, visit),
            Self::TrustDomain => spiffe_names(facts, &mut |identity| visit(until_slash(identity))),
            Self::Namespace => peer_names(facts, &mut |name| {
                after_each(name, "/ns/").try_for_each(|rest| visit(until_slash(rest)))
            }),
            Self::ServiceAccount => spiffe_names(facts, &mut |identity| service_accounts(identity, visit)),
            Self::Issuer => facts.issuer()?.map_or(Ok(()), visit),
            Self::Sub => facts.token_subject()?.map_or(Ok(()), visit),
            Self::Claim(path) => {
                let claim = facts.request.metadata()?.claim(path);
                claim.map_or(Ok(()), |claim| claim.texts().try_for_each(&mut *visit))
            }
            Self::Metadata(filter, key) => {
                let value = facts.request.metadata()?.get(filter, key);
                value.map_or(Ok(()), |value| value.texts().try_for_each(&mut *visit))
            }
            Self::Sni => visit(facts.request.sni()?.unwrap_or_default()),
            Self::Port => facts
                .request
                .destination_port()?
                .map_or(Ok(()), |port| visit(&port.to_be_bytes())),
            Self::Address(_) => Ok(()),
        }
    }
}

fn header_lines<R: Request + ?Sized>(
    facts: &Facts<'_, R>,
    name: &str,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let headers = facts.request.headers()?;
    headers
        .compared(name, facts.header_mode)
        .try_for_each(|line| visit(&line))
}

fn peer_names<R: Request + ?Sized>(
    facts: &Facts<'_, R>,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    match facts.request.peer()? {
        Some(peer) => peer.names().try_for_each(visit),
        None => Ok(()),
    }
}

fn spiffe_names<R: Request + ?Sized>(
    facts: &Facts<'_, R>,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    peer_names(facts, &mut |name| {
        name.strip_prefix(SPIFFE.as_bytes()).map_or(Ok(()), &mut *visit)
    })
}

fn until_slash(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'/');
    &text[..end.unwrap_or(text.len())]
}

/// Each `namespace/sa/name` of an identity. In all identities that Istio issues, the three stand in a row.
fn service_accounts(identity: &[u8], visit: &mut dyn FnMut(&[u8]) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
    for rest in after_each(identity, "/ns/") {
        let namespace = until_slash(rest);
        for (distance, name) in after_each(rest, "/sa/").map(|name| (rest.len() - name.len(), until_slash(name))) {
            if distance == namespace.len() + "/sa/".len() {
                visit(&rest[..distance + name.len()])?;
            } else {
                visit(&[namespace, b"/sa/", name].concat())?;
            }
        }
    }
    Ok(())
}
