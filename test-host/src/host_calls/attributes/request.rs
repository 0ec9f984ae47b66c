//! Attributes of the request.

use super::super::frame::Answer;
use super::Group;
use crate::header_map::HeaderMap;
use crate::property::Property;
use crate::refusal::Refusal;

impl Group<'_> {
    pub(super) fn request(self) -> Answer {
        let headers = self.stream.visible_request();
        let arrived = self.stream.request.received;
        let bytes = headers.map(|headers| headers.byte_size() as u64);
        // What does not come from the headers can be read at any time.
        match self.name {
            b"protocol" => return self.text(b"HTTP/1.1"),
            b"time" => {
                let began = self.stream.started;
                return self.value(&Property::Uint(began));
            }
            b"size" => return self.int(headers.and_then(content_length).unwrap_or(arrived)),
            b"headers_bytes" => return self.int(bytes.unwrap_or(0)),
            b"total_size" => return self.int(arrived.saturating_add(bytes.unwrap_or(0))),
            b"duration" if self.stream.logging => {
                let lasted = self.state.clock.saturating_sub(self.stream.started);
                return self.duration(lasted);
            }
            b"duration" => return Err(Refusal::not_found("request.duration exists in on_log only")),
            b"headers" if headers.is_none() && self.rest.is_none() => return self.headers(&HeaderMap::new()),
            _ => {}
        }
        let Some(headers) = self.stream.visible_request() else {
            return Err(Refusal::not_found(
                "Envoy derives this from the request headers, which are gone: they can be used in on_request_headers, as \
                 long as it paused the stream, and in on_log",
            ));
        };
        let path = headers.get(":path").unwrap_or_default();
        match self.name {
            b"path" => self.header(headers, ":path"),
            b"url_path" => self.text(path.split(|&byte| byte == b'?').next().unwrap_or_default()),
            b"query" => {
                let query = path.splitn(2, |&byte| byte == b'?').nth(1).unwrap_or_default();
                self.text(query.split(|&byte| byte == b'#').next().unwrap_or_default())
            }
            b"host" => self.header(headers, ":authority"),
            b"scheme" => self.header(headers, ":scheme"),
            b"method" => self.header(headers, ":method"),
            b"referer" => self.header(headers, "referer"),
            b"useragent" => self.header(headers, "user-agent"),
            b"id" => self.header(headers, "x-request-id"),
            b"headers" => self.headers(headers),
            _ => Err(Refusal::not_found(
                "Envoy has no such attribute of a request, or this host does not have it",
            )),
        }
    }
}

/// Envoy believes the client.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    std::str::from_utf8(headers.get("content-length")?).ok()?.parse().ok()
}
