//! `outgate test`: scenario files of both kinds and suites of another tester, played and reported.

pub(crate) mod documents;
mod junit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arguments::{OutputFormat, Runner, Test};
use crate::failure::{FINE, Failure, findings};
use crate::filter_module;
use crate::filter_scenario;
use crate::hosted::content::Configuration;
use crate::output::{self, FAINT, PLAIN};
use crate::scenario::{self, Report};
use crate::suite::{self, Suite};
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
    let config = arguments.config.as_ref().and_then(Configuration::file);
    let named = arguments.paths.iter().chain(&arguments.filter).chain(config);
    for path in named.map(PathBuf::as_path).chain(arguments.extensions.file()) {
        add(path, Watched::Directory)?;
    }
    for scenario in documents.into_iter().flat_map(|documents| &documents.filter_scenarios) {
        let module = filter_scenario::module_path(scenario, arguments);
        for file in scenario.files().iter().chain(&module) {
            add(file, Watched::Directory)?;
        }
    }
    for suite in documents.into_iter().flat_map(|documents| &documents.suites) {
        for file in suite.files(arguments) {
            add(&file, Watched::Directory)?;
        }
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
