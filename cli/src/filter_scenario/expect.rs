//! What is expected of a stream, as it is written.

use outgate_sdk::manifest::Period;
use outgate_test_host::{AccessLogFormat, Action};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use crate::hosted::filter::Level;
use crate::notation::LengthOfTime;
use crate::notation::{Ordered, Shapes, Texts, read_by_shape, schema_of};

use super::budget::Budget;
use super::matcher::Matcher;

/// What must be so. Each field is checked when it is given; without any, only that the filter did not die.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Expect {
    /// Of a step that delivers something: what the filter's callback answered. A stream that is held, or has ended, pauses.
    pub(super) action: Option<ActionName>,
    /// Of a step that delivers something: whether the filter's callback ran.
    pub(super) called: Option<bool>,
    /// How the stream ended.
    pub(super) end: Option<EndName>,
    /// Whether the request reached the upstream.
    pub(super) forwarded: Option<bool>,
    /// The reply that the filter gave in place of the upstream, as it gave it. `{}`: any.
    pub(super) reply: Option<ReplyExpect>,
    /// The request as the upstream saw it. `{}`: any.
    pub(super) upstream: Option<UpstreamExpect>,
    /// The response as the client saw it. `{}`: any.
    pub(super) response: Option<ResponseExpect>,
    /// The response code details, such as `via_upstream`, or what the filter gave with its reply.
    pub(super) details: Option<Matcher>,
    /// Filter state by its key, such as `wasm.decision`: what `%FILTER_STATE(wasm.decision:PLAIN)%` would log.
    pub(super) filter_state: Ordered<Matcher>,
    /// Metrics by name: by how much they change. Of a histogram, by how many samples.
    pub(super) metrics: Ordered<Change>,
    /// What the filter logs.
    pub(super) logs: Option<LogsExpect>,
    /// The calls that the filter makes to other services: how many, or which.
    pub(super) callouts: Option<CalloutsExpect>,
    /// The line in Envoy's access log.
    pub(super) access_log: Option<AccessLogExpect>,
    /// What the stream may use at most; what is left out comes from the scenario's budget.
    pub(super) budget: Budget,
    /// How long it takes, by the filter's clock.
    #[schemars(with = "Option<LengthOfTime>")]
    pub(super) duration: Option<Period>,
    /// Whether the filter dies, or what the report of its death says. A filter that dies without this has failed.
    pub(super) trap: Option<TrapExpect>,
    /// The filter refuses its configuration, and this is one of the lines that it logs, or the error that comes of it.
    pub(super) refused: Option<Matcher>,
    /// A file with the stream's host calls, one a line, beside the scenario. `--update` writes it.
    pub(super) trace: Option<String>,
}

/// When it is known whether an expectation holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Known {
    /// When something was delivered to the filter, and it has answered.
    Answered,
    /// After any step.
    Always,
    /// When the stream has ended.
    Ended,
    /// When a configuration has been given to the filter.
    Configured,
}

impl Expect {
    /// The fields that are given, and when each is known.
    fn given(&self) -> impl Iterator<Item = (&'static str, Known)> {
        let fields = [
            ("action", Known::Answered, self.action.is_some()),
            ("called", Known::Answered, self.called.is_some()),
            ("end", Known::Ended, self.end.is_some()),
            ("forwarded", Known::Ended, self.forwarded.is_some()),
            ("reply", Known::Ended, self.reply.is_some()),
            ("upstream", Known::Ended, self.upstream.is_some()),
            ("response", Known::Ended, self.response.is_some()),
            ("details", Known::Ended, self.details.is_some()),
            ("filterState", Known::Ended, !self.filter_state.is_empty()),
            ("metrics", Known::Always, !self.metrics.is_empty()),
            ("logs", Known::Always, self.logs.is_some()),
            ("callouts", Known::Always, self.callouts.is_some()),
            ("accessLog", Known::Ended, self.access_log.is_some()),
            ("budget", Known::Ended, self.budget != Budget::default()),
            ("duration", Known::Ended, self.duration.is_some()),
            ("trap", Known::Always, self.trap.is_some()),
            ("refused", Known::Configured, self.refused.is_some()),
            ("trace", Known::Ended, self.trace.is_some()),
        ];
        fields
            .into_iter()
            .filter(|(.., given)| *given)
            .map(|(field, known, _)| (field, known))
    }

    /// The first field that is known only then, if one is given.
    pub(super) fn first_known(&self, when: Known) -> Option<&'static str> {
        self.given().find(|(_, known)| *known == when).map(|(field, _)| field)
    }

    /// The first field that is not known when nothing but a configuration is given to the filter.
    pub(super) fn besides_refused(&self) -> Option<&'static str> {
        self.given()
            .find(|(_, known)| *known != Known::Configured)
            .map(|(field, _)| field)
    }

    /// Whether the filter is meant to die.
    pub(super) fn wants_trap(&self) -> bool {
        matches!(self.trap, Some(TrapExpect::Some(true) | TrapExpect::Such(_))) || self.end == Some(EndName::Failed)
    }
}

/// What a callback of the filter answers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ActionName {
    Continue,
    Pause,
}

impl ActionName {
    pub(super) fn of(action: Action) -> Self {
        match action {
            Action::Continue => Self::Continue,
            Action::Pause => Self::Pause,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Pause => "pause",
        }
    }
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum EndName {
    /// The request reached the upstream, and whatever response there was reached the client.
    Forwarded,
    /// The filter replied in place of the upstream.
    Replied,
    /// The filter held more than the proxy's buffers take: the client got 413 or 500.
    Overflowed,
    /// The filter held the stream, and nothing let it go on.
    Paused,
    /// The filter closed the stream.
    Reset,
    /// The filter died, or was dead already: the client got 503.
    Failed,
}

impl EndName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Replied => "replied",
            Self::Overflowed => "overflowed",
            Self::Paused => "paused",
            Self::Reset => "reset",
            Self::Failed => "failed",
        }
    }
}

/// A reply of the filter.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ReplyExpect {
    /// The HTTP status.
    pub(super) status: Option<u32>,
    /// The response code details.
    pub(super) details: Option<Matcher>,
    /// Headers by name.
    pub(super) headers: Ordered<HeaderExpect>,
    /// Names of headers that are not there.
    pub(super) no_headers: Vec<String>,
    /// The body; an empty one is also an absent one.
    pub(super) body: Option<Matcher>,
    /// The gRPC status.
    pub(super) grpc_status: Option<u32>,
}

/// A request at the upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct UpstreamExpect {
    /// The method.
    pub(super) method: Option<Matcher>,
    /// The path with its query.
    pub(super) path: Option<Matcher>,
    /// Headers by name, pseudo headers among them.
    pub(super) headers: Ordered<HeaderExpect>,
    /// Names of headers that are not there.
    pub(super) no_headers: Vec<String>,
    /// The body; an empty one is also an absent one.
    pub(super) body: Option<Matcher>,
    /// Trailers by name.
    pub(super) trailers: Ordered<HeaderExpect>,
}

/// A response at the client.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ResponseExpect {
    /// The status.
    pub(super) status: Option<u32>,
    /// Headers by name.
    pub(super) headers: Ordered<HeaderExpect>,
    /// Names of headers that are not there.
    pub(super) no_headers: Vec<String>,
    /// The body; an empty one is also an absent one.
    pub(super) body: Option<Matcher>,
    /// Trailers by name.
    pub(super) trailers: Ordered<HeaderExpect>,
}

/// A header: what its lines are, one by one, or all of them with commas between them.
#[derive(Clone, Debug)]
pub(super) enum HeaderExpect {
    Joined(Matcher),
    Lines(Vec<Matcher>),
}

impl<'de> Shapes<'de> for HeaderExpect {
    const EXPECTED: &'static str = "a text, an object such as `{contains: …}`, or a list of them, one for each line";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            generator.subschema_for::<Matcher>(),
            generator.subschema_for::<Vec<Matcher>>(),
        ]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Joined(Matcher::Exact(text.to_owned())))
    }

    fn list<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        Vec::deserialize(list).map(Self::Lines)
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Matcher::deserialize(object).map(Self::Joined)
    }
}

/// By how much a metric changes: `1`, `+1`, `-1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Change(pub(super) i64);

impl<'de> Shapes<'de> for Change {
    const EXPECTED: &'static str = "a change, such as +1 or 0";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
            json_schema!({"type": "string", "pattern": "^[+-]?[0-9]+$"}),
        ]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let change = i64::try_from(number);
        change.map(Self).map_err(|_| Self::refused(format_args!("{number}")))
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        text.parse()
            .map(Self)
            .map_err(|_| Self::refused(format_args!("{text:?}")))
    }
}

/// What a filter logs: `contains`, `notContains` or `noneAt`, or several of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct LogsFields {
    /// For each of these texts there is a line with it in it.
    contains: Option<Texts>,
    /// For none of these texts there is a line with it in it.
    not_contains: Option<Texts>,
    /// Of which level the lines are that `contains` and `notContains` look at; without it, of any.
    level: Option<Level>,
    /// There is no line of this level or above.
    none_at: Option<Level>,
}

#[derive(Clone, Debug)]
pub(super) struct LogsExpect {
    pub(super) contains: Vec<String>,
    pub(super) not_contains: Vec<String>,
    pub(super) level: Option<Level>,
    pub(super) none_at: Option<Level>,
}

schema_of!(LogsExpect = LogsFields);

impl<'de> Deserialize<'de> for LogsExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = LogsFields::deserialize(deserializer)?;
        let texts = |texts: Option<Texts>| texts.map_or_else(Vec::new, |texts| texts.0);
        let expect = Self {
            contains: texts(fields.contains),
            not_contains: texts(fields.not_contains),
            level: fields.level,
            none_at: fields.none_at,
        };
        let has_texts = !expect.contains.is_empty() || !expect.not_contains.is_empty();
        if !has_texts && (expect.none_at.is_none() || expect.level.is_some()) {
            return Err(D::Error::custom(match expect.level {
                Some(_) => "`level` goes with `contains` or `notContains`",
                None => "this says nothing; write `contains`, `notContains` or `noneAt`",
            }));
        }
        Ok(expect)
    }
}

/// The callouts that were made: how many, or which.
#[derive(Clone, Debug)]
pub(super) enum CalloutsExpect {
    Number(usize),
    These(Vec<CalloutExpect>),
}

/// A call that the filter makes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct CalloutExpect {
    /// The name of the upstream: the cluster.
    pub(super) upstream: Option<Matcher>,
    /// The method of an HTTP call.
    pub(super) method: Option<Matcher>,
    /// The path; of a gRPC call, `/service/method`.
    pub(super) path: Option<Matcher>,
    /// Headers by name; of a gRPC call, its metadata.
    pub(super) headers: Ordered<HeaderExpect>,
    /// The body; of a gRPC call, its message. An empty one is also an absent one.
    pub(super) body: Option<Matcher>,
    /// Trailers by name.
    pub(super) trailers: Ordered<HeaderExpect>,
    /// The messages that the filter has sent on a gRPC stream, one after the other.
    pub(super) messages: Option<Vec<Matcher>>,
    /// Whether the filter has ended its side of a gRPC stream, or cancelled the call.
    pub(super) closed: Option<bool>,
    /// The timeout that the filter gave it.
    #[schemars(with = "Option<LengthOfTime>")]
    pub(super) timeout: Option<Period>,
}

impl<'de> Shapes<'de> for CalloutsExpect {
    const EXPECTED: &'static str = "how many, or a list of callouts";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "integer", "minimum": 0}),
            generator.subschema_for::<Vec<CalloutExpect>>(),
        ]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        let number = usize::try_from(number);
        number
            .map(Self::Number)
            .map_err(|_| Self::refused(format_args!("a number that is less than nothing")))
    }

    fn list<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        Vec::deserialize(list).map(Self::These)
    }
}

/// A line of Envoy's access log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessLogExpect {
    /// The format, as Envoy's `text_format`; as an object, its `json_format`.
    pub(super) format: LogFormat,
    /// The line.
    pub(super) line: Matcher,
}

#[derive(Clone, Debug)]
pub(super) struct LogFormat(pub(super) AccessLogFormat);

impl<'de> Shapes<'de> for LogFormat {
    const EXPECTED: &'static str = "a format of Envoy's access log: a text, or an object of texts";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": ["string", "object"]})]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        AccessLogFormat::text(text).map(Self).map_err(E::custom)
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let format = AccessLogFormat::json(&Value::deserialize(object)?);
        format.map(Self).map_err(D::Error::custom)
    }
}

/// Whether the filter dies, or how.
#[derive(Clone, Debug)]
pub(super) enum TrapExpect {
    Some(bool),
    Such(Matcher),
}

impl<'de> Shapes<'de> for TrapExpect {
    const EXPECTED: &'static str = "a boolean, or what the trap's report says, such as `{contains: unreachable}`";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "boolean"}), generator.subschema_for::<Matcher>()]
    }

    fn boolean<E: Error>(value: bool) -> Result<Self, E> {
        Ok(Self::Some(value))
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Such(Matcher::Exact(text.to_owned())))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Matcher::deserialize(object).map(Self::Such)
    }
}

read_by_shape!(HeaderExpect, Change, CalloutsExpect, LogFormat, TrapExpect);
