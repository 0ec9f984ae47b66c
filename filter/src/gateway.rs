//! The filter for one configuration: what happens to a request, from its headers to the verdict.

use std::cell::RefCell;
use std::fmt;

use outgate_policy::config::Mesh;
use outgate_policy::{ConfigError, Engine};

use crate::access_log::AccessLog;
use crate::configuration;
use crate::denial::Denial;
use crate::host::{Host, LogLevel};
use crate::json;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::stream::Stream;

/// Decides the requests of a gateway.
#[derive(Debug)]
pub struct Gateway {
    engine: Engine,
    mesh: Mesh,
    access_log: AccessLog,
    peers: RefCell<Peers>,
    metrics: Metrics,
}

/// What the proxy is to do with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Hand it on.
    Continue,
    /// It has been answered.
    Answered,
}

impl Gateway {
    /// Compiles a configuration, `outgate/v1` in JSON.
    ///
    /// # Errors
    ///
    /// When it is no such configuration, or not one that can be enforced as a whole.
    pub fn new(configuration: &dyn json::Text) -> Result<Self, Refused> {
        if matches!(configuration.part(0), Ok(first) if first.is_empty()) {
            return Err(Refused::Absent);
        }
        let (settings, policies) = configuration::read(configuration).map_err(Refused::Syntax)?;
        if let Some((namespace, name)) = policies.custom {
            return Err(Refused::Custom { namespace, name });
        }
        let engine = policies.engine.finish(settings.registry.as_ref());
        Ok(Self {
            engine: engine.map_err(Refused::Policies)?,
            mesh: settings.mesh,
            access_log: AccessLog::new(settings.access_log, settings.revision),
            peers: RefCell::default(),
            metrics: Metrics::default(),
        })
    }

    /// Tells the host once what is the same for all requests. Call it when the configuration is taken.
    pub fn set_up<H: Host + ?Sized>(&mut self, host: &H) {
        self.metrics.set_up(host, self.access_log.revision());
        self.access_log.set_up(host, self.mesh.identity);
    }

    /// Hands on what was counted since the last time.
    pub fn on_tick<H: Host + ?Sized>(&self, host: &H) {
        self.metrics.hand_on(host);
    }

    /// Leaves nothing behind at the host. Call it when the configuration has decided its last request.
    pub fn tear_down<H: Host + ?Sized>(&self, host: &H) {
        self.metrics.tear_down(host);
    }

    /// Decides the request that the host is in the middle of, answers it when it is not let through, and writes down what was
    /// decided.
    pub fn on_request_headers<H: Host + ?Sized>(&self, host: &H) -> Verdict {
        let stream = Stream::new(host, &self.mesh, &self.peers);
        let outcome = self.engine.decide(&stream);
        let denial = match &outcome {
            Ok(decision) => Denial::of(decision),
            Err(unreadable) => {
                host.log(LogLevel::Error, &format!("a request is denied: {unreadable}"));
                Some(Denial::undecided(unreadable))
            }
        };
        self.metrics.count(host, outcome.as_ref());
        self.access_log.write(host, &stream, outcome.as_ref());
        let Some(denial) = denial else {
            return Verdict::Continue;
        };
        if host.send_local_reply(&denial.reply()).is_err() {
            host.log(
                LogLevel::Critical,
                "the proxy does not take the reply to a denied request; it is held",
            );
        }
        // Whatever became of the reply, the request does not go on.
        Verdict::Answered
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refused {
    /// There is none.
    Absent,
    /// It is not JSON of the expected shape.
    Syntax(json::Error),
    /// A policy has the action `CUSTOM`.
    Custom {
        /// The policy's namespace.
        namespace: String,
        /// The policy's name.
        name: String,
    },
    /// Policies are invalid.
    Policies(ConfigError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is refused: ")?;
        match self {
            Self::Absent => f.write_str("there is none; give the output of `outgate build` as pluginConfig"),
            Self::Syntax(error) => error.fmt(f),
            Self::Custom { namespace, name } => write!(
                f,
                "AuthorizationPolicy {namespace}/{name}: the action CUSTOM asks an external authorizer, which this filter \
                 does not do yet; leave this policy to native enforcement"
            ),
            Self::Policies(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}
