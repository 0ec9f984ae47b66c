//! Custom policies of any type, side by side.

use std::cell::RefCell;

use outgate_policy::{Attributes, Decision, RuleName};
use serde::de::{Deserialize, Deserializer};

use super::{Answer, CustomPolicy, End, Request, Response, Services};
use crate::host::Host;
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

impl std::fmt::Debug for Installed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
        host: &dyn Host,
        metrics: &Metrics,
        attributes: &dyn outgate_policy::Request,
        decision: &Decision<'_>,
        response: Option<&Response>,
    ) -> Result<Answer, Trouble> {
        let trouble = RefCell::new(None);
        let request = Request::new(attributes, self.policy.reads(), &trouble);
        request.fetch()?;
        let services = Services::new(host, self.policy.name(), metrics, &trouble);
        let answer = match response {
            None => self.policy.check(&request, decision, &services),
            Some(response) => self.policy.answered(&request, decision, response, &services),
        };
        trouble.into_inner().map_or(Ok(answer), Err)
    }

    /// Tells of the end of a request.
    pub(crate) fn ended(
        &self,
        host: &dyn Host,
        metrics: &Metrics,
        attributes: &dyn outgate_policy::Request,
        end: &End<'_>,
    ) {
        if self.policy.watches_end() {
            let trouble = RefCell::default();
            let request = Request::new(attributes, self.policy.reads(), &trouble);
            let services = Services::new(host, self.policy.name(), metrics, &trouble);
            self.policy.ended(&request, end, &services);
        }
    }

    pub(crate) fn tick(&self, host: &dyn Host, metrics: &Metrics) {
        let trouble = RefCell::default();
        self.policy
            .tick(&Services::new(host, self.policy.name(), metrics, &trouble));
    }
}

/// [`CustomPolicy`], whatever its type.
trait AnyPolicy {
    fn name(&self) -> &'static str;
    fn reads(&self) -> Attributes;
    fn watches_end(&self) -> bool;
    fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer;
    fn answered(
        &self,
        request: &Request<'_>,
        decision: &Decision<'_>,
        response: &Response,
        services: &Services<'_>,
    ) -> Answer;
    fn ended(&self, request: &Request<'_>, end: &End<'_>, services: &Services<'_>);
    fn tick(&self, services: &Services<'_>);
}

impl<P: CustomPolicy> AnyPolicy for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn reads(&self) -> Attributes {
        P::READS.iter().copied().collect()
    }

    fn watches_end(&self) -> bool {
        P::WATCHES_END
    }

    fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer {
        CustomPolicy::check(self, request, decision, services)
    }

    fn answered(
        &self,
        request: &Request<'_>,
        decision: &Decision<'_>,
        response: &Response,
        services: &Services<'_>,
    ) -> Answer {
        CustomPolicy::answered(self, request, decision, response, services)
    }

    fn ended(&self, request: &Request<'_>, end: &End<'_>, services: &Services<'_>) {
        CustomPolicy::ended(self, request, end, services);
    }

    fn tick(&self, services: &Services<'_>) {
        CustomPolicy::tick(self, services);
    }
}
