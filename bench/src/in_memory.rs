//! A call as the engine reads it, with everything at hand: what is measured is the decision alone.

use std::net::{IpAddr, Ipv4Addr};

use outgate_policy::{Fields, Headers, Metadata, MetadataValue, Peer, Request, Unreadable};
use serde_json::Value;

use crate::call::{Call, PORT};

/// A request that answers at once.
#[derive(Clone, Debug)]
pub struct InMemory {
    headers: Headers,
    peer: Peer,
    source: IpAddr,
    metadata: Metadata,
}

impl From<&Call> for InMemory {
    fn from(call: &Call) -> Self {
        let names = call.principals.iter().map(|principal| format!("spiffe://{principal}"));
        Self {
            headers: call.header_lines().collect(),
            peer: Peer::new(names, [], ""),
            source: call.source,
            metadata: call
                .claims
                .as_ref()
                .map_or_else(Metadata::default, |claims| Metadata::of_token(fields(claims))),
        }
    }
}

fn fields(object: &Value) -> Fields {
    let entries = object.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), metadata_value(value)))
        .collect()
}

fn metadata_value(value: &Value) -> MetadataValue {
    match value {
        Value::Null => MetadataValue::Null,
        Value::Bool(truth) => MetadataValue::Bool(*truth),
        Value::Number(number) => MetadataValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => MetadataValue::String(text.clone().into()),
        Value::Array(elements) => MetadataValue::List(elements.iter().map(metadata_value).collect()),
        Value::Object(_) => MetadataValue::Struct(fields(value)),
    }
}

impl Request for InMemory {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        Ok(&self.headers)
    }
    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        Ok(Some(&self.peer))
    }
    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(Some(self.source))
    }
    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(Some(self.source))
    }
    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(Some(Ipv4Addr::LOCALHOST.into()))
    }
    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        Ok(Some(PORT))
    }
    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        Ok(Some(b"api.example.com"))
    }
    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        Ok(&self.metadata)
    }
}
