//! Attributes: the properties that a test gave, those that the host works out from the stream, and filter state.

mod request;
mod response;

use crate::abi::Status;
use crate::attributes_by_default;
use crate::header_map::HeaderMap;
use crate::pairs;
use crate::property::Property;
use crate::property_store::Found;
use crate::refusal::Refusal;
use crate::stream_state::StreamState;
use crate::vm_state::VmState;

use super::frame::Answer;

/// The groups of attributes that Envoy knows. Any other name, alone, is looked up in the filter state.
const GROUPS: [&[u8]; 9] = [
    b"request",
    b"response",
    b"source",
    b"destination",
    b"connection",
    b"upstream",
    b"filter_state",
    b"upstream_filter_state",
    b"xds",
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
        // A stream without dynamic metadata has an empty message of it.
        None if first == b"metadata" => Ok(()),
        Some(b"filter_metadata") if first == b"metadata" && rest.is_none() => {
            pairs::encode(HeaderMap::new().iter(), out);
            Ok(())
        }
        Some(b"filter_metadata") if first == b"metadata" => Err(Refusal::not_found(
            "the stream has no dynamic metadata of this name: Request::dynamic_metadata gives it some",
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
        let has_parts = matches!(
            (group, self.name),
            (b"request" | b"response", b"headers") | (b"response", b"trailers") | (b"filter_state", _)
        );
        if self.rest.is_some() && !has_parts {
            return Err(Refusal::not_found(
                "this attribute has no parts that a path could lead to",
            ));
        }
        match group {
            b"request" => self.request(),
            b"response" => self.response(),
            b"source" | b"destination" | b"connection" => self.connection(group),
            b"upstream" => self.upstream(),
            b"xds" => self.xds(),
            b"filter_state" => self.filter_state(),
            _ => Err(Refusal::not_found("the test gave the request no such property")),
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

    /// The proxy knows its upstream once it is connected to it; to a filter that is when the response comes.
    fn upstream(self) -> Answer {
        if self.stream.upstream_answered_at.is_none() {
            return Err(Refusal::not_found("the request has not been sent to an upstream yet"));
        }
        let name = std::str::from_utf8(self.name).unwrap_or_default();
        match attributes_by_default::of_upstream(name) {
            Some(value) => self.value(&value),
            None => Err(Refusal::not_found(
                "the test gave the request no such property of the upstream",
            )),
        }
    }

    fn xds(self) -> Answer {
        let name = std::str::from_utf8(self.name).unwrap_or_default();
        match attributes_by_default::of_xds(name) {
            Some(value) => self.value(&value),
            None => Err(Refusal::not_found(
                "the test gave neither the request nor the host such a property; Envoy has it from its configuration",
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

    /// A map of headers: all of them, or by the rest of the path the values of one name, joined by commas.
    fn headers(self, headers: &HeaderMap) -> Answer {
        let Some(name) = self.rest else {
            let mut names: Vec<&[u8]> = Vec::new();
            for (name, _) in headers {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let joined: Vec<Vec<u8>> = names.iter().filter_map(|name| join(headers, name)).collect();
            pairs::encode(names.iter().zip(&joined), self.out);
            return Ok(());
        };
        match join(headers, name) {
            Some(joined) => self.text(&joined),
            None => Err(Refusal::not_found("there is no such header")),
        }
    }

    fn text(self, text: &[u8]) -> Answer {
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn int(self, number: u64) -> Answer {
        self.value(&Property::Int(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn duration(self, nanoseconds: u64) -> Answer {
        self.value(&Property::Duration(i64::try_from(nanoseconds).unwrap_or(i64::MAX)))
    }

    fn value(self, value: &Property) -> Answer {
        value
            .encode_into(self.out)
            .map_err(|error| Refusal::new(Status::SerializationFailure, error.to_string()))
    }
}

/// The values of all lines with this name, joined by commas.
fn join(headers: &HeaderMap, name: &[u8]) -> Option<Vec<u8>> {
    let name = String::from_utf8_lossy(name);
    let values: Vec<&[u8]> = headers.get_all(&name).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}
