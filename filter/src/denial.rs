//! How a request is stopped. By a policy, as native RBAC does: to the byte.

use std::borrow::Cow;

use outgate_policy::canonical::Ambiguity;
use outgate_policy::config::OnAmbiguous;
use outgate_policy::{Decision, RuleName, Verdict};

use crate::host::{HeaderLine, LocalReply};
use crate::trouble::Trouble;

const BAD_REQUEST: u32 = 400;
pub(crate) const FORBIDDEN: u32 = 403;
const BAD_GATEWAY: u32 = 502;
pub(crate) const FORBIDDEN_BODY: &[u8] = b"RBAC: access denied";

/// A reply in the upstream's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    status: u32,
    details: String,
    body: Cow<'static, [u8]>,
    headers: Vec<HeaderLine>,
}

impl Denial {
    /// A reply with this status and these response code details, and nothing else.
    #[must_use]
    pub fn new(status: u32, details: String) -> Self {
        Self {
            status,
            // Native does the same, so that the details are one word of a log line.
            details: if details.contains(char::is_whitespace) {
                details.replace(char::is_whitespace, "_")
            } else {
                details
            },
            body: Cow::Borrowed(b""),
            headers: Vec::new(),
        }
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Cow<'static, [u8]>>) -> Self {
        self.body = body.into();
        self
    }

    /// With these headers besides those that it has.
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = HeaderLine>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The reply to a request that is not let through; `None` for one that is.
    #[must_use]
    pub fn of(decision: &Decision<'_>) -> Option<Self> {
        match decision.verdict {
            Verdict::Allow => None,
            Verdict::Deny => Some(Self::by_rule(decision.rule.map_or("none", RuleName::as_str))),
            // A sidecar's `block_all` route answers an unregistered host the same way.
            Verdict::Unregistered => Some(Self::new(BAD_GATEWAY, "outgate_unregistered_host".to_owned())),
        }
    }

    /// The reply to a request that a rule stops.
    #[must_use]
    pub fn by_rule(rule: &str) -> Self {
        Self::with_status(FORBIDDEN, rule).body(FORBIDDEN_BODY)
    }

    /// The same with another status, and no body.
    pub(crate) fn with_status(status: u32, rule: &str) -> Self {
        let details = ["rbac_access_denied_matched_policy[", rule, "]"].concat();
        Self::new(status, details)
    }

    /// The reply to a request that servers may read in several ways.
    #[must_use]
    pub fn ambiguous(ambiguity: Ambiguity, how: OnAmbiguous) -> Self {
        match how {
            OnAmbiguous::Deny => Self::by_rule(&ambiguity.rule()),
            OnAmbiguous::BadRequest => Self::new(BAD_REQUEST, ["outgate_ambiguous_", ambiguity.as_str()].concat()),
        }
    }

    /// The reply to a request that cannot be decided.
    #[must_use]
    pub fn undecided(trouble: &Trouble) -> Self {
        let prefix = match trouble {
            Trouble::Unreadable { .. } => "outgate_unreadable_attribute[",
            Trouble::Undecided { .. } => "outgate_undecided[",
        };
        let details = [prefix, trouble.about(), "]"].concat();
        Self::new(FORBIDDEN, details).body(FORBIDDEN_BODY)
    }

    /// The reply as the host takes it.
    #[must_use]
    pub fn reply(&self) -> LocalReply<'_> {
        LocalReply {
            status: self.status,
            details: &self.details,
            body: &self.body,
            headers: &self.headers,
        }
    }
}
