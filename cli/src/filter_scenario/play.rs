//! Plays a case: a whole exchange, or a stream step by step.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use outgate_policy::FieldPath;
use outgate_test_host::{
    Callout, CalloutId, Host, HttpStream, LogLine, Outcome, Response, Step, StreamId, UpstreamReply,
};

use super::check::{Check, Seen};
use super::difference::Difference;
use super::expect::{ActionName, Expect};
use super::file::PlannedCase;
use super::model::{CalloutEnd, Case, Piece, StepAction};
use super::plugin::{NotStarted, Plugin};
use super::vary::Variation;

/// What came of a case.
pub(super) struct Played {
    /// Of the last stream; there is none when there was no stream.
    pub(super) last: Option<(Outcome, Seen)>,
    pub(super) differences: Vec<Difference>,
    /// For people: what happened besides the last stream's own report.
    pub(super) remarks: String,
}

pub(super) fn play(plugin: &Plugin<'_>, planned: &PlannedCase, variation: Variation) -> Result<Played, String> {
    let case = &planned.case;
    let place = FieldPath::root().field("expect");
    let host = match (plugin.start(case.config.as_ref()), &case.expect.refused) {
        (Ok(_), Some(refused)) => {
            let differences = vec![Difference::new(
                place.field("refused"),
                format!("the filter to refuse its configuration with {refused}"),
                "it took it",
            )];
            return Ok(Played::without_stream(differences, String::new()));
        }
        (Ok(host), None) => host,
        (Err(NotStarted::Unreadable(error)), _) => return Err(error),
        (Err(NotStarted::Refused(error)), expected) => {
            let (shown, place) = (error.to_string(), place.field("refused"));
            let differences = match expected {
                Some(expected) if is_said(&error.logs, &shown, expected) => Vec::new(),
                Some(expected) => vec![Difference::new(place, expected.to_string(), shown)],
                None => vec![Difference::new(place, "the filter to start", shown)],
            };
            return Ok(Played::without_stream(differences, String::new()));
        }
    };
    Player::new(plugin, case, variation, host).play()
}

/// Whether what a filter says when it refuses a configuration is as expected: one of its lines, or all that is known.
fn is_said(logs: &[LogLine], shown: &str, expected: &super::matcher::Matcher) -> bool {
    logs.iter().any(|line| expected.fits(Some(&line.message))) || expected.fits(Some(shown))
}

impl Played {
    fn without_stream(differences: Vec<Difference>, remarks: String) -> Self {
        Self {
            last: None,
            differences,
            remarks,
        }
    }
}

/// What there was already, to tell what is new.
struct Mark {
    callouts: HashSet<CalloutId>,
    logs: usize,
    metrics: BTreeMap<String, u64>,
}

struct Player<'p> {
    plugin: &'p Plugin<'p>,
    case: &'p Case,
    variation: Variation,
    host: Host,
    /// The stream that is open.
    stream: Option<StreamId>,
    last: Option<Outcome>,
    /// What was logged so far. What the host keeps besides streams goes with a configuration.
    logs: Vec<LogLine>,
    /// How much of the host's own log is in `logs`.
    taken: usize,
    differences: Vec<Difference>,
    callouts: Vec<Callout>,
}

impl<'p> Player<'p> {
    fn new(plugin: &'p Plugin<'p>, case: &'p Case, variation: Variation, host: Host) -> Self {
        Self {
            plugin,
            case,
            variation,
            // What the start logged is not the case's.
            taken: host.logs().len(),
            host,
            stream: None,
            last: None,
            logs: Vec::new(),
            differences: Vec::new(),
            callouts: Vec::new(),
        }
    }

    fn play(mut self) -> Result<Played, String> {
        let mark = self.mark();
        match &self.case.steps {
            None => self.exchange()?,
            Some(steps) => {
                let mut stream_mark = self.mark();
                for (number, step) in steps.iter().enumerate() {
                    let place = FieldPath::root().field("steps").index(number);
                    let step_mark = self.mark();
                    if matches!(step.action, StepAction::RequestHeaders(_)) {
                        stream_mark = self.mark();
                    }
                    let answer = self.step(&step.action, steps, number, &place)?;
                    let Some(expect) = &step.expect else { continue };
                    let is_finish = matches!(step.action, StepAction::Finish);
                    let seen = self.seen(if is_finish { &stream_mark } else { &step_mark });
                    self.check(&place.field("expect"), expect, answer, is_finish, &seen);
                }
                self.finish();
            }
        }
        let seen = self.seen(&mark);
        let place = FieldPath::root().field("expect");
        self.check(&place, &self.case.expect, None, true, &seen);
        let callouts = self.host.callouts().into_iter().map(|callout| format!("{callout}\n"));
        let outside: Vec<String> = self.host.logs().iter().map(|line| format!("log {line}\n")).collect();
        let remarks = callouts.chain(outside).collect();
        Ok(Played {
            last: self.last.map(|outcome| (outcome, seen)),
            differences: self.differences,
            remarks,
        })
    }

    fn check(
        &mut self,
        place: &FieldPath,
        expect: &Expect,
        answer: Option<(ActionName, bool)>,
        is_whole: bool,
        seen: &Seen,
    ) {
        let mut check = Check::new(place.clone(), expect);
        if let Some((action, called)) = answer {
            check.step(action, called);
        }
        check.seen(seen);
        match &self.last {
            Some(outcome) if is_whole => check.outcome(outcome, seen, self.plugin.scenario.spec.budget),
            None if is_whole => {
                if let Some(field) = expect.of_whole_stream() {
                    let missing = Difference::new(place.field(field), "a stream", "there was none");
                    self.differences.push(missing);
                }
            }
            _ => {}
        }
        self.differences.append(&mut check.differences());
    }

    fn exchange(&mut self) -> Result<(), String> {
        let (spec, directory) = (&self.plugin.scenario.spec, self.plugin.scenario.directory());
        let request = self.case.request.over(&spec.defaults.request).build(directory)?;
        let response = self
            .case
            .response
            .as_ref()
            .unwrap_or(&spec.defaults.response)
            .build(directory)?;
        let (request, response) = (self.variation.request(request), self.variation.response(response));
        let outcome = self.host.exchange(request, response);
        self.ended(outcome);
        Ok(())
    }

    /// Does what a step says. Tells what the filter answered, if it was asked.
    fn step(
        &mut self,
        action: &StepAction,
        steps: &[super::model::Step],
        number: usize,
        place: &FieldPath,
    ) -> Result<Option<(ActionName, bool)>, String> {
        let later = || steps[number + 1..].iter().map(|step| &step.action);
        let directory = self.plugin.scenario.directory();
        let answer = match action {
            StepAction::RequestHeaders(request) => {
                self.finish();
                let defaults = &self.plugin.scenario.spec.defaults.request;
                let mut request = request.over(&self.case.request).over(defaults);
                request.body = None;
                let request = request.build(directory)?;
                let goes_on = later()
                    .take_while(|later| !matches!(later, StepAction::RequestHeaders(_)))
                    .any(|later| matches!(later, StepAction::RequestBody(_) | StepAction::RequestTrailers(_)));
                let request = if goes_on {
                    request.trailing_empty_chunk()
                } else {
                    request
                };
                let mut stream = self.host.http_stream(&request);
                let step = stream.request_headers();
                self.stream = Some(stream.id());
                Some(step)
            }
            StepAction::ResponseHeaders(response) => {
                let response = response.build(directory)?;
                let goes_on = later()
                    .take_while(|later| !matches!(later, StepAction::RequestHeaders(_)))
                    .any(|later| matches!(later, StepAction::ResponseBody(_) | StepAction::ResponseTrailers(_)));
                let response: Response = if goes_on {
                    response.trailing_empty_chunk()
                } else {
                    response
                };
                self.with_stream(place, |stream| stream.response_headers(&response))
            }
            StepAction::RequestBody(piece) => self.body(piece, place, true)?,
            StepAction::ResponseBody(piece) => self.body(piece, place, false)?,
            StepAction::RequestTrailers(trailers) => {
                self.with_stream(place, |stream| stream.request_trailers(trailers.lines()))
            }
            StepAction::ResponseTrailers(trailers) => {
                self.with_stream(place, |stream| stream.response_trailers(trailers.lines()))
            }
            StepAction::Advance(period) => {
                self.host.advance(period.0);
                None
            }
            StepAction::Callout(upstream, end) => {
                self.callout(upstream, end, place)?;
                None
            }
            StepAction::Reconfigure(config) => {
                self.reconfigure(&config.load(directory)?, steps[number].expect.as_ref(), place);
                None
            }
            StepAction::Worker(number) => {
                self.host.worker(*number);
                None
            }
            StepAction::Finish => {
                if self.stream.is_none() {
                    self.no_stream(place);
                }
                self.finish();
                None
            }
            StepAction::Look => None,
        };
        self.take_logs();
        Ok(answer.map(|step| (ActionName::of(step.action), step.called)))
    }

    fn body(&mut self, piece: &Piece, place: &FieldPath, is_request: bool) -> Result<Option<Step>, String> {
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

    fn callout(&mut self, upstream: &str, end: &CalloutEnd, place: &FieldPath) -> Result<(), String> {
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
        self.take_logs();
        let expected = expect.and_then(|expect| expect.refused.as_ref());
        let result = self.host.reconfigure(config);
        let place = place.field("expect").field("refused");
        match (result, expected) {
            (Ok(_), None) => self.taken = 0,
            (Ok(_), Some(expected)) => {
                let expected = format!("the filter to refuse the configuration with {expected}");
                self.differences.push(Difference::new(place, expected, "it took it"));
                self.taken = 0;
            }
            (Err(error), expected) => {
                let shown = error.to_string();
                self.taken = self.taken.min(self.host.logs().len());
                match expected {
                    Some(expected) if is_said(&error.logs, &shown, expected) => {}
                    Some(expected) => self
                        .differences
                        .push(Difference::new(place, expected.to_string(), shown)),
                    None => {
                        self.differences
                            .push(Difference::new(place, "the filter to take the configuration", shown));
                    }
                }
            }
        }
    }

    /// Ends the open stream, if there is one.
    fn finish(&mut self) {
        if let Some(stream) = self.stream.take().and_then(|id| self.host.stream(id)) {
            let outcome = stream.finish();
            self.ended(outcome);
        }
    }

    fn ended(&mut self, outcome: Outcome) {
        self.logs.extend_from_slice(&outcome.logs);
        self.take_logs();
        self.last = Some(outcome);
    }

    /// Takes over what was logged besides streams.
    fn take_logs(&mut self) {
        let logs = self.host.logs();
        self.logs.extend_from_slice(logs.get(self.taken..).unwrap_or_default());
        self.taken = logs.len();
        // The host forgets old callouts when there are many.
        for callout in self.host.callouts() {
            match self.callouts.iter_mut().find(|known| known.id == callout.id) {
                Some(known) => *known = callout,
                None => self.callouts.push(callout),
            }
        }
    }

    fn mark(&mut self) -> Mark {
        self.take_logs();
        let metrics = self.host.metrics().into_iter();
        Mark {
            callouts: self.callouts.iter().map(|callout| callout.id).collect(),
            logs: self.logs.len(),
            metrics: metrics.map(|(name, _, value)| (name, value)).collect(),
        }
    }

    fn seen(&mut self, mark: &Mark) -> Seen {
        self.take_logs();
        let callouts = self
            .callouts
            .iter()
            .filter(|callout| !mark.callouts.contains(&callout.id));
        let changes = self.host.metrics().into_iter().map(|(name, _, value)| {
            let before = mark.metrics.get(&name).copied().unwrap_or(0);
            (name, value.wrapping_sub(before).cast_signed())
        });
        Seen {
            callouts: callouts.cloned().collect(),
            logs: self.logs.get(mark.logs..).unwrap_or_default().to_vec(),
            metrics: changes.collect(),
        }
    }
}
