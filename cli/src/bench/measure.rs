//! The measuring.

use std::time::{Duration, Instant};

use outgate_test_host::{AbiVersion, Host, HostBuilder, Journal, Module, Outcome, Phase, Request, Response};

use super::Bench;
use crate::hosted::compile::{compile, told_when_long};
use crate::hosted::filter::NotStarted;

/// How many streams are counted. The first ones differ from the rest in many filters: they fill caches.
const COUNTED: usize = 8;
const WARM_UP: usize = 3;

/// How many streams are timed when nobody says, and how long that takes at most.
const STREAMS: u32 = 2000;
const PATIENCE: Duration = Duration::from_secs(3);

/// A call of the filter that takes longer than this, without counting, is ended.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// More than one stream makes.
const MOST_EVENTS: usize = 1_000_000;

/// All that was measured.
pub(super) struct Measured {
    pub(super) abi: AbiVersion,
    pub(super) compile: Duration,
    /// From the compiled module to the configured filter, the filter's own functions included.
    pub(super) start: Duration,
    pub(super) start_times: Vec<(Phase, Duration)>,
    pub(super) start_journal: Journal,
    pub(super) memory_after_start: usize,
    /// Of each stream that was counted, the first ones left out.
    pub(super) streams: Vec<Journal>,
    /// Of each call in each stream that was timed.
    pub(super) times: Vec<(Phase, Duration)>,
    /// How many streams went through, and how long all of them took, the host's own work included.
    pub(super) timed: u32,
    pub(super) took: Duration,
    pub(super) memory_after_streams: usize,
    pub(super) status: u32,
}

pub(super) fn measure(arguments: &Bench) -> Result<Measured, NotStarted> {
    let exchange = Exchange {
        request: arguments.request.read()?,
        response: arguments.answers.response()?,
    };
    // What is wrong with the command line is told before anything takes time.
    arguments.filter.configuration()?;

    let began = Instant::now();
    let fast = compile(&arguments.filter.module, Module::options().unmetered(TIME_LIMIT))?;
    let compile_time = began.elapsed();
    let began = Instant::now();
    let mut host = builder(arguments, &fast)?.stopwatch(true).start()?;
    let start = began.elapsed();
    let start_times = host.take_times();

    let counting = compile(&arguments.filter.module, Module::options())?;
    let mut counted = builder(arguments, &counting)?.journal(MOST_EVENTS).start()?;
    let start_journal = counted.take_journal();
    let memory_after_start = counted.memory_size();
    let mut streams = Vec::new();
    let mut status = 0;
    for number in 0..WARM_UP + COUNTED {
        status = exchange.send(&mut counted)?.status();
        let journal = counted.take_journal();
        if number >= WARM_UP {
            streams.push(journal);
        }
    }

    let what = format!("measuring {}", arguments.filter.module.display());
    let timed = told_when_long(&what, || exchange.time(arguments, &fast, &mut host))?;
    Ok(Measured {
        abi: fast.abi_version(),
        compile: compile_time,
        start,
        start_times,
        start_journal,
        memory_after_start,
        streams,
        times: timed.times,
        timed: timed.streams,
        took: timed.took,
        memory_after_streams: host.memory_size(),
        status,
    })
}

/// A host that keeps nothing but what it must. Without a trial of the configuration it starts the filter once.
fn builder(arguments: &Bench, module: &Module) -> Result<HostBuilder, NotStarted> {
    let builder = arguments.filter.host(module)?.canary(false).trace_depth(0);
    let builder = arguments.answers.tell(builder)?;
    Ok(match arguments.clock.clock {
        Some(time) => builder.clock(time),
        None => builder,
    })
}

/// What is sent again and again.
struct Exchange {
    request: Request,
    response: Response,
}

struct Timed {
    times: Vec<(Phase, Duration)>,
    streams: u32,
    took: Duration,
}

impl Exchange {
    fn send(&self, host: &mut Host) -> Result<Outcome, NotStarted> {
        let outcome = host.exchange(&self.request, &self.response);
        match &outcome.trap {
            Some(trap) => Err(NotStarted::Filter(trap.to_string())),
            None => Ok(outcome),
        }
    }

    /// Each call on its own first; then whole streams, with no clock in between.
    fn time(&self, arguments: &Bench, module: &Module, host: &mut Host) -> Result<Timed, NotStarted> {
        self.repeat(arguments, host)?;
        host.take_times();
        self.repeat(arguments, host)?;
        let times = host.take_times();

        let mut plain = builder(arguments, module)?.start()?;
        self.repeat(arguments, &mut plain)?;
        let began = Instant::now();
        let streams = self.repeat(arguments, &mut plain)?;
        Ok(Timed {
            times,
            streams,
            took: began.elapsed(),
        })
    }

    /// Sends as many streams as are wanted, or as there is time for. Says how many.
    fn repeat(&self, arguments: &Bench, host: &mut Host) -> Result<u32, NotStarted> {
        let began = Instant::now();
        let most = arguments.streams.unwrap_or(STREAMS);
        for number in 1..=most {
            self.send(host)?;
            if arguments.streams.is_none() && began.elapsed() > PATIENCE {
                return Ok(number);
            }
        }
        Ok(most)
    }
}
