//! Plays a case: a whole exchange, or a stream step by step.

use std::time::Duration;

use outgate_policy::FieldPath;
use outgate_test_host::{Host, HttpStream, Outcome, Step, StreamId, Trap, UpstreamReply};

use super::budget::Budget;
use super::check::Check;
use super::difference::Difference;
use super::ending;
use super::expect::{ActionName, Expect};
use super::file::PlannedCase;
use super::message::{RequestSpec, ResponseSpec};
use super::model::Case;
use super::plugin::{NotStarted, Plugin};
use super::refusal::{refused, took_it};
use super::seen::{Mark, Record, Seen};
use super::step::{self, CalloutEnd, Piece, StepAction};
use super::values::Unreadable;
use super::vary::Variation;

/// What came of a case.
pub(super) struct Played {
    /// Of the last stream; there is none when there was no stream.
    pub(super) last: Option<(Outcome, Seen)>,
    /// Whether the plugin took its configuration.
    is_started: bool,
    pub(super) differences: Vec<Difference>,
    /// For people: what happened besides the last stream's own report.
    pub(super) remarks: String,
}

impl Played {
    /// What became of it, in a few words.
    pub(super) fn in_short(&self) -> String {
        match &self.last {
            Some((outcome, _)) => ending::in_short(outcome),
            None if self.is_started => "no stream".to_owned(),
            None => "not started".to_owned(),
        }
    }
}

/// Plays a case in one way of delivery. Host calls depend on it, so they are compared with a file only if `is_traced`.
pub(super) fn play(
    plugin: &Plugin<'_>,
    planned: &PlannedCase,
    variation: Variation,
    is_traced: bool,
) -> Result<Played, Unreadable> {
    let case = &planned.case;
    let place = FieldPath::root().field("expect").field("refused");
    let expected = case.expect.refused.as_ref();
    let (is_started, differences) = match plugin.start(case.config.as_ref()) {
        Ok(host) => match expected {
            None => return Player::new(plugin, case, variation, is_traced, host).play(),
            Some(expected) => (true, vec![took_it(place, expected)]),
        },
        Err(NotStarted::Unreadable(error)) => return Err(error),
        Err(NotStarted::Refused(error)) => {
            let directory = plugin.scenario.directory();
            let difference = refused(
                place,
                "the filter to start",
                expected,
                &error.to_string(),
                &error.logs,
                directory,
            );
            (false, difference.into_iter().collect())
        }
    };
    Ok(Played {
        last: None,
        is_started,
        differences,
        remarks: String::new(),
    })
}

struct Player<'p> {
    plugin: &'p Plugin<'p>,
    case: &'p Case,
    variation: Variation,
    is_traced: bool,
    host: Host,
    record: Record,
    /// The worker that streams come to.
    worker: usize,
    /// The stream that is open.
    stream: Option<StreamId>,
    last: Option<Outcome>,
    differences: Vec<Difference>,
    /// Deaths that an expectation is about.
    expected_deaths: Vec<Trap>,
}

impl<'p> Player<'p> {
    fn new(plugin: &'p Plugin<'p>, case: &'p Case, variation: Variation, is_traced: bool, mut host: Host) -> Self {
        let record = Record::new(&mut host, plugin.workers());
        Self {
            plugin,
            case,
            variation,
            is_traced,
            host,
            record,
            worker: 0,
            stream: None,
            last: None,
            differences: Vec::new(),
            expected_deaths: Vec::new(),
        }
    }

    fn play(mut self) -> Result<Played, Unreadable> {
        let expect = FieldPath::root().field("expect");
        let mark = self.mark();
        match &self.case.steps {
            None => self.exchange()?,
            Some(steps) => self.steps(steps)?,
        }
        let seen = self.seen(&mark);
        self.check(&expect, &self.case.expect, None, true, &seen);
        let unexpected = self
            .record
            .deaths()
            .iter()
            .find(|trap| !self.expected_deaths.contains(trap));
        // `trap: false` of the case has said so itself.
        if let Some(trap) = unexpected
            && !self
                .differences
                .iter()
                .any(|difference| difference.field == expect.field("trap"))
        {
            let difference = Difference::new(expect.field("trap"), "no trap", trap.to_string());
            self.differences.push(difference);
        }
        let logs = self.last.as_ref().map_or(&[][..], |outcome| &outcome.logs);
        Ok(Played {
            remarks: self.record.shown(logs),
            last: self.last.map(|outcome| (outcome, seen)),
            is_started: true,
            differences: self.differences,
        })
    }

    fn exchange(&mut self) -> Result<(), Unreadable> {
        let directory = self.plugin.scenario.directory();
        let response = self.case.response.clone().unwrap_or_default();
        let request = self.request(&self.case.request).build(directory)?;
        let response = self.response(&response).build(directory)?;
        let (request, response) = (self.variation.request(request), self.variation.response(response));
        let outcome = self.host.exchange(request, response);
        self.ended(outcome, None);
        Ok(())
    }

    fn request(&self, request: &RequestSpec) -> RequestSpec {
        request.over(&self.plugin.scenario.spec.defaults.request)
    }

    fn response(&self, response: &ResponseSpec) -> ResponseSpec {
        response.over(&self.plugin.scenario.spec.defaults.response)
    }

    fn steps(&mut self, steps: &[step::Step]) -> Result<(), Unreadable> {
        let mut stream_mark = self.mark();
        for (number, step) in steps.iter().enumerate() {
            let place = FieldPath::root().field("steps").index(number);
            let begins = matches!(step.action, StepAction::RequestHeaders(_));
            if begins {
                // What the end of the stream before this one brings about is not this step's.
                self.finish(None);
            }
            let mark = self.mark();
            if begins {
                stream_mark = mark.clone();
            }
            let later = &steps[number + 1..];
            let later = later.iter().map(|step| &step.action);
            let of_stream = later.take_while(|later| !matches!(later, StepAction::RequestHeaders(_)));
            let answer = self.step(step, &place, of_stream)?;
            let Some(expect) = &step.expect else { continue };
            let is_finish = matches!(step.action, StepAction::Finish);
            let seen = self.seen(if is_finish { &stream_mark } else { &mark });
            self.check(&place.field("expect"), expect, answer, is_finish, &seen);
        }
        self.finish(None);
        Ok(())
    }

    /// Does what a step says. Tells what the filter answered, if it was asked. The later steps of the same stream say whether
    /// headers end their message.
    fn step<'s>(
        &mut self,
        step: &'s step::Step,
        place: &FieldPath,
        mut later: impl Iterator<Item = &'s StepAction>,
    ) -> Result<Option<(ActionName, bool)>, Unreadable> {
        use StepAction as A;
        let directory = self.plugin.scenario.directory();
        let answer = match &step.action {
            A::RequestHeaders(request) => {
                let request = self.request(&request.over(&self.case.request)).headers_only();
                let mut request = request.build(directory)?;
                if later.any(|later| matches!(later, A::RequestBody(_) | A::RequestTrailers(_))) {
                    request = request.trailing_empty_chunk();
                }
                let reloads = self.host.reloads().success;
                let mut stream = self.host.http_stream(&request);
                let step = stream.request_headers();
                self.stream = Some(stream.id());
                if self.host.reloads().success != reloads {
                    self.record.restarted(self.worker);
                }
                Some(step)
            }
            A::ResponseHeaders(response) => {
                let mut response = self.response(response).headers_only().build(directory)?;
                if later.any(|later| matches!(later, A::ResponseBody(_) | A::ResponseTrailers(_))) {
                    response = response.trailing_empty_chunk();
                }
                self.with_stream(place, |stream| stream.response_headers(&response))
            }
            A::RequestBody(piece) => self.body(piece, place, true)?,
            A::ResponseBody(piece) => self.body(piece, place, false)?,
            A::RequestTrailers(lines) => self.with_stream(place, |stream| stream.request_trailers(lines.lines())),
            A::ResponseTrailers(lines) => self.with_stream(place, |stream| stream.response_trailers(lines.lines())),
            A::Advance(period) => {
                self.host.advance(period.0);
                None
            }
            A::Callout(upstream, end) => {
                self.callout(upstream, end, place)?;
                None
            }
            A::Reconfigure(config) => {
                self.reconfigure(&config.load(directory)?, step.expect.as_ref(), place);
                None
            }
            A::Worker(number) => {
                self.worker = *number;
                None
            }
            A::Finish => {
                if self.stream.is_none() {
                    self.no_stream(place);
                }
                self.finish(step.expect.as_ref().map(|expect| (place, expect)));
                None
            }
            A::Look => None,
        };
        self.take();
        Ok(answer.map(|step| (ActionName::of(step.action), step.called)))
    }

    fn body(&mut self, piece: &Piece, place: &FieldPath, is_request: bool) -> Result<Option<Step>, Unreadable> {
        let directory = self.plugin.scenario.directory();
        let bytes = piece.chunk.as_ref().map(|chunk| chunk.load(directory)).transpose()?;
        let bytes = bytes.unwrap_or_default();
        let variation = self.variation;
        let steps = self.with_stream(place, |stream| {
            let parts = variation.parts(&bytes, piece.end).into_iter();
            let deliver = |(part, end): (&[u8], bool)| {
                if is_request {
                    stream.request_body(part, end)
                } else {
                    stream.response_body(part, end)
                }
            };
            parts.map(deliver).collect::<Vec<_>>()
        });
        Ok(steps.and_then(|steps| steps.last().copied()))
    }

    fn with_stream<T>(&mut self, place: &FieldPath, act: impl FnOnce(&mut HttpStream<'_>) -> T) -> Option<T> {
        let stream = self.stream.and_then(|id| self.host.stream(id));
        match stream {
            Some(mut stream) => Some(act(&mut stream)),
            None => {
                self.no_stream(place);
                None
            }
        }
    }

    fn no_stream(&mut self, place: &FieldPath) {
        let missing = Difference::new(place.clone(), "a stream, begun by `requestHeaders`", "there is none");
        self.differences.push(missing);
    }

    fn callout(&mut self, upstream: &str, end: &CalloutEnd, place: &FieldPath) -> Result<(), Unreadable> {
        let waiting = self.host.pending_callouts();
        let Some(callout) = waiting.iter().find(|callout| callout.upstream == upstream) else {
            let others: Vec<String> = waiting.iter().map(ToString::to_string).collect();
            let found = if others.is_empty() {
                "none waits".to_owned()
            } else {
                format!("these wait: {}", others.join("; "))
            };
            let expected = format!("a callout to `{upstream}` that waits for an answer");
            self.differences
                .push(Difference::new(place.field("callout"), expected, found));
            return Ok(());
        };
        let reply = match end {
            CalloutEnd::Reply(reply) => reply.build(self.plugin.scenario.directory())?,
            CalloutEnd::Reset => UpstreamReply::reset(),
            CalloutEnd::Unreachable => UpstreamReply::unreachable(),
            CalloutEnd::Timeout => {
                let elapsed = Duration::from_nanos(self.host.now().saturating_sub(callout.made_at));
                match callout.timeout {
                    Some(timeout) => self.host.advance(timeout.saturating_sub(elapsed)),
                    None => {
                        let expected = format!("a callout to `{upstream}` that has a timeout");
                        self.differences
                            .push(Difference::new(place.field("fail"), expected, "it has none"));
                    }
                }
                return Ok(());
            }
        };
        self.host.answer(callout.id, reply);
        self.host.advance(Duration::ZERO);
        Ok(())
    }

    fn reconfigure(&mut self, config: &[u8], expect: Option<&Expect>, place: &FieldPath) {
        let expected = expect.and_then(|expect| expect.refused.as_ref());
        let place = place.field("expect").field("refused");
        let difference = match self.host.reconfigure(config) {
            Ok(_) => {
                (0..self.plugin.workers()).for_each(|worker| self.record.restarted(worker));
                expected.map(|expected| took_it(place, expected))
            }
            Err(error) => {
                let (shown, directory) = (error.to_string(), self.plugin.scenario.directory());
                let otherwise = "the filter to take the configuration";
                refused(place, otherwise, expected, &shown, &error.logs, directory)
            }
        };
        self.differences.extend(difference);
    }

    /// Ends the open stream, if there is one. A step that says so may expect something of its own.
    fn finish(&mut self, step: Option<(&FieldPath, &Expect)>) {
        self.take();
        if let Some(stream) = self.stream.take().and_then(|id| self.host.stream(id)) {
            let outcome = stream.finish();
            self.ended(outcome, step);
        }
    }

    fn ended(&mut self, outcome: Outcome, step: Option<(&FieldPath, &Expect)>) {
        self.record.take_of_ended(&outcome.logs, outcome.trap.as_ref());
        self.take();
        let of_case = self.case.expect.budget.over(self.plugin.scenario.spec.budget);
        let of_step = step.map_or(Budget::default(), |(_, expect)| expect.budget);
        let place = step
            .filter(|_| of_step != Budget::default())
            .map(|(place, _)| place.clone());
        let place = place.unwrap_or_else(FieldPath::root).field("expect");
        let mut check = Check::new(place, &self.case.expect, self.plugin.scenario.directory());
        check.budget(of_step.over(of_case), &outcome);
        self.differences.append(&mut check.differences());
        self.last = Some(outcome);
    }

    fn check(
        &mut self,
        place: &FieldPath,
        expect: &Expect,
        answer: Option<(ActionName, bool)>,
        is_whole: bool,
        seen: &Seen,
    ) {
        let mut check = Check::new(place.clone(), expect, self.plugin.scenario.directory());
        if let Some((action, called)) = answer {
            check.step(action, called);
        }
        check.seen(seen);
        let outcome = self.last.as_ref().filter(|_| is_whole);
        let trap = outcome
            .and_then(|outcome| outcome.trap.as_ref())
            .or(seen.deaths.first());
        check.trap(trap, outcome);
        match outcome {
            Some(outcome) => check.outcome(outcome, self.is_traced),
            None if is_whole => check.no_outcome(),
            None => {}
        }
        self.differences.append(&mut check.differences());
        if expect.wants_trap() {
            self.expected_deaths.extend(trap.cloned());
            self.expected_deaths.extend_from_slice(&seen.deaths);
        }
    }

    fn take(&mut self) {
        self.record.take(&mut self.host, self.worker);
        if let Some(mut stream) = self.stream.and_then(|id| self.host.stream(id)) {
            self.record.take_of_stream(&mut stream);
        }
    }

    fn mark(&mut self) -> Mark {
        self.take();
        self.record.mark(&self.host)
    }

    fn seen(&mut self, mark: &Mark) -> Seen {
        self.take();
        self.record.since(mark, &self.host)
    }
}
