//! Budgets: how many requests a caller may send to a host in a window of time, and how many bytes they may move.
//!
//! ```yaml
//! budget:
//!   mode: enforce                        # or report: nothing is stopped
//!   limits:                              # the first that is about a caller and a host counts
//!   - name: partners
//!     hosts: ["*.partner.example"]
//!     principals: ["cluster.local/ns/shop/*"]    # left out: everybody
//!     window: 1m
//!     requests: 100
//!     bytes: 10000000
//! ```
//!
//! * `config`: the above, checked.
//! * `ledger`: what has been spent, as it lies in shared data.

mod config;
mod ledger;
#[cfg(test)]
mod tests;

use outgate_filter::custom_policy::prelude::*;

use config::{Limit, Mode, Settings};
use ledger::{Ledger, Spender, Spent};

outgate_filter::module!(Budget; exports: log);

/// Keeps callers to their budgets, or tells who is over.
struct Budget {
    mode: Mode,
    limits: Vec<Limit>,
}

impl CustomPolicy for Budget {
    const NAME: &'static str = "budget";
    const READS: &'static [Attribute] = &[Attribute::Headers, Attribute::Peer];
    const WATCHES_END: bool = true;
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Invalid> {
        settings.check()?;
        Ok(Self {
            mode: settings.mode,
            limits: settings.limits,
        })
    }

    fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer {
        // What is stopped anyway spends nothing.
        if decision.verdict != Verdict::Allow {
            return Answer::Abstain;
        }
        let Some((place, limit)) = self.limit_for(request) else {
            return Answer::Abstain;
        };
        let spender = Spender::of(request.principal());
        let time = services.now().as_secs();
        let mut before = Spent::default();
        let counted = services.change_shared(&limit.slot(&spender), |value| {
            let mut ledger = Ledger::read(value, limit.window_at(time));
            let spent = ledger.of(&spender);
            before = *spent;
            if self.mode == Mode::Enforce && limit.exceeded_by(before).is_some() {
                return None;
            }
            spent.requests = spent.requests.saturating_add(1);
            Some(ledger.write())
        });
        if let Err(error) = counted {
            services.log(LogLevel::Error, &format!("{}: {error}", limit.name));
            return self.unknown(limit);
        }
        request.remember(note(place, &spender));
        request.log_field("left", limit.left(before));
        let Some(what) = limit.exceeded_by(before) else {
            return Answer::Abstain;
        };
        let reason = [&limit.name, ":", what].concat();
        match self.mode {
            Mode::Report => {
                services.count(&["over:", &reason].concat(), 1);
                request.log_field("over", reason);
                Answer::Abstain
            }
            Mode::Enforce => {
                let seconds = limit.seconds_left(time).to_string();
                Deny::new(&reason)
                    .status(429)
                    .header("retry-after", seconds)
                    .body("the budget for this host is spent\n")
                    .into()
            }
        }
    }

    /// The bytes are known at the end only, so that a request is never broken off: it is the next one that finds them spent.
    fn ended(&self, request: &Request<'_>, end: &End<'_>, services: &Services<'_>) {
        if !end.has_passed() {
            return;
        }
        let Some((limit, spender)) = request.remembered().and_then(|note| self.noted(&note)) else {
            return;
        };
        if limit.bytes.is_none() {
            return;
        }
        let bytes = end.request_bytes().saturating_add(end.response_bytes());
        let window = limit.window_at(services.now().as_secs());
        let counted = services.change_shared(&limit.slot(&spender), |value| {
            let mut ledger = Ledger::read(value, window);
            let spent = ledger.of(&spender);
            spent.bytes = spent.bytes.saturating_add(bytes);
            Some(ledger.write())
        });
        services.count(
            &["bytes:", &limit.name].concat(),
            u32::try_from(bytes).unwrap_or(u32::MAX),
        );
        if let Err(error) = counted {
            services.log(
                LogLevel::Error,
                &format!("{}: {bytes} bytes are not counted: {error}", limit.name),
            );
        }
    }
}

impl Budget {
    fn limit_for(&self, request: &Request<'_>) -> Option<(usize, &Limit)> {
        let host = request.host_name()?;
        let mut limits = self.limits.iter().enumerate();
        limits.find(|(_, limit)| limit.is_about(&host, request.peer()))
    }

    /// What becomes of a request when it is not known what has been spent.
    fn unknown(&self, limit: &Limit) -> Answer {
        match self.mode {
            Mode::Report => Answer::Abstain,
            Mode::Enforce => Deny::new(&[&limit.name, ":unknown"].concat())
                .status(503)
                .header("retry-after", "1")
                .into(),
        }
    }

    /// Reads a note again.
    fn noted(&self, note: &[u8]) -> Option<(&Limit, Spender)> {
        let (place, spender) = note.split_first_chunk()?;
        let limit = self.limits.get(u32::from_le_bytes(*place) as usize)?;
        Some((limit, Spender::from_bytes(spender)))
    }
}

/// By which limit a request was counted, and for whom: at its end its host may be another.
fn note(place: usize, spender: &Spender) -> Vec<u8> {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    [&place.to_le_bytes(), spender.as_bytes()].concat()
}
