//! What holds of one request: the one place where a constraint of the model meets an attribute of a request.

use std::net::IpAddr;

use crate::config::HeaderMode;
use crate::model::Constraint;
use crate::pattern::MetadataPattern;
use crate::request::{MetadataValue, Request, Unreadable, without_query};

/// A request, read as the mesh says.
pub(crate) struct Facts<'r, R: ?Sized> {
    pub(crate) request: &'r R,
    pub(crate) header_mode: HeaderMode,
}

impl<R: Request + ?Sized> Facts<'_, R> {
    /// Whether a constraint holds.
    pub(crate) fn hold(&self, constraint: &Constraint) -> Result<bool, Unreadable> {
        let request = self.request;
        Ok(match constraint {
            Constraint::Principal(values) => {
                let peer = request.peer()?;
                values.hold(|value| peer.is_some_and(|peer| peer.names().any(|name| value.matches(name))))
            }
            Constraint::Namespace(values) => {
                let peer = request.peer()?;
                values.hold(|value| peer.is_some_and(|peer| peer.names().any(|name| value.matches(name))))
            }
            Constraint::ServiceAccount(values) => {
                let peer = request.peer()?;
                values.hold(|value| peer.is_some_and(|peer| peer.names().any(|name| value.matches(name))))
            }
            Constraint::TrustDomain(values) => {
                let peer = request.peer()?;
                values.hold(|value| peer.is_some_and(|peer| peer.names().any(|name| value.matches(name))))
            }
            Constraint::RequestPrincipal(values) => {
                let identity = self.issuer()?.zip(self.token_subject()?);
                values.hold(|value| identity.is_some_and(|(issuer, subject)| value.matches(issuer, subject)))
            }
            Constraint::Claim { path, values } => {
                let claim = request.metadata()?.claim(path);
                values.hold(|value| claim.is_some_and(|claim| claim.texts().any(|text| value.matches_string(text))))
            }
            Constraint::SourceIp(values) => {
                let address = request.source_ip()?;
                values.hold(|block| address.is_some_and(|address| block.contains(address)))
            }
            Constraint::RemoteIp(values) => {
                let address = request.remote_ip()?;
                values.hold(|block| address.is_some_and(|address| block.contains(address)))
            }
            Constraint::DestinationIp(values) => {
                let address = request.destination_ip()?;
                values.hold(|block| address.is_some_and(|address| block.contains(address)))
            }
            Constraint::Port(values) => {
                let port = request.destination_port()?;
                values.hold(|value| port == Some(*value))
            }
            Constraint::Header { name, values } => {
                let headers = request.headers()?;
                values.hold(|value| {
                    headers
                        .compared(name, self.header_mode)
                        .any(|line| value.matches_header(&line))
                })
            }
            Constraint::Host(values) => {
                let headers = request.headers()?;
                values.hold(|value| {
                    headers
                        .compared(":authority", self.header_mode)
                        .any(|line| value.matches_header_ignoring_case(&line))
                })
            }
            Constraint::Method(values) => {
                let headers = request.headers()?;
                values.hold(|value| {
                    headers
                        .compared(":method", self.header_mode)
                        .any(|line| value.matches_header(&line))
                })
            }
            Constraint::Path(values) => {
                let path = self.path()?;
                values.hold(|value| path.is_some_and(|path| value.matches(path)))
            }
            Constraint::Sni(values) => {
                let name = request.sni()?.unwrap_or_default();
                values.hold(|value| value.matches_string(name))
            }
            Constraint::Metadata { filter, key, values } => {
                let found = request.metadata()?.get(filter, key);
                values.hold(|value| found.is_some_and(|found| matches_metadata(value, found)))
            }
        })
    }

    /// The path up to `?` or `#`.
    pub(crate) fn path(&self) -> Result<Option<&[u8]>, Unreadable> {
        Ok(self.request.headers()?.first(":path").map(without_query))
    }

    /// The claim `iss`, if it is a string.
    pub(crate) fn issuer(&self) -> Result<Option<&[u8]>, Unreadable> {
        self.text_claim("iss")
    }

    /// The claim `sub`, if it is a string.
    pub(crate) fn token_subject(&self) -> Result<Option<&[u8]>, Unreadable> {
        self.text_claim("sub")
    }

    fn text_claim(&self, name: &str) -> Result<Option<&[u8]>, Unreadable> {
        let claim = self.request.metadata()?.claim(&[name]);
        Ok(claim.and_then(MetadataValue::as_text))
    }

    /// The address that an address constraint is about.
    pub(crate) fn address(&self, subject: AddressSubject) -> Result<Option<IpAddr>, Unreadable> {
        match subject {
            AddressSubject::Source => self.request.source_ip(),
            AddressSubject::Remote => self.request.remote_ip(),
            AddressSubject::Destination => self.request.destination_ip(),
        }
    }
}

/// Which of a request's addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum AddressSubject {
    Source,
    Remote,
    Destination,
}

fn matches_metadata(pattern: &MetadataPattern, value: &MetadataValue) -> bool {
    let is_match = |pattern: &crate::pattern::TextPattern, value: &MetadataValue| {
        value.as_text().is_some_and(|text| pattern.matches_string(text))
    };
    match pattern {
        MetadataPattern::Text(pattern) => is_match(pattern, value),
        MetadataPattern::ListWith(pattern) => value.elements().iter().any(|element| is_match(pattern, element)),
    }
}
