//! `outgate test`: scenario files of both kinds and suites of another tester, played and reported.

pub(crate) mod documents;
mod junit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::{OutputFormat, Runner, Test};
use crate::failure::{FINE, Failure, findings};
use crate::filter_scenario;
use crate::hosted::content::Configuration;
use crate::output::{self, FAINT, PLAIN};
use crate::scenario::{self, Report};
use crate::suite::{self, Suite};
use crate::watch::Watcher;
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
    refuse_misplaced(arguments, documents)?;
    // Only cases of filters have tags, and names that are theirs alone.
    let is_selective = !arguments.cases.is_empty() || !arguments.tags.is_empty();
    let (filter, results) = if scenarios.is_empty() || is_selective {
        (None, Vec::new())
    } else {
        let (filter, results) = scenario::run(arguments, scenarios)?;
        (Some(filter), results)
    };
    let of_suites: Vec<String> = suites.iter().flat_map(Suite::names).collect();
    let of_filters = filter_scenario::run(arguments, filter_scenarios, &of_suites)?;
    let report = Report::new(filter, results, of_filters, suite::run(arguments, suites)?);
    if let Some(file) = &arguments.junit {
        junit::write(&report, file)?;
    }
    match arguments.output() {
        OutputFormat::Json => output::print_json(&report)?,
        OutputFormat::Text => report.print(),
    }
    Ok(if report.failed == 0 { FINE } else { findings() })
}

/// Refuses options that mean nothing to one of the documents.
fn refuse_misplaced(arguments: &Test, documents: &Documents) -> Result<(), Failure> {
    let filter_scenario = documents.filter_scenarios.first().map(|first| first.file.display());
    let suite = documents.suites.first().map(|first| first.file().display());
    let refusal = match (filter_scenario, suite) {
        (Some(file), _) if arguments.runner == Runner::Envoy => {
            format!(
                "--in envoy is for `kind: Scenario`; {file} has a `kind: FilterScenario`, which the embedded host plays"
            )
        }
        (_, Some(file)) if arguments.runner == Runner::Envoy => {
            format!(
                "--in envoy is for `kind: Scenario`; {file} is a suite of the plugin tester, which the embedded host plays"
            )
        }
        (_, Some(file)) if arguments.update => {
            format!(
                "--update is for `kind: FilterScenario`; {file} is a suite of the plugin tester, and stays as it is"
            )
        }
        (Some(file), _) if arguments.config.is_some() => {
            format!(
                "--config is for suites of the plugin tester; {file} has a `kind: FilterScenario`, which says it itself"
            )
        }
        _ if arguments.extensions.file().is_some() && documents.scenarios.is_empty() => {
            "--extensions is for `kind: Scenario`, and none is here; a FilterScenario says it in its `config`"
                .to_owned()
        }
        (_, None) if arguments.config.is_some() => {
            "--config is for suites of the plugin tester, and none is here".to_owned()
        }
        _ => return Ok(()),
    };
    Err(refusal.into())
}

/// Runs, and runs again when something has changed. What cannot run now may be able to after the next change.
fn watch(arguments: &Test) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        loop {
            let documents = Documents::find(&arguments.paths);
            // From before the run, so that no change during it goes unnoticed.
            let mut watcher = Watcher::new(files(arguments, documents.as_ref().ok())?)?;
            if let Err(failure) = documents.and_then(|documents| once(arguments, &documents)) {
                failure.report();
            }
            anstream::eprintln!("{FAINT}waiting for a change; Ctrl-C ends{PLAIN}");
            watcher.changed().await;
        }
    })
}

/// What a run depends on, as far as it is there.
fn files(arguments: &Test, documents: Option<&Documents>) -> Result<Vec<PathBuf>, Failure> {
    let mut files = arguments.paths.clone();
    files.extend(arguments.filter.clone());
    files.extend(arguments.extensions.file().map(Path::to_owned));
    for scenario in documents.into_iter().flat_map(|documents| &documents.filter_scenarios) {
        files.extend(scenario.files());
        files.extend(filter_scenario::module_path(scenario, arguments));
    }
    let suites = documents.into_iter().flat_map(|documents| &documents.suites);
    files.extend(suites.flat_map(|suite| suite.files(arguments)));
    files.extend(arguments.config.as_ref().and_then(Configuration::file).cloned());
    for scenario in documents.into_iter().flat_map(|documents| &documents.scenarios) {
        files.extend(scenario.spec.steps.iter().flat_map(|step| scenario.manifests(step)));
    }
    let mut absolute: Vec<PathBuf> = files.iter().filter_map(|file| resolve(file)).collect();
    absolute.sort();
    absolute.dedup();
    if absolute.is_empty() {
        return Err("there is nothing to watch".into());
    }
    Ok(absolute)
}

/// An absolute path, also of a file that is not there yet: a module that is being built, for one.
fn resolve(file: &Path) -> Option<PathBuf> {
    if let Ok(path) = file.canonicalize() {
        return Some(path);
    }
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Some(directory.canonicalize().ok()?.join(file.file_name()?))
}
