//! First contact: tells when a caller calls a host for the first time.
//!
//! ```yaml
//! first-contact:
//!   mode: flag                           # or deny: only what is approved goes out
//!   approved:                            # never flagged
//!   - {principals: ["cluster.local/ns/shop/*"], hosts: ["*.partner.example"]}
//! ```
//!
//! What has been seen is kept in shared data: it outlives configurations, and not the proxy. After a restart everything is new once
//! more, which is why it decides what is flagged, and never what goes out. See `seen`.

mod seen;
#[cfg(test)]
mod tests;

use outgate_filter::custom_policy::prelude::*;
use outgate_filter::custom_policy::{HostPattern, Peer, PrincipalPattern};
use serde::Deserialize;

use seen::{Pair, Seen};

outgate_filter::module!(FirstContact);

/// `extensions.first-contact`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    mode: Mode,
    #[serde(default)]
    approved: Vec<Approval>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Mode {
    /// What is new is told, and goes on.
    Flag,
    /// What is not approved is stopped; what of it is new is told.
    Deny,
}

/// Callers that are known to call some hosts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Approval {
    principals: Vec<PrincipalPattern>,
    hosts: Vec<HostPattern>,
}

struct FirstContact {
    mode: Mode,
    approved: Vec<Approval>,
}

impl CustomPolicy for FirstContact {
    const NAME: &'static str = "first-contact";
    const READS: &'static [Attribute] = &[Attribute::Headers, Attribute::Peer];
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Invalid> {
        for (index, approval) in settings.approved.iter().enumerate() {
            if approval.principals.is_empty() || approval.hosts.is_empty() {
                let path = format!("approved[{index}]");
                return Err(Invalid::field(
                    path,
                    "it needs principals and hosts, or it approves nothing",
                ));
            }
        }
        Ok(Self {
            mode: settings.mode,
            approved: settings.approved,
        })
    }

    fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer {
        // What is stopped anyway is no contact.
        if decision.verdict != Verdict::Allow {
            return Answer::Abstain;
        }
        let Some(host) = request.host_name() else {
            return Answer::Abstain;
        };
        if self.is_approved(&host, request.peer()) {
            return Answer::Abstain;
        }
        let pair = Pair::of(request.principal(), &host);
        if self.is_new(pair, services) {
            services.count("new", 1);
            request.log_field("new", "yes");
        }
        match self.mode {
            Mode::Flag => Answer::Abstain,
            Mode::Deny => Deny::new("not-approved").into(),
        }
    }
}

impl FirstContact {
    fn is_approved(&self, host: &[u8], caller: Option<&Peer>) -> bool {
        self.approved.iter().any(|approval| {
            let is_meant = |peer| approval.principals.iter().any(|pattern| pattern.matches(peer));
            caller.is_some_and(is_meant) && approval.hosts.iter().any(|pattern| pattern.matches(host))
        })
    }

    /// Whether a pair has not been seen before; now it has. What cannot be known is taken for new: to be told of twice is better than
    /// never.
    fn is_new(&self, pair: Pair, services: &Services<'_>) -> bool {
        let mut is_new = true;
        let remembered = services.change_shared(&pair.slot(), |value| {
            let mut seen = Seen::read(value);
            is_new = seen.add(pair);
            is_new.then(|| seen.write())
        });
        if let Err(error) = remembered {
            services.log(LogLevel::Error, &format!("what has been seen is not known: {error}"));
            return true;
        }
        is_new
    }
}
