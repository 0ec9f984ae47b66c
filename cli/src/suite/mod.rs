//! Suites of the plugin tester of Google's service extensions, played here: `outgate test suite.textpb`.
//!
//! ```text
//! file ──▶ suite-import ──▶ plan: files read, heads taken apart, expressions compiled ──▶ play ──▶ check ──▶ report
//!                            └── tests with `benchmark: true` ──▶ measure ──────────────────────────────────────┘
//! ```
//!
//! Each test gets a VM and a plugin of its own, in a host that does what that tester does: see `Profile::Gcp`.

mod check;
mod measure;
mod plan;
mod play;

use std::path::{Path, PathBuf};

use outgate_sdk::located::{Node, Value};
use outgate_suite_import::{Expectation, Input, Invocation, LogLevel as SuiteLevel, Pattern, Position, TestSuite};
use outgate_test_host::{HostBuilder, LogLevel, Module, Profile};

use crate::arguments::Test;
use crate::failure::Failure;
use crate::filter_scenario::FilterScenarioResult;
use crate::hosted::compile;
use crate::hosted::content::Configuration;
use measure::Meter;
pub(crate) use measure::{Benchmark, print as print_benchmarks};
use plan::PlannedTest;

/// A suite and where it is.
pub(crate) struct Suite {
    file: PathBuf,
    suite: TestSuite,
}

/// Where the clock stands in that tester when a suite does not say: a millisecond after the epoch.
const CLOCK: u64 = 1_000_000;

impl Suite {
    /// Is a document in YAML a suite? One has its tests at the top, and says nothing of its kind.
    pub(crate) fn is_one(document: &Node) -> bool {
        let tests = document.get("test").map(|tests| &tests.value);
        matches!(tests, Some(Value::List(_))) && document.get("apiVersion").is_none()
    }

    /// Is a text in protobuf's text format a suite, or does it look like one with a mistake? Other files have this format, too.
    pub(crate) fn is_likely(name: &str, text: &str) -> bool {
        let begins_test = |line: &str| {
            let rest = line.trim_start().strip_prefix("test");
            rest.is_some_and(|rest| rest.trim_start().starts_with([':', '{', '<', '[']))
        };
        text.lines().any(begins_test)
            || outgate_suite_import::read(name, text).is_ok_and(|suite| !suite.tests.is_empty())
    }

    pub(crate) fn read(file: &Path, text: &str) -> Result<Self, Failure> {
        let suite = outgate_suite_import::read(&file.display().to_string(), text)?;
        if suite.tests.is_empty() {
            return Err(format!("{}: there is no `test` in this suite", file.display()).into());
        }
        Ok(Self {
            file: file.to_owned(),
            suite,
        })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The names of the tests. One without a name is called by its place.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let tests = self.suite.tests.iter().enumerate();
        tests.map(|(number, test)| match test.name.as_str() {
            "" => format!("test[{number}]"),
            name => name.to_owned(),
        })
    }

    /// The files that the suite depends on, as far as it names them.
    pub(crate) fn files(&self, arguments: &Test) -> Vec<PathBuf> {
        let env = &self.suite.env;
        let mut files = vec![self.file.clone()];
        files.extend(self.module_path(arguments));
        files.extend(env.config_path.as_ref().map(|path| self.located(path)));
        for test in &self.suite.tests {
            let heads = test.request_headers.iter().chain(&test.response_headers);
            let phases = heads.chain(&test.request_body).chain(&test.response_body);
            files.extend(phases.flat_map(|phase| self.files_of(phase)));
            let ends = [&test.plugin_init, &test.stream_init, &test.stream_destroy];
            files.extend(ends.into_iter().flat_map(|expected| self.files_expected(expected)));
        }
        files
    }

    fn files_of(&self, phase: &Invocation) -> Vec<PathBuf> {
        let mut files = self.files_expected(&phase.result);
        if let Input::File(path) = &phase.input {
            files.push(self.beside(path));
        }
        files
    }

    fn files_expected(&self, expected: &Expectation) -> Vec<PathBuf> {
        let matchers = expected.headers.iter().chain(&expected.body).chain(&expected.log);
        let file = |pattern: &Pattern| match pattern {
            Pattern::File(path) => Some(self.beside(path)),
            Pattern::Exact(_) | Pattern::Regex(_) => None,
        };
        matchers.filter_map(|matcher| file(&matcher.pattern)).collect()
    }

    fn module_path(&self, arguments: &Test) -> Option<PathBuf> {
        let own = self.suite.env.wasm_path.as_ref();
        arguments.filter_or(|| own.map(|path| self.located(path)))
    }

    /// A file of messages or expectations.
    fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A file of the environment. The tester takes it from the directory that it runs in; when there is none, it is the one
    /// beside the suite.
    fn located(&self, path: &str) -> PathBuf {
        let beside = self.beside(path);
        if !Path::new(path).exists() && beside.exists() {
            beside
        } else {
            path.into()
        }
    }

    /// Where something stands, for a message.
    fn place(&self, at: Position) -> String {
        format!("{}:{}:{}", self.file.display(), at.line, at.column)
    }
}

/// The plugin of a suite, and what it runs in.
struct Plugin<'s> {
    suite: &'s Suite,
    path: PathBuf,
    module: Module,
    configuration: Vec<u8>,
}

impl<'s> Plugin<'s> {
    fn new(suite: &'s Suite, arguments: &Test) -> Result<Self, Failure> {
        let path = suite.module_path(arguments).ok_or_else(|| {
            format!(
                "{}: which plugin? Say it with `env {{ wasm_path }}` here, or with --filter",
                suite.file.display()
            )
        })?;
        let module = compile::cached(&path).map_err(|refused| format!("{}: {refused}", suite.file.display()))?;
        let configuration = match (&arguments.config, &suite.suite.env.config_path) {
            (Some(given), _) => given.read()?,
            (None, Some(path)) => Configuration::File(suite.located(path)).read()?,
            (None, None) => Vec::new(),
        };
        Ok(Self {
            suite,
            path,
            module,
            configuration,
        })
    }

    /// A host in which nothing but the module and the level of its log is still to be said.
    fn host(&self, module: &Module, level: LogLevel) -> HostBuilder {
        let seconds = self.suite.suite.env.time_secs.filter(|&seconds| seconds > 0);
        outgate_test_host::Host::builder(module)
            .profile(Profile::Gcp)
            .configuration(&self.configuration)
            .log_level(level)
            .clock(seconds.map_or(CLOCK, |seconds| seconds.saturating_mul(1_000_000_000)))
    }

    /// The level from which on matchers see lines.
    fn level(&self) -> LogLevel {
        match self.suite.suite.env.log_level {
            Some(SuiteLevel::Trace) => LogLevel::Trace,
            Some(SuiteLevel::Debug) => LogLevel::Debug,
            Some(SuiteLevel::Info) | None => LogLevel::Info,
            Some(SuiteLevel::Warn) => LogLevel::Warn,
            Some(SuiteLevel::Error) => LogLevel::Error,
            Some(SuiteLevel::Critical) => LogLevel::Critical,
        }
    }
}

/// Plays suites. Their tests have no tags: who asks for some asks for none of these.
pub(crate) fn run(arguments: &Test, suites: &[Suite]) -> Result<Vec<FilterScenarioResult>, Failure> {
    let mut results = Vec::new();
    for suite in suites.iter().filter(|_| arguments.tags.is_empty()) {
        let is_asked_for = |name: &String| arguments.cases.is_empty() || arguments.cases.contains(name);
        let tests: Vec<_> = suite
            .names()
            .zip(&suite.suite.tests)
            .filter(|(name, _)| is_asked_for(name))
            .collect();
        if !tests.is_empty() {
            // Whatever is wrong with a test is told before any is played.
            let tests = tests
                .into_iter()
                .map(|(name, test)| PlannedTest::new(suite, name, test));
            results.push(run_suite(suite, arguments, &tests.collect::<Result<Vec<_>, _>>()?)?);
        }
    }
    Ok(results)
}

fn run_suite(suite: &Suite, arguments: &Test, tests: &[PlannedTest<'_>]) -> Result<FilterScenarioResult, Failure> {
    let plugin = Plugin::new(suite, arguments)?;
    let log = play::Log::new(suite);
    // Limits that are wrong are told before anything is played.
    let mut meter = Meter::new(&plugin)?;
    let cases: Vec<_> = tests.iter().map(|test| play::play(&plugin, test, &log)).collect();
    for (test, case) in tests.iter().zip(&cases) {
        if test.test.benchmark && !case.trapped {
            meter.measure(test)?;
        }
    }
    let name = suite
        .file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let file = suite.file.display().to_string();
    let cases = cases.into_iter().map(|case| case.result).collect();
    Ok(FilterScenarioResult::of_suite(name, file, cases, meter.measured()))
}
