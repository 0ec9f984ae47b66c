//! What a decision reads of a request.

mod headers;
mod metadata;
mod peer;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

pub use headers::Headers;
pub use metadata::{Fields, JWT_AUTHN, JWT_PAYLOAD, Metadata, MetadataValue};
pub use peer::Peer;

/// A request whose attributes are fetched when a rule needs them.
///
/// An engine may ask for an attribute more than once; an implementation that pays for it keeps what it fetched. An attribute
/// that is absent is not an error: an error means that nothing is known about it, and the request is then not decided.
pub trait Request {
    /// The header lines, pseudo-headers included.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn headers(&self) -> Result<&Headers, Unreadable>;

    /// The host that the registry is asked about, and maybe a port: `:authority`, unless the headers show another form of it.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn authority(&self) -> Result<Option<Cow<'_, [u8]>>, Unreadable> {
        Ok(self.headers()?.first(":authority").map(Cow::Borrowed))
    }

    /// The names of the peer; `None` when the connection is not TLS.
    ///
    /// # Errors
    ///
    /// When the host does not say, or the certificate cannot be read.
    fn peer(&self) -> Result<Option<&Peer>, Unreadable>;

    /// The address of the direct TCP peer; `None` when the connection has none.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable>;

    /// The client's address, as the proxy derived it from `x-forwarded-for` or the PROXY protocol.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable>;

    /// The address that the proxy was called on.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable>;

    /// The port that the proxy was called on.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn destination_port(&self) -> Result<Option<u16>, Unreadable>;

    /// The server name of the TLS handshake, in lower case; `None` without TLS or without a name.
    ///
    /// # Errors
    ///
    /// When the host does not say.
    fn sni(&self) -> Result<Option<&[u8]>, Unreadable>;

    /// What earlier filters, such as JWT authentication, wrote down about the request.
    ///
    /// # Errors
    ///
    /// When the host does not say, or what it says cannot be read.
    fn metadata(&self) -> Result<&Metadata, Unreadable>;
}

/// An attribute of a request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "each is a method of `Request`")]
pub enum Attribute {
    Headers,
    Peer,
    SourceIp,
    RemoteIp,
    DestinationIp,
    DestinationPort,
    Sni,
    Metadata,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Headers,
        Self::Peer,
        Self::SourceIp,
        Self::RemoteIp,
        Self::DestinationIp,
        Self::DestinationPort,
        Self::Sni,
        Self::Metadata,
    ];

    /// The name used in log lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Peer => "peer",
            Self::SourceIp => "source.ip",
            Self::RemoteIp => "remote.ip",
            Self::DestinationIp => "destination.ip",
            Self::DestinationPort => "destination.port",
            Self::Sni => "connection.sni",
            Self::Metadata => "metadata",
        }
    }
}

/// A set of attributes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attributes(u8);

impl Attributes {
    /// Whether an attribute is in the set.
    #[must_use]
    pub const fn contains(self, attribute: Attribute) -> bool {
        self.0 & 1 << attribute as u8 != 0
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let attributes = attributes.into_iter();
        Self(attributes.fold(0, |set, attribute| set | 1 << attribute as u8))
    }
}

/// An attribute that a decision needs cannot be read, so there is no decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// Which one.
    pub attribute: Attribute,
    /// Why, in a few words.
    pub cause: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read: {}", self.attribute.name(), self.cause)
    }
}

impl std::error::Error for Unreadable {}

/// The part of a `:path` value that `paths` is compared with: up to the first `?` or `#`.
#[must_use]
pub fn without_query(path: &[u8]) -> &[u8] {
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    &path[..end.unwrap_or(path.len())]
}
