//! What a custom policy sees of a request, and of an answer.

use std::cell::RefCell;
use std::net::IpAddr;

use outgate_policy::{Attribute, Attributes, Headers, MetadataValue, Peer, Unreadable, without_query};

use crate::trouble::Trouble;

/// A request, as the filter matches it: with `matching: canonical`, host and path have their canonical form.
///
/// Texts are bytes: most are ASCII, and nothing makes sure of it.
pub struct Request<'r> {
    attributes: &'r dyn outgate_policy::Request,
    declared: Attributes,
    trouble: &'r RefCell<Option<Trouble>>,
}

impl<'r> Request<'r> {
    pub(crate) const fn new(
        attributes: &'r dyn outgate_policy::Request,
        declared: Attributes,
        trouble: &'r RefCell<Option<Trouble>>,
    ) -> Self {
        Self {
            attributes,
            declared,
            trouble,
        }
    }

    /// Fetches what the policy has declared.
    pub(crate) fn fetch(&self) -> Result<(), Unreadable> {
        let request = self.attributes;
        for attribute in Attribute::ALL {
            if self.declared.contains(attribute) {
                match attribute {
                    Attribute::Headers => request.headers().map(drop),
                    Attribute::Peer => request.peer().map(drop),
                    Attribute::SourceIp => request.source_ip().map(drop),
                    Attribute::RemoteIp => request.remote_ip().map(drop),
                    Attribute::DestinationIp => request.destination_ip().map(drop),
                    Attribute::DestinationPort => request.destination_port().map(drop),
                    Attribute::Sni => request.sni().map(drop),
                    Attribute::Metadata => request.metadata().map(drop),
                }?;
            }
        }
        Ok(())
    }

    fn read<'a, T>(
        &'a self,
        attribute: Attribute,
        read: impl FnOnce(&'a dyn outgate_policy::Request) -> Result<Option<T>, Unreadable>,
    ) -> Option<T> {
        let value = if self.declared.contains(attribute) {
            read(self.attributes)
        } else {
            Err(Unreadable {
                attribute,
                cause: "the custom policy does not declare that it reads this",
            })
        };
        value.unwrap_or_else(|unreadable| {
            self.trouble.borrow_mut().get_or_insert_with(|| unreadable.into());
            None
        })
    }

    /// All header lines, pseudo headers included, in lower case. [`Attribute::Headers`].
    #[must_use]
    pub fn headers(&self) -> Option<&Headers> {
        self.read(Attribute::Headers, |request| request.headers().map(Some))
    }

    /// The first line of a header, by its name in lower case. [`Attribute::Headers`].
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()?.first(name)
    }

    /// The method, such as `GET`. [`Attribute::Headers`].
    #[must_use]
    pub fn method(&self) -> Option<&[u8]> {
        self.header(":method")
    }

    /// The host, with a port if the client names one and `matching` is `istio`. [`Attribute::Headers`].
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.header(":authority")
    }

    /// The path, without its query. [`Attribute::Headers`].
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.header(":path").map(without_query)
    }

    /// The caller's identity, without `spiffe://`: the one that the access log shows. [`Attribute::Peer`].
    #[must_use]
    pub fn principal(&self) -> Option<&[u8]> {
        self.peer()?.principal()
    }

    /// All names of the caller. [`Attribute::Peer`].
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.read(Attribute::Peer, outgate_policy::Request::peer)
    }

    /// The address of the direct peer. [`Attribute::SourceIp`].
    #[must_use]
    pub fn source_ip(&self) -> Option<IpAddr> {
        self.read(Attribute::SourceIp, outgate_policy::Request::source_ip)
    }

    /// The client's address, as trusted proxies forward it. [`Attribute::RemoteIp`].
    #[must_use]
    pub fn remote_ip(&self) -> Option<IpAddr> {
        self.read(Attribute::RemoteIp, outgate_policy::Request::remote_ip)
    }

    /// The address that the proxy was called on. [`Attribute::DestinationIp`].
    #[must_use]
    pub fn destination_ip(&self) -> Option<IpAddr> {
        self.read(Attribute::DestinationIp, outgate_policy::Request::destination_ip)
    }

    /// The port that the proxy was called on. [`Attribute::DestinationPort`].
    #[must_use]
    pub fn destination_port(&self) -> Option<u16> {
        self.read(Attribute::DestinationPort, outgate_policy::Request::destination_port)
    }

    /// The server name of the TLS handshake, in lower case. [`Attribute::Sni`].
    #[must_use]
    pub fn sni(&self) -> Option<&[u8]> {
        self.read(Attribute::Sni, outgate_policy::Request::sni)
    }

    /// A claim of the validated token, by its name and the names nested in it. [`Attribute::Metadata`].
    #[must_use]
    pub fn claim(&self, path: &[&str]) -> Option<&MetadataValue> {
        self.read(Attribute::Metadata, |request| Ok(request.metadata()?.claim(path)))
    }
}

/// The answer of a service.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The status; 0 when there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self
            .headers
            .first(":status")
            .and_then(|status| std::str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The first line of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.first(name)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}
