//! How a request is stopped: native's replies, to the byte.

use outgate_policy::{Decision, RuleName, Unreadable, Verdict};

use crate::host::LocalReply;

const FORBIDDEN: u32 = 403;
const BAD_GATEWAY: u32 = 502;
const FORBIDDEN_BODY: &[u8] = b"RBAC: access denied";

/// A reply in the upstream's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    status: u32,
    details: String,
    body: &'static [u8],
}

impl Denial {
    /// The reply to a request that is not let through; `None` for one that is.
    #[must_use]
    pub fn of(decision: &Decision<'_>) -> Option<Self> {
        match decision.verdict {
            Verdict::Allow => None,
            Verdict::Deny => {
                let rule = decision.rule.map_or("none", RuleName::as_str);
                Some(Self::forbidden(&format!("rbac_access_denied_matched_policy[{rule}]")))
            }
            // A sidecar's `block_all` route answers an unregistered host the same way.
            Verdict::Unregistered => Some(Self {
                status: BAD_GATEWAY,
                details: "outgate_unregistered_host".to_owned(),
                body: b"",
            }),
        }
    }

    /// The reply to a request that cannot be decided.
    #[must_use]
    pub fn undecided(unreadable: &Unreadable) -> Self {
        Self::forbidden(&format!(
            "outgate_unreadable_attribute[{}]",
            unreadable.attribute.name()
        ))
    }

    /// The reply as the host takes it.
    #[must_use]
    pub fn reply(&self) -> LocalReply<'_> {
        LocalReply {
            status: self.status,
            details: &self.details,
            body: self.body,
        }
    }

    fn forbidden(details: &str) -> Self {
        Self {
            status: FORBIDDEN,
            // Native does the same, so that the details are one word of a log line.
            details: details.replace(char::is_whitespace, "_"),
            body: FORBIDDEN_BODY,
        }
    }
}
