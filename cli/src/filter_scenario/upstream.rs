//! The services that a filter calls, as scenario files describe them.

use std::path::Path;

use outgate_sdk::manifest::Period;
use outgate_test_host::{Callout, CalloutKind, GrpcEvent, Upstream, UpstreamReply};
use serde::de::{Deserialize, Deserializer, Error};

use crate::notation::exactly_one;

use super::matcher::Matcher;
use super::message::{Headers, response};
use super::values::Bytes;

/// A rule of an upstream: which callouts it is for, and what it answers, in turn; the last one from then on.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default, rename = "match")]
    condition: Condition,
    replies: Vec<Reply>,
}

/// What a callout has to be; absent, anything.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Condition {
    method: Option<String>,
    path: Option<Matcher>,
    grpc: Option<GrpcMethod>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GrpcMethod {
    service: Option<String>,
    method: Option<String>,
}

impl Condition {
    fn holds(&self, callout: &Callout) -> bool {
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
        let is_path = |expected: &Matcher| expected.fits(Some(&path)) || expected.fits(without_query);
        grpc && method && self.path.as_ref().is_none_or(is_path)
    }
}

pub(super) fn upstream(rules: &[Rule], directory: &Path) -> Result<Upstream, String> {
    let mut upstream = Upstream::new();
    for rule in rules {
        let replies = rule.replies.iter().map(|reply| reply.build(directory));
        let condition = rule.condition.clone();
        upstream = upstream.when(
            move |callout| condition.holds(callout),
            replies.collect::<Result<Vec<_>, _>>()?,
        );
    }
    Ok(upstream)
}

/// The files that replies are in.
pub(super) fn files(rules: &[Rule]) -> impl Iterator<Item = &str> {
    let replies = rules.iter().flat_map(|rule| &rule.replies);
    replies.filter_map(|reply| reply.0.body.as_ref().and_then(Bytes::file))
}

/// What becomes of a callout.
#[derive(Clone, Debug)]
pub(super) struct Reply(ReplyFields);

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ReplyFields {
    status: Option<u32>,
    headers: Headers,
    body: Option<Bytes>,
    trailers: Headers,
    after: Option<Period>,
    reset: bool,
    unreachable: bool,
    silence: bool,
    grpc: Option<GrpcReply>,
}

/// What happens on a gRPC callout, in the order of these fields.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GrpcReply {
    initial_metadata: Option<Headers>,
    message: Option<Bytes>,
    messages: Vec<Bytes>,
    trailing_metadata: Option<Headers>,
    status: Option<u32>,
    status_message: Option<String>,
}

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
            ("unreachable", fields.unreachable),
            ("silence", fields.silence),
            ("grpc", fields.grpc.is_some()),
        ];
        exactly_one::<D::Error>(&ways)?;
        if fields
            .grpc
            .as_ref()
            .is_some_and(|grpc| grpc.events(Path::new("")).is_ok_and(|events| events.is_empty()))
        {
            return Err(D::Error::custom(
                "`grpc` has to say what happens: `message`, `status`, …",
            ));
        }
        Ok(Self(fields))
    }
}

impl Reply {
    pub(super) fn build(&self, directory: &Path) -> Result<UpstreamReply, String> {
        let fields = &self.0;
        let reply = if let Some(grpc) = &fields.grpc {
            UpstreamReply::grpc_stream(grpc.events(directory)?)
        } else if fields.reset {
            UpstreamReply::reset()
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
    fn events(&self, directory: &Path) -> Result<Vec<GrpcEvent>, String> {
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
