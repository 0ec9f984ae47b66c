//! Policies of your own, in Rust: what `AuthorizationPolicy` cannot say.
//!
//! A custom policy sees each request, and what the `AuthorizationPolicy` objects have decided about it, and answers. It is compiled
//! into the filter with [`module!`](crate::module!), is configured by the field of its name under `extensions`, and is named in the
//! access log like any rule.
//!
//! ```
//! use outgate_filter::custom_policy::prelude::*;
//! use serde::Deserialize;
//!
//! /// Keeps requests of more than so many bytes of path from going out.
//! struct PathLength {
//!     most: usize,
//! }
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     most: usize,
//! }
//!
//! impl CustomPolicy for PathLength {
//!     const NAME: &'static str = "path-length";
//!     const READS: &'static [Attribute] = &[Attribute::Headers];
//!     type Config = Settings;
//!
//!     fn new(config: Settings) -> Result<Self, Invalid> {
//!         if config.most == 0 {
//!             return Err(Invalid::field("most", "must not be 0: nothing could be called"));
//!         }
//!         Ok(Self { most: config.most })
//!     }
//!
//!     fn check(&self, request: &Request<'_>, _: &Decision<'_>, _: &Services<'_>) -> Answer {
//!         match request.path() {
//!             Some(path) if path.len() > self.most => Deny::new("too-long").status(414).into(),
//!             _ => Answer::Abstain,
//!         }
//!     }
//! }
//! ```
//!
//! # Who decides
//!
//! `AuthorizationPolicy` objects decide first. Custom policies are then asked in the order in which [`module!`](crate::module!)
//! names them, each with the decision so far:
//!
//! | answer | effect |
//! | --- | --- |
//! | [`Answer::Abstain`] | the decision stays as it is |
//! | [`Answer::Allow`] | a request that no `ALLOW` policy lets through goes on; what a `DENY` policy, the registry, an authorizer or another custom policy has stopped stays stopped |
//! | [`Answer::Deny`] | the request is stopped, and no further policy is asked |
//! | [`Answer::Ask`] | the request waits for a service; its answer comes to [`CustomPolicy::answered`] |
//!
//! Custom policies are asked about requests that a `DENY` policy, the registry or the want of an `ALLOW` policy stops, too, so that
//! they can count them. While a request is stopped for good, what they answer has no effect, and they ask no service. What an
//! authorizer has answered, or what is refused as ambiguous, does not come to them.
//!
//! # It cannot panic
//!
//! A panic ends the virtual machine, and with it every request of a worker. So nothing in this interface panics, and there is
//! nothing to unwrap: an attribute is there or is `None`. One that the proxy refuses to hand over, or that the policy reads without
//! having declared it in [`READS`](CustomPolicy::READS), denies the request whatever the policy answers, and the log says why.
//!
//! # Tests
//!
//! [`testing`] has a proxy in memory for unit tests, which run natively. That the module does the same is for a test of the module
//! to show: `docs/custom-policies.md`.

mod answer;
mod end;
mod installed;
mod pattern;
mod request;
mod response;
mod services;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod word;

use serde::de::DeserializeOwned;

pub use crate::host::LogLevel;
pub use answer::{Answer, Deny, FailureMode, Question};
pub use end::End;
pub use installed::{Nothing, Policies};
pub use outgate_policy::{Attribute, DecidedBy, Decision, Headers, MetadataValue, Peer, RuleName, Verdict};
pub use pattern::{HostPattern, PrincipalPattern};
pub use request::Request;
pub use response::Response;
pub use services::{Services, SharedDataError};
#[doc(hidden)]
pub use word::{are_distinct, is_policy_name};

pub(crate) use installed::{Installed, Installing};
pub(crate) use request::Subject;

/// What a custom policy is usually written with.
pub mod prelude {
    pub use super::{
        Answer, Attribute, CustomPolicy, Decision, Deny, End, FailureMode, Invalid, LogLevel, Question, Request,
        Response, Services, Verdict,
    };
}

/// A policy of your own.
pub trait CustomPolicy: Sized + 'static {
    /// The name under `extensions`, in log lines and in metrics: lower-case letters, digits and hyphens.
    const NAME: &'static str;

    /// What it reads of a request. Each is fetched before [`check`](Self::check) is called, and a request of which one cannot be
    /// read is denied.
    const READS: &'static [Attribute];

    /// Whether [`ended`](Self::ended) is called. It costs a call of the module for each request, and the module must export it:
    /// `module!(…; exports: log)`.
    const WATCHES_END: bool = false;

    /// What `extensions.<name>` holds. A field that this does not have is refused, by its path.
    type Config: DeserializeOwned;

    /// Takes a configuration, once for each virtual machine.
    ///
    /// # Errors
    ///
    /// What is wrong with it. The whole configuration of the filter is then refused, and the one before stays in effect.
    fn new(config: Self::Config) -> Result<Self, Invalid>;

    /// Answers a request. `decision` is what has been decided so far.
    fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer;

    /// Goes on with a request that [`check`](Self::check) has asked a service about, when the service has answered.
    ///
    /// What is no answer is dealt with before, by the question's [`FailureMode`].
    fn answered(
        &self,
        request: &Request<'_>,
        decision: &Decision<'_>,
        response: &Response,
        services: &Services<'_>,
    ) -> Answer {
        let _ = (request, decision, response, services);
        Deny::new("unread-answer").into()
    }

    /// Is told that a request has ended, if the policy [watches](Self::WATCHES_END) for it, whoever has decided about it: also that
    /// one has which it has not been asked about. [`Request::remember`] tells which it has.
    fn ended(&self, request: &Request<'_>, end: &End<'_>, services: &Services<'_>) {
        let _ = (request, end, services);
    }

    /// Is called about once a second, in each virtual machine.
    fn tick(&self, services: &Services<'_>) {
        let _ = services;
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invalid {
    path: String,
    problem: String,
}

impl Invalid {
    /// Something is wrong with a field, by its path in the policy's configuration: `limits[0].window`.
    #[must_use]
    pub fn field(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
        }
    }

    /// The path and the problem, below the field of the policy.
    pub(crate) fn of_policy(&self, name: &str) -> String {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        ["extensions.", name, dot, &self.path, ": ", &self.problem].concat()
    }
}
