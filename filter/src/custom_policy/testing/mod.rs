//! Custom policies without a proxy and without WebAssembly, for unit tests. No module has this in it.
//!
//! A [`Proxy`] is what a policy uses of a proxy: a clock that stands still until the test sets it, shared data, counters. A [`Call`]
//! is a request, with what has been decided about it.
//!
//! ```
//! use std::time::Duration;
//!
//! use outgate_filter::custom_policy::prelude::*;
//! use outgate_filter::custom_policy::testing::{Call, Proxy};
//! use serde::Deserialize;
//!
//! /// Lets nobody out before a day.
//! struct NotBefore(Duration);
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     seconds: u64,
//! }
//!
//! impl CustomPolicy for NotBefore {
//!     const NAME: &'static str = "not-before";
//!     const READS: &'static [Attribute] = &[];
//!     type Config = Settings;
//!
//!     fn new(config: Settings) -> Result<Self, Invalid> {
//!         Ok(Self(Duration::from_secs(config.seconds)))
//!     }
//!
//!     fn check(&self, _: &Request<'_>, _: &Decision<'_>, services: &Services<'_>) -> Answer {
//!         if services.now() < self.0 {
//!             return Deny::new("too-early").into();
//!         }
//!         Answer::Abstain
//!     }
//! }
//!
//! let proxy = Proxy::new();
//! let policy = proxy.install::<NotBefore>(r#"{"seconds": 1000}"#).unwrap();
//! let call = Call::get("https://a.com/");
//!
//! proxy.set_time(Duration::from_secs(999));
//! assert_eq!(policy.check(&call), Ok(Deny::new("too-early").into()));
//! proxy.set_time(Duration::from_secs(1000));
//! assert_eq!(policy.check(&call), Ok(Answer::Abstain));
//!
//! let refused = proxy.install::<NotBefore>(r#"{"seconds": 1, "minutes": 2}"#).unwrap_err().to_string();
//! assert!(refused.contains("extensions.not-before.minutes: unknown field"), "{refused}");
//! ```
//!
//! What it is not: the filter. Who else decides about a request, what is written where, and what becomes of a question are for a test
//! of the module to show, with `outgate-test-host`. A caller's name comes into such a test with a [`certificate`].

mod call;
mod certificate;
mod proxy;

pub use crate::trouble::Trouble;
pub use call::Call;
pub use certificate::certificate;
pub use proxy::{Policy, Proxy};
