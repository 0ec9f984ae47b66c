//! Access logs: the line that Envoy writes for a finished stream, by a format.

mod address;
mod entry;
mod error;
mod evaluate;
mod facts;
mod grpc_status;
mod json_template;
mod operators;
mod parse;
#[cfg(test)]
mod tests;
mod time_format;
mod values;

use json_template::JsonTemplate;
use parse::{Part, Template};

pub(crate) use entry::LogEntry;
pub use error::FormatError;

/// What Envoy prints for an absent value in a text.
const ABSENT: &str = "-";

/// A format of Envoy's access log: what stands in `text_format_source`, or in `json_format`.
///
/// ```
/// use outgate_test_host::AccessLogFormat;
/// use serde_json::json;
///
/// # fn main() -> Result<(), outgate_test_host::FormatError> {
/// AccessLogFormat::text("%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH):80% %RESPONSE_CODE%\n")?;
/// AccessLogFormat::json(&json!({
///     "status": "%RESPONSE_CODE%",
///     "decision": "%FILTER_STATE(wasm.decision:PLAIN)%",
///     "time": "%START_TIME(%s.%3f)%",
/// }))?;
/// # Ok(())
/// # }
/// ```
///
/// # What it prints
///
/// An operator is `%NAME(argument):length%`; `%%` is a percent sign. A length counts bytes. What is absent is `-` in a text
/// and null as the only thing in a JSON field; `%RESPONSE_FLAGS%` is `-` in both. In JSON, a field that is exactly one
/// operator has its type, so `"%DURATION%"` is a number; fields are sorted by name, as Envoy sorts them.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLogFormat(Form);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Text(Template),
    Json(JsonTemplate),
}

impl AccessLogFormat {
    /// A line of text. Envoy adds no line break: the format has to.
    ///
    /// # Errors
    /// At the first operator that Envoy refuses, or whose value this host cannot know.
    pub fn text(format: &str) -> Result<Self, FormatError> {
        Ok(Self(Form::Text(Template::parse(format)?)))
    }

    /// A JSON object, in one line. Its fields are texts with operators, constants, or lists and objects of these.
    ///
    /// # Errors
    /// As for [`AccessLogFormat::text`], and when `format` is no object.
    pub fn json(format: &serde_json::Value) -> Result<Self, FormatError> {
        Ok(Self(Form::Json(JsonTemplate::parse(format)?)))
    }

    /// The line for a stream. The one of a JSON format has no line break at its end.
    pub(crate) fn render(&self, entry: &LogEntry<'_>) -> String {
        match &self.0 {
            Form::Text(template) => template.render(entry),
            Form::Json(template) => template.value(entry).to_string(),
        }
    }
}

impl Template {
    fn render(&self, entry: &LogEntry<'_>) -> String {
        let mut line = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => line.push_str(text),
                Part::Operator(operator) => line.push_str(operator.text(entry).as_deref().unwrap_or(ABSENT)),
            }
        }
        line
    }
}
