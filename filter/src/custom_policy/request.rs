//! What a custom policy sees of a request, and what it can leave with it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;

use outgate_policy::canonical::canonical_host;
use outgate_policy::{Attribute, Attributes, Headers, MetadataValue, Peer, Unreadable, without_query};

use super::word::plain;
use crate::access_log;
use crate::host::{Context, Host};
use crate::notes::Notes;
use crate::trouble::Trouble;

/// A request, as the filter matches it: with `matching: canonical`, host and path have their canonical form.
///
/// Texts are bytes: most are ASCII, and nothing makes sure of it.
pub struct Request<'r> {
    host: &'r dyn Host,
    attributes: &'r dyn outgate_policy::Request,
    context: Context,
    notes: &'r RefCell<Notes>,
    policy: &'static str,
    declared: Attributes,
    trouble: &'r RefCell<Option<Trouble>>,
}

/// A request, whatever policy looks at it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'r> {
    pub(crate) host: &'r dyn Host,
    pub(crate) attributes: &'r dyn outgate_policy::Request,
    pub(crate) context: Context,
    pub(crate) notes: &'r RefCell<Notes>,
}

impl<'r> Subject<'r> {
    /// As a policy sees it that has declared what it reads.
    pub(super) const fn shown_to(
        self,
        policy: &'static str,
        declared: Attributes,
        trouble: &'r RefCell<Option<Trouble>>,
    ) -> Request<'r> {
        let Self {
            host,
            attributes,
            context,
            notes,
        } = self;
        Request {
            host,
            attributes,
            context,
            notes,
            policy,
            declared,
            trouble,
        }
    }
}

impl Request<'_> {
    /// Fetches what the policy has declared.
    pub(super) fn fetch(&self) -> Result<(), Unreadable> {
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
            read(self.attributes).map_err(Trouble::from)
        } else {
            let cause = [
                "the custom policy ",
                self.policy,
                " does not declare that it reads this",
            ];
            Err(Trouble::Unreadable {
                what: attribute.name(),
                cause: cause.concat().into(),
            })
        };
        value.unwrap_or_else(|trouble| {
            self.trouble.borrow_mut().get_or_insert(trouble);
            None
        })
    }

    /// All header lines, pseudo headers included, names in lower case. [`Attribute::Headers`].
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

    /// The host as rules compare it: with a port if the client names one and `matching` is `istio`. [`Attribute::Headers`].
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.header(":authority")
    }

    /// The host in its canonical form, whatever `matching` is: in lower case, without a port and a trailing dot. What names the same
    /// server is the same here. [`Attribute::Headers`].
    #[must_use]
    pub fn host_name(&self) -> Option<Cow<'_, [u8]>> {
        self.host().map(canonical_host)
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

    /// Keeps something about this request until it has ended, in the place of what was kept before: for
    /// [`answered`](super::CustomPolicy::answered), which follows a question, and for [`ended`](super::CustomPolicy::ended), by when
    /// a route may have changed the host and the path.
    pub fn remember(&self, note: impl Into<Vec<u8>>) {
        self.notes.borrow_mut().put(self.context, self.policy, note.into());
    }

    /// What this policy has kept about this request; `None` when it has kept nothing.
    #[must_use]
    pub fn remembered(&self) -> Option<Vec<u8>> {
        self.notes.borrow().get(self.context, self.policy)
    }

    /// Writes a field of the access log: `%FILTER_STATE(wasm.outgate_<policy>_<name>:PLAIN)%`, hyphens as underscores. Bytes that
    /// could end a quoted text or a line are escaped. It is a host call.
    pub fn log_field(&self, name: &str, value: impl AsRef<[u8]>) {
        let property = ["outgate_", self.policy, "_", &plain(name)].concat().replace('-', "_");
        if let Err(status) = self.host.set_property(&property, &access_log::escape(value.as_ref())) {
            access_log::report(self.host, &property, status);
        }
    }
}
