//! What is expected of a stream, as it is written.

use outgate_sdk::manifest::Period;
use outgate_test_host::{AccessLogFormat, Action};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use crate::hosted::filter::Level;
use crate::notation::{Ordered, Shapes, Texts, read_by_shape};

use super::matcher::Matcher;
use super::values::Quantity;

/// What must be so. Each field is checked when it is given; without any, only that the filter did not die.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Expect {
    /// What a step's callback answered.
    pub(super) action: Option<ActionName>,
    /// Whether a step's callback ran.
    pub(super) called: Option<bool>,
    pub(super) end: Option<EndName>,
    pub(super) forwarded: Option<bool>,
    /// The reply that the filter gave in place of the upstream, as it gave it.
    pub(super) reply: Option<ReplyExpect>,
    /// The request as the upstream saw it.
    pub(super) upstream: Option<UpstreamExpect>,
    /// The response as the client saw it.
    pub(super) response: Option<ResponseExpect>,
    pub(super) details: Option<Matcher>,
    pub(super) filter_state: Ordered<Matcher>,
    pub(super) metrics: Ordered<Change>,
    pub(super) logs: Option<LogsExpect>,
    pub(super) callouts: Option<CalloutsExpect>,
    pub(super) access_log: Option<AccessLogExpect>,
    pub(super) budget: Budget,
    pub(super) duration: Option<Period>,
    pub(super) trap: Option<TrapExpect>,
    /// The filter refuses its configuration, and says this.
    pub(super) refused: Option<Matcher>,
    /// A file with the host calls, line by line.
    pub(super) trace: Option<String>,
}

impl Expect {
    /// A field that is known only of a stream that has ended, if one is given.
    pub(super) fn of_whole_stream(&self) -> Option<&'static str> {
        let fields = [
            ("end", self.end.is_some()),
            ("forwarded", self.forwarded.is_some()),
            ("reply", self.reply.is_some()),
            ("upstream", self.upstream.is_some()),
            ("response", self.response.is_some()),
            ("details", self.details.is_some()),
            ("filterState", !self.filter_state.is_empty()),
            ("accessLog", self.access_log.is_some()),
            ("budget", self.budget != Budget::default()),
            ("duration", self.duration.is_some()),
            ("trap", self.trap.is_some()),
            ("trace", self.trace.is_some()),
        ];
        fields.iter().find(|(_, given)| *given).map(|(field, _)| *field)
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
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

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum EndName {
    Forwarded,
    Replied,
    Overflowed,
    Paused,
    Reset,
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ReplyExpect {
    pub(super) status: Option<u32>,
    pub(super) details: Option<Matcher>,
    pub(super) headers: Ordered<HeaderExpect>,
    pub(super) no_headers: Vec<String>,
    pub(super) body: Option<Matcher>,
    pub(super) grpc_status: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct UpstreamExpect {
    pub(super) method: Option<Matcher>,
    pub(super) path: Option<Matcher>,
    pub(super) headers: Ordered<HeaderExpect>,
    pub(super) no_headers: Vec<String>,
    pub(super) body: Option<Matcher>,
    pub(super) trailers: Ordered<HeaderExpect>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ResponseExpect {
    pub(super) status: Option<u32>,
    pub(super) headers: Ordered<HeaderExpect>,
    pub(super) no_headers: Vec<String>,
    pub(super) body: Option<Matcher>,
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct LogsExpect {
    /// For each, one of the lines has it in it.
    pub(super) contains: Texts,
    pub(super) not_contains: Texts,
    /// Of which level the lines are that are looked at.
    pub(super) level: Option<Level>,
    pub(super) none_at: Option<Level>,
}

/// The callouts that were made: how many, or which.
#[derive(Clone, Debug)]
pub(super) enum CalloutsExpect {
    Number(usize),
    These(Vec<CalloutExpect>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct CalloutExpect {
    pub(super) upstream: Option<Matcher>,
    pub(super) method: Option<Matcher>,
    pub(super) path: Option<Matcher>,
    pub(super) headers: Ordered<HeaderExpect>,
    pub(super) body: Option<Matcher>,
    pub(super) timeout: Option<Period>,
}

impl<'de> Shapes<'de> for CalloutsExpect {
    const EXPECTED: &'static str = "how many, or a list of callouts";

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

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessLogExpect {
    pub(super) format: LogFormat,
    pub(super) line: Matcher,
}

#[derive(Clone, Debug)]
pub(super) struct LogFormat(pub(super) AccessLogFormat);

impl<'de> Shapes<'de> for LogFormat {
    const EXPECTED: &'static str = "a format of Envoy's access log: a text, or an object of texts";

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

/// What a stream may use at most.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Budget {
    pub(super) fuel_per_request: Option<Quantity>,
    pub(super) memory: Option<Quantity>,
    pub(super) host_calls: Option<Quantity>,
    pub(super) allocations: Option<Quantity>,
}

impl Budget {
    /// This one, with what it leaves out from `base`.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            fuel_per_request: self.fuel_per_request.or(base.fuel_per_request),
            memory: self.memory.or(base.memory),
            host_calls: self.host_calls.or(base.host_calls),
            allocations: self.allocations.or(base.allocations),
        }
    }
}
