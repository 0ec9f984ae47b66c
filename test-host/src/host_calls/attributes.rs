//! Attributes: the properties that a test gave, those that the host works out from the stream, and filter state.

use crate::abi::Status;
use crate::attributes_by_default;
use crate::header_map::HeaderMap;
use crate::property::Property;
use crate::property_store::Found;
use crate::refusal::Refusal;
use crate::response::status_of;
use crate::stream_state::StreamState;
use crate::vm_state::VmState;

use super::frame::Answer;

/// The groups of attributes that Envoy knows. Any other name, alone, is looked up in the filter state.
const GROUPS: [&[u8]; 11] = [
    b"request",
    b"response",
    b"source",
    b"destination",
    b"connection",
    b"upstream",
    b"metadata",
    b"filter_state",
    b"upstream_filter_state",
    b"xds",
    b"node",
];

/// Writes the encoded value of the property at `path` to `out`.
pub(super) fn read(state: &VmState, path: &[u8], out: &mut Vec<u8>) -> Answer {
    if !state.process.settings.profile.derives_attributes() {
        return read_given_only(state, path, out);
    }
    if path.is_empty() {
        return Err(Refusal::new(Status::SerializationFailure, "the path is empty"));
    }
    let stream = state.stream();
    if let Some(answer) = read_given(state, path, out) {
        return answer;
    }
    let mut segments = path.splitn(3, |&byte| byte == 0);
    let (first, second, rest) = (segments.next().unwrap_or_default(), segments.next(), segments.next());
    if read_plugin(state, first, second, out) {
        return Ok(());
    }
    let Some(stream) = stream else {
        return Err(Refusal::not_found(
            "there is no stream here: only what the node and the plugin are can be read",
        ));
    };
    let is_group = GROUPS.contains(&first);
    match second {
        Some(name) if is_group => Group {
            state,
            stream,
            name,
            rest,
            out,
        }
        .read(first),
        None if first == b"metadata" => Err(Refusal::not_found(
            "the stream has no dynamic metadata: Request::dynamic_metadata gives it some",
        )),
        None if is_group => Err(Refusal::new(
            Status::SerializationFailure,
            "a whole group of attributes cannot be read, only one of them",
        )),
        Some(_) => Err(Refusal::not_found(
            "this is no attribute that this host knows, and filter state is found by a name of one segment only",
        )),
        None => {
            let key = [b"wasm.", path].concat();
            let value = stream.filter_state.get(&key);
            value.map(|value| out.extend_from_slice(&value)).ok_or_else(|| {
                Refusal::not_found(
                    "this is no attribute that this host knows, and no filter state was set by this name",
                )
            })
        }
    }
}

/// Where a stream has what it was given, and the plugin its root id. Paths are compared with dots between their segments.
fn read_given_only(state: &VmState, path: &[u8], out: &mut Vec<u8>) -> Answer {
    let segments = path.split(|&byte| byte == 0 || byte == b'.');
    let segments: Vec<&[u8]> = segments.filter(|segment| !segment.is_empty()).collect();
    if let Some(answer) = read_given(state, &segments.join(&0), out) {
        return answer;
    }
    if state.stream().is_none() && path == b"plugin_root_id" {
        out.extend_from_slice(state.process.settings.root_id.as_bytes());
        return Ok(());
    }
    Err(Refusal::not_found(
        "the stream was given no such property, and in the tester of Google's service extensions it has no others",
    ))
}

/// What the test gave, the stream before the host.
fn read_given(state: &VmState, path: &[u8], out: &mut Vec<u8>) -> Option<Answer> {
    let of_stream = state.stream().and_then(|stream| stream.properties.find(path));
    Some(
        match of_stream.or_else(|| state.process.settings.properties.find(path))? {
            Found::Error(status) => Err(Refusal::new(status, "the test made this property fail")),
            Found::Value(value) => value
                .encode_into(out)
                .map_err(|error| Refusal::new(Status::SerializationFailure, error.to_string())),
        },
    )
}

fn read_plugin(state: &VmState, first: &[u8], second: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
    let settings = &state.process.settings;
    let text = match (first, second) {
        (b"plugin_name", None) => &settings.plugin_name,
        (b"plugin_root_id", None) => &settings.root_id,
        (b"plugin_vm_id", None) => &settings.vm_id,
        _ => return false,
    };
    out.extend_from_slice(text.as_bytes());
    true
}

/// One attribute of a group: `name`, and what of the path is left after it.
struct Group<'a> {
    state: &'a VmState,
    stream: &'a StreamState,
    name: &'a [u8],
    rest: Option<&'a [u8]>,
    out: &'a mut Vec<u8>,
}

impl Group<'_> {
    fn read(self, group: &[u8]) -> Answer {
        match group {
            b"request" => self.request(),
            b"response" => self.response(),
            b"source" | b"destination" | b"connection" => self.connection(group),
            b"filter_state" => self.filter_state(),
            _ => Err(Refusal::not_found("the test gave the request no such property")),
        }
    }

    fn request(self) -> Answer {
        // What does not come from the headers can be read at any time.
        match self.name {
            b"protocol" => return self.text(b"HTTP/1.1"),
            b"time" => {
                let began = self.stream.started;
                return self.value(&Property::Uint(began));
            }
            b"size" => {
                let size = self.stream.request.passed.len() + self.stream.request.body.len();
                return self.value(&Property::Int(size as i64));
            }
            b"duration" if self.stream.logging => {
                let lasted = self.state.clock.saturating_sub(self.stream.started);
                return self.value(&Property::Duration(i64::try_from(lasted).unwrap_or(i64::MAX)));
            }
            b"duration" => return Err(Refusal::not_found("request.duration exists in on_log only")),
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
            b"headers" => self.joined_header(headers),
            b"headers_bytes" => {
                let bytes = headers.byte_size();
                self.value(&Property::Int(bytes as i64))
            }
            _ => Err(Refusal::not_found(
                "Envoy has no such attribute of a request, or this host does not have it",
            )),
        }
    }

    fn response(self) -> Answer {
        let Some(headers) = self.stream.visible_response() else {
            return Err(Refusal::not_found("there is no response that can be read now"));
        };
        match self.name {
            b"headers" => self.joined_header(headers),
            // The proxy has noted it by the time that filters see the response.
            b"code" => self.value(&Property::Int(i64::from(status_of(headers)))),
            _ if !self.stream.logging => Err(Refusal::not_found(
                "of the response only headers and code can be read before on_log",
            )),
            b"code_details" => {
                let details = self.stream.details.as_bytes();
                self.text(details)
            }
            b"flags" => self.value(&Property::Int(0)),
            b"grpc_status" => {
                let status = headers
                    .get("grpc-status")
                    .and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
                match status {
                    Some(status) => self.value(&Property::Int(status)),
                    None => Err(Refusal::not_found("the response has no gRPC status")),
                }
            }
            b"size" => {
                let size = self.stream.response.passed.len();
                self.value(&Property::Int(size as i64))
            }
            b"headers_bytes" => {
                let bytes = headers.byte_size();
                self.value(&Property::Int(bytes as i64))
            }
            _ => Err(Refusal::not_found(
                "Envoy has no such attribute of a response, or this host does not have it",
            )),
        }
    }

    fn connection(self, group: &[u8]) -> Answer {
        let path = [group, self.name].map(|segment| std::str::from_utf8(segment).unwrap_or_default());
        match attributes_by_default::of_connection(&path, self.stream.id) {
            Some(value) => self.value(&value),
            None if group == b"connection" => Err(Refusal::not_found("the test gave the connection no such property")),
            None => Err(Refusal::not_found(
                "an end of a connection has only `address` and `port`",
            )),
        }
    }

    fn filter_state(self) -> Answer {
        if self.rest.is_some() {
            return Err(Refusal::not_found(
                "filter state that a filter sets is bytes: no path leads into it",
            ));
        }
        match self.stream.filter_state.get(self.name) {
            Some(value) => self.out.extend_from_slice(&value),
            None => return Err(Refusal::not_found("no filter state was set by this name")),
        }
        Ok(())
    }

    fn header(self, headers: &HeaderMap, name: &str) -> Answer {
        match headers.get(name) {
            Some(value) => self.text(value),
            None => Err(Refusal::not_found(format!("there is no header `{name}`"))),
        }
    }

    /// `headers.<name>`: the values of all lines with this name, joined by commas.
    fn joined_header(self, headers: &HeaderMap) -> Answer {
        let Some(name) = self.rest else {
            return Err(Refusal::new(
                Status::SerializationFailure,
                "the headers cannot be read as a whole, only by name",
            ));
        };
        let name = String::from_utf8_lossy(name);
        let mut values = headers.get_all(&name);
        let Some(first) = values.next() else {
            return Err(Refusal::not_found("there is no such header"));
        };
        self.out.extend_from_slice(first);
        for value in values {
            self.out.push(b',');
            self.out.extend_from_slice(value);
        }
        Ok(())
    }

    fn text(self, text: &[u8]) -> Answer {
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn value(self, value: &Property) -> Answer {
        value
            .encode_into(self.out)
            .map_err(|error| Refusal::new(Status::SerializationFailure, error.to_string()))
    }
}
