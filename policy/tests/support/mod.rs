//! A request for tests.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;

use outgate_policy::{Attribute, Fields, Headers, Metadata, MetadataValue, Peer, Request, Unreadable};

/// A request that notes what it was asked for, and can refuse to answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    headers: Vec<(String, Vec<u8>)>,
    collected: Headers,
    peer: Option<Peer>,
    source_ip: Option<IpAddr>,
    remote_ip: Option<IpAddr>,
    port: Option<u16>,
    sni: Option<Vec<u8>>,
    metadata: Metadata,
    unreadable: Option<Attribute>,
    asked: RefCell<BTreeSet<Attribute>>,
}

#[allow(dead_code, reason = "each test file uses some")]
impl Call {
    pub(crate) fn get(url: &str) -> Self {
        let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        Self::default()
            .header(":authority", authority)
            .header(":path", path)
            .header(":method", "GET")
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self.collected = self.headers.iter().map(|(name, value)| (name, value)).collect();
        self
    }

    pub(crate) fn by(self, principal: &str) -> Self {
        self.peer(Peer::workload(principal))
    }

    pub(crate) fn peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    pub(crate) fn source_ip(mut self, address: &str) -> Self {
        self.source_ip = Some(address.parse().unwrap());
        self
    }

    pub(crate) fn remote_ip(mut self, address: &str) -> Self {
        self.remote_ip = Some(address.parse().unwrap());
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    pub(crate) fn sni(mut self, name: &str) -> Self {
        self.sni = Some(name.as_bytes().to_vec());
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: &serde_json::Value) -> Self {
        let fields: Fields = [(name.to_owned(), metadata_value(value))].into_iter().collect();
        self.metadata = Metadata::of_token(fields);
        self
    }

    pub(crate) fn metadata(mut self, filter: &str, key: &str, text: &[u8]) -> Self {
        let fields = [(key.to_owned(), MetadataValue::String(text.to_vec()))];
        self.metadata = [(filter.to_owned(), fields.into_iter().collect())]
            .into_iter()
            .collect();
        self
    }

    pub(crate) fn unreadable(mut self, attribute: Attribute) -> Self {
        self.unreadable = Some(attribute);
        self
    }

    pub(crate) fn asked(&self) -> BTreeSet<Attribute> {
        self.asked.borrow().clone()
    }

    fn ask(&self, attribute: Attribute) -> Result<(), Unreadable> {
        self.asked.borrow_mut().insert(attribute);
        if self.unreadable == Some(attribute) {
            return Err(Unreadable {
                attribute,
                cause: "the test says so",
            });
        }
        Ok(())
    }
}

fn metadata_value(value: &serde_json::Value) -> MetadataValue {
    use serde_json::Value;
    match value {
        Value::Null => MetadataValue::Null,
        Value::Bool(value) => MetadataValue::Bool(*value),
        Value::Number(number) => MetadataValue::Number(number.as_f64().unwrap()),
        Value::String(text) => MetadataValue::String(text.clone().into()),
        Value::Array(elements) => MetadataValue::List(elements.iter().map(metadata_value).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), metadata_value(value)));
            MetadataValue::Struct(fields.collect())
        }
    }
}

impl Request for Call {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        self.ask(Attribute::Headers).map(|()| &self.collected)
    }
    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        self.ask(Attribute::Peer).map(|()| self.peer.as_ref())
    }
    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.ask(Attribute::SourceIp).map(|()| self.source_ip)
    }
    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.ask(Attribute::RemoteIp).map(|()| self.remote_ip)
    }
    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.ask(Attribute::DestinationIp).map(|()| None)
    }
    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        self.ask(Attribute::DestinationPort).map(|()| self.port)
    }
    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        self.ask(Attribute::Sni).map(|()| self.sni.as_deref())
    }
    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        self.ask(Attribute::Metadata).map(|()| &self.metadata)
    }
}
