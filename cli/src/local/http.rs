//! One request, one reply.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// No reply takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reply with all of its body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request over a connection, and hangs up when the reply is there.
pub(crate) async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let exchange = async {
        let (mut sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let connection = tokio::spawn(connection);
        let reply = sender.send_request(request).await?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        Ok(Reply {
            status: head.status.as_u16(),
            body,
        })
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(told(&error)),
        Err(_) => Err(format!("no reply within {} s", PATIENCE.as_secs())),
    }
}

/// An error with its causes, of which the first alone says little.
fn told(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
