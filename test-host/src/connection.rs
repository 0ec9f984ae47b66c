//! A connection as a TCP filter sees it, and what is known of a connection in general.

use std::sync::Arc;

use crate::abi::Status;
use crate::property::Property;
use crate::property_store::{Found, PropertyPath, PropertyStore};

/// What can be said of the connection below a request, or of one that is a stream itself: one typed method a fact. The type
/// has `property`.
macro_rules! connection_facts {
    () => {
        /// Did the client present a certificate? By default it did not.
        #[must_use]
        pub fn mtls(self, mtls: bool) -> Self {
            self.property("connection.mtls", mtls)
        }

        /// The first URI SAN of the peer's certificate: its SPIFFE id.
        #[must_use]
        pub fn uri_san(self, san: &str) -> Self {
            self.property("connection.uri_san_peer_certificate", san)
        }

        /// The first DNS SAN of the peer's certificate.
        #[must_use]
        pub fn dns_san(self, san: &str) -> Self {
            self.property("connection.dns_san_peer_certificate", san)
        }

        /// The subject of the peer's certificate.
        #[must_use]
        pub fn subject(self, subject: &str) -> Self {
            self.property("connection.subject_peer_certificate", subject)
        }

        /// The peer's certificate, as PEM.
        #[must_use]
        pub fn peer_certificate_pem(self, pem: &str) -> Self {
            self.property("connection.peer_certificate", pem)
        }

        /// The server name that the client asked for; Envoy lower-cases it. By default it is empty, not absent.
        #[must_use]
        pub fn sni(self, name: &str) -> Self {
            self.property("connection.requested_server_name", name.to_ascii_lowercase())
        }

        /// `source.address` and `source.port`, from `ip:port`.
        #[must_use]
        pub fn source_address(self, address: &str) -> Self {
            self.address("source", address)
        }

        /// `destination.address` and `destination.port`, from `ip:port`.
        #[must_use]
        pub fn destination_address(self, address: &str) -> Self {
            self.address("destination", address)
        }

        fn address(self, end: &str, address: &str) -> Self {
            let port = address
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            let this = self.property([end, "address"], address);
            match port {
                Some(port) => this.property([end, "port"], i64::from(port)),
                None => this,
            }
        }
        /// The number of its connection, if it has one.
        pub(crate) fn connection_number(&self) -> Option<u64> {
            $crate::connection::number(&self.properties)
        }
    };
}
pub(crate) use connection_facts;

/// The number that a test gave to a connection.
pub(crate) fn number(properties: &PropertyStore) -> Option<u64> {
    match properties.find(b"connection\0id") {
        Some(Found::Value(Property::Uint(number))) => Some(*number),
        _ => None,
    }
}

/// A connection, for [`Host::tcp_stream`](crate::Host::tcp_stream). Cheap to clone.
///
/// ```
/// use outgate_test_host::Connection;
///
/// let connection = Connection::new().source_address("10.0.0.7:55123").mtls(true).sni("api.example.com");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Connection {
    pub(crate) properties: Arc<PropertyStore>,
}

impl Connection {
    /// A plaintext connection from somewhere to somewhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets any property. What is set here wins over what the host works out by itself.
    #[must_use]
    pub fn property(mut self, path: impl PropertyPath, value: impl Into<Property>) -> Self {
        Arc::make_mut(&mut self.properties).set(path, value.into());
        self
    }

    /// Makes reading this very path fail with `status`: to test that the filter then fails closed.
    #[must_use]
    pub fn property_error(mut self, path: impl PropertyPath, status: Status) -> Self {
        Arc::make_mut(&mut self.properties).fail(path, status);
        self
    }

    connection_facts!();
}

impl From<&Connection> for Connection {
    fn from(connection: &Connection) -> Self {
        connection.clone()
    }
}
