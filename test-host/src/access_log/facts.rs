//! The operators that take nothing: the values that a stream has or has not.

use serde_json::Value;

use super::address;
use super::entry::LogEntry;
use super::grpc_status;
use super::values::{not_empty, of_property};
use crate::header_map::HeaderMap;
use crate::property::Property;

const NANOSECONDS_OF_MILLISECOND: u64 = 1_000_000;

/// The path of an attribute: its group and its name.
type Attribute = [&'static str; 2];

/// A value that a stream has or has not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fact {
    Protocol,
    ResponseCode,
    ResponseFlags,
    BytesReceived,
    BytesSent,
    RequestHeadersBytes,
    ResponseHeadersBytes,
    ResponseTrailersBytes,
    Duration,
    RequestDuration,
    ResponseDuration,
    ResponseTxDuration,
    GrpcStatusNumber,
    /// Text; what is empty is absent.
    Text(Attribute),
    /// Text in which `_` stands for every space.
    Reason(Attribute),
    /// A number; what is absent is 0.
    Number(Attribute),
    Address(Attribute),
    Host(Attribute),
    Port(Attribute),
}

impl Fact {
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut facts = FACTS.iter();
        facts.find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FACTS.iter().map(|(name, _)| *name)
    }

    pub(super) fn value(self, entry: &LogEntry<'_>) -> Value {
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
            Self::GrpcStatusNumber => grpc_status::of(entry).into(),
            Self::Text(path) => text(entry, path).into(),
            Self::Reason(path) => text(entry, path).map(|text| text.replace(' ', "_")).into(),
            Self::Number(path) => number(entry, path),
            Self::Address(path) => text(entry, path).into(),
            Self::Host(path) => text(entry, path).map(|text| address::split(&text).0.to_owned()).into(),
            Self::Port(path) => text(entry, path).and_then(|text| address::split(&text).1).into(),
        }
    }
}

fn text(entry: &LogEntry<'_>, path: Attribute) -> Option<String> {
    let text = match entry.property(&path)? {
        // Envoy joins the names of a certificate like this.
        Property::List(items) => items.iter().filter_map(plain).collect::<Vec<_>>().join(","),
        value => plain(&value)?,
    };
    (!text.is_empty()).then_some(text)
}

fn plain(value: &Property) -> Option<String> {
    match of_property(value) {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    }
}

fn number(entry: &LogEntry<'_>, path: Attribute) -> Value {
    let value = entry.property(&path).map(|value| of_property(&value));
    value.filter(Value::is_number).unwrap_or_else(|| 0.into())
}

/// The operators that take nothing.
///
/// Nothing on the way changes an address here, so the direct addresses are the others. Of the names in a certificate the
/// attributes have the first one only; Envoy's operators print all of them.
const FACTS: [(&str, Fact); 55] = [
    ("PROTOCOL", Fact::Protocol),
    ("RESPONSE_CODE", Fact::ResponseCode),
    ("RESPONSE_FLAGS", Fact::ResponseFlags),
    ("BYTES_RECEIVED", Fact::BytesReceived),
    ("BYTES_SENT", Fact::BytesSent),
    ("REQUEST_HEADERS_BYTES", Fact::RequestHeadersBytes),
    ("RESPONSE_HEADERS_BYTES", Fact::ResponseHeadersBytes),
    ("RESPONSE_TRAILERS_BYTES", Fact::ResponseTrailersBytes),
    ("DURATION", Fact::Duration),
    ("REQUEST_DURATION", Fact::RequestDuration),
    ("RESPONSE_DURATION", Fact::ResponseDuration),
    ("RESPONSE_TX_DURATION", Fact::ResponseTxDuration),
    ("GRPC_STATUS_NUMBER", Fact::GrpcStatusNumber),
    ("CONNECTION_ID", Fact::Number(["connection", "id"])),
    (
        "CONNECTION_TERMINATION_DETAILS",
        Fact::Text(["connection", "termination_details"]),
    ),
    (
        "REQUESTED_SERVER_NAME",
        Fact::Text(["connection", "requested_server_name"]),
    ),
    ("DOWNSTREAM_REMOTE_ADDRESS", Fact::Address(["source", "address"])),
    (
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
        Fact::Host(["source", "address"]),
    ),
    ("DOWNSTREAM_REMOTE_PORT", Fact::Port(["source", "address"])),
    ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", Fact::Address(["source", "address"])),
    (
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
        Fact::Host(["source", "address"]),
    ),
    ("DOWNSTREAM_DIRECT_REMOTE_PORT", Fact::Port(["source", "address"])),
    ("DOWNSTREAM_LOCAL_ADDRESS", Fact::Address(["destination", "address"])),
    (
        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
        Fact::Host(["destination", "address"]),
    ),
    ("DOWNSTREAM_LOCAL_PORT", Fact::Port(["destination", "address"])),
    (
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
        Fact::Address(["destination", "address"]),
    ),
    (
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
        Fact::Host(["destination", "address"]),
    ),
    ("DOWNSTREAM_DIRECT_LOCAL_PORT", Fact::Port(["destination", "address"])),
    (
        "DOWNSTREAM_PEER_URI_SAN",
        Fact::Text(["connection", "uri_san_peer_certificate"]),
    ),
    (
        "DOWNSTREAM_PEER_DNS_SAN",
        Fact::Text(["connection", "dns_san_peer_certificate"]),
    ),
    (
        "DOWNSTREAM_PEER_SUBJECT",
        Fact::Text(["connection", "subject_peer_certificate"]),
    ),
    (
        "DOWNSTREAM_PEER_FINGERPRINT_256",
        Fact::Text(["connection", "sha256_peer_certificate_digest"]),
    ),
    (
        "DOWNSTREAM_LOCAL_URI_SAN",
        Fact::Text(["connection", "uri_san_local_certificate"]),
    ),
    (
        "DOWNSTREAM_LOCAL_DNS_SAN",
        Fact::Text(["connection", "dns_san_local_certificate"]),
    ),
    (
        "DOWNSTREAM_LOCAL_SUBJECT",
        Fact::Text(["connection", "subject_local_certificate"]),
    ),
    ("DOWNSTREAM_TLS_VERSION", Fact::Text(["connection", "tls_version"])),
    (
        "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
        Fact::Reason(["connection", "transport_failure_reason"]),
    ),
    ("UPSTREAM_HOST", Fact::Address(["upstream", "address"])),
    ("UPSTREAM_REMOTE_ADDRESS", Fact::Address(["upstream", "address"])),
    (
        "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
        Fact::Host(["upstream", "address"]),
    ),
    ("UPSTREAM_REMOTE_PORT", Fact::Port(["upstream", "address"])),
    ("UPSTREAM_LOCAL_ADDRESS", Fact::Address(["upstream", "local_address"])),
    (
        "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
        Fact::Host(["upstream", "local_address"]),
    ),
    ("UPSTREAM_LOCAL_PORT", Fact::Port(["upstream", "local_address"])),
    (
        "UPSTREAM_PEER_URI_SAN",
        Fact::Text(["upstream", "uri_san_peer_certificate"]),
    ),
    (
        "UPSTREAM_PEER_DNS_SAN",
        Fact::Text(["upstream", "dns_san_peer_certificate"]),
    ),
    (
        "UPSTREAM_PEER_SUBJECT",
        Fact::Text(["upstream", "subject_peer_certificate"]),
    ),
    (
        "UPSTREAM_LOCAL_URI_SAN",
        Fact::Text(["upstream", "uri_san_local_certificate"]),
    ),
    (
        "UPSTREAM_LOCAL_DNS_SAN",
        Fact::Text(["upstream", "dns_san_local_certificate"]),
    ),
    ("UPSTREAM_TLS_VERSION", Fact::Text(["upstream", "tls_version"])),
    (
        "UPSTREAM_TRANSPORT_FAILURE_REASON",
        Fact::Reason(["upstream", "transport_failure_reason"]),
    ),
    (
        "UPSTREAM_REQUEST_ATTEMPT_COUNT",
        Fact::Number(["upstream", "request_attempt_count"]),
    ),
    ("UPSTREAM_CLUSTER", Fact::Text(["xds", "cluster_name"])),
    ("ROUTE_NAME", Fact::Text(["xds", "route_name"])),
    ("FILTER_CHAIN_NAME", Fact::Text(["xds", "filter_chain_name"])),
];
