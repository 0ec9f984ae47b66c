//! A mesh client: requests over mutual TLS, with a certificate of the test's choosing.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
};

use super::authority::{Authority, Credential, Identity};
use super::listener::SERVER_NAME;
use super::reply::Reply;

/// The server name that a sidecar asks for when it calls the egress gateway's port 80.
const MESH_SNI: &str = "outbound_.80_._.istio-egressgateway.istio-system.svc.cluster.local";

const PATIENCE: Duration = Duration::from_secs(15);

/// A request, as it will stand on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    host: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    pub(crate) fn new(method: &'static str, host: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            host,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        let length = self.body.len();
        self.header("content-length", length.to_string())
    }

    /// As gRPC marks its requests.
    pub(crate) fn over_grpc(self) -> Self {
        self.header("content-type", "application/grpc")
    }

    /// With a body of unknown length, in one chunk. Over HTTP/1.1 only.
    pub(crate) fn chunked(mut self, body: &str) -> Self {
        self.body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        self.header("transfer-encoding", "chunked")
    }

    /// As a server sees it: `GET /path`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// For HTTP/2.
    pub(crate) fn http2(&self, id: &str) -> hyper::Request<String> {
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(format!("https://{}{}", self.host, self.path))
            .header("x-request-id", id);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(self.body.clone()).expect("the test's request is one")
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(&self, id: &str) -> Vec<u8> {
        let Self {
            method,
            path,
            host,
            headers,
            body,
        } = self;
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nx-request-id: {id}\r\n{headers}\r\n{body}").into_bytes()
    }
}

/// A connection for HTTP/1.1.
pub(crate) struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    /// Connects. The handshake is made with the first request.
    pub(crate) fn new(gateway: SocketAddr, authority: &Authority, identity: &Identity) -> Self {
        let connect = || -> io::Result<Self> {
            let credential = authority.certify(identity);
            let config = Arc::new(tls_config(authority, Some(&credential), &["http/1.1"]));
            let connection = ClientConnection::new(config, mesh_server_name()).map_err(io::Error::other)?;
            let tcp = TcpStream::connect(gateway)?;
            tcp.set_read_timeout(Some(PATIENCE))?;
            Ok(Self(StreamOwned::new(connection, tcp)))
        };
        connect().unwrap_or_else(|error| panic!("{identity:?} does not reach {gateway}: {error}"))
    }

    /// Sends a request, and nothing else.
    pub(crate) fn send_only(&mut self, request: &Request, id: &str) {
        let sent = self.0.write_all(&request.bytes(id)).and_then(|()| self.0.flush());
        sent.unwrap_or_else(|error| panic!("{} is not sent: {error}", request.line()));
    }

    /// Sends a request and reads the reply.
    pub(crate) fn send(&mut self, request: &Request, id: &str) -> Reply {
        let mut exchange = || {
            self.0.write_all(&request.bytes(id))?;
            Reply::read(&mut self.0, request.method == "HEAD")
        };
        let reply: io::Result<Reply> = exchange();
        reply.unwrap_or_else(|error| panic!("{} got no reply: {error}", request.line()))
    }
}

/// The server name that a mesh client asks the gateway for.
pub(crate) fn mesh_server_name() -> ServerName<'static> {
    ServerName::try_from(MESH_SNI).expect("the server name is one")
}

/// TLS to the gateway, with the client's certificate if it has one, for the application protocols in this order.
pub(crate) fn tls_config(authority: &Authority, credential: Option<&Credential>, protocols: &[&str]) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.certificate_der())
        .expect("the lab's authority is a good root");
    let gateway = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("a verifier with a root can be built");
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(GatewayVerifier(gateway)));
    let mut config = match credential {
        None => config.with_no_client_auth(),
        Some(credential) => config
            .with_client_auth_cert(vec![credential.certificate_der()], credential.key_der())
            .expect("the client's key fits its certificate"),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Expects the gateway's own name in its certificate. In a mesh the server name asked for is a route, not a host.
#[derive(Debug)]
struct GatewayVerifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for GatewayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _asked_for: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let expected = ServerName::try_from(SERVER_NAME).expect("the gateway's name is a DNS name");
        self.0
            .verify_server_cert(end_entity, intermediates, &expected, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
