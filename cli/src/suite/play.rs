//! Plays a test: the callbacks of one stream, in the tester's order.

use outgate_test_host::{
    Action, HeaderMap, Host, HttpStream, LocalReply, LogLine, Message, Outcome, Phase as Callback, Step, Trap,
};

use super::check::{Course, Found, Kind};
use super::plan::{Expected, Phase, Pieces, PlannedTest};
use super::{Plugin, Suite};
use crate::filter_scenario::{CaseResult, DifferenceResult, Fate, in_short};
use crate::output::{FAINT, PLAIN, harmless};

/// A test that has been played.
pub(super) struct Played {
    pub(super) result: CaseResult,
    /// Did the plugin trap, or not start? Then there is nothing to measure.
    pub(super) trapped: bool,
}

/// Where lines of the plugin's log go besides the report.
pub(super) enum Log {
    Nowhere,
    StandardError,
}

impl Log {
    /// Standard output is for the report, so a suite's log goes to standard error in its place. Files are not written: a test
    /// changes nothing.
    pub(super) fn new(suite: &Suite) -> Self {
        match suite.suite.env.log_path.as_deref() {
            None => Self::Nowhere,
            Some("/dev/stdout" | "/dev/stderr") => Self::StandardError,
            Some(path) => {
                let file = suite.file.display();
                anstream::eprintln!(
                    "{file}: `env.log_path`: nothing is written to {path}; /dev/stderr shows what the plugin logs"
                );
                Self::Nowhere
            }
        }
    }

    fn tell<'l>(&self, test: &PlannedTest<'_>, lines: impl Iterator<Item = &'l LogLine>) {
        if matches!(self, Self::StandardError) {
            anstream::eprintln!("{FAINT}--- {}{PLAIN}", harmless(&test.name));
            for line in lines {
                anstream::eprintln!("{}", harmless(&line.to_string()));
            }
        }
    }
}

pub(super) fn play(plugin: &Plugin<'_>, test: &PlannedTest<'_>, log: &Log) -> Played {
    let mut host = match plugin.host(&plugin.module, plugin.level()).start() {
        Ok(host) => host,
        Err(error) => {
            log.tell(test, error.logs.iter());
            let difference = test.plugin_init.difference("the plugin to start", error.to_string());
            return Played::new(
                test,
                "not started".to_owned(),
                vec![difference],
                true,
                error.to_string(),
            );
        }
    };
    let mut player = Player {
        test,
        differences: Vec::new(),
    };
    player.plugin_init(&host);
    let outcome = player.stream(&mut host);
    let mut trapped = outcome.trap.is_some();
    let mut report = outcome.to_string();
    let mut own = host.logs().to_vec();
    if !trapped {
        match host.shutdown() {
            Ok(lines) => own = lines,
            Err(trap) => {
                trapped = true;
                report = format!("{report}\n{trap}");
                player.died(&test.plugin_init, &trap);
            }
        }
    }
    let mut lines: Vec<&LogLine> = own.iter().chain(&outcome.logs).collect();
    lines.sort_by_key(|line| line.sequence);
    log.tell(test, lines.into_iter());
    for line in &own {
        report = format!("{report}\n  log {line}");
    }
    Played::new(test, in_short(&outcome), player.differences, trapped, report)
}

impl Played {
    fn new(
        test: &PlannedTest<'_>,
        summary: String,
        differences: Vec<DifferenceResult>,
        trapped: bool,
        report: String,
    ) -> Self {
        let has_failed = !differences.is_empty();
        Self {
            trapped,
            result: CaseResult {
                name: test.name.clone(),
                line: test.test.at.line,
                request: test.request(),
                fate: if has_failed { Fate::Failed } else { Fate::Passed },
                summary,
                variation: None,
                differences,
                report: has_failed.then_some(report),
            },
        }
    }
}

struct Player<'p> {
    test: &'p PlannedTest<'p>,
    differences: Vec<DifferenceResult>,
}

/// The phase in which the plugin died is the error.
type Lived<'p> = Result<(), &'p Expected<'p>>;

impl<'p> Player<'p> {
    /// What was logged before there was a plugin is the VM's, which matchers do not see.
    fn plugin_init(&mut self, host: &Host) {
        let is_plugins = |line: &&LogLine| !matches!(line.phase, Callback::Instantiate | Callback::Initialize);
        let found = Found {
            logs: messages(host.logs().iter().filter(is_plugins)),
            ..Found::default()
        };
        self.check(&self.test.plugin_init, &found, Kind::Lifecycle);
    }

    /// Plays the stream, as far as the plugin lives: one that dies has failed, whatever was expected of the rest.
    fn stream(&mut self, host: &mut Host) -> Outcome {
        let mut stream = host.http_stream(self.test.stream_request());
        let fatal = self.phases(&mut stream).err();
        let told = stream.logs().len();
        let outcome = stream.finish();
        match (&outcome.trap, fatal) {
            (Some(trap), fatal) => self.died(fatal.unwrap_or(&self.test.stream_destroy), trap),
            (None, _) => {
                let found = Found {
                    logs: messages(outcome.logs[told..].iter()),
                    ..Found::default()
                };
                self.check(&self.test.stream_destroy, &found, Kind::Lifecycle);
            }
        }
        outcome
    }

    /// The callbacks before the end.
    fn phases(&mut self, stream: &mut HttpStream<'_>) -> Lived<'p> {
        let test = self.test;
        stream.create_context();
        lives(stream, &test.stream_init)?;
        let found = Found {
            logs: messages(stream.logs().iter()),
            ..Found::default()
        };
        self.check(&test.stream_init, &found, Kind::Lifecycle);
        if let Some(phase) = &test.request_headers {
            self.head(stream, phase, Message::Request)?;
        }
        self.bodies(stream, &test.request_body, Message::Request)?;
        if let Some(phase) = &test.response_headers {
            self.head(stream, phase, Message::Response)?;
        }
        self.bodies(stream, &test.response_body, Message::Response)
    }

    fn head(&mut self, stream: &mut HttpStream<'_>, phase: &'p Phase<'p, HeaderMap>, message: Message) -> Lived<'p> {
        let told = stream.logs().len();
        let is_over = stream.local_reply().is_some();
        let step = match message {
            Message::Request => stream.request_headers(),
            Message::Response => stream.response_headers(phase.input.clone()),
        };
        lives(stream, &phase.expected)?;
        let mut found = Found::default();
        if !is_over {
            found.logs = messages(stream.logs()[told..].iter());
            found.course = course(step);
            match stream.local_reply() {
                Some(reply) => found.take_reply(reply),
                None => found.headers = stream.headers(message).clone(),
            }
        }
        self.check(&phase.expected, &found, Kind::Headers);
        Ok(())
    }

    fn bodies(&mut self, stream: &mut HttpStream<'_>, phases: &'p [Phase<'p, Pieces>], message: Message) -> Lived<'p> {
        for phase in phases {
            let mut found = Found::default();
            for (index, piece) in phase.input.iter().enumerate() {
                // The tester forgets what was logged with each piece, also with one that comes after a reply.
                found.logs.clear();
                if stream.local_reply().is_some() {
                    continue;
                }
                let (told, passed) = (stream.logs().len(), stream.passed_body(message).len());
                let is_last = index + 1 == phase.input.len();
                let step = match message {
                    Message::Request => stream.request_body(piece, is_last),
                    Message::Response => stream.response_body(piece, is_last),
                };
                found.course = course(step);
                lives(stream, &phase.expected)?;
                found.logs = messages(stream.logs()[told..].iter());
                match stream.local_reply() {
                    Some(reply) => found.take_reply(reply),
                    None => found.body.extend_from_slice(&stream.passed_body(message)[passed..]),
                }
            }
            self.check(&phase.expected, &found, Kind::Body);
        }
        Ok(())
    }

    fn check(&mut self, expected: &Expected<'_>, found: &Found, kind: Kind) {
        self.differences.append(&mut expected.differences(found, kind));
    }

    fn died(&mut self, expected: &Expected<'_>, trap: &Trap) {
        self.differences.push(expected.difference("no trap", trap.to_string()));
    }
}

impl Found {
    /// What was found before in the pieces of a body stays.
    fn take_reply(&mut self, reply: &LocalReply) {
        self.headers = reply.headers.clone();
        self.body.extend_from_slice(&reply.body);
        self.reply = Some(reply.clone());
    }
}

fn course(step: Step) -> Course {
    match step.action {
        Action::Continue => Course::WentOn,
        Action::Pause => Course::Stopped,
    }
}

fn lives<'p>(stream: &HttpStream<'_>, phase: &'p Expected<'p>) -> Lived<'p> {
    if stream.trap().is_none() { Ok(()) } else { Err(phase) }
}

fn messages<'l>(lines: impl Iterator<Item = &'l LogLine>) -> Vec<String> {
    lines.map(|line| line.message.clone()).collect()
}
