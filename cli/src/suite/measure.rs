//! What the benchmarks of a suite cost, in fuel, time and memory. There is no verdict.
//!
//! As in the tester, the first one also shows what a plugin and a stream cost that do nothing, and other streams of the suite's
//! choice are open meanwhile. Their calls are not counted; what they make the plugin keep is.

use std::time::{Duration, Instant};

use outgate_test_host::{HeaderMap, Host, HttpStream, LogLevel, Message, Module, Phase, Request, StreamId};
use serde::Serialize;

use super::Plugin;
use super::plan::{Phase as PlannedPhase, Pieces, PlannedTest};
use crate::failure::Failure;
use crate::hosted::compile::compile;
use crate::hosted::counts::Counts;
use crate::hosted::numbers::{self, grouped, kibibytes};
use crate::output::{FAINT, PLAIN, WARNING, harmless};

/// Rounds before the one whose fuel is told: the first ones fill caches in many plugins.
const WARM_UP: u32 = 3;

/// Rounds that are timed, and how long that takes at most.
const ROUNDS: u32 = 2000;
const PATIENCE: Duration = Duration::from_millis(500);

/// A call of the plugin that takes longer than this, when no fuel ends it, is ended.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// More than a round makes.
const MOST_EVENTS: usize = 1_000_000;

/// Streams that are open meanwhile, and how many of them take a step in each round when a suite does not say.
const MOST_STREAMS: u64 = 10_000;
const ADVANCE_RATE: u64 = 3;

/// What something costs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Benchmark {
    pub(crate) name: String,
    /// About an instruction each. The same on every machine.
    pub(crate) fuel: u64,
    /// In the plugin, on this machine, on the average of `rounds`.
    pub(crate) time_ns: u64,
    pub(crate) rounds: u32,
    /// The size of the plugin's memory afterwards, in bytes.
    pub(crate) memory: usize,
    /// How it trapped; then the rest is what was measured until then.
    pub(crate) trap: Option<String>,
}

/// Measures the benchmarks of a suite.
pub(super) struct Meter<'p> {
    plugin: &'p Plugin<'p>,
    others: Others,
    /// The plugin compiled without counting, once there is something to be timed.
    fast: Option<Module>,
    measured: Vec<Benchmark>,
}

/// How many streams are open meanwhile, and how many of them take a step in each round.
#[derive(Clone, Copy)]
struct Others {
    streams: usize,
    advancing: usize,
}

impl<'p> Meter<'p> {
    pub(super) fn new(plugin: &'p Plugin<'p>) -> Result<Self, Failure> {
        let (suite, env) = (plugin.suite, &plugin.suite.suite.env);
        let limited = |name: &str, given: Option<u64>| match given.unwrap_or(0) {
            number if number > MOST_STREAMS => {
                let file = suite.file.display();
                Err(format!(
                    "{file}: `env.{name}` is {number}: this host takes at most {MOST_STREAMS}"
                ))
            }
            number => Ok(number),
        };
        let streams = limited("num_additional_streams", env.num_additional_streams)?;
        let advancing = match limited("additional_stream_advance_rate", env.additional_stream_advance_rate)? {
            0 => ADVANCE_RATE,
            given => given,
        };
        Ok(Self {
            plugin,
            // Both are small: see above.
            others: Others {
                streams: streams as usize,
                advancing: advancing as usize,
            },
            fast: None,
            measured: Vec::new(),
        })
    }

    pub(super) fn measured(self) -> Vec<Benchmark> {
        self.measured
    }

    /// Measures a test.
    pub(super) fn measure(&mut self, test: &PlannedTest<'_>) -> Result<(), Failure> {
        let fast = match &self.fast {
            Some(fast) => fast.clone(),
            None => {
                let options = Module::options().unmetered(TIME_LIMIT);
                let fast = compile(&self.plugin.path, options)?;
                self.fast.insert(fast).clone()
            }
        };
        if self.measured.is_empty() {
            for workload in [Workload::Plugin, Workload::Stream] {
                let benchmark = self.benchmark(workload, &fast)?;
                self.measured.push(benchmark);
            }
        }
        let benchmark = self.benchmark(Workload::Test(test), &fast)?;
        self.measured.push(benchmark);
        Ok(())
    }

    /// Repeats a workload in a host that counts, and in one that is fast.
    fn benchmark(&self, workload: Workload<'_>, fast: &Module) -> Result<Benchmark, Failure> {
        let mut benchmark = Benchmark {
            name: workload.name().to_owned(),
            fuel: 0,
            time_ns: 0,
            rounds: 0,
            memory: 0,
            trap: None,
        };
        // Nothing is logged, as in the tester.
        let host = |module| self.plugin.host(module, LogLevel::Critical).trace_depth(0);
        let counting = host(&self.plugin.module).journal(MOST_EVENTS).start()?;
        let mut bench = Bench::new(counting, workload, self.others, &self.plugin.configuration);
        for _ in 0..=WARM_UP {
            benchmark.trap = bench.round();
            benchmark.fuel = bench.fuel();
            benchmark.memory = bench.host.memory_size();
            if benchmark.trap.is_some() {
                return Ok(benchmark);
            }
        }
        let timed = host(fast).stopwatch(true).start()?;
        let mut bench = Bench::new(timed, workload, self.others, &self.plugin.configuration);
        let (began, mut took) = (Instant::now(), Duration::ZERO);
        while benchmark.rounds < ROUNDS && began.elapsed() < PATIENCE && benchmark.trap.is_none() {
            benchmark.trap = bench.round();
            took += bench.time();
            benchmark.rounds += 1;
        }
        benchmark.memory = bench.host.memory_size();
        let mean = took.as_nanos() / u128::from(benchmark.rounds.max(1));
        benchmark.time_ns = u64::try_from(mean).unwrap_or(u64::MAX);
        Ok(benchmark)
    }
}

/// What is repeated.
#[derive(Clone, Copy)]
enum Workload<'t> {
    /// A plugin is configured, and the one before it ends.
    Plugin,
    /// A stream is created and ends.
    Stream,
    /// The callbacks of a test's messages. That its stream is created and ends is not counted.
    Test(&'t PlannedTest<'t>),
}

impl<'t> Workload<'t> {
    fn name(self) -> &'t str {
        match self {
            Self::Plugin => "plugin lifecycle",
            Self::Stream => "stream lifecycle",
            Self::Test(test) => &test.name,
        }
    }

    fn counts(self, phase: Phase) -> bool {
        let is_of_messages = matches!(
            phase,
            Phase::RequestHeaders | Phase::RequestBody | Phase::ResponseHeaders | Phase::ResponseBody
        );
        is_of_messages == matches!(self, Self::Test(_))
    }

    fn request(self) -> Request {
        match self {
            Self::Plugin | Self::Stream => HeaderMap::joining().into(),
            Self::Test(test) => test.stream_request(),
        }
    }

    /// All that goes into a stream, in order.
    fn steps(self) -> Vec<Step<'t>> {
        let Self::Test(test) = self else {
            return Vec::new();
        };
        let request = test.request_headers.iter().map(|_| Step::RequestHeaders);
        let response = test
            .response_headers
            .iter()
            .map(|phase| Step::ResponseHeaders(&phase.input));
        request
            .chain(pieces(&test.request_body, Message::Request))
            .chain(response)
            .chain(pieces(&test.response_body, Message::Response))
            .collect()
    }
}

fn pieces<'t>(phases: &'t [PlannedPhase<'t, Pieces>], message: Message) -> impl Iterator<Item = Step<'t>> {
    phases.iter().flat_map(move |phase| {
        let last = phase.input.len().saturating_sub(1);
        let pieces = phase.input.iter().enumerate();
        pieces.map(move |(index, piece)| Step::Body(message, piece, index == last))
    })
}

/// A callback of a stream.
#[derive(Clone, Copy)]
enum Step<'t> {
    RequestHeaders,
    ResponseHeaders(&'t HeaderMap),
    Body(Message, &'t [u8], bool),
}

impl Step<'_> {
    fn take(self, stream: &mut HttpStream<'_>) {
        match self {
            Self::RequestHeaders => stream.request_headers(),
            Self::ResponseHeaders(headers) => stream.response_headers(headers.clone()),
            Self::Body(Message::Request, piece, is_last) => stream.request_body(piece, is_last),
            Self::Body(Message::Response, piece, is_last) => stream.response_body(piece, is_last),
        };
    }
}

/// A workload in a host of its own.
struct Bench<'t> {
    host: Host,
    workload: Workload<'t>,
    steps: Vec<Step<'t>>,
    /// The streams that are open meanwhile, and how many steps each has taken.
    others: Vec<(StreamId, usize)>,
    advancing: usize,
    /// What the next choice among them follows from.
    random: u64,
    configuration: &'t [u8],
}

impl<'t> Bench<'t> {
    fn new(host: Host, workload: Workload<'t>, others: Others, configuration: &'t [u8]) -> Self {
        let mut bench = Self {
            host,
            workload,
            steps: workload.steps(),
            others: Vec::new(),
            advancing: others.advancing,
            random: 0,
            configuration,
        };
        // A new plugin would keep the old one for the sake of its streams.
        let number = if matches!(workload, Workload::Plugin) {
            0
        } else {
            others.streams
        };
        for index in 0..number {
            let id = bench.open();
            bench.others.push((id, 0));
            bench.advance(index);
        }
        bench
    }

    /// Does it once. Says how the plugin trapped, if it did.
    fn round(&mut self) -> Option<String> {
        if !self.others.is_empty() {
            for _ in 0..self.advancing {
                // Knuth's constants: the upper bits are good enough to choose by.
                let next = self.random.wrapping_mul(6_364_136_223_846_793_005);
                self.random = next.wrapping_add(1_442_695_040_888_963_407);
                self.advance((self.random >> 33) as usize % self.others.len());
            }
        }
        self.host.take_journal();
        self.host.take_times();
        if let Workload::Plugin = self.workload {
            return self
                .host
                .reconfigure(self.configuration)
                .err()
                .map(|error| error.to_string());
        }
        let mut stream = self.host.http_stream(self.workload.request());
        stream.create_context();
        for step in &self.steps {
            step.take(&mut stream);
        }
        stream.finish();
        self.host.failure().map(ToString::to_string)
    }

    /// Lets one of the other streams take a step. One that has taken all ends, and another is opened.
    fn advance(&mut self, index: usize) {
        let (id, taken) = self.others[index];
        let Some(mut stream) = self.host.stream(id) else { return };
        if let Some(step) = self.steps.get(taken) {
            step.take(&mut stream);
            self.others[index].1 += 1;
        } else {
            stream.finish();
            self.others[index] = (self.open(), 0);
        }
    }

    fn open(&mut self) -> StreamId {
        let mut stream = self.host.http_stream(self.workload.request());
        stream.create_context();
        stream.id()
    }

    /// The fuel of the last round.
    fn fuel(&mut self) -> u64 {
        let phases = Counts::by_phase(&self.host.take_journal()).into_iter();
        let counted = phases.filter(|(phase, _)| self.workload.counts(*phase));
        counted.map(|(_, counts)| counts.fuel).sum()
    }

    /// The time that the plugin took in the last round.
    fn time(&mut self) -> Duration {
        let times = self.host.take_times();
        let counted = times.iter().filter(|(phase, _)| self.workload.counts(*phase));
        counted.map(|(_, time)| *time).sum()
    }
}

/// For people: what was measured, in a table.
pub(crate) fn print(benchmarks: &[Benchmark]) {
    if benchmarks.is_empty() {
        return;
    }
    let names = benchmarks.iter().map(|benchmark| benchmark.name.chars().count());
    let width = names.max().unwrap_or_default();
    anstream::println!(
        "\n    {FAINT}{:width$}{:>14}{:>12}{:>14}{PLAIN}",
        "",
        "fuel",
        "time",
        "memory"
    );
    for benchmark in benchmarks {
        let name = harmless(&benchmark.name);
        let time = numbers::time(Duration::from_nanos(benchmark.time_ns));
        let (fuel, memory) = (grouped(benchmark.fuel), kibibytes(benchmark.memory));
        anstream::println!("    {name:width$}{fuel:>14}{time:>12}{memory:>14}");
        if let Some(trap) = &benchmark.trap {
            anstream::println!("      {WARNING}not measured{PLAIN}: {}", harmless(trap));
        }
    }
}
