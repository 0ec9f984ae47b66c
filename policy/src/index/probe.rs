//! What a request is looked up by.

use std::net::IpAddr;

use super::table::Table;
use crate::ascii::with_lower_case;
use crate::digits::with_digits;
use crate::facts::Facts;
use crate::pattern::{SPIFFE, after_each};
use crate::request::{Request, Unreadable};
use crate::texts::Texts;

/// What a key is compared with: one text, several or none of a request.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Probe {
    /// `:authority`, in lower case.
    Host,
    Method,
    /// The path without its query.
    Path,
    /// What stands between the slashes of the path.
    Segment,
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
    /// In digits.
    Port,
    Metadata(Box<str>, Box<str>),
    Address(AddressProbe),
}

/// Which of a request's addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum AddressProbe {
    Source,
    Remote,
    Destination,
}

impl AddressProbe {
    pub(super) fn of<R: Request + ?Sized>(self, facts: &Facts<'_, R>) -> Result<Option<IpAddr>, Unreadable> {
        match self {
            Self::Source => facts.request.source_ip(),
            Self::Remote => facts.request.remote_ip(),
            Self::Destination => facts.request.destination_ip(),
        }
    }
}

impl Probe {
    /// Calls `visit` with the number of each key of a table that the request hits.
    pub(super) fn visit<R: Request + ?Sized>(
        &self,
        table: &Table,
        texts: &Texts,
        facts: &Facts<'_, R>,
        visit: &mut dyn FnMut(u32) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Address(which) => match which.of(facts)? {
                Some(address) => table.at_address(address, texts, visit),
                None => Ok(()),
            },
            probe => probe.texts(facts, &mut |text| table.at_text(text, texts, visit)),
        }
    }

    /// Calls `visit` with each text that the request has for this; addresses have none.
    fn texts<R: Request + ?Sized>(
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
            Self::Segment => {
                let path = facts.path()?;
                path.map_or(Ok(()), |path| {
                    path.split(|&byte| byte == b'/').try_for_each(&mut *visit)
                })
            }
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
            Self::Port => facts.request.destination_port()?.map_or(Ok(()), |port| {
                with_digits(usize::from(port), |digits| visit(digits.as_bytes()))
            }),
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
