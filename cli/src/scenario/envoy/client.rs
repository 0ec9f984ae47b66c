//! The client of a scenario: a workload beside its sidecar, or whoever calls a gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::authority::Issued;
use crate::described::Description;
use crate::local::access::CASE_HEADER;
use crate::local::http::{self, Reply};

/// A request to be sent.
pub(super) struct Call {
    pub(super) address: SocketAddr,
    pub(super) description: Description,
    /// Whether it goes to a sidecar, which is told of the whole URL as forward proxies are.
    pub(super) is_proxied: bool,
    pub(super) case: String,
}

/// How a client speaks TLS.
pub(super) struct Credentials {
    pub(super) issued: Option<Issued>,
    pub(super) server_name: Option<String>,
}

pub(super) async fn send(call: &Call, credentials: Option<Credentials>) -> Result<Reply, String> {
    let request = request(call)?;
    let tcp = TcpStream::connect(call.address)
        .await
        .map_err(|error| error.to_string())?;
    let Some(credentials) = credentials else {
        return http::exchange(tcp, request).await;
    };
    let name = credentials.server_name.clone();
    let mut config = tls_config(credentials)?;
    // Without a name of its own, none is asked for.
    config.enable_sni = name.is_some();
    let name = name.unwrap_or_else(|| "gateway.invalid".to_owned());
    let name = ServerName::try_from(name.clone()).map_err(|_| format!("`{name}` is no server name"))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| format!("TLS: {error}"))?;
    http::exchange(stream, request).await
}

fn request(call: &Call) -> Result<Request<Full<Bytes>>, String> {
    let Description {
        method, url, headers, ..
    } = &call.description;
    let (_, rest) = url.split_once("://").ok_or_else(|| format!("`{url}` is no URL"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let target = if call.is_proxied {
        format!("http://{authority}{path}")
    } else {
        path
    };
    let mut request = Request::builder()
        .method(method.as_str())
        .uri(target)
        .header(CASE_HEADER, &call.case);
    let has_host = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !has_host {
        request = request.header("host", authority);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request
        .body(Full::default())
        .map_err(|error| format!("{method} {url} cannot be sent: {error}"))
}

fn tls_config(credentials: Credentials) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let told = |error: rustls::Error| error.to_string();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(told)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyGateway(provider)));
    let mut config = match credentials.issued {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes());
            let chain = chain
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| error.to_string())?;
            let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(|error| error.to_string())?;
            builder.with_client_auth_cert(chain, key).map_err(told)?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The client knows which process it calls: it is the gateway that is tested, and not the client's trust in it.
#[derive(Debug)]
struct AnyGateway(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyGateway {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
