//! A proxy in memory, as far as policies use it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::Call;
use crate::configuration::{self, Exports, Refused};
use crate::custom_policy::{Answer, CustomPolicy, Installed, Nothing, Response, Subject};
use crate::host::{CallNumber, Context, Host, HttpCall, LocalReply, LogLevel, Metric, MetricKind, Status, Version};
use crate::metrics::Metrics;
use crate::trouble::Trouble;

/// What Proxy-Wasm calls what a host does not have.
const UNIMPLEMENTED: Status = Status(12);

/// A value, and which version of it this is.
type Versioned = (Vec<u8>, u32);

/// A clock, shared data, counters and a log.
#[derive(Debug, Default)]
pub struct Proxy {
    time: Cell<Duration>,
    shared: RefCell<BTreeMap<Vec<u8>, Versioned>>,
    is_shared_data_refused: Cell<bool>,
    metrics: RefCell<Vec<(String, i64)>>,
    log: RefCell<Vec<(LogLevel, String)>>,
}

impl Proxy {
    /// A proxy in which nothing has happened, at the beginning of 1970.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock, to a time since the beginning of 1970 in UTC.
    pub fn set_time(&self, time: Duration) {
        self.time.set(time);
    }

    /// Refuses all shared data from now on, or no longer.
    pub fn refuse_shared_data(&self, is_refused: bool) {
        self.is_shared_data_refused.set(is_refused);
    }

    /// How many keys of shared data there are.
    #[must_use]
    pub fn shared_keys(&self) -> usize {
        self.shared.borrow().len()
    }

    /// How often a policy has counted something.
    #[must_use]
    pub fn count(&self, policy: &str, event: &str) -> i64 {
        let wanted = format!("outgate_events_policy.=.{policy};.;event.=.{event};.;");
        let metrics = self.metrics.borrow();
        let of_name = metrics.iter().filter(|(name, _)| *name == wanted);
        of_name.map(|(_, count)| count).sum()
    }

    /// The lines of the log.
    #[must_use]
    pub fn log(&self) -> Vec<(LogLevel, String)> {
        self.log.borrow().clone()
    }

    /// A policy in this proxy, configured with JSON as the module is. Several policies of one type are as in several virtual machines:
    /// they have the shared data in common.
    ///
    /// # Errors
    ///
    /// Those of the module.
    pub fn install<P: CustomPolicy>(&self, config: &str) -> Result<Policy<'_>, Refused> {
        let configuration = [
            r#"{"apiVersion": "outgate/v1", "revision": "test", "extensions": {""#,
            P::NAME,
            "\": ",
            config,
            "}}",
        ];
        let exports = Exports {
            log: true,
            ..Exports::NONE
        };
        let parts = configuration::read::<(P, Nothing)>(&configuration.concat().as_bytes(), exports)?;
        let installed = parts.policies.into_iter().next();
        Ok(Policy {
            proxy: self,
            installed: installed.ok_or(Refused::Settings("null leaves the policy out: there is none to test"))?,
            metrics: Metrics::default(),
        })
    }
}

/// A policy in a [`Proxy`].
#[derive(Debug)]
pub struct Policy<'p> {
    proxy: &'p Proxy,
    installed: Installed,
    metrics: Metrics,
}

impl Policy<'_> {
    /// What the policy answers.
    ///
    /// # Errors
    ///
    /// Why the filter would deny the request, whatever the policy answers.
    pub fn check(&self, call: &Call) -> Result<Answer, Trouble> {
        self.answer(call, None)
    }

    /// What it answers when the service that it has asked about a request has answered.
    ///
    /// # Errors
    ///
    /// Why the filter would deny the request, whatever the policy answers.
    pub fn answered(&self, call: &Call, response: &Response) -> Result<Answer, Trouble> {
        self.answer(call, Some(response))
    }

    fn answer(&self, call: &Call, response: Option<&Response>) -> Result<Answer, Trouble> {
        let view = View {
            proxy: self.proxy,
            call: Some(call),
            ended: None,
        };
        self.installed
            .check(subject(&view, call), &self.metrics, &call.decision(), response)
    }

    /// Tells the policy that a request has ended that went on, with the status of the response, and how many bytes both had.
    pub fn ended(&self, call: &Call, status: u16, request_bytes: u64, response_bytes: u64) {
        let view = View {
            proxy: self.proxy,
            call: Some(call),
            ended: Some((status, request_bytes, response_bytes)),
        };
        self.installed.ended(subject(&view, call), &self.metrics, true);
    }

    /// Tells the policy that a request has ended that the filter has stopped.
    pub fn stopped(&self, call: &Call) {
        let view = View {
            proxy: self.proxy,
            call: Some(call),
            ended: None,
        };
        self.installed.ended(subject(&view, call), &self.metrics, false);
    }

    /// Has it tick.
    pub fn tick(&self) {
        let view = View {
            proxy: self.proxy,
            call: None,
            ended: None,
        };
        self.installed.tick(&view, &self.metrics);
    }
}

fn subject<'a>(view: &'a View<'_>, call: &'a Call) -> Subject<'a> {
    Subject {
        host: view,
        attributes: call,
        context: Context(1),
        notes: &call.notes,
    }
}

/// The proxy, in the middle of a request.
struct View<'a> {
    proxy: &'a Proxy,
    call: Option<&'a Call>,
    ended: Option<(u16, u64, u64)>,
}

impl Host for View<'_> {
    fn property(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        let number = self.ended.and_then(|(status, request, response)| match path {
            b"response\0code" => Some(u64::from(status)),
            b"request\0total_size" => Some(request),
            b"response\0total_size" => Some(response),
            _ => None,
        });
        Ok(number.map(|number| number.to_le_bytes().to_vec()))
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Status> {
        let call = self.call.ok_or(Status::BAD_ARGUMENT)?;
        let value = String::from_utf8_lossy(value).into_owned();
        call.log_fields.borrow_mut().push((name.to_owned(), value));
        Ok(())
    }

    fn shared(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Version)>, Status> {
        if self.proxy.is_shared_data_refused.get() {
            return Err(UNIMPLEMENTED);
        }
        let shared = self.proxy.shared.borrow();
        let known = shared.get(key);
        Ok(known.map(|(value, version)| (value.clone(), Version(*version))))
    }

    fn set_shared(&self, key: &[u8], value: &[u8], version: Version) -> Result<(), Status> {
        if self.proxy.is_shared_data_refused.get() {
            return Err(UNIMPLEMENTED);
        }
        let mut shared = self.proxy.shared.borrow_mut();
        let known = shared.get(key).map(|(_, version)| *version);
        if known.is_some_and(|known| version != Version::ANY && version != Version(known)) {
            return Err(Status::CAS_MISMATCH);
        }
        shared.insert(key.to_vec(), (value.to_vec(), known.unwrap_or(0) + 1));
        Ok(())
    }

    fn now(&self) -> Result<u64, Status> {
        u64::try_from(self.proxy.time.get().as_nanos()).map_err(|_| Status::BAD_ARGUMENT)
    }

    fn define_metric(&self, _: MetricKind, name: &str) -> Result<Metric, Status> {
        let mut metrics = self.proxy.metrics.borrow_mut();
        metrics.push((name.to_owned(), 0));
        u32::try_from(metrics.len() - 1).map(Metric).map_err(|_| UNIMPLEMENTED)
    }

    fn increment(&self, metric: Metric, by: i64) -> Result<(), Status> {
        let mut metrics = self.proxy.metrics.borrow_mut();
        let (_, count) = metrics.get_mut(metric.0 as usize).ok_or(Status::BAD_ARGUMENT)?;
        *count += by;
        Ok(())
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.proxy.log.borrow_mut().push((level, line.to_owned()));
    }

    // What follows is for the filter around policies, which is not here.

    fn request_headers(&self) -> Result<Vec<u8>, Status> {
        Err(UNIMPLEMENTED)
    }

    fn keep_with_connection(&self, _: &str) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn send_local_reply(&self, _: &LocalReply<'_>) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn set_request_header(&self, _: &[u8], _: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn remove_request_header(&self, _: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn add_response_header(&self, _: &[u8], _: &[u8]) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn act_for(&self, _: Context) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn continue_request(&self) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn close_connection(&self) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn call(&self, _: &HttpCall) -> Result<CallNumber, Status> {
        Err(UNIMPLEMENTED)
    }

    fn answer_headers(&self) -> Result<Vec<u8>, Status> {
        Err(UNIMPLEMENTED)
    }

    fn answer_body(&self, _: usize) -> Result<Vec<u8>, Status> {
        Err(UNIMPLEMENTED)
    }

    fn record(&self, _: Metric, _: u64) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }

    fn tick_every(&self, _: u32) -> Result<(), Status> {
        Err(UNIMPLEMENTED)
    }
}
