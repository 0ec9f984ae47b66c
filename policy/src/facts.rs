//! What holds of one request: the one place where a constraint of the model meets an attribute of a request.

use std::net::IpAddr;

use crate::config::HeaderMode;
use crate::model::{Constraint, Subject};
use crate::pattern::{
    IpBlock, MetadataPattern, NamespacePattern, PathPattern, PrincipalPattern, RequestPrincipalPattern, ServiceAccount,
    TextPattern, TrustDomainPattern, parse_port,
};
use crate::request::{MetadataValue, Request, Unreadable, without_query};
use crate::texts::{TextNumber, Texts};

/// A request, read as the mesh says.
pub(crate) struct Facts<'r, R: ?Sized> {
    pub(crate) request: &'r R,
    pub(crate) header_mode: HeaderMode,
}

impl<R: Request + ?Sized> Facts<'_, R> {
    /// Whether a constraint holds.
    pub(crate) fn hold(&self, constraint: &Constraint) -> Result<bool, Unreadable> {
        let any_match = |values: &[String]| self.any_match(constraint.subject(), values.iter().map(String::as_str));
        Ok((constraint.any_of().is_empty() || any_match(constraint.any_of())?)
            && (constraint.none_of().is_empty() || !any_match(constraint.none_of())?))
    }

    /// Whether any of the values of a subject matches that have these numbers.
    #[inline(never)]
    pub(crate) fn any_text_matches(
        &self,
        subject: &Subject,
        values: &[TextNumber],
        texts: &Texts,
    ) -> Result<bool, Unreadable> {
        self.any_match(subject, values.iter().map(|&value| texts.get(value)))
    }

    /// Whether any of the checked values of a subject matches.
    pub(crate) fn any_match<'v>(
        &self,
        subject: &Subject,
        mut values: impl Iterator<Item = &'v str>,
    ) -> Result<bool, Unreadable> {
        let request = self.request;
        Ok(match subject {
            Subject::Principal => self.any_name(values, |value, name| PrincipalPattern::parse(value).matches(name))?,
            Subject::Namespace => self.any_name(values, |value, name| NamespacePattern::parse(value).matches(name))?,
            Subject::ServiceAccount => {
                self.any_name(values, |value, name| ServiceAccount::of_checked(value).matches(name))?
            }
            Subject::TrustDomain => self.any_name(values, |value, name| {
                TrustDomainPattern::parse(value).is_ok_and(|domain| domain.matches(name))
            })?,
            Subject::RequestPrincipal => match self.issuer()?.zip(self.token_subject()?) {
                None => false,
                Some((issuer, subject)) => {
                    values.any(|value| RequestPrincipalPattern::parse(value).matches(issuer, subject))
                }
            },
            Subject::Claim(path) => match request.metadata()?.claim(path) {
                None => false,
                Some(claim) => values.any(|value| {
                    let pattern = TextPattern::parse(value);
                    claim.texts().any(|text| pattern.matches_string(text))
                }),
            },
            Subject::SourceIp => is_in(request.source_ip()?, values),
            Subject::RemoteIp => is_in(request.remote_ip()?, values),
            Subject::DestinationIp => is_in(request.destination_ip()?, values),
            Subject::Port => match request.destination_port()? {
                None => false,
                Some(port) => values.any(|value| parse_port(value) == Some(port)),
            },
            Subject::Header(name) => self.any_line(name, values, TextPattern::matches_header)?,
            Subject::Host => self.any_line(":authority", values, |pattern, line| {
                pattern.matches_header_ignoring_case(line)
            })?,
            Subject::Method => self.any_line(":method", values, TextPattern::matches_header)?,
            Subject::Path => match self.path()? {
                None => false,
                Some(path) => values.any(|value| PathPattern::of_checked(value).matches(path)),
            },
            Subject::Sni => {
                let name = request.sni()?.unwrap_or_default();
                values.any(|value| TextPattern::parse(value).matches_string(name))
            }
            Subject::Metadata { filter, key } => match request.metadata()?.get(filter, key) {
                None => false,
                Some(found) => values.any(|value| matches_metadata(MetadataPattern::parse(value), found)),
            },
        })
    }

    fn any_name<'v>(
        &self,
        mut values: impl Iterator<Item = &'v str>,
        matches: fn(&str, &[u8]) -> bool,
    ) -> Result<bool, Unreadable> {
        let peer = self.request.peer()?;
        Ok(peer.is_some_and(|peer| values.any(|value| peer.names().any(|name| matches(value, name)))))
    }

    fn any_line<'v>(
        &self,
        name: &str,
        mut values: impl Iterator<Item = &'v str>,
        matches: fn(TextPattern<'v>, &[u8]) -> bool,
    ) -> Result<bool, Unreadable> {
        let headers = self.request.headers()?;
        Ok(values.any(|value| {
            let pattern = TextPattern::parse(value);
            headers
                .compared(name, self.header_mode)
                .any(|line| matches(pattern, &line))
        }))
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
}

fn is_in<'v>(address: Option<IpAddr>, mut values: impl Iterator<Item = &'v str>) -> bool {
    let holds = |address, value: &str| value.parse().is_ok_and(|block: IpBlock| block.contains(address));
    address.is_some_and(|address| values.any(|value| holds(address, value)))
}

fn matches_metadata(pattern: MetadataPattern<'_>, value: &MetadataValue) -> bool {
    let is_match = |pattern: TextPattern<'_>, value: &MetadataValue| {
        value.as_text().is_some_and(|text| pattern.matches_string(text))
    };
    match pattern {
        MetadataPattern::Text(pattern) => is_match(pattern, value),
        MetadataPattern::ListWith(pattern) => value.elements().iter().any(|element| is_match(pattern, element)),
    }
}
