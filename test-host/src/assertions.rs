//! Assertions on an outcome. One that fails panics with what was expected, what was found, and the whole report: every host
//! call with its arguments and the reason of its status, what the filter logged, and how it died.

use std::fmt::Display;
use std::path::Path;

use crate::abi::{LogLevel, Status};
use crate::access_log::AccessLogFormat;
use crate::host_call::HostCall;
use crate::outcome::{End, Forwarded, Outcome, Summary};
use crate::phase::Phase;

/// Set to anything, snapshots are written instead of compared.
const UPDATE: &str = "OUTGATE_UPDATE";

/// Host calls that ask whether something is there: for them "no" is an answer like another.
const QUESTIONS: [HostCall; 5] = [
    HostCall::GetProperty,
    HostCall::GetHeaderMapValue,
    HostCall::GetSharedData,
    HostCall::DequeueSharedQueue,
    HostCall::ResolveSharedQueue,
];

/// What a test expects of an [`Outcome`]. Each method panics when it is not so.
///
/// ```no_run
/// # use outgate_test_host::{Host, LogLevel, Module, Request};
/// # let module = Module::load("filter.wasm").unwrap();
/// # let mut host = Host::builder(&module).start().unwrap();
/// let outcome = host.request(Request::get("https://api.example.com/admin"));
/// outcome
///     .assert()
///     .denied(403)
///     .header("x-reason", "host")
///     .filter_state("wasm.decision", "deny")
///     .no_log_from(LogLevel::Warn);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Assert<'a>(&'a Outcome);

impl Outcome {
    /// To say what is expected of it.
    pub fn assert(&self) -> Assert<'_> {
        Assert(self)
    }

    /// The host calls of the stream, a line each, as far as they are kept: what a snapshot holds.
    pub fn trace_text(&self) -> String {
        self.trace.iter().map(|call| format!("{call}\n")).collect()
    }
}

impl Assert<'_> {
    /// The request reached the upstream, and its response the client.
    #[track_caller]
    pub fn forwarded(self) -> Self {
        let found = Summary(self.0).to_string();
        self.is("the stream to be forwarded", self.0.end == End::Forwarded, &found)
    }

    /// The filter replied with this status, and nothing reached the upstream.
    #[track_caller]
    pub fn denied(self, status: u32) -> Self {
        let what = format!("the filter to reply {status}");
        let is_so = self.0.end == End::Replied && self.0.upstream.is_none() && self.0.status() == status;
        self.is(&what, is_so, &Summary(self.0).to_string())
    }

    /// The client got this status.
    #[track_caller]
    pub fn status(self, status: u32) -> Self {
        self.equal("the status that the client gets", &status, &self.0.status())
    }

    /// The response code details, as `%RESPONSE_CODE_DETAILS%` prints them.
    #[track_caller]
    pub fn details(self, details: &str) -> Self {
        self.equal("the response code details", &details, &self.0.details.as_str())
    }

    /// The filter holds the stream in this callback.
    #[track_caller]
    pub fn paused(self, phase: Phase) -> Self {
        let what = format!("the stream to be held in {phase}");
        self.is(&what, self.0.end == End::Paused(phase), &Summary(self.0).to_string())
    }

    /// The response to the client has this header. Of several lines, the first counts.
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        let headers = self.0.response.as_ref().map(crate::Response::headers);
        let found = headers.and_then(|headers| headers.text(name));
        self.some_equal(&format!("the response header `{name}`"), value, found)
    }

    /// The response to the client has no such header.
    #[track_caller]
    pub fn no_header(self, name: &str) -> Self {
        let headers = self.0.response.as_ref().map(crate::Response::headers);
        let found = headers.and_then(|headers| headers.text(name));
        self.none(&format!("response header `{name}`"), found.as_ref())
    }

    /// The body that the client gets.
    #[track_caller]
    pub fn body(self, body: &str) -> Self {
        let found = self.0.response.as_ref().map(crate::Response::body_text);
        self.some_equal("the response body", body, found)
    }

    /// The body that the client gets has this in it.
    #[track_caller]
    pub fn body_contains(self, text: &str) -> Self {
        let found = self
            .0
            .response
            .as_ref()
            .map(crate::Response::body_text)
            .unwrap_or_default();
        let what = format!("the response body to contain {text:?}");
        self.is(&what, found.contains(text), &format!("it is {found:?}"))
    }

    /// Nothing reached the upstream.
    #[track_caller]
    pub fn upstream_saw_nothing(self) -> Self {
        self.is(
            "nothing to reach the upstream",
            self.0.upstream.is_none(),
            "the request did",
        )
    }

    /// The request reached the upstream, and is what `expected` says; it may assert by itself too.
    #[track_caller]
    pub fn upstream_saw(self, expected: impl FnOnce(&Forwarded) -> bool) -> Self {
        let Some(upstream) = &self.0.upstream else {
            return self.is("the request to reach the upstream", false, "it did not");
        };
        let found = format!(
            "it is {:?} with a body of {} bytes",
            upstream.headers,
            upstream.body.len()
        );
        self.is("the request at the upstream to be as said", expected(upstream), &found)
    }

    /// The request reached the upstream with this header.
    #[track_caller]
    pub fn upstream_header(self, name: &str, value: &str) -> Self {
        let found = self
            .0
            .upstream
            .as_ref()
            .and_then(|upstream| upstream.headers.text(name));
        self.some_equal(&format!("the header `{name}` at the upstream"), value, found)
    }

    /// The request reached the upstream without this header.
    #[track_caller]
    pub fn upstream_no_header(self, name: &str) -> Self {
        let this = self.upstream_saw(|_| true);
        let found = self
            .0
            .upstream
            .as_ref()
            .and_then(|upstream| upstream.headers.text(name));
        this.none(&format!("header `{name}` at the upstream"), found.as_ref())
    }

    /// Filter state by its name in an access log, for example `wasm.decision`.
    #[track_caller]
    pub fn filter_state(self, key: &str, value: &str) -> Self {
        self.some_equal(&format!("the filter state `{key}`"), value, self.0.filter_state(key))
    }

    /// There is no filter state by this name.
    #[track_caller]
    pub fn no_filter_state(self, key: &str) -> Self {
        self.none(&format!("filter state `{key}`"), self.0.filter_state(key).as_ref())
    }

    /// The line that the access log has of the stream, in this format of text.
    #[track_caller]
    pub fn access_log(self, format: &str, line: &str) -> Self {
        match AccessLogFormat::text(format) {
            Ok(format) => self.equal("the access log line", &line, &self.0.access_log(&format).as_str()),
            Err(error) => panic!("{error}"),
        }
    }

    /// By how much the stream changed a metric.
    #[track_caller]
    pub fn metric(self, name: &str, change: i64) -> Self {
        self.equal(&format!("the change of `{name}`"), &change, &self.0.metric(name))
    }

    /// The filter logged a line at this level that contains this text.
    #[track_caller]
    pub fn log(self, level: LogLevel, text: &str) -> Self {
        let mut lines = self.0.logs.iter();
        let is_there = lines.any(|line| line.level == level && line.message.contains(text));
        let what = format!("a line at {level} with {text:?} in it");
        self.is(&what, is_there, "the filter logged none")
    }

    /// The filter logged nothing at this level or above.
    #[track_caller]
    pub fn no_log_from(self, level: LogLevel) -> Self {
        let found = self.0.logs_from(level).next().map(ToString::to_string);
        self.none(&format!("log line at {level} or above"), found.as_ref())
    }

    /// All callbacks of the stream together used at most this much fuel: instructions, about. What the filter did in answers to
    /// its callouts is not the stream's: see [`Host::start_fuel`](crate::Host::start_fuel).
    #[track_caller]
    pub fn fuel_at_most(self, limit: u64) -> Self {
        self.at_most("fuel", limit, self.0.total_fuel())
    }

    /// The guest's memory has at most this many bytes.
    #[track_caller]
    pub fn memory_at_most(self, limit: usize) -> Self {
        self.at_most("bytes of memory", limit as u64, self.0.memory as u64)
    }

    /// The filter made at most this many host calls in callbacks of the stream.
    #[track_caller]
    pub fn host_calls_at_most(self, limit: u32) -> Self {
        self.at_most("host calls", limit.into(), self.0.host_calls.total().into())
    }

    /// The host asked the guest at most this often for memory.
    #[track_caller]
    pub fn allocations_at_most(self, limit: u32) -> Self {
        self.at_most("allocations", limit.into(), self.0.allocations.into())
    }

    /// The filter made exactly these host calls, in this order, by their names.
    #[track_caller]
    pub fn host_calls(self, names: &[&str]) -> Self {
        let found: Vec<&str> = self.0.trace.iter().map(crate::CallRecord::name).collect();
        self.kept_all_calls().equal("the host calls", &names, &found.as_slice())
    }

    /// Nothing odd happened: no trap, no line at error or above, no host call that this host does not have, and none that
    /// answered anything but OK, besides those that only asked whether something is there.
    #[track_caller]
    pub fn strict(self) -> Self {
        let this = self
            .kept_all_calls()
            .is("no trap", self.0.trap.is_none(), "there was one");
        let missing = self.0.unimplemented_calls();
        let this = this.none("call that the host does not have", missing.first());
        let odd = self.0.trace.iter().find(|call| {
            let asked = QUESTIONS.iter().any(|question| question.name() == call.name());
            let is_answer = matches!(call.status(), Status::NotFound | Status::Empty) && asked;
            call.status() != Status::Ok && !is_answer
        });
        this.none("refused host call", odd).no_log_from(LogLevel::Error)
    }

    /// The host calls are those in a file, line by line. With the environment variable `OUTGATE_UPDATE` set, it is written instead.
    #[track_caller]
    pub fn trace_is(self, file: impl AsRef<Path>) -> Self {
        let file = file.as_ref();
        let found = self.kept_all_calls().0.trace_text();
        if std::env::var_os(UPDATE).is_some() {
            let written = std::fs::write(file, found);
            written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
            return self;
        }
        let known = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}\n  ({UPDATE}=1 writes it)", file.display()));
        let mut pairs = known.lines().zip(found.lines()).enumerate();
        let differing = pairs.find(|(_, (old, new))| old != new).map(|(index, _)| index);
        let line = differing.unwrap_or(known.lines().count().min(found.lines().count()));
        let show = |text: &str| text.lines().nth(line).unwrap_or("(nothing more)").to_owned();
        let what = format!("line {} of {} to be\n    {}", line + 1, file.display(), show(&known));
        let is = format!("it is\n    {}\n  ({UPDATE}=1 writes the file anew)", show(&found));
        self.is(&what, known == found, &is)
    }

    /// What looks at each host call cannot be said of those that are not kept.
    #[track_caller]
    fn kept_all_calls(self) -> Self {
        let kept = format!(
            "the host kept the last {} only, see HostBuilder::trace_depth",
            self.0.trace.len()
        );
        self.is("all host calls to be there", self.0.trace_is_whole, &kept)
    }

    #[track_caller]
    fn at_most(self, unit: &str, limit: u64, used: u64) -> Self {
        self.is(
            &format!("at most {limit} {unit}"),
            used <= limit,
            &format!("it was {used}"),
        )
    }

    #[track_caller]
    fn some_equal(self, what: &str, expected: &str, found: Option<String>) -> Self {
        match found {
            Some(found) => self.equal(what, &expected, &found.as_str()),
            None => self.is(&format!("{what} to be {expected:?}"), false, "there is none"),
        }
    }

    #[track_caller]
    fn none(self, what: &str, found: Option<&impl Display>) -> Self {
        let shown = found.map(|found| format!("there is one: {found}"));
        self.is(&format!("no {what}"), found.is_none(), &shown.unwrap_or_default())
    }

    #[track_caller]
    fn equal<T: PartialEq + std::fmt::Debug>(self, what: &str, expected: &T, found: &T) -> Self {
        self.is(
            &format!("{what} to be {expected:?}"),
            expected == found,
            &format!("it is {found:?}"),
        )
    }

    #[track_caller]
    fn is(self, expected: &str, is_so: bool, found: &str) -> Self {
        assert!(is_so, "expected {expected}\n     but {found}\n\nThe stream: {}", self.0);
        self
    }
}
