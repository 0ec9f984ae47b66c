//! A request as the filter sees it: headers, body, and everything that the proxy knows about its connection.

use std::sync::Arc;

use crate::abi::Status;
use crate::body::Body;
use crate::connection::connection_facts;
use crate::dynamic_metadata;
use crate::header_map::HeaderMap;
use crate::property::Property;
use crate::property_store::{PropertyPath, PropertyStore};

/// A request, as the proxy hands it to the filter. Cheap to clone: a copy shares headers, body and properties.
///
/// ```
/// use outgate_test_host::Request;
///
/// let request = Request::post("https://api.example.com/v1/charge?dry=1")
///     .header("content-type", "application/json")
///     .body("{}")
///     .source_address("10.0.0.7:55123")
///     .mtls(true)
///     .uri_san("spiffe://cluster.local/ns/shop/sa/cart");
/// assert_eq!(request.headers().get(":path"), Some(&b"/v1/charge?dry=1"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) body: Body,
    pub(crate) properties: Arc<PropertyStore>,
}

impl Request {
    /// A request with this method and URL: the four pseudo headers come first.
    ///
    /// `url` is `scheme://authority/path?query`; a bare `/path` has the scheme `http` and an empty authority.
    pub fn new(method: &str, url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Self::from_headers([
            (":authority", authority),
            (":path", &path),
            (":method", method),
            (":scheme", scheme),
        ])
    }

    /// A `GET` of this URL.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` to this URL.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A request with exactly these headers, pseudo headers included.
    pub fn from_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        HeaderMap::from_iter(headers).into()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Adds a header line; one with the same name stays.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.headers).add(name, value);
        self
    }

    /// Sets a header: the lines with the same name go.
    #[must_use]
    pub fn set_header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.headers).set(name, value);
        self
    }

    /// Removes every line with this name.
    #[must_use]
    pub fn without_header(mut self, name: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.headers).remove(name);
        self
    }

    /// Gives the request a body. Without one, the headers end the stream and no body callback runs.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body.set(body.as_ref());
        self
    }

    /// Gives the request a body that arrives in these pieces.
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

    /// Is there nothing after the headers?
    pub(crate) fn ends_with_headers(&self) -> bool {
        self.body.is_absent()
    }

    /// Sets any property. What is set here wins over what the host works out from the request.
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

    /// `request.protocol`, by default `HTTP/1.1`.
    #[must_use]
    pub fn protocol(self, protocol: &str) -> Self {
        self.property("request.protocol", protocol)
    }

    /// Dynamic metadata: an object whose fields are the namespaces (`{"envoy.filters.http.jwt_authn": {…}}`).
    ///
    /// The guest can read it whole, as the protobuf bytes of `metadata`, and by paths below `metadata.filter_metadata`.
    ///
    /// # Panics
    /// When `namespaces` is no object of objects: Envoy has no such metadata.
    #[must_use]
    pub fn dynamic_metadata(self, namespaces: &serde_json::Value) -> Self {
        let map = namespaces
            .as_object()
            .filter(|map| map.values().all(serde_json::Value::is_object));
        let Some(map) = map else {
            panic!("dynamic metadata is an object of objects, {{\"namespace\": {{…}}}}, not {namespaces}");
        };
        self.property(["metadata", "filter_metadata"], namespaces)
            .dynamic_metadata_bytes(dynamic_metadata::encode(map))
    }

    /// Dynamic metadata as the wire bytes of `envoy.config.core.v3.Metadata`. The guest can then read it whole only.
    #[must_use]
    pub fn dynamic_metadata_bytes(self, message: Vec<u8>) -> Self {
        self.property("metadata", Property::Message(message))
    }
}

impl From<HeaderMap> for Request {
    /// A request with exactly these headers, in a map of their kind.
    fn from(headers: HeaderMap) -> Self {
        Self {
            headers: Arc::new(headers),
            body: Body::default(),
            properties: Arc::default(),
        }
    }
}

impl From<&Request> for Request {
    fn from(request: &Request) -> Self {
        request.clone()
    }
}
