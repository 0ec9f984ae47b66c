//! A scenario file of kind `FilterScenario`, as it is written.

use outgate_policy::resource::Metadata;
use outgate_sdk::manifest::Period;
use outgate_test_host::FailurePolicy;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use crate::hosted::filter::{Level, ProfileName};
use crate::hosted::property::PropertyPath;
use crate::notation::{Ordered, Shapes, exactly_one, read_by_shape};

use super::expect::{Budget, Expect};
use super::message::{Headers, RequestSpec, ResponseSpec};
use super::upstream::{Reply, Rule};
use super::values::{Bytes, Configuration, Moment, PropertyValue};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    #[allow(dead_code, reason = "what was looked at before the document was read as a scenario")]
    api_version: String,
    #[allow(dead_code, reason = "what was looked at before the document was read as a scenario")]
    kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) filter: FilterSpec,
    #[serde(default)]
    pub(super) upstreams: Ordered<Vec<Rule>>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) budget: Budget,
    /// Read one by one: tables fill in values first.
    #[allow(dead_code, reason = "read from the tree")]
    cases: Vec<IgnoredAny>,
}

/// What cases leave out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Defaults {
    pub(super) request: RequestSpec,
    pub(super) response: ResponseSpec,
}

/// The plugin and its proxy.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct FilterSpec {
    pub(super) wasm: Option<String>,
    pub(super) config: Option<Configuration>,
    pub(super) vm_config: Option<Configuration>,
    pub(super) name: Option<String>,
    pub(super) root_id: Option<String>,
    pub(super) vm_id: Option<String>,
    pub(super) profile: Option<ProfileName>,
    pub(super) on_failure: Option<FailureName>,
    pub(super) workers: Option<Workers>,
    pub(super) env: Ordered<String>,
    pub(super) clock: Option<Moment>,
    pub(super) seed: Option<u64>,
    pub(super) log_level: Option<Level>,
    pub(super) buffer_limit: Option<super::values::Quantity>,
    pub(super) allow_on_headers_stop_iteration: Option<bool>,
    pub(super) properties: Ordered<PropertyValue, PropertyPath>,
}

/// How many workers a proxy has.
#[derive(Clone, Copy)]
pub(super) struct Workers(pub(super) usize);

impl<'de> Shapes<'de> for Workers {
    const EXPECTED: &'static str = "a number from 1 to 64";

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        match usize::try_from(number) {
            Ok(number @ 1..=64) => Ok(Self(number)),
            _ => Err(Self::refused(format_args!("{number}"))),
        }
    }
}

read_by_shape!(Workers, Skip);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FailureName {
    Closed,
    Open,
    Reload,
}

impl From<FailureName> for FailurePolicy {
    fn from(name: FailureName) -> Self {
        match name {
            FailureName::Closed => Self::Closed,
            FailureName::Open => Self::Open,
            FailureName::Reload => Self::RELOAD,
        }
    }
}

/// One case: a request and what becomes of it, or a stream step by step.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) only: bool,
    #[serde(default)]
    pub(super) skip: Skip,
    /// In place of the filter's.
    #[serde(default)]
    pub(super) config: Option<Configuration>,
    #[serde(default)]
    pub(super) request: RequestSpec,
    #[serde(default)]
    pub(super) response: Option<ResponseSpec>,
    #[serde(default)]
    pub(super) steps: Option<Vec<Step>>,
    #[serde(default)]
    #[allow(dead_code, reason = "filled in before the case is read")]
    table: Option<Table>,
    #[serde(default)]
    pub(super) vary: Option<Vary>,
    #[serde(default)]
    pub(super) expect: Expect,
}

/// Whether a case is left out, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Skip(pub(super) Option<String>);

impl<'de> Shapes<'de> for Skip {
    const EXPECTED: &'static str = "a boolean, or the reason as a text";

    fn boolean<E: Error>(skip: bool) -> Result<Self, E> {
        Ok(Self(skip.then(|| "skip".to_owned())))
    }

    fn text<E: Error>(reason: &str) -> Result<Self, E> {
        Ok(Self(Some(reason.to_owned())))
    }
}

/// Rows of values: each is a case of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<IgnoredAny>>,
}

/// Ways to deliver the same messages, which must not make a difference.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Vary {
    pub(super) chunks: Vec<Chunks>,
    pub(super) end: Vec<EndOfBody>,
}

/// In what pieces bodies come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunks {
    Whole,
    Of(usize),
}

impl<'de> Shapes<'de> for Chunks {
    const EXPECTED: &'static str = "a number of bytes, or `whole`";

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        match text {
            "whole" => Ok(Self::Whole),
            _ => Err(Self::refused(format_args!("{text:?}"))),
        }
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        match usize::try_from(number) {
            Ok(size @ 1..) => Ok(Self::Of(size)),
            _ => Err(Self::refused(format_args!("{number}"))),
        }
    }
}

read_by_shape!(Chunks);

/// How the end of a message is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EndOfBody {
    /// With its last piece.
    #[default]
    Last,
    /// By an empty piece of its own.
    TrailingEmpty,
}

/// One step of a stream, and what is expected right after it.
pub(super) struct Step {
    pub(super) action: StepAction,
    pub(super) expect: Option<Expect>,
}

pub(super) enum StepAction {
    RequestHeaders(Box<RequestSpec>),
    RequestBody(Piece),
    RequestTrailers(Headers),
    ResponseHeaders(Box<ResponseSpec>),
    ResponseBody(Piece),
    ResponseTrailers(Headers),
    Advance(Period),
    /// Something happens to the oldest callout to this upstream.
    Callout(String, CalloutEnd),
    Reconfigure(Configuration),
    /// Which worker new streams come to.
    Worker(usize),
    Finish,
    /// Only an expectation.
    Look,
}

pub(super) enum CalloutEnd {
    Reply(Box<Reply>),
    Reset,
    Unreachable,
    Timeout,
}

/// A piece of a body.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Piece {
    pub(super) chunk: Option<Bytes>,
    pub(super) end: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StepFields {
    #[serde(default)]
    request_headers: Option<RequestSpec>,
    #[serde(default)]
    request_body: Option<Piece>,
    #[serde(default)]
    request_trailers: Option<Headers>,
    #[serde(default)]
    response_headers: Option<ResponseSpec>,
    #[serde(default)]
    response_body: Option<Piece>,
    #[serde(default)]
    response_trailers: Option<Headers>,
    #[serde(default)]
    advance: Option<Period>,
    #[serde(default)]
    callout: Option<String>,
    #[serde(default)]
    reply: Option<Reply>,
    #[serde(default)]
    fail: Option<FailName>,
    #[serde(default)]
    reconfigure: Option<Configuration>,
    #[serde(default)]
    worker: Option<usize>,
    #[serde(default)]
    finish: bool,
    #[serde(default)]
    expect: Option<Expect>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FailName {
    Reset,
    Unreachable,
    Timeout,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = StepFields::deserialize(deserializer)?;
        let ways = [
            ("requestHeaders", fields.request_headers.is_some()),
            ("requestBody", fields.request_body.is_some()),
            ("requestTrailers", fields.request_trailers.is_some()),
            ("responseHeaders", fields.response_headers.is_some()),
            ("responseBody", fields.response_body.is_some()),
            ("responseTrailers", fields.response_trailers.is_some()),
            ("advance", fields.advance.is_some()),
            ("callout", fields.callout.is_some()),
            ("reconfigure", fields.reconfigure.is_some()),
            ("worker", fields.worker.is_some()),
            ("finish", fields.finish),
        ];
        let is_look = fields.expect.is_some() && ways.iter().all(|(_, given)| !given);
        if !is_look {
            exactly_one::<D::Error>(&ways)?;
        }
        let fate = match (fields.reply, fields.fail) {
            (Some(_), Some(_)) => return Err(D::Error::custom("`reply` and `fail` cannot stand together")),
            (Some(reply), None) => Some(CalloutEnd::Reply(Box::new(reply))),
            (None, fail) => fail.map(|fail| match fail {
                FailName::Reset => CalloutEnd::Reset,
                FailName::Unreachable => CalloutEnd::Unreachable,
                FailName::Timeout => CalloutEnd::Timeout,
            }),
        };
        let action = match (fields.callout, fate) {
            (Some(name), Some(fate)) => Some(StepAction::Callout(name, fate)),
            (Some(_), None) => return Err(D::Error::custom("`callout` goes with `reply` or `fail`")),
            (None, Some(_)) => return Err(D::Error::custom("`reply` and `fail` go with `callout`")),
            (None, None) => None,
        };
        let action = action.or_else(|| fields.request_headers.map(Box::new).map(StepAction::RequestHeaders));
        let action = action.or_else(|| fields.request_body.map(StepAction::RequestBody));
        let action = action.or_else(|| fields.request_trailers.map(StepAction::RequestTrailers));
        let action = action.or_else(|| fields.response_headers.map(Box::new).map(StepAction::ResponseHeaders));
        let action = action.or_else(|| fields.response_body.map(StepAction::ResponseBody));
        let action = action.or_else(|| fields.response_trailers.map(StepAction::ResponseTrailers));
        let action = action.or_else(|| fields.advance.map(StepAction::Advance));
        let action = action.or_else(|| fields.reconfigure.map(StepAction::Reconfigure));
        let action = action.or_else(|| fields.worker.map(StepAction::Worker));
        let action = action.or_else(|| fields.finish.then_some(StepAction::Finish));
        let step = Self {
            action: action.unwrap_or(StepAction::Look),
            expect: fields.expect,
        };
        match step.misplaced() {
            Some(error) => Err(D::Error::custom(error)),
            None => Ok(step),
        }
    }
}

impl Step {
    /// Whether it delivers something to the filter, which then answers with an action.
    fn is_delivery(&self) -> bool {
        use StepAction as A;
        matches!(
            self.action,
            A::RequestHeaders(_)
                | A::RequestBody(_)
                | A::RequestTrailers(_)
                | A::ResponseHeaders(_)
                | A::ResponseBody(_)
                | A::ResponseTrailers(_)
        )
    }

    /// What of the expectation cannot be known after this step.
    fn misplaced(&self) -> Option<String> {
        let expect = self.expect.as_ref()?;
        if !self.is_delivery() && (expect.action.is_some() || expect.called.is_some()) {
            return Some("`action` and `called` are for steps that deliver something".to_owned());
        }
        let is_reconfigure = matches!(self.action, StepAction::Reconfigure(_));
        if expect.refused.is_some() && !is_reconfigure {
            return Some("`refused` is for `reconfigure`, or for a case that has `config`".to_owned());
        }
        if matches!(self.action, StepAction::Finish) {
            return None;
        }
        let field = expect.of_whole_stream()?;
        Some(format!(
            "`{field}` is known when the stream has ended: put it in the case's own `expect`, or in that of `finish: true`"
        ))
    }
}
