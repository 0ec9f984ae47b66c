//! `outgate test`: scenario files of both kinds, played and reported.

pub(crate) mod documents;
mod junit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::{OutputFormat, Runner, Test};
use crate::failure::{FINE, Failure, findings};
use crate::filter_module;
use crate::filter_scenario;
use crate::output::{self, FAINT, PLAIN};
use crate::scenario::{self, Report};
use crate::suite;
use crate::watch::{Watched, Watcher};
use documents::Documents;

pub(crate) fn run(arguments: &Test) -> Result<ExitCode, Failure> {
    if arguments.watch {
        return watch(arguments);
    }
    once(arguments, &Documents::find(&arguments.paths)?)
}

fn once(arguments: &Test, documents: &Documents) -> Result<ExitCode, Failure> {
    let Documents {
        scenarios,
        filter_scenarios,
        suites,
    } = documents;
    if let (Runner::Envoy, Some(first)) = (arguments.runner, filter_scenarios.first()) {
        return Err(format!(
            "--in envoy is for `kind: Scenario`; {} has a `kind: FilterScenario`, which the embedded host plays",
            first.file.display()
        )
        .into());
    }
    // Only cases of filters have tags, and names that are theirs alone.
    let is_selective = !arguments.cases.is_empty() || !arguments.tags.is_empty();
    let (filter, results) = if scenarios.is_empty() || is_selective {
        (None, Vec::new())
    } else {
        let (filter, results) = scenario::run(arguments, scenarios)?;
        (Some(filter), results)
    };
    let mut of_filters = filter_scenario::run(arguments, filter_scenarios)?;
    of_filters.append(&mut suite::run(arguments, suites)?);
    let report = Report::new(filter, results, of_filters);
    if let Some(file) = &arguments.junit {
        junit::write(&report, file)?;
    }
    match arguments.output() {
        OutputFormat::Json => output::print_json(&report)?,
        OutputFormat::Text => report.print(),
    }
    Ok(if report.failed == 0 { FINE } else { findings() })
}

/// Runs, and runs again when something has changed. What cannot run now may be able to after the next change.
fn watch(arguments: &Test) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        loop {
            let documents = Documents::find(&arguments.paths);
            // From before the run, so that no change during it goes unnoticed.
            let mut watcher = Watcher::of(&watched(arguments, documents.as_ref().ok())?)?;
            if let Err(failure) = documents.and_then(|documents| once(arguments, &documents)) {
                failure.report();
            }
            anstream::eprintln!("{FAINT}waiting for a change; Ctrl-C ends{PLAIN}");
            watcher.changed().await;
        }
    })
}

/// What a run depends on, as far as the documents that could be read say.
fn watched(arguments: &Test, documents: Option<&Documents>) -> Result<Vec<Watched>, Failure> {
    let mut watched = Vec::new();
    let mut add = |path: &Path, of_directory: fn(PathBuf) -> Watched| -> Result<(), Failure> {
        let path = resolve(path)?;
        let kind = if path.is_dir() { of_directory } else { Watched::File };
        watched.push(kind(path));
        Ok(())
    };
    for path in arguments.paths.iter().chain(&arguments.filter) {
        add(path, Watched::Directory)?;
    }
    for scenario in documents.into_iter().flat_map(|documents| &documents.filter_scenarios) {
        let module = filter_scenario::module_path(scenario, arguments);
        for file in scenario.files().iter().chain(&module) {
            add(file, Watched::Directory)?;
        }
    }
    for suite in documents.into_iter().flat_map(|documents| &documents.suites) {
        add(suite.file(), Watched::Directory)?;
    }
    for scenario in documents.into_iter().flat_map(|documents| &documents.scenarios) {
        for manifests in scenario.spec.steps.iter().flat_map(|step| scenario.manifests(step)) {
            add(&manifests, Watched::Tree)?;
        }
        if let Ok(module) = filter_module::absolute(arguments.own_filter().as_ref()) {
            add(&module, Watched::Directory)?;
        }
    }
    watched.sort();
    watched.dedup();
    Ok(watched)
}

/// An absolute path, with the links resolved of as much of it as is there: a module that is being built is not.
fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path)?;
    let known = absolute.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        let rest = absolute.strip_prefix(ancestor).ok()?;
        Some(if rest.as_os_str().is_empty() {
            real
        } else {
            real.join(rest)
        })
    });
    Ok(known.unwrap_or(absolute))
}
