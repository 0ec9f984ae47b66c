//! `--property PATH=TYPE:VALUE`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outgate_test_host::Property;

use super::instant;

/// A property that the filter can read.
#[derive(Clone, Debug)]
pub(crate) struct GivenProperty {
    pub(crate) path: Vec<String>,
    pub(crate) value: Property,
}

const TYPES: &str = "string, int, uint, bool, double, timestamp (RFC 3339), bytes (base64) or json";

impl GivenProperty {
    /// A path is dotted; one with dots in a segment is a JSON array of segments.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("expected PATH=TYPE:VALUE, where TYPE is {TYPES}");
        // A segment of an array may have the sign in it.
        let split = if text.starts_with('[') {
            text.split_once("]=").map(|(path, value)| (format!("{path}]"), value))
        } else {
            text.split_once('=').map(|(path, value)| (path.to_owned(), value))
        };
        let (path, value) = split.ok_or_else(expected)?;
        let (kind, value) = value.split_once(':').ok_or_else(expected)?;
        let path: Vec<String> = if path.starts_with('[') {
            serde_json::from_str(&path).map_err(|error| format!("the path is no array of texts: {error}"))?
        } else {
            path.split('.').map(str::to_owned).collect()
        };
        if path.iter().all(String::is_empty) {
            return Err(expected());
        }
        Ok(Self {
            path,
            value: read(kind, value)?,
        })
    }

    pub(crate) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

fn read(kind: &str, value: &str) -> Result<Property, String> {
    let not = |what: &str| format!("`{value}` is no {what}");
    Ok(match kind {
        "string" => Property::from(value),
        "int" => Property::Int(value.parse().map_err(|_| not("integer of 64 bits"))?),
        "uint" => Property::Uint(value.parse().map_err(|_| not("unsigned integer of 64 bits"))?),
        "bool" => Property::Bool(value.parse().map_err(|_| not("boolean: true or false"))?),
        "double" => Property::Double(value.parse().map_err(|_| not("number"))?),
        "timestamp" => Property::Timestamp(instant::parse(value)?),
        "bytes" => Property::Bytes(STANDARD.decode(value).map_err(|_| not("base64"))?),
        "json" => {
            let json: serde_json::Value = serde_json::from_str(value).map_err(|error| format!("no JSON: {error}"))?;
            Property::from(&json)
        }
        _ => return Err(format!("there is no type `{kind}`: it is {TYPES}")),
    })
}
