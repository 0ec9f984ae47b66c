//! What a service has answered a custom policy.

use outgate_policy::Headers;

/// The answer of a service.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// An answer without headers, to try [`answered`](super::CustomPolicy::answered) with.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            headers: [(":status", status.to_string())].into_iter().collect(),
            body: body.into(),
        }
    }

    /// The status; 0 when there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self
            .headers
            .first(":status")
            .and_then(|status| std::str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The first line of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.first(name)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether the proxy may have answered for a service that it cannot reach.
    pub(crate) fn is_of_proxy(&self) -> bool {
        matches!(self.status(), 503 | 504)
    }
}
