//! What the budgets are.

use outgate_filter::custom_policy::{HostPattern, Invalid, Peer, PrincipalPattern};
use serde::Deserialize;

use crate::ledger::{SLOTS, Spender, Spent};

/// `extensions.budget`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) limits: Vec<Limit>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Mode {
    /// Who is over is told, and goes on.
    Report,
    /// Who is over gets 429.
    Enforce,
}

/// A budget that each of some callers has for some hosts together.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Limit {
    /// What logs call it.
    pub(crate) name: String,
    hosts: Vec<HostPattern>,
    /// None: everybody, and all those without a certificate as if they were one.
    #[serde(default)]
    principals: Vec<PrincipalPattern>,
    window: Window,
    #[serde(default)]
    requests: Option<u64>,
    #[serde(default)]
    pub(crate) bytes: Option<u64>,
}

/// A length of time, in seconds: `30s`, `1m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Window(u64);

impl TryFrom<String> for Window {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let read = || {
            let digits = written.trim_end_matches(|unit: char| unit.is_ascii_lowercase());
            let unit = match written.strip_prefix(digits)? {
                "s" => 1,
                "m" => 60,
                "h" => 60 * 60,
                "d" => 24 * 60 * 60,
                _ => return None,
            };
            let seconds = digits.parse::<u32>().ok().map(|number| u64::from(number) * unit);
            seconds.filter(|seconds| *seconds > 0)
        };
        read().map(Self).ok_or("expected a window such as 30s, 1m, 24h or 7d")
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if self.limits.is_empty() {
            return Err(Invalid::field(
                "limits",
                "there is none; leave the policy out with `budget: null`",
            ));
        }
        for (index, limit) in self.limits.iter().enumerate() {
            let field = |name: &str| format!("limits[{index}].{name}");
            let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
            if limit.name.is_empty() || !limit.name.bytes().all(is_plain) {
                return Err(Invalid::field(
                    field("name"),
                    "expected lower-case letters, digits and hyphens",
                ));
            }
            if self.limits[..index].iter().any(|other| other.name == limit.name) {
                return Err(Invalid::field(field("name"), "another limit has this name"));
            }
            if limit.hosts.is_empty() {
                return Err(Invalid::field(field("hosts"), "there is none; all hosts are [\"*\"]"));
            }
            if limit.requests.is_none() && limit.bytes.is_none() {
                return Err(Invalid::field(
                    field("requests"),
                    "neither `requests` nor `bytes` is there",
                ));
            }
        }
        Ok(())
    }
}

impl Limit {
    pub(crate) fn is_about(&self, host: &[u8], caller: Option<&Peer>) -> bool {
        let is_called = || self.hosts.iter().any(|pattern| pattern.matches(host));
        let is_caller = || {
            let is_meant = |peer| self.principals.iter().any(|pattern| pattern.matches(peer));
            self.principals.is_empty() || caller.is_some_and(is_meant)
        };
        is_called() && is_caller()
    }

    /// The key of shared data that a caller's budget lies under.
    pub(crate) fn slot(&self, spender: &Spender) -> String {
        [&self.name, "/", &(spender.hash() % SLOTS).to_string()].concat()
    }

    /// The number of the window that a time is in.
    pub(crate) const fn window_at(&self, seconds: u64) -> u64 {
        seconds / self.window.0
    }

    /// How long it is until the next window: at least a second, at most a whole one.
    pub(crate) const fn seconds_left(&self, seconds: u64) -> u64 {
        self.window.0 - seconds % self.window.0
    }

    /// What is used up, in a word.
    pub(crate) fn exceeded_by(&self, spent: Spent) -> Option<&'static str> {
        if self.requests.is_some_and(|most| spent.requests >= most) {
            Some("requests")
        } else if self.bytes.is_some_and(|most| spent.bytes >= most) {
            Some("bytes")
        } else {
            None
        }
    }

    /// What is left for the log, after a request that comes when so much was spent: `requests=99,bytes=1000`.
    pub(crate) fn left(&self, before: Spent) -> String {
        let after = before.requests.saturating_add(1);
        let left = |name: &str, most: Option<u64>, spent: u64| {
            most.map(|most| [name, "=", &most.saturating_sub(spent).to_string()].concat())
        };
        let requests = left("requests", self.requests, after);
        let bytes = left("bytes", self.bytes, before.bytes);
        let both: Vec<String> = requests.into_iter().chain(bytes).collect();
        both.join(",")
    }
}
