//! A response: what the upstream answers, and what the client gets.

use std::sync::Arc;

use crate::body::Body;
use crate::header_map::HeaderMap;

/// A response, with its status as the header `:status`. Cheap to clone.
///
/// ```
/// use outgate_test_host::Response;
///
/// let response = Response::new(404).header("server", "upstream").body("no such page");
/// assert_eq!(response.status(), 404);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) body: Body,
}

impl Response {
    /// A response with this status, no other header and no body.
    pub fn new(status: u32) -> Self {
        Self::from_headers([(":status", status.to_string())])
    }

    /// A response with exactly these headers, `:status` included.
    pub fn from_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        HeaderMap::from_iter(headers).into()
    }

    /// Adds a header line; one with the same name stays.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.headers).add(name, value);
        self
    }

    /// Gives the response a body. Without one, the headers end the stream and no body callback runs.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body.set(body.as_ref());
        self
    }

    /// Gives the response a body that arrives in these pieces.
    #[must_use]
    pub fn body_chunks<B: AsRef<[u8]>>(mut self, pieces: impl IntoIterator<Item = B>) -> Self {
        self.body.set_pieces(pieces);
        self
    }

    /// Cuts the body into pieces of `size` bytes; 0 delivers it whole.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        self.body.cut(size);
        self
    }

    /// Ends the message with an empty piece of body of its own, as often happens on a network.
    #[must_use]
    pub fn trailing_empty_chunk(mut self) -> Self {
        self.body.ends_separately = true;
        self
    }

    /// Adds a trailer line.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.body.trailers).add(name, value);
        self
    }

    /// The number in `:status`; 0 when there is none.
    pub fn status(&self) -> u32 {
        status_of(&self.headers)
    }

    /// The headers, `:status` included.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body.bytes
    }

    /// The trailers.
    pub fn trailers(&self) -> &HeaderMap {
        &self.body.trailers
    }

    /// The body as text; what is no UTF-8 becomes U+FFFD.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body.bytes).into_owned()
    }
}

impl From<HeaderMap> for Response {
    /// A response with exactly these headers, in a map of their kind.
    fn from(headers: HeaderMap) -> Self {
        Arc::new(headers).into()
    }
}

impl From<Arc<HeaderMap>> for Response {
    fn from(headers: Arc<HeaderMap>) -> Self {
        Self {
            headers,
            body: Body::default(),
        }
    }
}

impl From<&Response> for Response {
    fn from(response: &Response) -> Self {
        response.clone()
    }
}

/// The number in `:status`; 0 when there is none.
pub(crate) fn status_of(headers: &HeaderMap) -> u32 {
    let status = headers.get(":status").and_then(|value| std::str::from_utf8(value).ok());
    status.and_then(|value| value.parse().ok()).unwrap_or(0)
}
