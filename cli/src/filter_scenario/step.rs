//! Steps of a stream, as they are written.

use outgate_sdk::manifest::Period;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::expect::{Expect, Known};
use super::message::{Headers, RequestSpec, ResponseSpec};
use super::upstream::Reply;
use super::values::{Bytes, Configuration};
use crate::notation::LengthOfTime;
use crate::notation::{exactly_one, schema_of};

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
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Piece {
    /// Its bytes; none without it.
    pub(super) chunk: Option<Bytes>,
    /// Whether it ends the message.
    pub(super) end: bool,
}

/// One thing that happens, and what must be so right after it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct StepFields {
    /// A stream begins with these headers, over the case's request. One that is open is finished first.
    #[serde(default)]
    request_headers: Option<RequestSpec>,
    /// A piece of the request's body comes.
    #[serde(default)]
    request_body: Option<Piece>,
    /// The request's trailers come, and end it.
    #[serde(default)]
    request_trailers: Option<Headers>,
    /// The headers of the upstream's response come. A request that the filter holds has no response.
    #[serde(default)]
    response_headers: Option<ResponseSpec>,
    /// A piece of the response's body comes.
    #[serde(default)]
    response_body: Option<Piece>,
    /// The response's trailers come, and end it.
    #[serde(default)]
    response_trailers: Option<Headers>,
    /// Time goes on, such as `5s`: answers, timeouts and ticks that are due happen in order.
    #[serde(default)]
    #[schemars(with = "Option<LengthOfTime>")]
    advance: Option<Period>,
    /// Something becomes of the oldest call to this upstream that waits: `reply`, or `fail`.
    #[serde(default)]
    callout: Option<String>,
    /// With `callout`: what the upstream answers.
    #[serde(default)]
    reply: Option<Reply>,
    /// With `callout`: how the call fails.
    #[serde(default)]
    fail: Option<FailName>,
    /// The plugin gets another configuration.
    #[serde(default)]
    reconfigure: Option<Configuration>,
    /// The worker that streams come to from now on, counted from 0.
    #[serde(default)]
    worker: Option<usize>,
    /// The stream ends, as it does by itself after the last step.
    #[serde(default)]
    finish: bool,
    /// What must be so right after this. Alone, it is a step of its own.
    #[serde(default)]
    expect: Option<Expect>,
}

/// How a call to an upstream fails.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FailName {
    /// The upstream breaks it off.
    Reset,
    /// It fails at once, as to a cluster without a healthy host.
    Unreachable,
    /// Time goes on to its timeout.
    Timeout,
}

schema_of!(Step = StepFields);

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
        if let Some(field) = expect.first_known(Known::Answered).filter(|_| !self.is_delivery()) {
            return Some(format!("`{field}` is for steps that deliver something"));
        }
        let is_reconfigure = matches!(self.action, StepAction::Reconfigure(_));
        if expect.refused.is_some() && !is_reconfigure {
            return Some("`refused` is for `reconfigure`, or for a case that has `config`".to_owned());
        }
        if matches!(self.action, StepAction::Finish) {
            return None;
        }
        let field = expect.first_known(Known::Ended)?;
        Some(format!(
            "`{field}` is known when the stream has ended: put it in the case's own `expect`, or in that of `finish: true`"
        ))
    }
}
