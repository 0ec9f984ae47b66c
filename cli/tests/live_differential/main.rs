//! Our filter against native RBAC in a real Envoy: generated policies, generated requests, the same bytes to both.
//!
//! ```text
//!            seed ──▶ policy sets ──▶ callers ──▶ requests
//!                         │              │            │
//!                   gateway: two filter chains a set, native and ours
//!                                        │
//!               replies and log lines, compared one by one
//! ```
//!
//! `OUTGATE_REQUESTS` says how many requests are compared, `OUTGATE_SEED` repeats a run, `ENVOY` names the Envoy.

#[path = "../envoy/mod.rs"]
mod envoy;

mod aim;
mod attribute;
mod callers;
mod comparison;
mod connection;
mod coverage;
mod echo;
mod gateway;
mod http1;
mod http2;
mod policies;
mod random;
mod release;
mod report;
mod requests;
mod session;

use std::env;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use callers::Caller;
use coverage::Coverage;
use envoy::prerequisite;
use gateway::{Gateway, Place};
use policies::PolicySet;
use random::Random;
use release::Release;
use report::{Difference, Reporter};
use requests::Request;
use session::Session;

const DEFAULT_REQUESTS: usize = 2_000;
const REQUESTS_PER_SET: usize = 25;
/// More sets would make Envoy's start long, fewer would make for many starts.
const SETS_PER_GATEWAY: usize = 80;

#[test]
fn the_filter_answers_as_native_rbac() {
    let Some((binary, module)) = prerequisite::envoy().zip(prerequisite::filter_wasm()) else {
        return;
    };
    let run = Run {
        release: Release::of(&binary),
        module,
        seed: number_from("OUTGATE_SEED").unwrap_or_else(seed_of_now),
    };
    let wanted = number_from("OUTGATE_REQUESTS").map_or(DEFAULT_REQUESTS, |number| number.try_into().expect("a count"));
    println!("{}, OUTGATE_SEED={} OUTGATE_REQUESTS={wanted}", run.release, run.seed);
    run.compare(wanted.div_ceil(REQUESTS_PER_SET));
}

struct Run {
    release: Release,
    module: PathBuf,
    seed: u64,
}

/// A set of policies with all that is sent to its gateway.
pub(crate) struct Case {
    pub(crate) number: usize,
    pub(crate) set: PolicySet,
    pub(crate) callers: Vec<Caller>,
    requests: Vec<Request>,
}

impl Run {
    fn compare(&self, sets: usize) {
        let started = Instant::now();
        let mut coverage = Coverage::default();
        let mut reporter = Reporter::new(&self.release, &self.module, self.seed);
        let numbers: Vec<usize> = (0..sets).collect();
        for numbers in numbers.chunks(SETS_PER_GATEWAY) {
            let place = Place::find();
            let cases: Vec<Case> = numbers.iter().map(|&number| self.case(number, place.port)).collect();
            let sets: Vec<&PolicySet> = cases.iter().map(|case| &case.set).collect();
            let gateway = Gateway::start(&self.release, &self.module, &place, &sets);
            for (index, case) in cases.iter().enumerate() {
                let mut session = Session::new(&gateway, index, &case.callers);
                for (request, [native, ours]) in case.requests.iter().zip(session.answers(&case.requests)) {
                    coverage.count(&case.set, &native, &ours);
                    if let Some(what) = comparison::difference(&native, &ours) {
                        let difference = Difference::new(what, request.clone(), native, ours);
                        reporter.report(case, &place, &mut session, difference);
                    }
                }
            }
        }
        println!("{coverage}\n{reporter}, in {:.1} s", started.elapsed().as_secs_f64());
        reporter.assert_none();
        coverage.assert_thorough();
    }

    fn case(&self, number: usize, port: u16) -> Case {
        let part = u64::try_from(number).expect("a number fits");
        let mut random = Random::new(self.seed, part);
        let set = PolicySet::generate(&mut random, number, port);
        let callers = callers::generate(&mut random, &set);
        let requests = (0..REQUESTS_PER_SET).map(|_| Request::generate(&mut random, &set, &callers));
        Case {
            number,
            requests: requests.collect(),
            set,
            callers,
        }
    }
}

fn number_from(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
    )
}

fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(now.expect("the clock is past 1970").subsec_nanos())
}
