//! The measurement.

use std::fs;
use std::path::Path;
use std::time::Duration;

use outgate_test_host::{Host, Module, ModuleOptions, Outcome, Request};

use super::stopwatch::{Stopwatch, Threads};
use crate::embedded::Embedding;
use crate::families::{Case, Family, Kind};

/// What stops a measurement.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many streams are timed together.
    pub streams: u32,
    /// How often everything has its turn; the shortest counts, which other work on the machine has disturbed least.
    pub rounds: u32,
    /// Only what has this in its name.
    pub only: String,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    pub(super) streams: u32,
    pub(super) rounds: u32,
    pub(super) courses: Vec<Course>,
    pub(super) starts: Vec<Start>,
}

/// What one stream takes.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) filter: Filter,
    pub(super) what: &'static str,
    /// In a module that counts its instructions, and in one that does not.
    pub(super) metered: Duration,
    pub(super) unmetered: Duration,
}

/// What it takes from a file to a filter that is ready.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) filter: Filter,
    pub(super) size: usize,
    /// Compiled; by the clock on the wall, and what all threads together took for it.
    pub(super) cold: Duration,
    pub(super) processor: Duration,
    /// Taken from the cache of compiled code.
    pub(super) cached: Duration,
}

/// The filters that are measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Filter {
    NoOp,
    Outgate,
}

impl Filter {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Outgate => "outgate",
        }
    }
}

/// The family whose policies the filter has, and how many of them: as in the walkthrough, one.
const FAMILY: &str = "walkthrough";
const POLICIES: usize = 1;

/// One callback, which does nothing.
const NO_OP: &str = include_str!("../envoy/no_op.wat");

/// A call of a filter that takes longer, without counting, is ended.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How many streams go through before any is timed.
const WARM_UP: u32 = 1_000;

/// A request, and what must become of it.
struct Traffic {
    filter: Filter,
    what: &'static str,
    configuration: String,
    request: Request,
    status: u32,
}

/// Measures the host with a filter.
///
/// # Errors
///
/// When a filter cannot be run, or when a request does not end as it must.
pub fn measure(filter: &Path, options: &Options) -> Result<Measured, Error> {
    let outgate = fs::read(filter).map_err(|error| format!("{}: {error}", filter.display()))?;
    let no_op = wat::parse_str(NO_OP)?;
    let wasm = |filter| match filter {
        Filter::NoOp => &no_op,
        Filter::Outgate => &outgate,
    };
    let mut measured = Measured {
        streams: options.streams,
        rounds: options.rounds,
        courses: Vec::new(),
        starts: Vec::new(),
    };
    let is_wanted = |filter: Filter, what| {
        let name = format!("{}, {what}", filter.name());
        let is_wanted = name.contains(&options.only);
        if is_wanted {
            eprintln!("{name}");
        }
        is_wanted
    };
    for traffic in traffic()? {
        if !is_wanted(traffic.filter, traffic.what) {
            continue;
        }
        let wasm = wasm(traffic.filter);
        let mut metered = traffic.start(&Module::from_bytes(wasm)?)?;
        let mut unmetered = traffic.start(&Module::options().unmetered(TIME_LIMIT).from_bytes(wasm)?)?;
        let mut course = Course {
            filter: traffic.filter,
            what: traffic.what,
            metered: Duration::MAX,
            unmetered: Duration::MAX,
        };
        for _ in 0..options.rounds {
            course.metered = course.metered.min(traffic.time(&mut metered, options.streams)?);
            course.unmetered = course.unmetered.min(traffic.time(&mut unmetered, options.streams)?);
        }
        measured.courses.push(course);
    }
    let configuration = family()?.configuration(POLICIES);
    for (filter, configuration) in [(Filter::NoOp, ""), (Filter::Outgate, configuration.as_str())] {
        if is_wanted(filter, "start") {
            let start = start(filter, wasm(filter), configuration, options.rounds)?;
            measured.starts.push(start);
        }
    }
    Ok(measured)
}

fn traffic() -> Result<Vec<Traffic>, Error> {
    let family = family()?;
    let configuration = family.configuration(POLICIES);
    let (embedding, cases) = (Embedding::new()?, family.cases(POLICIES));
    let request = |kind| -> Result<(Request, u32), Error> {
        let case: &Case = cases
            .iter()
            .find(|case| case.kind == kind)
            .ok_or("a family has all kinds")?;
        let status = if case.rule.is_some() { 403 } else { 200 };
        Ok((embedding.request(&case.call, 1)?, status))
    };
    let ((passes, fine), (denied, forbidden)) = (request(Kind::Miss)?, request(Kind::Last)?);
    let of = |filter, what, configuration: &str, request: &Request, status| Traffic {
        filter,
        what,
        configuration: configuration.to_owned(),
        request: request.clone(),
        status,
    };
    Ok(vec![
        of(Filter::NoOp, "passes", "", &passes, fine),
        of(Filter::Outgate, "passes", &configuration, &passes, fine),
        of(Filter::Outgate, "is denied", &configuration, &denied, forbidden),
    ])
}

fn family() -> Result<&'static Family, Error> {
    Ok(Family::named(FAMILY).ok_or("the walkthrough is a family")?)
}

impl Traffic {
    fn start(&self, module: &Module) -> Result<Host, Error> {
        let mut host = Host::builder(module).configuration(&self.configuration).start()?;
        for _ in 0..WARM_UP {
            self.check(&host.request(&self.request))?;
        }
        Ok(host)
    }

    /// The time that one of so many streams takes.
    fn time(&self, host: &mut Host, streams: u32) -> Result<Duration, Error> {
        let stopwatch = Stopwatch::start(Threads::This);
        for _ in 0..streams {
            self.check(&host.request(&self.request))?;
        }
        Ok(stopwatch.processor_time() / streams)
    }

    fn check(&self, outcome: &Outcome) -> Result<(), Error> {
        if outcome.status() == self.status {
            return Ok(());
        }
        Err(format!("a request that must get {} does not:\n{outcome}", self.status).into())
    }
}

/// From bytes to a filter that has its configuration, in a VM of its own and, before that, in one that tries it.
fn start(filter: Filter, wasm: &[u8], configuration: &str, rounds: u32) -> Result<Start, Error> {
    let time = |options: ModuleOptions| -> Result<(Duration, Duration), Error> {
        let stopwatch = Stopwatch::start(Threads::All);
        let module = options.from_bytes(wasm)?;
        let host = Host::builder(&module).configuration(configuration).start()?;
        let times = (stopwatch.elapsed(), stopwatch.processor_time());
        drop(host);
        Ok(times)
    };
    let directory = tempfile::tempdir()?;
    let cached = || Module::options().cached_in(directory.path());
    // The first one fills the cache.
    time(cached())?;
    let longest = Duration::MAX;
    let mut start = Start {
        filter,
        size: wasm.len(),
        cold: longest,
        processor: longest,
        cached: longest,
    };
    for _ in 0..rounds {
        let (cold, processor) = time(Module::options())?;
        start.cold = start.cold.min(cold);
        start.processor = start.processor.min(processor);
        start.cached = start.cached.min(time(cached())?.0);
    }
    Ok(start)
}
