//! Expectations, compared with what became of a stream.

use std::fmt::Display;
use std::path::Path;

use outgate_policy::FieldPath;
use outgate_sdk::suggest;
use outgate_test_host::{Callout, HeaderMap, LogLevel, LogLine, Outcome, Trap};

use crate::notation::Ordered;

use super::budget::Budget;
use super::difference::Difference;
use super::ending::{end_of, end_shown};
use super::expect::{
    ActionName, CalloutExpect, CalloutsExpect, Expect, HeaderExpect, Known, LogsExpect, ReplyExpect, ResponseExpect,
    TrapExpect, UpstreamExpect,
};
use super::matcher::{Matcher, shown};
use super::seen::Seen;

/// The expectations that do not hold, one after the other.
pub(super) struct Check<'a> {
    /// The expectation's own place in the case.
    place: FieldPath,
    expect: &'a Expect,
    /// Where the files are that expectations name.
    directory: &'a Path,
    differences: Vec<Difference>,
}

impl<'a> Check<'a> {
    pub(super) fn new(place: FieldPath, expect: &'a Expect, directory: &'a Path) -> Self {
        Self {
            place,
            expect,
            directory,
            differences: Vec::new(),
        }
    }

    pub(super) fn differences(self) -> Vec<Difference> {
        self.differences
    }

    /// What a callback answered.
    pub(super) fn step(&mut self, action: ActionName, called: bool) {
        let place = self.place.clone();
        if let Some(expected) = self.expect.action {
            self.equal(place.field("action"), expected.name(), action.name());
        }
        if let Some(expected) = self.expect.called {
            self.equal(place.field("called"), &expected, &called);
        }
    }

    /// What happened in the proxy.
    pub(super) fn seen(&mut self, seen: &Seen) {
        let expect = self.expect;
        for (name, change) in expect.metrics.iter() {
            let place = self.place.field("metrics").field(name);
            match seen.metrics.get(name) {
                Some(found) if *found == change.0 => {}
                None if change.0 == 0 => {}
                Some(found) => self.differ(place, format!("{:+}", change.0), format!("{found:+}")),
                None => {
                    let known: Vec<&str> = seen.metrics.keys().map(String::as_str).collect();
                    let found = match suggest::closest(name, known.iter().copied()) {
                        Some(meant) => format!("no such metric; did you mean `{meant}`?"),
                        None if known.is_empty() => "the filter defines no metrics".to_owned(),
                        None => format!("no such metric; there are {}", suggest::listed(&known)),
                    };
                    self.differ(place, format!("{:+}", change.0), found);
                }
            }
        }
        match &expect.callouts {
            Some(CalloutsExpect::Number(number)) if *number != seen.callouts.len() => {
                self.differ(
                    self.place.field("callouts"),
                    number.to_string(),
                    callouts_shown(&seen.callouts),
                );
            }
            Some(CalloutsExpect::These(these)) => self.callouts(these, &seen.callouts),
            _ => {}
        }
        if let Some(logs) = &expect.logs {
            self.logs(logs, &seen.logs);
        }
    }

    fn callouts(&mut self, expected: &[CalloutExpect], found: &[Callout]) {
        let place = self.place.field("callouts");
        if expected.len() != found.len() {
            self.differ(
                place.clone(),
                format!("{} callouts", expected.len()),
                callouts_shown(found),
            );
        }
        for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
            let place = place.index(number);
            let texts = [
                ("upstream", &expected.upstream, &found.upstream),
                ("method", &expected.method, &found.method()),
                ("path", &expected.path, &found.path()),
            ];
            for (name, expected, found) in texts {
                self.text(place.field(name), expected.as_ref(), Some(found.as_bytes()));
            }
            self.headers(&place.field("headers"), &expected.headers, &found.headers);
            self.body(place.field("body"), expected.body.as_ref(), &found.body);
            self.headers(&place.field("trailers"), &expected.trailers, &found.trailers);
            if let Some(messages) = &expected.messages {
                self.messages(&place.field("messages"), messages, &found.messages);
            }
            if let Some(closed) = expected.closed {
                self.equal(place.field("closed"), &closed, &found.closed);
            }
            if let Some(timeout) = expected.timeout
                && found.timeout != Some(timeout.0)
            {
                let shown = found
                    .timeout
                    .map_or_else(|| "none".to_owned(), |timeout| format!("{timeout:?}"));
                self.differ(place.field("timeout"), format!("{:?}", timeout.0), shown);
            }
        }
    }

    fn messages(&mut self, place: &FieldPath, expected: &[Matcher], found: &[Vec<u8>]) {
        if expected.len() != found.len() {
            let (expected, found) = (expected.len(), found.len());
            self.differ(place.clone(), format!("{expected} messages"), format!("{found}"));
        }
        for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
            self.text(place.index(number), Some(expected), Some(found));
        }
    }

    /// What became of the whole stream.
    pub(super) fn outcome(&mut self, outcome: &Outcome, is_traced: bool) {
        let (expect, place) = (self.expect, self.place.clone());
        if let Some(expected) = expect.end {
            let end = end_of(outcome.end);
            if expected != end {
                self.differ(place.field("end"), expected.name(), end_shown(outcome));
            }
        }
        if let Some(expected) = expect.forwarded
            && expected != outcome.upstream.is_some()
        {
            let reaches = if expected {
                "the request to reach the upstream"
            } else {
                "nothing to reach the upstream"
            };
            self.differ(place.field("forwarded"), reaches, end_shown(outcome));
        }
        if let Some(reply) = &expect.reply {
            self.reply(reply, outcome);
        }
        if let Some(upstream) = &expect.upstream {
            self.upstream(upstream, outcome);
        }
        if let Some(response) = &expect.response {
            self.response(response, outcome);
        }
        self.body(
            place.field("details"),
            expect.details.as_ref(),
            outcome.details.as_bytes(),
        );
        for (key, expected) in expect.filter_state.iter() {
            let entry = outcome.filter_state.iter().find(|(known, _)| known == key);
            let found = entry.map(|(_, value)| value.as_slice());
            self.text(place.field("filterState").field(key), Some(expected), found);
        }
        if let Some(log) = &expect.access_log {
            let line = outcome.access_log(&log.format.0);
            let place = place.field("accessLog").field("line");
            self.text(place, Some(&log.line), Some(line.as_bytes()));
        }
        if let Some(duration) = expect.duration {
            self.equal(
                place.field("duration"),
                &format!("{:?}", duration.0),
                &format!("{:?}", outcome.duration),
            );
        }
        if let Some(name) = expect.trace.as_ref().filter(|_| is_traced) {
            let found = outcome.trace_text();
            let difference = Difference::from_file(place.field("trace"), name, self.directory, found.as_bytes());
            self.differences.extend(difference);
        }
    }

    /// There was no stream of which something is expected.
    pub(super) fn no_outcome(&mut self) {
        if let Some(field) = self.expect.first_known(Known::Ended) {
            self.differ(self.place.field(field), "a stream", "there was none");
        }
    }

    fn reply(&mut self, expected: &ReplyExpect, outcome: &Outcome) {
        let place = self.place.field("reply");
        let Some(reply) = &outcome.local_reply else {
            return self.differ(place, "the filter to reply", end_shown(outcome));
        };
        if let Some(status) = expected.status {
            self.equal(place.field("status"), &status, &reply.status);
        }
        if let Some(status) = expected.grpc_status {
            let found = reply
                .grpc_status
                .map_or_else(|| "none".to_owned(), |status| status.to_string());
            self.equal(place.field("grpcStatus"), &status.to_string(), &found);
        }
        self.body(
            place.field("details"),
            expected.details.as_ref(),
            reply.details.as_bytes(),
        );
        self.headers(&place.field("headers"), &expected.headers, &reply.headers);
        self.no_headers(&place, &expected.no_headers, &reply.headers);
        self.body(place.field("body"), expected.body.as_ref(), &reply.body);
    }

    fn upstream(&mut self, expected: &UpstreamExpect, outcome: &Outcome) {
        let place = self.place.field("upstream");
        let Some(upstream) = &outcome.upstream else {
            return self.differ(place, "the request to reach the upstream", end_shown(outcome));
        };
        let headers = &upstream.headers;
        self.text(place.field("method"), expected.method.as_ref(), headers.get(":method"));
        self.text(place.field("path"), expected.path.as_ref(), headers.get(":path"));
        self.headers(&place.field("headers"), &expected.headers, headers);
        self.no_headers(&place, &expected.no_headers, headers);
        self.body(place.field("body"), expected.body.as_ref(), &upstream.body);
        self.headers(&place.field("trailers"), &expected.trailers, &upstream.trailers);
    }

    fn response(&mut self, expected: &ResponseExpect, outcome: &Outcome) {
        let place = self.place.field("response");
        let Some(response) = &outcome.response else {
            return self.differ(place, "the client to get a response", end_shown(outcome));
        };
        if let Some(status) = expected.status
            && status != response.status()
        {
            let details = match outcome.details.as_str() {
                "" => String::new(),
                details => format!(" ({details})"),
            };
            self.differ(
                place.field("status"),
                status.to_string(),
                format!("{}{details}", response.status()),
            );
        }
        self.headers(&place.field("headers"), &expected.headers, response.headers());
        self.no_headers(&place, &expected.no_headers, response.headers());
        self.body(place.field("body"), expected.body.as_ref(), response.body_bytes());
        self.headers(&place.field("trailers"), &expected.trailers, response.trailers());
    }

    fn logs(&mut self, expected: &LogsExpect, found: &[LogLine]) {
        let place = self.place.field("logs");
        let level = expected.level.map(LogLevel::from);
        let lines: Vec<&LogLine> = found
            .iter()
            .filter(|line| level.is_none_or(|level| line.level == level))
            .collect();
        let all = || {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            if lines.is_empty() {
                "the filter logged nothing of that".to_owned()
            } else {
                lines.join("\n")
            }
        };
        for text in &expected.contains {
            if !lines.iter().any(|line| line.message.contains(text.as_str())) {
                self.differ(place.field("contains"), format!("a line with {text:?} in it"), all());
            }
        }
        for text in &expected.not_contains {
            if let Some(line) = lines.iter().find(|line| line.message.contains(text.as_str())) {
                self.differ(
                    place.field("notContains"),
                    format!("no line with {text:?} in it"),
                    line.to_string(),
                );
            }
        }
        if let Some(level) = expected.none_at.map(LogLevel::from)
            && let Some(line) = found.iter().find(|line| line.level >= level)
        {
            self.differ(
                place.field("noneAt"),
                format!("no line at {level} or above"),
                line.to_string(),
            );
        }
    }

    /// Whether the filter died, if something is said about that.
    pub(super) fn trap(&mut self, trap: Option<&Trap>, outcome: Option<&Outcome>) {
        let place = self.place.field("trap");
        match (&self.expect.trap, trap) {
            (Some(TrapExpect::Some(false)), Some(trap)) => self.differ(place, "no trap", trap.to_string()),
            (Some(TrapExpect::Some(true)), None) => {
                let found = outcome.map_or_else(|| "the filter goes on".to_owned(), end_shown);
                self.differ(place, "a trap", found);
            }
            (Some(TrapExpect::Such(expected)), trap) => {
                let found = trap.map(ToString::to_string);
                self.text(place, Some(expected), found.as_ref().map(String::as_bytes));
            }
            _ => {}
        }
    }

    pub(super) fn budget(&mut self, budget: Budget, outcome: &Outcome) {
        let place = self.place.field("budget");
        let limits = [
            ("fuelPerRequest", budget.fuel_per_request, outcome.total_fuel()),
            ("memory", budget.memory, outcome.memory as u64),
            ("hostCalls", budget.host_calls, outcome.host_calls.total().into()),
            ("allocations", budget.allocations, outcome.allocations.into()),
        ];
        for (name, limit, used) in limits {
            if let Some(limit) = limit
                && used > limit.0
            {
                self.differ(place.field(name), format!("at most {}", limit.0), used.to_string());
            }
        }
    }

    fn headers(&mut self, place: &FieldPath, expected: &Ordered<HeaderExpect>, found: &HeaderMap) {
        for (name, expected) in expected.iter() {
            let place = place.field(name);
            let lines: Vec<&[u8]> = found.get_all(name).collect();
            match expected {
                HeaderExpect::Joined(matcher) => {
                    let joined = (!lines.is_empty()).then(|| lines.join(&b", "[..]));
                    self.text(place, Some(matcher), joined.as_deref());
                }
                HeaderExpect::Lines(matchers) => {
                    let mut pairs = matchers.iter().zip(&lines);
                    let fits = matchers.len() == lines.len()
                        && pairs.all(|(matcher, line)| matcher.fits(Some(line), self.directory));
                    if !fits {
                        let expected: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                        let found: Vec<String> = lines.iter().map(|line| shown(Some(line))).collect();
                        self.differ(place, lines_shown(&expected), lines_shown(&found));
                    }
                }
            }
        }
    }

    fn no_headers(&mut self, place: &FieldPath, names: &[String], found: &HeaderMap) {
        for (number, name) in names.iter().enumerate() {
            if let Some(value) = found.text(name) {
                let place = place.field("noHeaders").index(number);
                self.differ(place, format!("no header `{name}`"), format!("{value:?}"));
            }
        }
    }

    /// Of what is never absent: nothing in it and nothing there is the same.
    fn body(&mut self, place: FieldPath, expected: Option<&Matcher>, found: &[u8]) {
        let is_absent = |expected: &Matcher| found.is_empty() && expected.fits(None, self.directory);
        if !expected.is_some_and(is_absent) {
            self.text(place, expected, Some(found));
        }
    }

    fn text(&mut self, place: FieldPath, expected: Option<&Matcher>, found: Option<&[u8]>) {
        let difference = expected.and_then(|expected| expected.difference(place, found, self.directory));
        self.differences.extend(difference);
    }

    fn equal<T: PartialEq + Display + ?Sized>(&mut self, place: FieldPath, expected: &T, found: &T) {
        if expected != found {
            self.differ(place, expected.to_string(), found.to_string());
        }
    }

    fn differ(&mut self, place: FieldPath, expected: impl Into<String>, found: impl Into<String>) {
        self.differences.push(Difference::new(place, expected, found));
    }
}

fn callouts_shown(callouts: &[Callout]) -> String {
    let lines: Vec<String> = callouts.iter().map(ToString::to_string).collect();
    if lines.is_empty() {
        "no callout".to_owned()
    } else {
        format!("{}: {}", lines.len(), lines.join("; "))
    }
}

fn lines_shown(lines: &[String]) -> String {
    match lines {
        [] => "no line".to_owned(),
        [line] => format!("the line {line}"),
        lines => format!("the lines {}", lines.join(", ")),
    }
}
