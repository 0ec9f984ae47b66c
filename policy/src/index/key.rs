//! Keys: what a statement can be found by.

use std::net::IpAddr;

use super::probe::{AddressProbe, Probe};
use crate::model::Subject;
use crate::pattern::{
    IpBlock, MetadataPattern, NamespacePattern, PathPattern, PathTemplate, PrincipalPattern, RequestPrincipalPattern,
    ServiceAccount, TemplateSegment, TextPattern, TrustDomainPattern, parse_port,
};

/// How a key is compared with what a probe finds in a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Exact,
    Prefix,
    Suffix,
    /// A network with a prefix of this length, written as [`network_text`] does.
    Block(u8),
}

impl Kind {
    /// A number that no other kind has.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Exact => 0,
            Self::Prefix => 1,
            Self::Suffix => 2,
            Self::Block(length) => 3 + u32::from(length),
        }
    }
}

/// Calls `visit` with keys of a checked value. A request that the value matches is found by each of them; one that is found is
/// not always matched, and is checked. A value without keys cannot be found by any.
pub(super) fn keys(subject: &Subject, value: &str, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    match subject {
        Subject::Principal => text_key(&Probe::Principal, PrincipalPattern::parse(value).text(), visit),
        Subject::RequestPrincipal => {
            let pattern = RequestPrincipalPattern::parse(value);
            text_key(&Probe::Sub, pattern.subject(), visit);
            text_key(&Probe::Issuer, pattern.issuer(), visit);
        }
        Subject::Namespace => namespace_key(NamespacePattern::parse(value), visit),
        Subject::ServiceAccount => {
            let account = ServiceAccount::of_checked(value);
            let text = [account.namespace(), "/sa/", account.name()].concat();
            visit(Probe::ServiceAccount, Kind::Exact, &text);
        }
        Subject::TrustDomain => {
            if let Ok(pattern) = TrustDomainPattern::parse(value) {
                trust_domain_key(pattern, visit);
            }
        }
        Subject::SourceIp => block_key(AddressProbe::Source, value, visit),
        Subject::RemoteIp => block_key(AddressProbe::Remote, value, visit),
        Subject::DestinationIp => block_key(AddressProbe::Destination, value, visit),
        Subject::Claim(path) => text_key(&Probe::Claim(path.as_slice().into()), TextPattern::parse(value), visit),
        Subject::Header(name) => text_key(&Probe::Header(name.as_str().into()), TextPattern::parse(value), visit),
        Subject::Host => text_key(&Probe::Host, TextPattern::parse(&value.to_ascii_lowercase()), visit),
        Subject::Method => text_key(&Probe::Method, TextPattern::parse(value), visit),
        Subject::Path => match PathPattern::of_checked(value) {
            PathPattern::Text(text) => text_key(&Probe::Path, text, visit),
            PathPattern::Template(template) => template_keys(template, visit),
        },
        Subject::Port => {
            if let Some(port) = parse_port(value) {
                visit(Probe::Port, Kind::Exact, &port.to_string());
            }
        }
        Subject::Sni => text_key(&Probe::Sni, TextPattern::parse(value), visit),
        Subject::Metadata { filter, key } => {
            let probe = Probe::Metadata(filter.as_str().into(), key.as_str().into());
            let (MetadataPattern::Text(text) | MetadataPattern::ListWith(text)) = MetadataPattern::parse(value);
            text_key(&probe, text, visit);
        }
    }
}

fn text_key(probe: &Probe, pattern: TextPattern<'_>, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    match pattern {
        // True of nearly every request that has the attribute: nothing is found by it.
        TextPattern::Present => {}
        TextPattern::Exact(text) => visit(probe.clone(), Kind::Exact, text),
        TextPattern::Prefix(text) => visit(probe.clone(), Kind::Prefix, text),
        TextPattern::Suffix(text) => visit(probe.clone(), Kind::Suffix, text),
    }
}

fn namespace_key(pattern: NamespacePattern<'_>, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    let text = pattern.as_str();
    let (literal, open) = match text.split_once('*') {
        Some((literal, _)) => (literal, true),
        None => (text, false),
    };
    match literal.split_once('/') {
        Some((segment, _)) => visit(Probe::Namespace, Kind::Exact, segment),
        None if !open => visit(Probe::Namespace, Kind::Exact, literal),
        None if literal.is_empty() => {}
        None => visit(Probe::Namespace, Kind::Prefix, literal),
    }
}

fn trust_domain_key(pattern: TrustDomainPattern<'_>, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    let text = pattern.as_str();
    let first_segment = |text| str::split(text, '/').next().unwrap_or(text);
    match text.strip_prefix('*') {
        Some("") => {}
        Some(suffix) => visit(Probe::TrustDomain, Kind::Suffix, first_segment(suffix)),
        None => match text.strip_suffix('*') {
            Some(prefix) if !prefix.contains('/') => visit(Probe::TrustDomain, Kind::Prefix, prefix),
            _ => visit(Probe::TrustDomain, Kind::Exact, first_segment(text)),
        },
    }
}

fn block_key(probe: AddressProbe, value: &str, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    if let Ok(block) = value.parse::<IpBlock>() {
        network_text(&block.network(), |text| {
            // Hexadecimal digits are text.
            let text = str::from_utf8(text).unwrap_or_default();
            visit(Probe::Address(probe), Kind::Block(block.prefix_len()), text);
        });
    }
}

/// A network's address in hexadecimal digits: eight for IPv4, 32 for IPv6.
pub(super) fn network_text<T>(network: &IpBlock, use_text: impl FnOnce(&[u8]) -> T) -> T {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let write = |octets: &[u8], text: &mut [u8]| {
        for (octet, digits) in octets.iter().zip(text.chunks_exact_mut(2)) {
            digits[0] = DIGITS[usize::from(octet >> 4)];
            digits[1] = DIGITS[usize::from(octet & 15)];
        }
    };
    match network.address() {
        IpAddr::V4(address) => {
            let mut text = [0; 8];
            write(&address.octets(), &mut text);
            use_text(&text)
        }
        IpAddr::V6(address) => {
            let mut text = [0; 32];
            write(&address.octets(), &mut text);
            use_text(&text)
        }
    }
}

/// What stands before the first operator, what stands after the last, and every segment in between.
fn template_keys(template: PathTemplate<'_>, visit: &mut dyn FnMut(Probe, Kind, &str)) {
    let literal = |segment: TemplateSegment<'_>| matches!(segment, TemplateSegment::Literal(_));
    let mut head = String::from("/");
    for segment in template.segments() {
        let TemplateSegment::Literal(text) = segment else { break };
        head += text;
        head.push('/');
    }
    visit(Probe::Path, Kind::Prefix, &head);
    let mut tail = if template.trailing_slash() { "/" } else { "" }.to_owned();
    for segment in template.segments().rev() {
        let TemplateSegment::Literal(text) = segment else { break };
        tail = ["/", text, &tail].concat();
    }
    if !tail.is_empty() {
        visit(Probe::Path, Kind::Suffix, &tail);
    }
    let from_first_operator = template.segments().skip_while(|segment| literal(*segment));
    for segment in from_first_operator {
        if let TemplateSegment::Literal(text) = segment {
            visit(Probe::Segment, Kind::Exact, text);
        }
    }
}
