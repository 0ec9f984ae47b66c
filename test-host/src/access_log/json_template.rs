//! A JSON format: an object whose texts are formats.

use serde_json::Value;

use super::entry::LogEntry;
use super::error::{FormatError, Problem};
use super::parse::{Part, Template};

/// A value of a JSON format.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum JsonTemplate {
    /// Printed as it is.
    Constant(Value),
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl JsonTemplate {
    pub(super) fn parse(format: &Value) -> Result<Self, FormatError> {
        if !format.is_object() {
            let found = match format {
                Value::Null => "null",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                Value::String(_) => "a string",
                Value::Array(_) => "a list",
                Value::Object(_) => "an object",
            };
            return Err(FormatError::new(found, 1, Problem::NotAnObject));
        }
        Self::parse_at("", format)
    }

    fn parse_at(field: &str, format: &Value) -> Result<Self, FormatError> {
        Ok(match format {
            Value::String(text) => Self::Text(Template::parse(text).map_err(|error| error.in_field(field))?),
            Value::Array(items) => {
                let item = |(index, item)| Self::parse_at(&format!("{field}[{index}]"), item);
                Self::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let dot = if field.is_empty() { "" } else { "." };
                let inner = |(name, format): (&String, _)| {
                    Ok((name.clone(), Self::parse_at(&format!("{field}{dot}{name}"), format)?))
                };
                Self::Object(fields.iter().map(inner).collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Constant(format.clone()),
        })
    }

    pub(super) fn value(&self, entry: &LogEntry<'_>) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Text(template) => match &template.parts[..] {
                [Part::Operator(operator)] => operator.value(entry),
                _ => template.render(entry).into(),
            },
            Self::List(items) => items.iter().map(|item| item.value(entry)).collect(),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, field)| (name.clone(), field.value(entry)));
                Value::Object(fields.collect())
            }
        }
    }
}
