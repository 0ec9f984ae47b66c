//! `outgate check`.

use std::process::ExitCode;

use outgate_sdk::diagnostic::{Diagnostics, Record};
use outgate_sdk::manifest::Manifests;
use serde::Serialize;

use crate::arguments::{Check, OutputFormat};
use crate::failure::{FINE, Failure, findings};
use crate::output::{self, FAINT, GOOD, PLAIN};

/// What `--output json` prints.
#[derive(Serialize)]
struct Report {
    errors: usize,
    warnings: usize,
    policies: usize,
    findings: Vec<Record>,
    skipped: Vec<String>,
}

pub(crate) fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let (manifests, mut diagnostics) = arguments.input.load();
    diagnostics.extend(manifests.lint());
    if let Some(gateway) = &arguments.gateway {
        let gateway = arguments.labels.find(gateway, &manifests);
        diagnostics.extend(manifests.unselected(std::slice::from_ref(&gateway)));
    }
    diagnostics.sort();
    match arguments.output {
        OutputFormat::Text => print(&manifests, &diagnostics),
        OutputFormat::Json => output::print_json(&report(&manifests, &diagnostics))?,
    }
    Ok(if diagnostics.is_empty() { FINE } else { findings() })
}

fn print(manifests: &Manifests, diagnostics: &Diagnostics) {
    output::show_diagnostics(diagnostics, manifests.sources());
    if !manifests.skipped().is_empty() {
        anstream::println!("{FAINT}not used by this command:{PLAIN}");
        for skipped in manifests.skipped() {
            anstream::println!("{FAINT}  {}{PLAIN}", skipped.describe(manifests.sources()));
        }
    }
    let policies = manifests.policies().len();
    let valid = match policies {
        1 => "1 valid AuthorizationPolicy".to_owned(),
        many => format!("{many} valid AuthorizationPolicies"),
    };
    if diagnostics.is_empty() {
        anstream::println!("{GOOD}fine{PLAIN}: {valid}");
    } else {
        anstream::println!("{}; {valid}", diagnostics.summary());
    }
}

fn report(manifests: &Manifests, diagnostics: &Diagnostics) -> Report {
    let skipped = manifests.skipped().iter();
    Report {
        errors: diagnostics.errors(),
        warnings: diagnostics.warnings(),
        policies: manifests.policies().len(),
        findings: diagnostics.records(manifests.sources()),
        skipped: skipped.map(|skipped| skipped.describe(manifests.sources())).collect(),
    }
}
