//! Attributes of the response. Most are there at any time: what has not come about yet is 0, or not found.

use super::super::frame::Answer;
use super::Group;
use crate::abi::MapKind;
use crate::header_map::HeaderMap;
use crate::local_reply::grpc_status_of;
use crate::refusal::Refusal;
use crate::response::status_of;

impl Group<'_> {
    pub(super) fn response(self) -> Answer {
        let response = &self.stream.response;
        let nothing = HeaderMap::new();
        let headers = self.stream.visible_response().unwrap_or(&nothing);
        let trailers = self.stream.map(MapKind::ResponseTrailers).unwrap_or(&nothing);
        let (in_headers, in_trailers) = (headers.byte_size() as u64, trailers.byte_size() as u64);
        let sent = response.passed.len() as u64;
        match self.name {
            b"headers" => self.headers(headers),
            b"trailers" => self.headers(trailers),
            // No filter of this host sets any.
            b"flags" => self.int(0),
            b"size" => self.int(sent),
            b"headers_bytes" => self.int(in_headers),
            b"total_size" => self.int(sent.saturating_add(in_headers).saturating_add(in_trailers)),
            _ if !response.arrived => Err(Refusal::not_found("no response has begun")),
            b"code" => {
                let code = status_of(&response.headers);
                self.int(code.into())
            }
            b"code_details" => {
                let details = self.stream.details.as_bytes();
                self.text(details)
            }
            b"grpc_status" => {
                let told = grpc_status(trailers).or_else(|| grpc_status(headers));
                // Envoy makes one of any status.
                let status = told.unwrap_or_else(|| grpc_status_of(status_of(&response.headers)));
                self.int(status.into())
            }
            b"backend_latency" => match (self.stream.upstream_answered_at, response.ended) {
                (Some(answered), true) => {
                    let latency = answered.saturating_sub(self.stream.started);
                    self.duration(latency)
                }
                _ => Err(Refusal::not_found("the upstream has not answered in full")),
            },
            _ => Err(Refusal::not_found(
                "Envoy has no such attribute of a response, or this host does not have it",
            )),
        }
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    std::str::from_utf8(headers.get("grpc-status")?).ok()?.parse().ok()
}
