//! A callout as the upstream sees it.

use std::sync::Arc;
use std::time::Duration;

use crate::header_map::HeaderMap;

/// The name of a callout, to answer it by: unique in its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalloutId {
    pub(crate) worker: usize,
    pub(crate) token: u32,
}

impl CalloutId {
    /// The number that the filter knows it by.
    pub fn token(self) -> u32 {
        self.token
    }
}

/// The kinds of callout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalloutKind {
    /// `proxy_http_call`
    Http,
    /// `proxy_grpc_call`: one message, one answer.
    GrpcCall,
    /// `proxy_grpc_stream`
    GrpcStream,
}

/// A callout that the filter made. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Callout {
    /// Its name.
    pub id: CalloutId,
    /// Its kind.
    pub kind: CalloutKind,
    /// The upstream, as the filter named it.
    pub upstream: String,
    /// The headers; for gRPC the initial metadata, with the `:path` that Envoy makes of service and method.
    pub headers: Arc<HeaderMap>,
    /// The body, or the message of a gRPC call.
    pub body: Arc<[u8]>,
    /// The trailers.
    pub trailers: Arc<HeaderMap>,
    /// The messages sent on a gRPC stream so far.
    pub messages: Vec<Vec<u8>>,
    /// Has the filter ended its side of a gRPC stream, or cancelled the callout?
    pub closed: bool,
    /// When it gives up.
    pub timeout: Option<Duration>,
    /// When it was made: nanoseconds since the epoch, by the virtual clock.
    pub made_at: u64,
}

impl Callout {
    /// The method of an HTTP callout.
    pub fn method(&self) -> String {
        self.headers.text(":method").unwrap_or_default()
    }

    /// The path with its query; of a gRPC callout, `/service/method`.
    pub fn path(&self) -> String {
        self.headers.text(":path").unwrap_or_default()
    }

    /// The body as text; what is no UTF-8 becomes U+FFFD.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl std::fmt::Display for Callout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            CalloutKind::Http => self.method(),
            CalloutKind::GrpcCall => "gRPC call".to_owned(),
            CalloutKind::GrpcStream => "gRPC stream".to_owned(),
        };
        write!(
            f,
            "callout {} to {}: {kind} {}",
            self.id.token,
            self.upstream,
            self.path()
        )
    }
}
