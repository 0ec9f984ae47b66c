//! What a custom policy answers.

use std::borrow::Cow;
use std::time::Duration;

use outgate_policy::RuleName;

use super::word::plain;
use crate::denial::{Denial, FORBIDDEN, FORBIDDEN_BODY};
use crate::host::{HeaderLine, HttpCall};

/// What a custom policy wants to become of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Answer {
    /// Whatever the others decide.
    Abstain,
    /// It goes on, even if no `ALLOW` policy lets it through.
    Allow,
    /// It is stopped.
    Deny(Deny),
    /// It waits until a service has been asked.
    Ask(Question),
}

/// How a request is stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deny {
    reason: String,
    status: u32,
    body: Cow<'static, [u8]>,
    headers: Vec<HeaderLine>,
}

impl Deny {
    /// With 403, and the body of any denial. `reason` is a word or two for the access log and for counters: few different ones, and
    /// nothing from the request. What is no letter, digit, `-`, `_`, `.` or `:` becomes `_`.
    #[must_use]
    pub fn new(reason: &str) -> Self {
        Self {
            reason: plain(reason),
            status: FORBIDDEN,
            body: Cow::Borrowed(FORBIDDEN_BODY),
            headers: Vec::new(),
        }
    }

    /// With this status, 200 to 599; any other is 403.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = if 200 <= status && status < 600 {
            status as u32
        } else {
            FORBIDDEN
        };
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Cow::Owned(body.into());
        self
    }

    /// With this header line besides.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers
            .push((name.to_ascii_lowercase().into_bytes(), value.into()));
        self
    }

    /// The name by which logs and counters know what stopped the request.
    pub(crate) fn rule(&self, policy: &RuleName) -> String {
        [policy.as_str(), "-reason[", &self.reason, "]"].concat()
    }

    pub(crate) fn into_denial(self, rule: &str) -> Denial {
        Denial::with_status(self.status, rule)
            .body(self.body)
            .headers(self.headers)
    }
}

impl From<Deny> for Answer {
    fn from(deny: Deny) -> Self {
        Self::Deny(deny)
    }
}

/// What becomes of a request when a service does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureMode {
    /// It is stopped.
    Closed,
    /// The policy abstains.
    Open,
}

/// A question for a service that the proxy knows.
///
/// No answer is one that is broken off, does not come in time, or is one of 503 and 504: so the proxy itself answers for a service
/// that it cannot reach, and it cannot be told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    method: &'static str,
    pub(crate) cluster: String,
    authority: String,
    path: String,
    headers: Vec<HeaderLine>,
    body: Vec<u8>,
    timeout: Duration,
    pub(crate) on_failure: FailureMode,
}

impl Question {
    /// A `GET` of a path. `cluster` is Envoy's name of the service, such as `outbound|80||quota.default.svc.cluster.local`. The
    /// answer is waited for half a second.
    #[must_use]
    pub fn get(cluster: impl Into<String>, path: impl Into<String>, on_failure: FailureMode) -> Self {
        let cluster = cluster.into();
        Self {
            method: "GET",
            // The host of a cluster that Istio has named.
            authority: cluster.rsplit('|').next().unwrap_or_default().to_owned(),
            cluster,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_millis(500),
            on_failure,
        }
    }

    /// A `POST` of a body to a path.
    #[must_use]
    pub fn post(
        cluster: impl Into<String>,
        path: impl Into<String>,
        body: impl Into<Vec<u8>>,
        on_failure: FailureMode,
    ) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            ..Self::get(cluster, path, on_failure)
        }
    }

    /// For this host, if it is not the one that the cluster is named after.
    #[must_use]
    pub fn authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = authority.into();
        self
    }

    /// With this header line besides.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers
            .push((name.to_ascii_lowercase().into_bytes(), value.into()));
        self
    }

    /// To be answered within this time, at least a millisecond.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn into_call(self) -> HttpCall {
        let pseudo = [
            (":method", self.method),
            (":path", &self.path),
            (":authority", &self.authority),
        ];
        let mut headers: Vec<_> = pseudo
            .into_iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        headers.extend(self.headers);
        let milliseconds = u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX);
        HttpCall {
            cluster: self.cluster,
            headers,
            body: self.body,
            timeout: milliseconds.clamp(1, i32::MAX as u32),
        }
    }
}

impl From<Question> for Answer {
    fn from(question: Question) -> Self {
        Self::Ask(question)
    }
}
