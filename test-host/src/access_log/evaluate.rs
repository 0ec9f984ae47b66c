//! What an operator prints for a stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::entry::LogEntry;
use super::grpc_status::{self, GrpcForm};
use super::operators::{FilterStateForm, Header, Map, Moment, Operator};
use super::values::{not_empty, of_property, shortened};

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
                entry
                    .property(&attribute)
                    .map_or(Value::Null, |value| of_property(&value))
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
