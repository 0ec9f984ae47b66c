//! One request's attributes, fetched from the host when a rule needs them, each at most once.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use outgate_policy::canonical::{Ambiguity, Canonical, canonical};
use outgate_policy::config::{Identity, Matching, Mesh, PluginType};
use outgate_policy::{Attribute, Headers, Metadata, Peer, Request, Unreadable};

use crate::host::{Host, Status};
use crate::peers::{Caller, Peers};
use crate::{certificate, dynamic_metadata, forwarded_client_cert, header_block};

type Fetched<T> = OnceCell<Result<T, Unreadable>>;

/// A request on its way through the proxy.
pub struct Stream<'a, H> {
    host: &'a H,
    plugin_type: PluginType,
    mesh: &'a Mesh,
    peers: &'a RefCell<Peers>,
    sent: Fetched<Headers>,
    canonical: OnceCell<Option<Canonical>>,
    is_read_literally: Cell<bool>,
    caller: Fetched<Rc<Caller>>,
    source_address: Fetched<Option<IpAddr>>,
    direct_address: Fetched<Option<IpAddr>>,
    destination_ip: Fetched<Option<IpAddr>>,
    destination_port: Fetched<Option<u16>>,
    sni: Fetched<Option<Vec<u8>>>,
    metadata: Fetched<Metadata>,
}

impl<'a, H: Host> Stream<'a, H> {
    /// The request, or the connection, that the host is in the middle of.
    pub fn new(host: &'a H, plugin_type: PluginType, mesh: &'a Mesh, peers: &'a RefCell<Peers>) -> Self {
        Self {
            host,
            plugin_type,
            mesh,
            peers,
            sent: OnceCell::new(),
            canonical: OnceCell::new(),
            is_read_literally: Cell::new(false),
            caller: OnceCell::new(),
            source_address: OnceCell::new(),
            direct_address: OnceCell::new(),
            destination_ip: OnceCell::new(),
            destination_port: OnceCell::new(),
            sni: OnceCell::new(),
            metadata: OnceCell::new(),
        }
    }

    /// Who sends the request.
    ///
    /// # Errors
    ///
    /// When that cannot be read.
    pub fn caller(&self) -> Result<&Caller, Unreadable> {
        borrow(self.caller.get_or_init(|| self.fetch_caller())).map(Rc::as_ref)
    }

    /// The header lines as they go upstream.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn sent(&self) -> Result<&Headers, Unreadable> {
        borrow(self.sent.get_or_init(|| self.fetch_headers()))
    }

    /// Their canonical form, where that is what rules are about, and another one.
    #[inline(never)]
    fn canonical(&self) -> Result<Option<&Canonical>, Unreadable> {
        let sent = self.sent()?;
        Ok(match self.mesh.matching {
            Matching::Canonical if !self.is_read_literally.get() => {
                self.canonical.get_or_init(|| canonical(sent)).as_ref()
            }
            Matching::Canonical | Matching::Istio => None,
        })
    }

    /// In what servers may differ about the request, where that is looked at.
    ///
    /// # Errors
    ///
    /// When the headers cannot be read.
    pub fn ambiguity(&self) -> Result<Option<Ambiguity>, Unreadable> {
        Ok(self.canonical()?.and_then(|canonical| canonical.ambiguity))
    }

    /// Reads the request as it is spelled; `None` when that is what rules are about anyway.
    pub fn literally<T>(&self, read: impl FnOnce(&Self) -> T) -> Option<T> {
        // Not fetched for this: no rule has asked for the headers.
        self.canonical.get()?.as_ref()?;
        self.is_read_literally.set(true);
        let value = read(self);
        self.is_read_literally.set(false);
        Some(value)
    }

    fn property(&self, path: &[u8], attribute: Attribute) -> Result<Option<Vec<u8>>, Unreadable> {
        let refused = |Status(_)| Unreadable {
            attribute,
            cause: "the proxy refused the property",
        };
        self.host.property(path).map_err(refused)
    }

    fn fetch_headers(&self) -> Result<Headers, Unreadable> {
        if self.plugin_type == PluginType::Network {
            return Ok(Headers::default());
        }
        let unreadable = |cause| Unreadable {
            attribute: Attribute::Headers,
            cause,
        };
        let block = self.host.request_headers();
        let block = block.map_err(|Status(_)| unreadable("the proxy refused the header map"))?;
        header_block::parse(block).map_err(|_| unreadable("the header map is malformed"))
    }

    /// The peer's names: by connection from the certificate, or by request from the header that forwards one.
    fn fetch_caller(&self) -> Result<Rc<Caller>, Unreadable> {
        match self.mesh.identity {
            Identity::Workload => self.peers.borrow().everyone().ok_or(Unreadable {
                attribute: Attribute::Peer,
                cause: "the proxy has not said which workload is its own",
            }),
            Identity::ForwardedClientCert => self.forwarded_peer().map(Caller::new),
            Identity::PeerCertificate => {
                let number = self.property(b"connection\0id", Attribute::Peer)?;
                let connection = number
                    .as_deref()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(u64::from_le_bytes);
                if let Some(known) = connection.and_then(|connection| self.peers.borrow().get(connection)) {
                    return Ok(known);
                }
                let caller = Caller::new(self.connected_peer()?);
                if let Some(connection) = connection {
                    self.peers.borrow_mut().insert(connection, Rc::clone(&caller));
                }
                Ok(caller)
            }
        }
    }

    fn connected_peer(&self) -> Result<Option<Peer>, Unreadable> {
        let unreadable = |cause| Unreadable {
            attribute: Attribute::Peer,
            cause,
        };
        let Some(pem) = self.property(b"connection\0peer_certificate", Attribute::Peer)? else {
            // Without TLS or without a certificate nothing matches. A certificate that the proxy does not show is another matter.
            let presented = self.property(b"connection\0mtls", Attribute::Peer)?;
            return if presented.is_some_and(|truth| truth != [0]) {
                Err(unreadable("the proxy does not show the peer's certificate"))
            } else {
                Ok(None)
            };
        };
        let names = certificate::names_in_pem(&pem).map_err(|_| unreadable("the peer's certificate is malformed"))?;
        let subject = self.property(b"connection\0subject_peer_certificate", Attribute::Peer)?;
        Ok(Some(Peer::new(names.uris, names.dns, subject.unwrap_or_default())))
    }

    fn forwarded_peer(&self) -> Result<Option<Peer>, Unreadable> {
        let unreadable = Unreadable {
            attribute: Attribute::Peer,
            cause: "x-forwarded-client-cert is not what a gateway with SANITIZE_SET writes",
        };
        let mut lines = self.sent()?.lines("x-forwarded-client-cert");
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => {
                let forwarded = forwarded_client_cert::parse(line).map_err(|_| unreadable)?;
                let names = forwarded.names;
                Ok(Some(Peer::new(names.uris, names.dns, forwarded.subject)))
            }
            (Some(_), Some(_)) => Err(unreadable),
        }
    }

    /// The address in `source.address`: the direct peer's, or the client's that trusted proxies speak for.
    fn source_address(&self) -> Result<Option<IpAddr>, Unreadable> {
        *self.source_address.get_or_init(|| {
            let text = self.property(b"source\0address", Attribute::RemoteIp)?;
            Ok(text.as_deref().and_then(socket_address).map(|address| address.ip()))
        })
    }

    fn fetch_direct_address(&self) -> Result<Option<IpAddr>, Unreadable> {
        let unreadable = |cause| Unreadable {
            attribute: Attribute::SourceIp,
            cause,
        };
        if let Some(key) = &self.mesh.direct_address_filter_state {
            let path = [b"filter_state\0", key.as_bytes()].concat();
            let text = self.property(&path, Attribute::SourceIp)?;
            let text = text.ok_or_else(|| unreadable("the filter state that holds the direct address is not set"))?;
            return match ip_address(&text) {
                Some(address) => Ok(Some(address)),
                None => Err(unreadable("the filter state that holds the direct address holds none")),
            };
        }
        if self.mesh.num_trusted_proxies == 0 || self.plugin_type == PluginType::Network {
            return self.source_address();
        }
        // With trusted proxies the proxy appends the direct peer to the header before any filter runs.
        let last = self.sent()?.lines("x-forwarded-for").last();
        let last = last.and_then(|line| line.rsplit(|&byte| byte == b',').next());
        match last.map(<[u8]>::trim_ascii).and_then(ip_address) {
            Some(address) => Ok(Some(address)),
            None => Err(unreadable("x-forwarded-for does not end in an address")),
        }
    }
}

impl<H: Host> Request for Stream<'_, H> {
    #[inline(never)]
    fn headers(&self) -> Result<&Headers, Unreadable> {
        match self.canonical()? {
            Some(canonical) => Ok(&canonical.headers),
            None => self.sent(),
        }
    }

    fn authority(&self) -> Result<Option<Cow<'_, [u8]>>, Unreadable> {
        let authority = match self.canonical()? {
            Some(canonical) => canonical.authority.as_deref(),
            None => self.sent()?.first(":authority"),
        };
        Ok(authority.map(Cow::Borrowed))
    }

    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        self.caller().map(|caller| caller.peer.as_ref())
    }

    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        *self.direct_address.get_or_init(|| self.fetch_direct_address())
    }

    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.source_address()
    }

    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        *self.destination_ip.get_or_init(|| {
            let text = self.property(b"destination\0address", Attribute::DestinationIp)?;
            Ok(text.as_deref().and_then(socket_address).map(|address| address.ip()))
        })
    }

    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        *self.destination_port.get_or_init(|| {
            let bytes = self.property(b"destination\0port", Attribute::DestinationPort)?;
            let number = bytes
                .as_deref()
                .and_then(|bytes| bytes.try_into().ok())
                .map(i64::from_le_bytes);
            Ok(number.and_then(|number| u16::try_from(number).ok()))
        })
    }

    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        let fetch = || self.property(b"connection\0requested_server_name", Attribute::Sni);
        borrow(self.sni.get_or_init(fetch)).map(Option::as_deref)
    }

    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        borrow(self.metadata.get_or_init(|| {
            let message = self.property(b"metadata", Attribute::Metadata)?.unwrap_or_default();
            dynamic_metadata::parse(&message).map_err(|_| Unreadable {
                attribute: Attribute::Metadata,
                cause: "the metadata is malformed",
            })
        }))
    }
}

fn borrow<T>(fetched: &Result<T, Unreadable>) -> Result<&T, Unreadable> {
    fetched.as_ref().map_err(|unreadable| *unreadable)
}

/// `address:port`; a Unix socket's path is no address.
fn socket_address(text: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn ip_address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
