//! `outgate run`: one request through any filter, and everything that the filter did, in order.

mod narrate;
mod print;
mod report;

use std::process::ExitCode;

use clap::Args;
use outgate_test_host::{Callout, Host, Journal, Outcome};

use crate::arguments::OutputFormat;
use crate::failure::{self, FINE, Failure};
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
    stream: Journal,
    callouts: Vec<Callout>,
    outcome: Outcome,
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
    let start = host.take_journal();
    let outcome = host.exchange(request, response);
    Ok(Ran {
        start,
        stream: host.take_journal(),
        callouts: host.callouts(),
        outcome,
        host,
    })
}
