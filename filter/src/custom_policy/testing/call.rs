//! A request in memory.

use std::cell::RefCell;
use std::net::IpAddr;

use outgate_policy::{
    Attribute, DecidedBy, Decision, Fields, Headers, Metadata, Peer, Request, Shadow, Unreadable, Verdict,
};

use crate::notes::Notes;

/// A request, what has been decided about it, and what a policy has left with it.
#[derive(Debug)]
pub struct Call {
    lines: Vec<(String, Vec<u8>)>,
    headers: Headers,
    peer: Option<Peer>,
    source_ip: Option<IpAddr>,
    remote_ip: Option<IpAddr>,
    destination_ip: Option<IpAddr>,
    destination_port: Option<u16>,
    sni: Option<Vec<u8>>,
    metadata: Metadata,
    unreadable: Option<Attribute>,
    verdict: Verdict,
    decided_by: DecidedBy,
    pub(super) notes: RefCell<Notes>,
    pub(super) log_fields: RefCell<Vec<(String, String)>>,
}

impl Call {
    /// A request that nothing speaks against so far, without a certificate.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let lines = [(":method", method), (":authority", authority), (":path", path)];
        Self {
            lines: Vec::new(),
            headers: Headers::default(),
            peer: None,
            source_ip: None,
            remote_ip: None,
            destination_ip: None,
            destination_port: None,
            sni: None,
            metadata: Metadata::default(),
            unreadable: None,
            verdict: Verdict::Allow,
            decided_by: DecidedBy::Default,
            notes: RefCell::default(),
            log_fields: RefCell::default(),
        }
        .with_lines(lines.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())))
    }

    /// A `GET` of a URL.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    fn with_lines(mut self, lines: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        self.lines.extend(lines);
        self.headers = self.lines.iter().map(|(name, value)| (name, value)).collect();
        self
    }

    /// With this header line besides.
    #[must_use]
    pub fn header(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with_lines([(name.to_owned(), value.into())])
    }

    /// By a workload with this identity, written without `spiffe://`.
    #[must_use]
    pub fn principal(self, principal: &str) -> Self {
        self.peer(Peer::workload(principal))
    }

    /// By somebody with these names.
    #[must_use]
    pub fn peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// From this address, which is the client's own, too.
    #[must_use]
    pub fn source_ip(mut self, address: IpAddr) -> Self {
        self.source_ip = Some(address);
        self.remote_ip.get_or_insert(address);
        self
    }

    /// For a client of this address, as trusted proxies forward it.
    #[must_use]
    pub fn remote_ip(mut self, address: IpAddr) -> Self {
        self.remote_ip = Some(address);
        self
    }

    /// To this address and port of the proxy.
    #[must_use]
    pub fn destination(mut self, address: IpAddr, port: u16) -> Self {
        self.destination_ip = Some(address);
        self.destination_port = Some(port);
        self
    }

    /// With this server name in the TLS handshake.
    #[must_use]
    pub fn sni(mut self, name: &str) -> Self {
        self.sni = Some(name.as_bytes().to_vec());
        self
    }

    /// With these claims of a validated token.
    #[must_use]
    pub fn claims(mut self, claims: Fields) -> Self {
        self.metadata = Metadata::of_token(claims);
        self
    }

    /// From a proxy that refuses to hand over an attribute.
    #[must_use]
    pub const fn unreadable(mut self, attribute: Attribute) -> Self {
        self.unreadable = Some(attribute);
        self
    }

    /// Decided like this so far.
    #[must_use]
    pub const fn decided(mut self, verdict: Verdict, decided_by: DecidedBy) -> Self {
        self.verdict = verdict;
        self.decided_by = decided_by;
        self
    }

    /// A field that a policy has written for the access log, by its full name without `wasm.`.
    #[must_use]
    pub fn log_field(&self, name: &str) -> Option<String> {
        let fields = self.log_fields.borrow();
        let of_name = fields.iter().rev().find(|(known, _)| known == name);
        of_name.map(|(_, value)| value.clone())
    }

    pub(super) fn decision(&self) -> Decision<'static> {
        Decision {
            verdict: self.verdict,
            decided_by: self.decided_by,
            rule: None,
            shadow: Shadow::default(),
            audit: None,
        }
    }

    fn readable<T>(&self, attribute: Attribute, value: T) -> Result<T, Unreadable> {
        if self.unreadable == Some(attribute) {
            return Err(Unreadable {
                attribute,
                cause: "the proxy refused the property",
            });
        }
        Ok(value)
    }
}

impl Request for Call {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        self.readable(Attribute::Headers, &self.headers)
    }

    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        self.readable(Attribute::Peer, self.peer.as_ref())
    }

    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.readable(Attribute::SourceIp, self.source_ip)
    }

    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.readable(Attribute::RemoteIp, self.remote_ip)
    }

    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.readable(Attribute::DestinationIp, self.destination_ip)
    }

    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        self.readable(Attribute::DestinationPort, self.destination_port)
    }

    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        self.readable(Attribute::Sni, self.sni.as_deref())
    }

    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        self.readable(Attribute::Metadata, &self.metadata)
    }
}
