//! Expectations, compared with what became of a stream.

use std::collections::BTreeMap;
use std::fmt::Display;

use outgate_policy::FieldPath;
use outgate_sdk::suggest;
use outgate_test_host::{Callout, End, HeaderMap, LogLevel, LogLine, Outcome, Response};

use super::difference::Difference;
use super::expect::{
    ActionName, Budget, CalloutExpect, CalloutsExpect, EndName, Expect, HeaderExpect, LogsExpect, ReplyExpect,
    ResponseExpect, TrapExpect, UpstreamExpect,
};
use super::matcher::{Matcher, shown};
use super::notation::Ordered;

/// What happened in the proxy during a stream, or during a step of one.
pub(super) struct Seen {
    pub(super) callouts: Vec<Callout>,
    /// Of the stream, and besides it: answers to callouts and ticks belong to no stream.
    pub(super) logs: Vec<LogLine>,
    /// By how much each metric changed; of histograms, by how many samples.
    pub(super) metrics: BTreeMap<String, i64>,
}

/// The expectations that do not hold, one after the other.
pub(super) struct Check<'a> {
    /// The expectation's own place in the case.
    place: FieldPath,
    expect: &'a Expect,
    differences: Vec<Difference>,
}

impl<'a> Check<'a> {
    pub(super) fn new(place: FieldPath, expect: &'a Expect) -> Self {
        Self {
            place,
            expect,
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
            self.text(
                place.field("upstream"),
                expected.upstream.as_ref(),
                Some(&found.upstream),
            );
            self.text(place.field("method"), expected.method.as_ref(), Some(&found.method()));
            self.text(place.field("path"), expected.path.as_ref(), Some(&found.path()));
            self.headers(&place.field("headers"), &expected.headers, Some(&found.headers));
            self.text(place.field("body"), expected.body.as_ref(), Some(&found.body_text()));
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

    /// What became of the whole stream.
    pub(super) fn outcome(&mut self, outcome: &Outcome, seen: &Seen, budget: Budget) {
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
        self.text(place.field("details"), expect.details.as_ref(), Some(&outcome.details));
        for (key, expected) in expect.filter_state.iter() {
            let found = outcome.filter_state(key);
            self.text(place.field("filterState").field(key), Some(expected), found.as_deref());
        }
        if let Some(log) = &expect.access_log {
            let line = outcome.access_log(&log.format.0);
            self.text(place.field("accessLog").field("line"), Some(&log.line), Some(&line));
        }
        if let Some(duration) = expect.duration {
            self.equal(
                place.field("duration"),
                &format!("{:?}", duration.0),
                &format!("{:?}", outcome.duration),
            );
        }
        if let Some(logs) = &expect.logs {
            self.logs(logs, &seen.logs);
        }
        self.trap(outcome);
        self.budget(expect.budget.over(budget), outcome);
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
        self.text(place.field("details"), expected.details.as_ref(), Some(&reply.details));
        self.headers(&place.field("headers"), &expected.headers, Some(&reply.headers));
        self.no_headers(&place, &expected.no_headers, Some(&reply.headers));
        self.text(
            place.field("body"),
            expected.body.as_ref(),
            Some(&String::from_utf8_lossy(&reply.body)),
        );
    }

    fn upstream(&mut self, expected: &UpstreamExpect, outcome: &Outcome) {
        let place = self.place.field("upstream");
        let Some(upstream) = &outcome.upstream else {
            return self.differ(place, "the request to reach the upstream", end_shown(outcome));
        };
        let headers = &upstream.headers;
        self.text(
            place.field("method"),
            expected.method.as_ref(),
            headers.text(":method").as_deref(),
        );
        self.text(
            place.field("path"),
            expected.path.as_ref(),
            headers.text(":path").as_deref(),
        );
        self.headers(&place.field("headers"), &expected.headers, Some(headers));
        self.no_headers(&place, &expected.no_headers, Some(headers));
        self.text(
            place.field("body"),
            expected.body.as_ref(),
            Some(&String::from_utf8_lossy(&upstream.body)),
        );
        self.headers(&place.field("trailers"), &expected.trailers, Some(&upstream.trailers));
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
        self.headers(&place.field("headers"), &expected.headers, Some(response.headers()));
        self.no_headers(&place, &expected.no_headers, Some(response.headers()));
        self.text(place.field("body"), expected.body.as_ref(), Some(&response.body_text()));
        self.headers(&place.field("trailers"), &expected.trailers, Some(response.trailers()));
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
        for text in &expected.contains.0 {
            if !lines.iter().any(|line| line.message.contains(text.as_str())) {
                self.differ(place.field("contains"), format!("a line with {text:?} in it"), all());
            }
        }
        for text in &expected.not_contains.0 {
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

    /// A filter that dies without being expected to has failed, whatever else is expected.
    fn trap(&mut self, outcome: &Outcome) {
        let place = self.place.field("trap");
        match (&self.expect.trap, &outcome.trap) {
            (Some(TrapExpect::Some(false)), Some(trap)) => self.differ(place, "no trap", trap.to_string()),
            (None, Some(trap)) if self.expect.end != Some(EndName::Failed) => {
                self.differ(place, "no trap", trap.to_string());
            }
            (Some(TrapExpect::Some(true)), None) => self.differ(place, "a trap", end_shown(outcome)),
            (Some(TrapExpect::Such(expected)), trap) => {
                let found = trap.as_ref().map(ToString::to_string);
                self.text(place, Some(expected), found.as_deref());
            }
            _ => {}
        }
    }

    fn budget(&mut self, budget: Budget, outcome: &Outcome) {
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

    fn headers(&mut self, place: &FieldPath, expected: &Ordered<HeaderExpect>, found: Option<&HeaderMap>) {
        for (name, expected) in expected.iter() {
            let place = place.field(name);
            let lines: Vec<String> = found
                .map(|headers| {
                    headers
                        .get_all(name)
                        .map(|line| String::from_utf8_lossy(line).into_owned())
                        .collect()
                })
                .unwrap_or_default();
            match expected {
                HeaderExpect::Joined(matcher) => {
                    let joined = (!lines.is_empty()).then(|| lines.join(", "));
                    self.text(place, Some(matcher), joined.as_deref());
                }
                HeaderExpect::Lines(matchers) => {
                    let fits = matchers.len() == lines.len()
                        && matchers
                            .iter()
                            .zip(&lines)
                            .all(|(matcher, line)| matcher.fits(Some(line)));
                    if !fits {
                        let expected: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                        self.differ(
                            place,
                            format!("the lines {}", expected.join(", ")),
                            format!("the lines {lines:?}"),
                        );
                    }
                }
            }
        }
    }

    fn no_headers(&mut self, place: &FieldPath, names: &[String], found: Option<&HeaderMap>) {
        for (number, name) in names.iter().enumerate() {
            if let Some(value) = found.and_then(|headers| headers.text(name)) {
                let place = place.field("noHeaders").index(number);
                self.differ(place, format!("no header `{name}`"), format!("{value:?}"));
            }
        }
    }

    fn text(&mut self, place: FieldPath, expected: Option<&Matcher>, found: Option<&str>) {
        if let Some(expected) = expected
            && !expected.fits(found)
        {
            let mut difference = Difference::new(place, expected.to_string(), shown(found));
            if let (Matcher::Exact(_), Some(found)) = (expected, found) {
                difference.replacement = Some(found.to_owned());
            }
            self.differences.push(difference);
        }
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

/// How the stream ended, in one line.
pub(super) fn end_shown(outcome: &Outcome) -> String {
    outcome.to_string().lines().next().unwrap_or_default().to_owned()
}

pub(super) fn end_of(end: End) -> EndName {
    match end {
        End::Replied => EndName::Replied,
        End::Overflowed => EndName::Overflowed,
        End::Paused(_) => EndName::Paused,
        End::Reset => EndName::Reset,
        End::Failed => EndName::Failed,
        _ => EndName::Forwarded,
    }
}

/// What the client got, in short.
pub(crate) fn in_short(outcome: &Outcome) -> String {
    let end = end_of(outcome.end).name();
    match outcome.response.as_ref().map(Response::status) {
        Some(status) => format!("{end} {status}"),
        None => end.to_owned(),
    }
}
