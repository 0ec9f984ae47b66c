//! `--property PATH=TYPE:VALUE`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outgate_test_host::Property;
use serde::de::{Deserialize, Deserializer, Error};

use super::instant;

/// A property that the filter can read.
#[derive(Clone, Debug)]
pub(crate) struct GivenProperty {
    pub(crate) path: PropertyPath,
    pub(crate) value: Property,
}

const TYPES: &str = "string, int, uint, bool, double, timestamp (RFC 3339), bytes (base64) or json";

impl GivenProperty {
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
        Ok(Self {
            path: PropertyPath::parse(&path)?,
            value: read(kind, value)?,
        })
    }
}

/// The way to a property: `xds.cluster_name`, or `["metadata", "filter_metadata", "my.filter"]` where a segment has a dot in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PropertyPath(Vec<String>);

impl PropertyPath {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('[') {
            return match serde_json::from_str::<Vec<String>>(text) {
                Ok(segments) if !segments.is_empty() => Ok(Self(segments)),
                Ok(_) => Err("a path has at least one segment".to_owned()),
                Err(error) => Err(format!("the path {text} is no JSON array of texts: {error}")),
            };
        }
        if text.split('.').any(str::is_empty) {
            return Err(format!(
                "the path `{text}` has an empty segment; write it as xds.cluster_name, or as a JSON array of its segments"
            ));
        }
        Ok(Self(text.split('.').map(str::to_owned).collect()))
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl<'de> Deserialize<'de> for PropertyPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
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
