//! The operators: their names, and what they take.

use super::error::Problem;
use super::facts::Fact;
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
        if let Some(fact) = Fact::named(call.name) {
            let takes_nothing = call.argument.is_empty() && call.length.is_none();
            return takes_nothing.then_some(Self::Fact(fact)).ok_or(Problem::TakesNothing);
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
    let mut closest: Vec<&str> = Fact::names().chain(WITH_ARGUMENT).collect();
    closest.sort_by_cached_key(|known| strsim::damerau_levenshtein(known, name));
    closest.truncate(3);
    Problem::Unknown { closest }
}

/// What [`Operator::new`] knows beside the facts.
pub(super) const WITH_ARGUMENT: [&str; 11] = [
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
    "RESPONSE_CODE_DETAILS",
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
