//! Plays the tests of a suite.

use outgate_suite_import::http1::{self, Head};
use outgate_suite_import::{
    Delivery, Expectation, Header, Input, Invocation, LogLevel as SuiteLevel, Test as SuiteTest, join_repeats,
};
use outgate_test_host::{Host, HttpStream, LogLevel, Message, Module, Phase, Profile, Property, Request, Response};

use super::Suite;
use super::check::{Check, Found, joined};
use crate::arguments::Test;
use crate::failure::Failure;
use crate::filter_scenario::{CaseResult, DifferenceResult, Fate, FilterScenarioResult};

/// Where the clock stands in that tester, when a suite does not say: a millisecond after the epoch.
const CLOCK: u64 = 1_000_000;

pub(super) fn run(arguments: &Test, suite: &Suite) -> Result<FilterScenarioResult, Failure> {
    let env = &suite.suite.env;
    let path = match (&arguments.filter, &env.wasm_path) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => suite.beside(path),
        (None, None) => {
            return Err(format!("{} names no module: env.wasm_path, or --filter", suite.file.display()).into());
        }
    };
    let module = Module::load(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let configuration = match &env.config_path {
        Some(path) => suite.read_beside(path)?,
        None => Vec::new(),
    };
    let mut cases = Vec::new();
    for test in &suite.suite.tests {
        if arguments.cases.is_empty() || arguments.cases.contains(&test.name) {
            cases.push(play(suite, test, &module, &configuration)?);
        }
    }
    let file = suite.file.display().to_string();
    let name = suite
        .file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(FilterScenarioResult::of_suite(name, file, cases))
}

fn play(suite: &Suite, test: &SuiteTest, module: &Module, configuration: &[u8]) -> Result<CaseResult, Failure> {
    let env = &suite.suite.env;
    let mut builder = Host::builder(module)
        .profile(Profile::Gcp)
        .configuration(configuration)
        .log_level(level(env.log_level))
        .clock(
            env.time_secs
                .map_or(CLOCK, |seconds| seconds.saturating_mul(1_000_000_000)),
        );
    for property in &test.properties {
        let path: Vec<&str> = property.path.split('.').collect();
        builder = builder.property(path.join("\0").as_str(), Property::Bytes(property.value.clone()));
    }
    let mut differences = Vec::new();
    let mut result = CaseResult {
        name: test.name.clone(),
        line: test.at.line,
        request: String::new(),
        fate: Fate::Passed,
        summary: String::new(),
        variation: None,
        differences: Vec::new(),
        report: None,
    };
    let mut host = match builder.start() {
        Ok(host) => host,
        Err(error) => {
            result.fate = Fate::Failed;
            result.summary = "not started".to_owned();
            result.report = Some(error.to_string());
            return Ok(result);
        }
    };
    let mut player = Player {
        suite,
        test,
        differences: &mut differences,
        told: 0,
    };
    let started = Found {
        logs: host.logs().iter().map(|line| line.message.clone()).collect(),
        ..Found::default()
    };
    player
        .check("plugin_init", test.at.line)
        .logs(&test.plugin_init, &started)?;
    let outcome = player.stream(&mut host)?;
    let ended = Found {
        logs: outcome
            .logs
            .iter()
            .filter(|line| matches!(line.phase, Phase::Done | Phase::Delete))
            .map(|line| line.message.clone())
            .collect(),
        ..Found::default()
    };
    player
        .check("stream_destroy", test.at.line)
        .logs(&test.stream_destroy, &ended)?;
    let shown = outcome.to_string();
    result.summary = shown.lines().next().unwrap_or_default().to_owned();
    if !differences.is_empty() || outcome.trap.is_some() {
        result.fate = Fate::Failed;
        result.report = Some(shown);
    }
    result.differences = differences;
    Ok(result)
}

struct Player<'a> {
    suite: &'a Suite,
    test: &'a SuiteTest,
    differences: &'a mut Vec<DifferenceResult>,
    /// How many lines the stream has logged until the last phase.
    told: usize,
}

impl<'a> Player<'a> {
    fn check<'c>(&'c mut self, phase: &str, line: usize) -> Check<'c>
    where
        'a: 'c,
    {
        Check {
            suite: self.suite,
            phase: phase.to_owned(),
            line,
            differences: self.differences,
        }
    }

    fn stream(&mut self, host: &mut Host) -> Result<outgate_test_host::Outcome, String> {
        let test = self.test;
        let nothing = Invocation::default();
        let request = test.request_headers.as_ref();
        let headers = self.headers(request.unwrap_or(&nothing), Head::Request)?;
        // Whether a body follows is not told with the headers.
        let request_message = Request::from_headers(headers.iter().map(|header| (&header.key, &header.value)));
        let mut stream = host.http_stream(request_message.trailing_empty_chunk());
        stream.request_headers();
        let created = self.found(&mut stream, |phase| phase == Phase::ContextCreate);
        self.check("stream_init", test.at.line)
            .logs(&test.stream_init, &created)?;
        if let Some(invocation) = request {
            self.phase(&mut stream, invocation, "request_headers", true, Vec::new())?;
        }
        self.bodies(&mut stream, &test.request_body, "request_body")?;
        if let Some(invocation) = &test.response_headers
            && stream.local_reply().is_none()
        {
            let headers = self.headers(invocation, Head::Response)?;
            self.told = stream.logs().len();
            let lines = headers.iter().map(|header| (&header.key, &header.value));
            stream.response_headers(Response::from_headers(lines).trailing_empty_chunk());
            self.phase(&mut stream, invocation, "response_headers", true, Vec::new())?;
        } else if let Some(invocation) = &test.response_headers {
            self.phase(&mut stream, invocation, "response_headers", false, Vec::new())?;
        }
        self.bodies(&mut stream, &test.response_body, "response_body")?;
        Ok(stream.finish())
    }

    fn bodies(&mut self, stream: &mut HttpStream<'_>, invocations: &[Invocation], name: &str) -> Result<(), String> {
        for invocation in invocations {
            let content = match &invocation.input {
                Input::Content(content) => content.clone(),
                Input::File(path) => self.suite.read_beside(path)?,
                Input::Headers(_) => Vec::new(),
            };
            self.told = stream.logs().len();
            let message = if name == "response_body" {
                Message::Response
            } else {
                Message::Request
            };
            let before = stream.passed_body(message).len();
            for (index, chunk) in pieces(&content, &self.test.delivery).iter().enumerate() {
                let is_last = index + 1 == pieces(&content, &self.test.delivery).len();
                if stream.local_reply().is_some() {
                    break;
                }
                if name == "response_body" {
                    stream.response_body(chunk, is_last);
                } else {
                    stream.request_body(chunk, is_last);
                }
            }
            let body = stream.passed_body(message);
            let body = body[before.min(body.len())..].to_vec();
            self.phase(stream, invocation, name, false, body)?;
        }
        Ok(())
    }

    fn phase(
        &mut self,
        stream: &mut HttpStream<'_>,
        invocation: &Invocation,
        name: &str,
        of_headers: bool,
        body: Vec<u8>,
    ) -> Result<(), String> {
        let mut found = self.found(stream, |phase| phase != Phase::ContextCreate);
        found.reply = stream.local_reply().cloned();
        match &found.reply {
            Some(reply) => {
                found.headers = joined(&reply.headers);
                found
                    .headers
                    .insert(0, (":status".to_owned(), reply.status.to_string()));
                found.body.clone_from(&reply.body);
            }
            None => {
                let message = if name.starts_with("response") {
                    Message::Response
                } else {
                    Message::Request
                };
                found.headers = joined(stream.headers(message));
                found.body = body;
            }
        }
        let expected: &Expectation = &invocation.result;
        self.check(name, invocation.at.line)
            .stream(expected, &found, of_headers)
    }

    fn found(&mut self, stream: &mut HttpStream<'_>, is_of: impl Fn(Phase) -> bool) -> Found {
        let logs = stream.logs();
        let new = logs
            .get(self.told..)
            .unwrap_or_default()
            .iter()
            .filter(|line| is_of(line.phase));
        Found {
            logs: new.map(|line| line.message.clone()).collect(),
            ..Found::default()
        }
    }

    fn headers(&self, invocation: &Invocation, head: Head) -> Result<Vec<Header>, String> {
        let content = match &invocation.input {
            Input::Headers(headers) => return Ok(join_repeats(headers.iter().cloned())),
            Input::Content(content) => content.clone(),
            Input::File(path) => self.suite.read_beside(path)?,
        };
        http1::parse(&content, head)
            .map_err(|error| format!("{}:{}: {error}", self.suite.file.display(), invocation.at.line))
    }
}

fn pieces<'a>(content: &'a [u8], delivery: &Delivery) -> Vec<&'a [u8]> {
    let size = match delivery {
        Delivery::Whole => return vec![content],
        Delivery::ChunkSize(size) => usize::try_from(size.get()).unwrap_or(usize::MAX),
        Delivery::NumChunks(number) => {
            let number = number.get() as usize;
            let size = content.len() / number;
            let cut = |index: usize| {
                let end = if index + 1 == number {
                    content.len()
                } else {
                    (index + 1) * size
                };
                &content[index * size..end]
            };
            return (0..number).map(cut).collect();
        }
    };
    content.chunks(size.max(1)).collect()
}

fn level(level: Option<SuiteLevel>) -> LogLevel {
    match level {
        Some(SuiteLevel::Trace) => LogLevel::Trace,
        Some(SuiteLevel::Debug) => LogLevel::Debug,
        Some(SuiteLevel::Info) | None => LogLevel::Info,
        Some(SuiteLevel::Warn) => LogLevel::Warn,
        Some(SuiteLevel::Error) => LogLevel::Error,
        Some(SuiteLevel::Critical) => LogLevel::Critical,
    }
}
