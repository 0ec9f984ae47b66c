//! `outgate inspect`: what a Proxy-Wasm module is and what it can touch, read from the file without running it.

mod capabilities;
mod module;
mod print;

use std::fs;
use std::process::ExitCode;

use crate::arguments::{Inspect, OutputFormat};
use crate::failure::{self, Failure};
use crate::output;
use module::Inspected;

/// Reads the module and says what it finds. What no host could run is a finding.
pub(crate) fn run(arguments: &Inspect) -> Result<ExitCode, Failure> {
    let path = arguments.module.display();
    let bytes = fs::read(&arguments.module).map_err(|error| format!("{path}: {error}"))?;
    let inspected = Inspected::read(&bytes).map_err(|error| format!("{path}: {error}"))?;
    match arguments.output {
        OutputFormat::Text => print::text(&arguments.module, &inspected),
        OutputFormat::Json => output::print_json(&inspected)?,
    }
    Ok(if inspected.problems.is_empty() {
        failure::FINE
    } else {
        failure::findings()
    })
}
