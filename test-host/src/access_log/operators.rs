//! The operators: their names, and what they take.

use super::error::Problem;
use super::grpc_status::GrpcForm;
use super::parse::Call;
use super::time_format::TimeFormat;

/// An operator with its arguments, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    /// One that takes nothing.
    Fact(Fact),
    Header(Header),
    FilterState {
        key: String,
        form: FilterStateForm,
        length: Option<usize>,
    },
    DynamicMetadata {
        /// The namespace, then the keys into it.
        path: Vec<String>,
        length: Option<usize>,
    },
    Time {
        moment: Moment,
        format: TimeFormat,
    },
    GrpcStatus(GrpcForm),
    ResponseCodeDetails {
        keeps_spaces: bool,
    },
}

/// The path of an attribute: its group and its name.
pub(super) type Attribute = [&'static str; 2];

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

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) map: Map,
    pub(super) name: String,
    /// Asked for when the first name is not there; empty when there is no such name.
    pub(super) alternative: String,
    pub(super) without_query: bool,
    pub(super) length: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Map {
    Request,
    Response,
    ResponseTrailers,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FilterStateForm {
    /// The string that it is.
    Plain,
    /// The JSON of the protobuf message that it is.
    Typed,
    /// One field of it.
    Field,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    Start,
    Emit,
}

impl Operator {
    pub(super) fn new(call: Call<'_>) -> Result<Self, Problem> {
        if let Some((_, fact)) = FACTS.iter().find(|(name, _)| *name == call.name) {
            let takes_nothing = call.argument.is_empty() && call.length.is_none();
            return takes_nothing.then_some(Self::Fact(*fact)).ok_or(Problem::TakesNothing);
        }
        match call.name {
            "REQ" => Ok(Self::Header(Header::new(call, Map::Request)?)),
            "REQ_WITHOUT_QUERY" => {
                let header = Header::new(call, Map::Request)?;
                Ok(Self::Header(Header {
                    without_query: true,
                    ..header
                }))
            }
            "RESP" => Ok(Self::Header(Header::new(call, Map::Response)?)),
            "TRAILER" => Ok(Self::Header(Header::new(call, Map::ResponseTrailers)?)),
            "FILTER_STATE" => filter_state(call),
            "DYNAMIC_METADATA" if call.length.is_some() => Err(Problem::MetadataTakesNoLength),
            "DYNAMIC_METADATA" => dynamic_metadata(call.required("%DYNAMIC_METADATA(namespace:key)%")?, call.length),
            "METADATA" => metadata(call),
            "START_TIME" => time(call, Moment::Start),
            "EMIT_TIME" => time(call, Moment::Emit),
            "GRPC_STATUS" => Ok(Self::GrpcStatus(GrpcForm::parse(call.without_length()?)?)),
            "GRPC_STATUS_NUMBER" if call.argument.is_empty() && call.length.is_none() => {
                Ok(Self::GrpcStatus(GrpcForm::Number))
            }
            "GRPC_STATUS_NUMBER" => Err(Problem::TakesNothing),
            "RESPONSE_CODE_DETAILS" => Ok(Self::ResponseCodeDetails {
                // Envoy takes any other argument for none.
                keeps_spaces: call.without_length()? == "ALLOW_WHITESPACES",
            }),
            name => Err(unknown(name)),
        }
    }
}

impl<'a> Call<'a> {
    fn required(&self, example: &'static str) -> Result<&'a str, Problem> {
        if self.argument.is_empty() {
            return Err(Problem::NeedsArgument { example });
        }
        Ok(self.argument)
    }

    fn without_length(&self) -> Result<&'a str, Problem> {
        match self.length {
            Some(_) => Err(Problem::TakesNoLength),
            None => Ok(self.argument),
        }
    }
}

impl Header {
    fn new(call: Call<'_>, map: Map) -> Result<Self, Problem> {
        let argument = call.required("%REQ(:PATH)%, %RESP(SERVER)% or %REQ(X-FIRST?X-SECOND):16%")?;
        let (name, alternative) = argument.split_once('?').unwrap_or((argument, ""));
        if alternative.contains('?') {
            return Err(Problem::TooManyAlternatives);
        }
        for name in [name, alternative] {
            if !is_header_name(name) {
                return Err(Problem::HeaderName(name.to_owned()));
            }
        }
        Ok(Self {
            map,
            name: name.to_owned(),
            alternative: alternative.to_owned(),
            without_query: false,
            length: call.length,
        })
    }
}

/// Can a header have this name? An empty one is fine: it is never there.
fn is_header_name(name: &str) -> bool {
    let name = name.strip_prefix(':').unwrap_or(name);
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn filter_state(call: Call<'_>) -> Result<Operator, Problem> {
    let example = "%FILTER_STATE(wasm.decision:PLAIN)%";
    // Envoy looks at three parts, and not at what may follow them.
    let mut parts = call.argument.split(':');
    let key = parts.next().filter(|key| !key.is_empty());
    let key = key.ok_or(Problem::NeedsArgument { example })?;
    let (form, field) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let form = match form {
        "PLAIN" => FilterStateForm::Plain,
        "" | "TYPED" => FilterStateForm::Typed,
        "FIELD" => FilterStateForm::Field,
        _ => return Err(Problem::FilterStateForm(form.to_owned())),
    };
    if (form == FilterStateForm::Field) == field.is_empty() {
        return Err(Problem::FilterStateField);
    }
    Ok(Operator::FilterState {
        key: key.to_owned(),
        form,
        length: call.length,
    })
}

fn dynamic_metadata(path: &str, length: Option<usize>) -> Result<Operator, Problem> {
    Ok(Operator::DynamicMetadata {
        path: path.split(':').map(str::to_owned).collect(),
        length,
    })
}

fn metadata(call: Call<'_>) -> Result<Operator, Problem> {
    let example = "%METADATA(DYNAMIC:namespace:key)%";
    let (kind, path) = call.required(example)?.split_once(':').unwrap_or((call.argument, ""));
    if kind != "DYNAMIC" {
        return Err(Problem::MetadataKind(kind.to_owned()));
    }
    if path.is_empty() {
        return Err(Problem::NeedsArgument { example });
    }
    dynamic_metadata(path, call.length)
}

fn time(call: Call<'_>, moment: Moment) -> Result<Operator, Problem> {
    let format = TimeFormat::parse(call.without_length()?)?;
    Ok(Operator::Time { moment, format })
}

fn unknown(name: &str) -> Problem {
    if let Some((_, because)) = UNAVAILABLE.iter().find(|(known, _)| *known == name) {
        return Problem::Unavailable { because };
    }
    let facts = FACTS.iter().map(|(known, _)| *known);
    let mut closest: Vec<&str> = facts.chain(WITH_ARGUMENT).collect();
    closest.sort_by_cached_key(|known| strsim::damerau_levenshtein(known, name));
    closest.truncate(3);
    Problem::Unknown { closest }
}

/// What [`Operator::new`] knows beside [`FACTS`].
const WITH_ARGUMENT: [&str; 12] = [
    "REQ",
    "REQ_WITHOUT_QUERY",
    "RESP",
    "TRAILER",
    "FILTER_STATE",
    "DYNAMIC_METADATA",
    "METADATA",
    "START_TIME",
    "EMIT_TIME",
    "GRPC_STATUS",
    "GRPC_STATUS_NUMBER",
    "RESPONSE_CODE_DETAILS",
];

/// The operators that take nothing.
///
/// Nothing on the way changes an address here, so the direct addresses are the others. Of the names in a certificate the
/// attributes have the first one only; Envoy's operators print all of them.
const FACTS: [(&str, Fact); 54] = [
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

/// Operators of Envoy whose value does not exist here.
const UNAVAILABLE: [(&str, &str); 14] = [
    ("HOSTNAME", "it would print the name of the machine that runs the test"),
    ("ENVIRONMENT", "it would print the environment of the test"),
    ("UNIQUE_ID", "it is random, and nothing here is"),
    (
        "STREAM_ID",
        "Envoy's request id extension makes it, which does not run here",
    ),
    ("TRACE_ID", "no tracer runs here"),
    (
        "START_TIME_LOCAL",
        "the time zone would be that of the machine that runs the test; START_TIME is in UTC",
    ),
    (
        "EMIT_TIME_LOCAL",
        "the time zone would be that of the machine that runs the test; EMIT_TIME is in UTC",
    ),
    ("UPSTREAM_PROTOCOL", "no bytes go to an upstream here"),
    ("CLUSTER_METADATA", "clusters have no metadata here"),
    ("UPSTREAM_METADATA", "upstream hosts have no metadata here"),
    (
        "UPSTREAM_FILTER_STATE",
        "upstream connections have no filter state here",
    ),
    (
        "LOCAL_REPLY_BODY",
        "Envoy has it while it makes a local reply, and not in an access log",
    ),
    (
        "COMMON_DURATION",
        "most of its moments do not exist here; DURATION, REQUEST_DURATION and RESPONSE_DURATION do",
    ),
    ("REQUEST_TX_DURATION", "no bytes go to an upstream here"),
];
