//! `outgate run`: one request through any filter, and everything that the filter did, in order.

mod narrate;
mod print;
mod report;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use outgate_test_host::{Callout, Event, Host, Journal, MetricKind, Outcome};

use crate::arguments::OutputFormat;
use crate::failure::{self, FINE, Failure};
use crate::hosted::callouts;
use crate::hosted::counts::Counts;
use crate::hosted::exchange::{AnswerFlags, RequestFlags};
use crate::hosted::filter::{ClockFlag, FilterFlags, NotStarted};
use crate::output;

/// How many events of a run are kept: a filter that loops around a host call makes more.
const MOST_EVENTS: usize = 100_000;

/// Send one request through any Proxy-Wasm filter, and show all that the filter does, in order.
///
/// Callbacks with what they return and the fuel they use (about an instruction each); in them host calls, with the reason of every
/// status that is not OK, and log lines; then how the stream ended, what the upstream saw, and what the client got. No proxy and no
/// network are involved: the upstream answers what --response says, the services that the filter calls what --upstream says.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Filter",
    after_help = "Examples:\n  outgate run filter.wasm http://api.example.com/v1\n  outgate run filter.wasm --config '{\"deny\": \
                  [\"/admin\"]}' -H 'x-user: a' -d '{}' https://api.example.com/admin\n  outgate run filter.wasm --config filter.json \
                  --upstream authz=403 --uri-san spiffe://cluster.local/ns/shop/sa/cart /v1\n  outgate run filter.wasm --profile gcp \
                  --property 'xds.cluster_name=string:shop' --json /v1 | jq .end\n\nExit status: 0 the stream ended without a trap, 1 the \
                  filter trapped or did not start, 2 could not run."
)]
pub(crate) struct Run {
    #[command(flatten)]
    filter: FilterFlags,

    #[command(flatten)]
    clock: ClockFlag,

    #[command(flatten)]
    request: RequestFlags,

    #[command(flatten)]
    answers: AnswerFlags,

    /// Print one JSON document instead of text.
    #[arg(long, help_heading = "Options")]
    json: bool,
}

/// All that came of a run.
struct Ran {
    host: Host,
    start: Journal,
    /// The stream, and what else the filter was called for meanwhile: answers to callouts belong to its root.
    stream: Journal,
    callouts: Vec<Callout>,
    /// The clusters that the filter wanted to call and that nobody has described.
    unknown_clusters: BTreeSet<String>,
    /// The metrics that changed with the stream: of a histogram, the number of samples.
    metrics: Vec<(String, MetricKind, i64)>,
    outcome: Outcome,
}

impl Ran {
    /// What the stream cost, and all that was done meanwhile.
    fn counts(&self) -> Counts {
        Counts::by_phase(&self.stream).values().sum()
    }
}

pub(crate) fn run(arguments: &Run) -> Result<ExitCode, Failure> {
    let ran = match exchange(arguments) {
        Ok(ran) => ran,
        Err(not_started) => return not_started.report(),
    };
    let format = if arguments.json {
        OutputFormat::Json
    } else {
        OutputFormat::Text
    };
    match format {
        OutputFormat::Text => print::text(&arguments.filter.module, &ran),
        OutputFormat::Json => output::print_json(&report::Report::new(&arguments.filter.module, &ran))?,
    }
    Ok(if ran.outcome.trap.is_some() || ran.host.failure().is_some() {
        failure::findings()
    } else {
        FINE
    })
}

fn exchange(arguments: &Run) -> Result<Ran, NotStarted> {
    // What is wrong with the command line is told before anything takes time.
    let (request, response) = (arguments.request.read()?, arguments.answers.response()?);
    arguments.filter.configuration()?;
    let module = arguments.filter.compile()?;
    let builder = arguments.filter.host(&module)?;
    let mut builder = arguments.answers.tell(builder)?.journal(MOST_EVENTS);
    if let Some(time) = arguments.clock.clock {
        builder = builder.clock(time);
    }
    let mut host = builder.start()?;
    let (start, metrics) = (host.take_journal(), host.metrics());
    let outcome = host.exchange(request, response);
    let stream = host.take_journal();
    let is_known = |name: &str| arguments.answers.has_cluster(name);
    Ok(Ran {
        callouts: host.callouts(),
        unknown_clusters: unknown_clusters(start.events.iter().chain(&stream.events), is_known),
        metrics: changes(&metrics, host.metrics()),
        start,
        stream,
        outcome,
        host,
    })
}

fn unknown_clusters<'a>(
    events: impl Iterator<Item = &'a Event>,
    is_known: impl Fn(&str) -> bool + Copy,
) -> BTreeSet<String> {
    let refused = events.filter_map(|event| match event {
        Event::HostCall(call) => callouts::unknown_cluster(call, is_known),
        _ => None,
    });
    refused.map(std::borrow::Cow::into_owned).collect()
}

/// By how much metrics changed. One that was not there before was 0.
fn changes(
    before: &[(String, MetricKind, u64)],
    after: Vec<(String, MetricKind, u64)>,
) -> Vec<(String, MetricKind, i64)> {
    let value = |name: &str, kind| {
        let known = before.iter().find(|known| known.0 == name && known.1 == kind);
        known.map_or(0, |known| known.2)
    };
    let changes = after.into_iter().map(|(name, kind, now)| {
        let change = now.wrapping_sub(value(&name, kind)).cast_signed();
        (name, kind, change)
    });
    changes.filter(|(.., change)| *change != 0).collect()
}
