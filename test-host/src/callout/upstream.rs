//! The services that a filter can call, as a test describes them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::record::{Callout, CalloutKind};
use crate::header_map::HeaderMap;
use crate::response::Response;

/// A service that a filter can call: rules, tried in order, and what each answers.
///
/// ```
/// use std::time::Duration;
/// use outgate_test_host::{Response, Upstream, UpstreamReply};
///
/// let authz = Upstream::new()
///     .on("POST", "/check", UpstreamReply::from(Response::new(200).header("x-user", "a")).after(Duration::from_millis(20)))
///     .on("GET", "/flaky", [UpstreamReply::reset(), UpstreamReply::status(200)])
///     .otherwise(UpstreamReply::status(404));
/// ```
///
/// A rule with several replies gives them in turn, and the last one from then on. A callout that no rule matches waits until
/// the test answers it, or until its timeout: an upstream without rules is answered by hand.
#[derive(Clone, Default)]
pub struct Upstream {
    rules: Vec<Rule>,
}

type Condition = Arc<dyn Fn(&Callout) -> bool + Send + Sync>;

#[derive(Clone)]
struct Rule {
    condition: Condition,
    replies: Vec<UpstreamReply>,
}

/// What an upstream does with a callout.
#[derive(Debug, Clone)]
pub struct UpstreamReply {
    pub(crate) answer: Answer,
    pub(crate) after: Duration,
}

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Response(Response),
    Reset,
    Silence,
    Unreachable,
    Grpc(Vec<GrpcEvent>),
}

/// Something that happens on a gRPC callout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrpcEvent {
    /// The initial metadata of a stream.
    InitialMetadata(HeaderMap),
    /// A message. A unary call has one, and nothing else when it goes well.
    Message(Vec<u8>),
    /// The trailing metadata of a stream.
    TrailingMetadata(HeaderMap),
    /// The end, with a gRPC status and its message.
    Close(u32, String),
}

/// One reply, or several in turn.
#[derive(Debug, Clone)]
pub struct UpstreamReplies(Vec<UpstreamReply>);

impl Upstream {
    /// An upstream without rules: it answers nothing by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers HTTP callouts with this method and this path, its query not counted.
    #[must_use]
    pub fn on(self, method: &str, path: &str, replies: impl Into<UpstreamReplies>) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        let condition = move |callout: &Callout| {
            let called = callout.path();
            callout.kind == CalloutKind::Http
                && callout.method() == method
                && called.split('?').next() == Some(path.as_str())
        };
        self.when(condition, replies)
    }

    /// Answers gRPC calls, or opened gRPC streams, of this service and method.
    #[must_use]
    pub fn on_grpc(self, service: &str, method: &str, replies: impl Into<UpstreamReplies>) -> Self {
        let path = format!("/{service}/{method}");
        let condition = move |callout: &Callout| callout.kind != CalloutKind::Http && callout.path() == path;
        self.when(condition, replies)
    }

    /// Answers the callouts for which `condition` is true.
    #[must_use]
    pub fn when(
        mut self,
        condition: impl Fn(&Callout) -> bool + Send + Sync + 'static,
        replies: impl Into<UpstreamReplies>,
    ) -> Self {
        self.rules.push(Rule {
            condition: Arc::new(condition),
            replies: replies.into().0,
        });
        self
    }

    /// Answers the callouts that no rule before this one matches.
    #[must_use]
    pub fn otherwise(self, replies: impl Into<UpstreamReplies>) -> Self {
        self.when(|_| true, replies)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("rules", &self.rules.len()).finish()
    }
}

impl UpstreamReply {
    /// A response with this status and nothing else.
    pub fn status(status: u32) -> Self {
        Response::new(status).into()
    }

    /// The stream to the upstream is reset: the filter gets no headers, and a status of 11 from `proxy_get_status`.
    pub fn reset() -> Self {
        Answer::Reset.into()
    }

    /// Nothing, ever: until the callout's timeout.
    pub fn silence() -> Self {
        Answer::Silence.into()
    }

    /// Nobody listens there: Envoy answers 503 itself.
    pub fn refused() -> Self {
        let body = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport \
                    failure reason: delayed connect error: Connection refused";
        Response::new(503)
            .header("content-length", body.len().to_string())
            .header("content-type", "text/plain")
            .body(body)
            .into()
    }

    /// The call fails at once, as to a cluster without a healthy host.
    pub fn unreachable() -> Self {
        Answer::Unreachable.into()
    }

    /// The message that answers a gRPC call.
    pub fn grpc(message: impl AsRef<[u8]>) -> Self {
        Answer::Grpc(vec![GrpcEvent::Message(message.as_ref().to_vec())]).into()
    }

    /// A gRPC call or stream that ends with this status.
    pub fn grpc_status(status: u32, message: &str) -> Self {
        Answer::Grpc(vec![GrpcEvent::Close(status, message.to_owned())]).into()
    }

    /// What happens on a gRPC stream once it is open, in order.
    pub fn grpc_stream(events: impl IntoIterator<Item = GrpcEvent>) -> Self {
        Answer::Grpc(events.into_iter().collect()).into()
    }

    /// The same, this long after the callout.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

impl From<Answer> for UpstreamReply {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            after: Duration::ZERO,
        }
    }
}

impl From<Response> for UpstreamReply {
    fn from(response: Response) -> Self {
        Answer::Response(response).into()
    }
}

impl From<UpstreamReply> for UpstreamReplies {
    fn from(reply: UpstreamReply) -> Self {
        Self(vec![reply])
    }
}

impl From<Response> for UpstreamReplies {
    fn from(response: Response) -> Self {
        Self(vec![response.into()])
    }
}

impl From<Vec<UpstreamReply>> for UpstreamReplies {
    fn from(replies: Vec<UpstreamReply>) -> Self {
        Self(replies)
    }
}

impl<const N: usize> From<[UpstreamReply; N]> for UpstreamReplies {
    fn from(replies: [UpstreamReply; N]) -> Self {
        Self(replies.into())
    }
}

/// The upstreams of a host, and how far each rule is with its replies.
#[derive(Debug, Default)]
pub(crate) struct UpstreamStates(Vec<(String, Upstream, Mutex<Vec<usize>>)>);

impl UpstreamStates {
    pub(crate) fn new(upstreams: &[(String, Upstream)]) -> Self {
        let state = |(name, upstream): &(String, Upstream)| {
            let given = Mutex::new(vec![0; upstream.rules.len()]);
            (name.clone(), upstream.clone(), given)
        };
        Self(upstreams.iter().map(state).collect())
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|(known, ..)| known == name)
    }

    /// The names of all of them, for people.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, ..)| name.as_str()).collect();
        names.join(", ")
    }

    /// What the upstream does with this callout; `None` leaves it to the test.
    pub(crate) fn answer(&self, callout: &Callout) -> Option<UpstreamReply> {
        let (_, upstream, given) = self.0.iter().find(|(name, ..)| *name == callout.upstream)?;
        let index = upstream.rules.iter().position(|rule| (rule.condition)(callout))?;
        let replies = &upstream.rules[index].replies;
        let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = given[index].min(replies.len().saturating_sub(1));
        given[index] += 1;
        replies.get(turn).cloned()
    }
}
