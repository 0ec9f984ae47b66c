//! A server by its URL, and requests to it.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::message::Whole;

/// A body that is there already.
pub(super) type ReadyBody = BoxBody<Bytes, Infallible>;

/// A server: `http://host:port` or `https://host:port`.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    is_tls: bool,
    host: String,
    port: u16,
}

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// There was no connection, or it broke.
    Broken(String),
    /// It took too long.
    TimedOut(Duration),
    /// The response's body is larger than what is kept of one.
    TooLarge(usize),
}

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected http://HOST:PORT or https://HOST:PORT".to_owned();
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(expected()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!("{}, without a path: paths are the request's", expected()));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(expected)?;
        Ok(Self {
            is_tls,
            // An IPv6 address has brackets in a URL, and none elsewhere.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }

    /// What a request to it has as `Host`.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.is_tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Sends a request on a connection of its own, and reads the whole response, unless it is larger than `limit`.
    pub(super) async fn send(
        &self,
        request: Request<ReadyBody>,
        limit: usize,
        patience: Duration,
    ) -> Result<Whole<Response<()>>, Unanswered> {
        let exchange = tokio::time::timeout(patience, self.exchange(request, limit));
        exchange.await.unwrap_or(Err(Unanswered::TimedOut(patience)))
    }

    async fn exchange(&self, request: Request<ReadyBody>, limit: usize) -> Result<Whole<Response<()>>, Unanswered> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| Unanswered::Broken(format!("connecting failed: {error}")))?;
        if !self.is_tls {
            return exchange_over(stream, request, limit).await;
        }
        let broken = |error: &dyn std::fmt::Display| Unanswered::Broken(format!("TLS failed: {error}"));
        let name = ServerName::try_from(self.host.clone()).map_err(|error| broken(&error))?;
        let connector = TlsConnector::from(client_config().map_err(|error| broken(&error))?);
        let stream = connector.connect(name, stream).await.map_err(|error| broken(&error))?;
        exchange_over(stream, request, limit).await
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(why) => f.write_str(why),
            Self::TimedOut(patience) => write!(f, "no response within {} s", patience.as_secs_f64()),
            Self::TooLarge(limit) => write!(
                f,
                "the response is larger than {limit} bytes, which is what is kept of one"
            ),
        }
    }
}

async fn exchange_over<S>(
    stream: S,
    request: Request<ReadyBody>,
    limit: usize,
) -> Result<Whole<Response<()>>, Unanswered>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| Unanswered::Broken(told(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let whole = read(body, limit).await;
    connection.abort();
    let (body, trailers) = whole.map_err(|error| match error {
        Unread::TooLarge => Unanswered::TooLarge(limit),
        Unread::Broken(why) => Unanswered::Broken(why),
    })?;
    Ok(Whole {
        head: Response::from_parts(head, ()),
        body,
        trailers,
    })
}

/// Why a body did not come whole.
pub(super) enum Unread {
    TooLarge,
    Broken(String),
}

/// Reads a body, unless it is larger than `limit`.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<(Bytes, hyper::HeaderMap), Unread> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            Ok((collected.to_bytes(), trailers))
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Err(error) => Err(Unread::Broken(told(&*error))),
    }
}

/// What this system trusts, read once.
fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, rustls::Error>> = OnceLock::new();
    CONFIG.get_or_init(make_client_config).clone()
}

fn make_client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read are not trusted, as if they were not there.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// An error with its causes, of which the first alone says little.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
