//! `outgate bench`: what a filter costs, callback by callback.
//!
//! Two modules are made of the file. One counts instructions: its fuel, host calls and allocations are the same on every machine.
//! The other one does not, and runs as fast as in a proxy: its times are this machine's.

mod measure;
mod print;
mod report;

use std::process::ExitCode;

use clap::Args;

use crate::failure::{FINE, Failure};
use crate::hosted::exchange::{AnswerFlags, RequestFlags};
use crate::hosted::filter::{ClockFlag, FilterFlags};
use crate::output;
use report::Report;

/// Measure any Proxy-Wasm filter with one request: what it costs, callback by callback.
///
/// Fuel (about an instruction each), host calls and allocations are counted, and are the same on every machine. Times are those of this
/// machine while it measures: compare them with each other, not with another machine's. No proxy is involved.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Filter",
    after_help = "Examples:\n  outgate bench filter.wasm http://api.example.com/v1\n  outgate bench filter.wasm --config filter.json -H \
                  'x-user: a' --streams 10000 /v1\n  outgate bench filter.wasm --json /v1 | jq .stream.fuel\n\nExit status: 0 measured, \
                  1 the filter trapped or did not start, 2 could not run."
)]
pub(crate) struct Bench {
    #[command(flatten)]
    filter: FilterFlags,

    #[command(flatten)]
    clock: ClockFlag,

    #[command(flatten)]
    request: RequestFlags,

    #[command(flatten)]
    answers: AnswerFlags,

    /// How many streams are timed [default: 2000, or fewer when these would take longer than a few seconds].
    #[arg(long, value_name = "N", help_heading = "Options", value_parser = clap::value_parser!(u32).range(1..))]
    streams: Option<u32>,

    /// Print one JSON document instead of text.
    #[arg(long, help_heading = "Options")]
    json: bool,
}

pub(crate) fn run(arguments: &Bench) -> Result<ExitCode, Failure> {
    let measured = match measure::measure(arguments) {
        Ok(measured) => measured,
        Err(not_started) => return not_started.report(),
    };
    let report = Report::new(&arguments.filter.module, &measured);
    if arguments.json {
        output::print_json(&report)?;
    } else {
        print::text(&report);
    }
    Ok(FINE)
}
