//! Custom policies of any type, side by side.

use std::cell::RefCell;
use std::fmt;

use outgate_policy::{Attributes, Decision, RuleName};
use serde::de::{Deserialize, Deserializer};

use super::request::Subject;
use super::{Answer, CustomPolicy, End, Response, Services};
use crate::host::{Host, LogLevel};
use crate::metrics::Metrics;
use crate::trouble::Trouble;

/// The custom policies of a module, in the order in which they are asked: `(First, (Second, Nothing))`.
/// [`module!`](crate::module!) writes this.
pub trait Policies {
    /// Whether any of them wants to know of the end of requests.
    const WATCH_ENDS: bool;

    /// Calls `visit` with the name of each.
    fn each_name(visit: &mut dyn FnMut(&'static str));

    /// Reads the configuration of the policy with this place, and makes it.
    ///
    /// # Errors
    ///
    /// When it is not of the policy's type, or the policy refuses it.
    #[doc(hidden)]
    fn install<'de, D: Deserializer<'de>>(place: usize, config: D) -> Result<Installing, D::Error>;
}

/// No custom policy.
#[derive(Clone, Copy, Debug)]
pub enum Nothing {}

impl Policies for Nothing {
    const WATCH_ENDS: bool = false;

    fn each_name(_: &mut dyn FnMut(&'static str)) {}

    fn install<'de, D: Deserializer<'de>>(_: usize, _: D) -> Result<Installing, D::Error> {
        Err(serde::de::Error::custom("there is no such policy"))
    }
}

impl<P: CustomPolicy, Rest: Policies> Policies for (P, Rest) {
    const WATCH_ENDS: bool = P::WATCHES_END || Rest::WATCH_ENDS;

    fn each_name(visit: &mut dyn FnMut(&'static str)) {
        visit(P::NAME);
        Rest::each_name(visit);
    }

    fn install<'de, D: Deserializer<'de>>(place: usize, config: D) -> Result<Installing, D::Error> {
        match place.checked_sub(1) {
            Some(place) => Rest::install(place, config),
            None => P::Config::deserialize(config).map(|config| {
                let policy = P::new(config).map(|policy| Installed {
                    rule: RuleName::from(["extension[", P::NAME, "]"].concat()),
                    policy: Box::new(policy),
                });
                Installing(policy.map_err(|invalid| invalid.of_policy(P::NAME)))
            }),
        }
    }
}

/// A policy, unless its configuration is invalid; then what is, and where.
#[derive(Debug)]
pub struct Installing(pub(crate) Result<Installed, String>);

/// A custom policy with its configuration.
pub(crate) struct Installed {
    /// The name by which logs know it.
    pub(crate) rule: RuleName,
    policy: Box<dyn AnyPolicy>,
}

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl Installed {
    pub(crate) fn name(&self) -> &'static str {
        self.policy.name()
    }

    /// Asks about a request, or goes on with one that a service has been asked about.
    pub(crate) fn check(
        &self,
        subject: Subject<'_>,
        metrics: &Metrics,
        decision: &Decision<'_>,
        response: Option<&Response>,
    ) -> Result<Answer, Trouble> {
        self.policy.check(subject, metrics, decision, response)
    }

    /// Tells of the end of a request.
    pub(crate) fn ended(&self, subject: Subject<'_>, metrics: &Metrics, has_passed: bool) {
        self.policy.ended(subject, metrics, has_passed);
    }

    pub(crate) fn tick(&self, host: &dyn Host, metrics: &Metrics) {
        self.policy.tick(host, metrics);
    }
}

/// [`CustomPolicy`], whatever its type. All that only policies need is reached from here, so that it is not in a module without any.
trait AnyPolicy {
    fn name(&self) -> &'static str;
    fn check(
        &self,
        subject: Subject<'_>,
        metrics: &Metrics,
        decision: &Decision<'_>,
        response: Option<&Response>,
    ) -> Result<Answer, Trouble>;
    fn ended(&self, subject: Subject<'_>, metrics: &Metrics, has_passed: bool);
    fn tick(&self, host: &dyn Host, metrics: &Metrics);
}

impl<P: CustomPolicy> AnyPolicy for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn check(
        &self,
        subject: Subject<'_>,
        metrics: &Metrics,
        decision: &Decision<'_>,
        response: Option<&Response>,
    ) -> Result<Answer, Trouble> {
        let trouble = RefCell::new(None);
        let request = subject.shown_to(P::NAME, reads::<P>(), &trouble);
        request.fetch()?;
        let services = Services::new(subject.host, P::NAME, metrics, &trouble);
        let answer = match response {
            None => CustomPolicy::check(self, &request, decision, &services),
            Some(response) => self.answered(&request, decision, response, &services),
        };
        trouble.into_inner().map_or(Ok(answer), Err)
    }

    fn ended(&self, subject: Subject<'_>, metrics: &Metrics, has_passed: bool) {
        if !P::WATCHES_END {
            return;
        }
        let trouble = RefCell::default();
        let request = subject.shown_to(P::NAME, reads::<P>(), &trouble);
        let services = Services::new(subject.host, P::NAME, metrics, &trouble);
        CustomPolicy::ended(self, &request, &End::new(subject.host, has_passed), &services);
        report(subject.host, P::NAME, &trouble, "at the end of a request");
    }

    fn tick(&self, host: &dyn Host, metrics: &Metrics) {
        let trouble = RefCell::default();
        CustomPolicy::tick(self, &Services::new(host, P::NAME, metrics, &trouble));
        report(host, P::NAME, &trouble, "in a tick");
    }
}

fn reads<P: CustomPolicy>() -> Attributes {
    P::READS.iter().copied().collect()
}

/// Where no request can be denied, trouble is at least told.
fn report(host: &dyn Host, policy: &str, trouble: &RefCell<Option<Trouble>>, when: &str) {
    if let Some(trouble) = &*trouble.borrow() {
        host.log(LogLevel::Warn, &format!("{policy}, {when}: {trouble}"));
    }
}
