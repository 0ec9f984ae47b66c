//! A reply that the filter gives in place of the upstream, and what Envoy makes of it for the client.

use std::sync::Arc;

use crate::body::Body;
use crate::header_map::HeaderMap;
use crate::response::Response;

/// A reply that the filter asked for by `proxy_send_local_response`, as it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u32,
    /// The response code details, for the access log; white space is replaced by `_`, as Envoy does.
    pub details: String,
    /// The body.
    pub body: Vec<u8>,
    /// Additional headers.
    pub headers: HeaderMap,
    /// The gRPC status, when the filter gave one (0 to 16).
    pub grpc_status: Option<u32>,
}

/// What of a request decides the form of a local reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplyForm {
    is_grpc: bool,
    is_head: bool,
}

impl ReplyForm {
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let content_type = request.get("content-type").unwrap_or_default();
        let is_grpc = matches!(content_type.strip_prefix(b"application/grpc"), Some([] | [b'+', ..]));
        Self {
            is_grpc,
            is_head: request.get(":method") == Some(b"HEAD"),
        }
    }
}

impl LocalReply {
    /// Envoy's own reply when a filter's VM has failed.
    pub(crate) fn wasm_fail_stream() -> Self {
        Self {
            status: 503,
            details: "wasm_fail_stream".to_owned(),
            body: Vec::new(),
            headers: HeaderMap::new(),
            grpc_status: None,
        }
    }

    /// Envoy's own reply when more of a message is held than its buffers take.
    pub(crate) fn too_large(status: u32) -> Self {
        let (body, details) = match status {
            413 => ("Payload Too Large", "request_payload_too_large"),
            _ => ("Internal Server Error", "response_payload_too_large"),
        };
        Self {
            status,
            details: details.to_owned(),
            body: body.into(),
            headers: HeaderMap::new(),
            grpc_status: None,
        }
    }

    /// The response that Envoy sends for this reply, before the response callbacks see it.
    ///
    /// A gRPC client gets a trailers-only response: status 200, the outcome in `grpc-status` and `grpc-message`.
    pub(crate) fn render(&self, form: ReplyForm) -> Response {
        let status = if form.is_grpc { 200 } else { self.status };
        let mut headers: HeaderMap = [(":status", status.to_string())].into_iter().collect();
        for (name, value) in &self.headers {
            headers.add(name, value);
        }
        let mut body = Body::default();
        if form.is_grpc {
            headers.set("content-type", "application/grpc");
            if headers.get("grpc-status").is_none() {
                let code = self.grpc_status.unwrap_or_else(|| grpc_status_of(self.status));
                headers.set("grpc-status", code.to_string());
            }
            if !self.body.is_empty() && !form.is_head {
                headers.set("grpc-message", percent_encode(&self.body));
            }
            headers.remove("content-length");
        } else if self.body.is_empty() {
            headers.remove("content-length");
            headers.remove("content-type");
        } else {
            headers.set("content-length", self.body.len().to_string());
            if headers.get("content-type").is_none() {
                headers.set("content-type", "text/plain");
            }
            if !form.is_head {
                body.set(&self.body);
            }
        }
        Response {
            headers: Arc::new(headers),
            body,
        }
    }
}

/// Envoy's mapping of an HTTP status to a gRPC status.
pub(crate) fn grpc_status_of(http: u32) -> u32 {
    match http {
        400 => 13,                   // INTERNAL
        401 => 16,                   // UNAUTHENTICATED
        403 => 7,                    // PERMISSION_DENIED
        404 => 12,                   // UNIMPLEMENTED
        429 | 502 | 503 | 504 => 14, // UNAVAILABLE
        _ => 2,                      // UNKNOWN
    }
}

/// The encoding of `grpc-message`: all but printable ASCII, and `%`, as `%XX`. Envoy encodes `~` too.
fn percent_encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        if (b' '..b'~').contains(&byte) && byte != b'%' {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_depends_on_the_request() {
        let row = |content_type: &str, method: &str| {
            let headers = [(":method", method), ("content-type", content_type)];
            let form = ReplyForm::of(&headers.into_iter().collect());
            (form.is_grpc, form.is_head)
        };
        assert_eq!(row("application/grpc", "POST"), (true, false));
        assert_eq!(row("application/grpc+proto", "POST"), (true, false));
        assert_eq!(row("application/grpc-web", "POST"), (false, false));
        assert_eq!(row("text/plain", "HEAD"), (false, true));
    }

    #[test]
    fn grpc_messages_are_percent_encoded() {
        assert_eq!(
            percent_encode("RBAC: 100% née\n~".as_bytes()),
            "RBAC: 100%25 n%C3%A9e%0A%7E"
        );
    }
}
