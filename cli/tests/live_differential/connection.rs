//! A caller's connection to the gateway, which sends requests byte for byte as they are meant.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{IpAddr, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::callers::Protocol;
use crate::envoy::reply::Reply;
use crate::http1::Http1;
use crate::http2::Http2;

const PATIENCE: Duration = Duration::from_secs(15);

/// TLS over TCP.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Reply(Reply),
    /// HTTP/2 only: the gateway gave the stream up, for this reason.
    Reset(u32),
    /// The gateway hung up.
    Closed,
}

/// A request as the protocols need it.
pub(crate) struct Written {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) absolute: Option<String>,
    pub(crate) path: Vec<u8>,
    pub(crate) hosts: Vec<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: crate::requests::Body,
}

/// Where a connection goes, and how.
pub(crate) struct Route {
    pub(crate) gateway: SocketAddr,
    pub(crate) server_name: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Arc<ClientConfig>,
}

/// A connection that is made when it is needed, and again when the gateway has closed it.
pub(crate) struct Connection {
    route: Route,
    open: Option<Open>,
}

enum Open {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

impl Connection {
    pub(crate) fn new(route: Route) -> Self {
        Self { route, open: None }
    }

    /// Sends a request and returns what comes of it.
    pub(crate) fn exchange(&mut self, request: &Written) -> Outcome {
        if self.open.is_some()
            && let Ok(outcome) = self.try_exchange(request)
        {
            return outcome;
        }
        // The gateway may have closed the old connection before it saw the request. On a new one it saw it.
        self.open = None;
        match self.try_exchange(request) {
            Ok(outcome) => outcome,
            Err(error) if is_hang_up(&error) => Outcome::Closed,
            Err(error) => panic!("no reply from {}: {error}", self.route.gateway),
        }
    }

    fn try_exchange(&mut self, request: &Written) -> io::Result<Outcome> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(self.route.connect()?),
        };
        let result = match open {
            Open::Http1(connection) => connection.exchange(request),
            Open::Http2(connection) => connection.exchange(request),
        };
        if !matches!(result, Ok((_, true))) {
            self.open = None;
        }
        result.map(|(outcome, _stays_open)| outcome)
    }
}

impl Route {
    fn connect(&self) -> io::Result<Open> {
        let server_name = match &self.server_name {
            Some(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            // For an address, no server name is sent.
            None => ServerName::IpAddress(IpAddr::from(self.gateway.ip())),
        };
        let connection = ClientConnection::new(Arc::clone(&self.tls), server_name).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(self.gateway)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let stream = StreamOwned::new(connection, tcp);
        Ok(match self.protocol {
            Protocol::Http1 => Open::Http1(Box::new(Http1::new(stream))),
            Protocol::Http2 => Open::Http2(Box::new(Http2::new(stream)?)),
        })
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
