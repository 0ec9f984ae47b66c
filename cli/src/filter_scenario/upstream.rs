//! The services that a filter calls, as scenario files describe them.

use std::path::Path;

use outgate_sdk::manifest::Period;
use outgate_test_host::{Callout, CalloutKind, GrpcEvent, Upstream, UpstreamReply};
use serde::de::{Deserialize, Deserializer, Error};

use crate::notation::LengthOfTime;
use crate::notation::{exactly_one, schema_of};

use super::matcher::Matcher;
use super::message::{Headers, response};
use super::values::{Bytes, HttpStatus, Unreadable};

/// A rule of an upstream. The first that fits a callout answers it.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    /// Which callouts it is for; without it, all.
    #[serde(default, rename = "match")]
    condition: Condition,
    /// What it answers, in turn; the last one from then on.
    replies: Vec<Reply>,
}

impl Rule {
    pub(super) fn has_no_reply(&self) -> bool {
        self.replies.is_empty()
    }
}

/// What a callout has to be. What is left out may be anything.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Condition {
    /// The method of an HTTP call.
    method: Option<String>,
    /// The path, with or without its query.
    path: Option<Matcher>,
    /// A gRPC call, and of what.
    grpc: Option<GrpcMethod>,
}

/// What a gRPC call is of. What is left out may be anything.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GrpcMethod {
    /// The full name of the service, such as `envoy.service.ratelimit.v3.RateLimitService`.
    service: Option<String>,
    /// The name of the method.
    method: Option<String>,
}

impl Condition {
    fn holds(&self, callout: &Callout, directory: &Path) -> bool {
        let path = callout.path();
        let without_query = path.split('?').next();
        let is_http = callout.kind == CalloutKind::Http;
        let grpc = self.grpc.as_ref().is_none_or(|grpc| {
            let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or_default();
            !is_http
                && grpc.service.as_ref().is_none_or(|expected| expected == service)
                && grpc.method.as_ref().is_none_or(|expected| expected == method)
        });
        let method = self
            .method
            .as_ref()
            .is_none_or(|expected| is_http && callout.method() == *expected);
        let fits = |expected: &Matcher, path: Option<&str>| expected.fits(path.map(str::as_bytes), directory);
        let is_path = |expected: &Matcher| fits(expected, Some(&path)) || fits(expected, without_query);
        grpc && method && self.path.as_ref().is_none_or(is_path)
    }
}

pub(super) fn upstream(rules: &[Rule], directory: &Path) -> Result<Upstream, Unreadable> {
    let mut upstream = Upstream::new();
    for rule in rules {
        let replies = rule.replies.iter().map(|reply| reply.build(directory));
        let (condition, directory) = (rule.condition.clone(), directory.to_owned());
        upstream = upstream.when(
            move |callout| condition.holds(callout, &directory),
            replies.collect::<Result<Vec<_>, _>>()?,
        );
    }
    Ok(upstream)
}

/// What becomes of a callout.
#[derive(Clone, Debug)]
pub(super) struct Reply(ReplyFields);

/// One of: a response (`status`, `headers`, `body`, `trailers`), `reset`, `refused`, `unreachable`, `silence` or
/// `grpc`.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct ReplyFields {
    /// The status of a response; 200 without it.
    status: Option<HttpStatus>,
    /// Header lines, in order.
    headers: Headers,
    /// The body.
    body: Option<Bytes>,
    /// Trailer lines, in order.
    trailers: Headers,
    /// How long it takes, by the filter's clock, such as `20ms`; nothing without it.
    #[schemars(with = "Option<LengthOfTime>")]
    after: Option<Period>,
    /// The upstream breaks the call off: the filter gets no headers.
    reset: bool,
    /// Nobody listens there: the proxy answers 503 in its place.
    refused: bool,
    /// The call fails at once, as to a cluster without a healthy host.
    unreachable: bool,
    /// Nothing comes, until the callout's timeout.
    silence: bool,
    /// What happens on a gRPC call.
    grpc: Option<GrpcReply>,
}

/// What happens on a gRPC call, in the order of these fields.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct GrpcReply {
    /// Metadata that comes first.
    initial_metadata: Option<Headers>,
    /// A message, as its protobuf bytes.
    message: Option<Bytes>,
    /// Several messages.
    messages: Vec<Bytes>,
    /// Metadata that comes last.
    trailing_metadata: Option<Headers>,
    /// The gRPC status that ends the call, such as 0; without it, the call stays open.
    status: Option<u32>,
    /// The text that goes with the status.
    status_message: Option<String>,
}

impl GrpcReply {
    fn is_empty(&self) -> bool {
        self.initial_metadata.is_none()
            && self.message.is_none()
            && self.messages.is_empty()
            && self.trailing_metadata.is_none()
            && self.status.is_none()
    }
}

schema_of!(Reply = ReplyFields);

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ReplyFields::deserialize(deserializer)?;
        let is_response = fields.status.is_some()
            || !fields.headers.is_empty()
            || fields.body.is_some()
            || !fields.trailers.is_empty();
        let ways = [
            ("status", is_response),
            ("reset", fields.reset),
            ("refused", fields.refused),
            ("unreachable", fields.unreachable),
            ("silence", fields.silence),
            ("grpc", fields.grpc.is_some()),
        ];
        exactly_one::<D::Error>(&ways)?;
        if fields.grpc.as_ref().is_some_and(GrpcReply::is_empty) {
            return Err(D::Error::custom(
                "`grpc` has to say what happens: `message`, `status`, …",
            ));
        }
        Ok(Self(fields))
    }
}

impl Reply {
    pub(super) fn build(&self, directory: &Path) -> Result<UpstreamReply, Unreadable> {
        let fields = &self.0;
        let reply = if let Some(grpc) = &fields.grpc {
            UpstreamReply::grpc_stream(grpc.events(directory)?)
        } else if fields.reset {
            UpstreamReply::reset()
        } else if fields.refused {
            UpstreamReply::refused()
        } else if fields.unreachable {
            UpstreamReply::unreachable()
        } else if fields.silence {
            UpstreamReply::silence()
        } else {
            let body = fields.body.as_ref();
            response(fields.status, &fields.headers, body, &fields.trailers, directory)?.into()
        };
        Ok(match fields.after {
            Some(after) => reply.after(after.0),
            None => reply,
        })
    }
}

impl GrpcReply {
    fn events(&self, directory: &Path) -> Result<Vec<GrpcEvent>, Unreadable> {
        let mut events = Vec::new();
        let metadata = |headers: &Headers| headers.lines().collect();
        events.extend(
            self.initial_metadata
                .as_ref()
                .map(metadata)
                .map(GrpcEvent::InitialMetadata),
        );
        for message in self.message.iter().chain(&self.messages) {
            events.push(GrpcEvent::Message(message.load(directory)?));
        }
        events.extend(
            self.trailing_metadata
                .as_ref()
                .map(metadata)
                .map(GrpcEvent::TrailingMetadata),
        );
        let text = self.status_message.clone().unwrap_or_default();
        events.extend(self.status.map(|status| GrpcEvent::Close(status, text)));
        Ok(events)
    }
}
