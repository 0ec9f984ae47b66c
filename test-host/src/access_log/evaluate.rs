//! What an operator prints for a stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as Object, Value, json};

use super::address;
use super::entry::LogEntry;
use super::grpc_status::{self, GrpcForm};
use super::operators::{Attribute, Fact, FilterStateForm, Header, Map, Moment, Operator};
use crate::header_map::HeaderMap;
use crate::property::Property;

const NANOSECONDS_OF_MILLISECOND: u64 = 1_000_000;

impl Operator {
    /// As the only thing in a JSON field: with its type, and null when it is absent.
    pub(super) fn value(&self, entry: &LogEntry<'_>) -> Value {
        match self {
            Self::Fact(fact) => fact.value(entry),
            Self::Header(header) => header.value(entry).into(),
            Self::FilterState { key, form, length } => {
                let found = entry.filter_state.iter().find(|(known, _)| known == key);
                found.map_or(Value::Null, |(_, value)| form.value(value, *length))
            }
            Self::DynamicMetadata { path, .. } => {
                let mut attribute = vec!["metadata", "filter_metadata"];
                attribute.extend(path.iter().map(String::as_str));
                entry.property(&attribute).map_or(Value::Null, |value| json(&value))
            }
            Self::Time { moment, format } => {
                let nanoseconds = match moment {
                    Moment::Start => entry.start_time_ns,
                    Moment::Emit => entry.start_time_ns.saturating_add(entry.duration_ns),
                };
                format.format(nanoseconds).into()
            }
            Self::GrpcStatus(form) => match (grpc_status::of(entry), form) {
                (None, _) => Value::Null,
                (Some(status), GrpcForm::Number) => status.into(),
                (Some(status), form) => form
                    .name(status)
                    .map_or_else(|| status.to_string(), str::to_owned)
                    .into(),
            },
            Self::ResponseCodeDetails { keeps_spaces: true } => not_empty(entry.details),
            Self::ResponseCodeDetails { keeps_spaces: false } => {
                let is_space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
                not_empty(&entry.details.replace(is_space, "_"))
            }
        }
    }

    /// In a text; `None` when it is absent.
    pub(super) fn text(&self, entry: &LogEntry<'_>) -> Option<String> {
        let text = match self.value(entry) {
            Value::Null => return None,
            Value::String(text) => text,
            value => value.to_string(),
        };
        // Envoy shortens these in a text and not in JSON; all others have been shortened before they were text.
        let length = match self {
            Self::DynamicMetadata { length, .. } => *length,
            Self::FilterState { form, length, .. } if *form == FilterStateForm::Typed => *length,
            _ => None,
        };
        Some(shortened(text.as_bytes(), length))
    }
}

impl Fact {
    fn value(self, entry: &LogEntry<'_>) -> Value {
        let milliseconds = |nanoseconds: Option<u64>| nanoseconds.map(|n| n / NANOSECONDS_OF_MILLISECOND).into();
        let bytes = |headers: &HeaderMap| headers.byte_size().into();
        match self {
            Self::Protocol => not_empty(entry.protocol),
            Self::ResponseCode => entry.status.into(),
            // Having no flags is printed also where absent values are null.
            Self::ResponseFlags if entry.flags.is_empty() => "-".into(),
            Self::ResponseFlags => entry.flags.into(),
            Self::BytesReceived => entry.bytes_received.into(),
            Self::BytesSent => entry.bytes_sent.into(),
            Self::RequestHeadersBytes => bytes(entry.request_headers),
            Self::ResponseHeadersBytes => entry.response_headers.map_or_else(|| 0.into(), bytes),
            Self::ResponseTrailersBytes => bytes(entry.response_trailers),
            Self::Duration => milliseconds(Some(entry.duration_ns)),
            Self::RequestDuration => milliseconds(entry.request_duration_ns),
            Self::ResponseDuration => milliseconds(entry.response_duration_ns),
            Self::ResponseTxDuration => {
                let since_response = |began| entry.duration_ns.saturating_sub(began);
                milliseconds(entry.response_duration_ns.map(since_response))
            }
            Self::Text(path) => text(entry, path).into(),
            Self::Reason(path) => text(entry, path).map(|text| text.replace(' ', "_")).into(),
            Self::Number(path) => number(entry, path),
            Self::Address(path) => text(entry, path).into(),
            Self::Host(path) => text(entry, path).map(|text| address::split(&text).0.to_owned()).into(),
            Self::Port(path) => text(entry, path).and_then(|text| address::split(&text).1).into(),
        }
    }
}

impl Header {
    fn value(&self, entry: &LogEntry<'_>) -> Option<String> {
        let headers = match self.map {
            Map::Request => entry.request_headers,
            Map::Response => entry.response_headers?,
            Map::ResponseTrailers => entry.response_trailers,
        };
        let value = headers.get(&self.name).or_else(|| headers.get(&self.alternative))?;
        let end = value
            .iter()
            .position(|&byte| byte == b'?')
            .filter(|_| self.without_query);
        Some(shortened(&value[..end.unwrap_or(value.len())], self.length))
    }
}

impl FilterStateForm {
    fn value(self, value: &[u8], length: Option<usize>) -> Value {
        match self {
            Self::Plain => shortened(value, length).into(),
            // What a Wasm filter sets is a `CelState`, whatever its declared type: it becomes an Any of BytesValue.
            Self::Typed => json!({
                "@type": "type.googleapis.com/google.protobuf.BytesValue",
                "value": STANDARD.encode(value),
            }),
            // A `CelState` has no fields.
            Self::Field => Value::Null,
        }
    }
}

/// At most this many bytes; what is no UTF-8, such as the half of a character that is left, becomes U+FFFD.
fn shortened(bytes: &[u8], length: Option<usize>) -> String {
    let end = length.map_or(bytes.len(), |length| length.min(bytes.len()));
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn not_empty(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn text(entry: &LogEntry<'_>, path: Attribute) -> Option<String> {
    let text = match entry.property(&path)? {
        Property::String(text) => text,
        Property::Bytes(bytes) => shortened(&bytes, None),
        // Envoy joins the names of a certificate like this.
        Property::List(items) => items.iter().filter_map(plain).collect::<Vec<_>>().join(","),
        value => plain(&value)?,
    };
    (!text.is_empty()).then_some(text)
}

fn plain(value: &Property) -> Option<String> {
    match json(value) {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    }
}

fn number(entry: &LogEntry<'_>, path: Attribute) -> Value {
    let value = entry.property(&path).map(|value| json(&value));
    value.filter(Value::is_number).unwrap_or_else(|| 0.into())
}

/// A property as JSON. Envoy prints a double that is a whole number without a fraction.
fn json(value: &Property) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Property::String(text) => text.as_str().into(),
        Property::Bytes(bytes) | Property::Message(bytes) => shortened(bytes, None).into(),
        Property::Int(n) | Property::Timestamp(n) | Property::Duration(n) => (*n).into(),
        Property::Uint(n) => (*n).into(),
        Property::Double(n) if n.fract() == 0.0 && n.abs() < EXACT => (*n as i64).into(),
        Property::Double(n) => (*n).into(),
        Property::Bool(b) => (*b).into(),
        Property::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), json(value)));
            Value::Object(fields.collect::<Object<_, _>>())
        }
        Property::List(items) => items.iter().map(json).collect(),
        Property::Null => Value::Null,
    }
}
