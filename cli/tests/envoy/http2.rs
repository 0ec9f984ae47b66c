//! A mesh client's connection for HTTP/2, with any number of requests under way at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, Identity};
use super::client::{self, Request};
use super::reply::Reply;

const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Http2 {
    runtime: Handle,
    sender: SendRequest<String>,
}

/// A request that has been sent.
pub(crate) struct Pending {
    runtime: Handle,
    reply: JoinHandle<hyper::Result<Reply>>,
}

impl Http2 {
    pub(crate) fn new(gateway: SocketAddr, authority: &Authority, identity: &Identity) -> Self {
        let credential = authority.certify(identity);
        let tls = TlsConnector::from(Arc::new(client::tls_config(authority, Some(&credential), &["h2"])));
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let handle = runtime.handle().clone();
        let connect = async {
            let tcp = TcpStream::connect(gateway).await?;
            let stream = tls.connect(client::mesh_server_name(), tcp).await?;
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            handshake.map_err(io::Error::other)
        };
        let (sender, connection) = runtime
            .block_on(connect)
            .unwrap_or_else(|error| panic!("{identity:?} does not reach {gateway}: {error}"));
        // Ends when the connection does, with the last of its owners.
        thread::spawn(move || runtime.block_on(connection).ok());
        Self {
            runtime: handle,
            sender,
        }
    }

    /// Sends a request and does not wait for the reply.
    pub(crate) fn send(&mut self, request: &Request, id: &str) -> Pending {
        let reply = self.sender.send_request(request.http2(id));
        let reply = self.runtime.spawn(async { read(reply.await?).await });
        Pending {
            runtime: self.runtime.clone(),
            reply,
        }
    }
}

impl Pending {
    /// Waits for all of the reply and returns its status.
    pub(crate) fn status(self) -> u16 {
        self.reply().status
    }

    /// Waits for all of the reply.
    pub(crate) fn reply(self) -> Reply {
        let wait = async { tokio::time::timeout(PATIENCE, self.reply).await };
        let reply = self.runtime.block_on(wait).expect("there is a reply in time");
        reply.expect("nothing panics").expect("the reply can be read")
    }
}

async fn read(reply: hyper::Response<Incoming>) -> hyper::Result<Reply> {
    let (head, body) = reply.into_parts();
    let headers = head.headers.iter();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: text(&body.collect().await?.to_bytes()),
    })
}
