//! What a probe is to do.

use outgate_filter::custom_policy::{HostPattern, PrincipalPattern};
use serde::Deserialize;

/// A probe's configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Script {
    /// What to do about requests; the first whose path it is counts. Without one, the probe abstains.
    pub(crate) cases: Vec<Case>,
    /// Whether to log what is done at the end of requests and in ticks.
    pub(crate) is_talkative: bool,
    /// Nothing is done with what follows: it is there to be read.
    pub(crate) share: Option<f64>,
    pub(crate) small: Option<u8>,
    pub(crate) level: Option<Level>,
    pub(crate) table: Vec<Vec<i32>>,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) principals: Vec<PrincipalPattern>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Level {
    Low,
    High { above: u32 },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    pub(crate) answer: Say,
    /// What to say when a service has answered.
    #[serde(default)]
    pub(crate) then: Option<Say>,
}

/// Something to do before the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Step {
    Count(String),
    LogField {
        name: String,
        value: String,
    },
    Remember(String),
    /// Adds one to a number in shared data, and logs the field `number` with what it is then.
    Add(String),
    /// Reads an attribute by its name, and logs the field `read`.
    Read(String),
    /// Logs the field `now`, in milliseconds.
    Now,
    Log(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Say {
    Abstain,
    Allow,
    #[serde(rename_all = "camelCase")]
    Deny {
        reason: String,
        #[serde(default)]
        status: Option<u16>,
        #[serde(default)]
        body: Option<String>,
        #[serde(default)]
        header: Option<(String, String)>,
    },
    #[serde(rename_all = "camelCase")]
    Ask {
        cluster: String,
        #[serde(default)]
        post: Option<String>,
        #[serde(default)]
        header: Option<(String, String)>,
        #[serde(default)]
        authority: Option<String>,
        #[serde(default)]
        milliseconds: Option<u64>,
        #[serde(default)]
        fails_open: bool,
    },
    /// Denies with the status of the service's answer, and with its body; the reason is what was remembered.
    Echo,
}
