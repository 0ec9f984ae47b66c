//! `outgate test`: scenario files, run through the filter's own module in the embedded host.

mod certificates;
mod file;
mod log;
mod report;
mod run;

use std::process::ExitCode;

use crate::arguments::{OutputFormat, Test};
use crate::failure::{FINE, Failure, findings};
use crate::filter_module;
use crate::output;

pub(crate) fn run(arguments: &Test) -> Result<ExitCode, Failure> {
    let scenarios = file::find(&arguments.paths)?;
    let (path, module) = filter_module::load(arguments.filter.as_ref())?;
    let mut runner = run::Runner::new(module);
    let mut results = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        results.push(runner.run(&scenario)?);
    }
    let report = report::Report::new(&path, results);
    match arguments.output {
        OutputFormat::Json => output::print_json(&report)?,
        OutputFormat::Text => report.print(),
    }
    Ok(if report.failed == 0 { FINE } else { findings() })
}
