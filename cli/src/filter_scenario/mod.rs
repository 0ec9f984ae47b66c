//! Scenario files for any Proxy-Wasm filter: requests through it in the embedded host, and what must become of them.
//!
//! ```text
//! file ──▶ rows of tables filled in ──▶ cases ──▶ play, once for each variation ──▶ check ──▶ report
//! ```

mod check;
mod difference;
mod expect;
mod file;
mod matcher;
mod message;
mod model;
mod notation;
mod play;
mod plugin;
mod report;
mod selection;
mod table;
mod update;
mod upstream;
mod values;
mod vary;

use std::collections::HashMap;
use std::path::PathBuf;

use outgate_policy::FieldPath;
use outgate_test_host::Module;

use crate::arguments::Test;
use crate::failure::Failure;
pub(crate) use check::in_short;
use difference::Difference;
pub(crate) use file::FilterScenario;
use file::PlannedCase;
use plugin::Plugin;
pub(crate) use report::{CaseResult, DifferenceResult, Fate, FilterScenarioResult};
use selection::Selection;
use update::Update;
use vary::Variation;

/// Plays the scenarios, as far as they are selected. There may be cases `elsewhere` that a name can mean.
pub(crate) fn run(
    arguments: &Test,
    scenarios: &[FilterScenario],
    elsewhere: &[String],
) -> Result<Vec<FilterScenarioResult>, Failure> {
    let selection = Selection::new(arguments, scenarios, elsewhere)?;
    let mut modules = Modules::default();
    let mut results = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let module = modules.of(scenario, arguments)?;
        let plugin = Plugin::new(scenario, &module)?;
        let mut update = Update::new(arguments.update);
        let mut cases = Vec::new();
        for planned in &scenario.cases {
            match selection.left_out(scenario, planned) {
                None => cases.push(run_case(&plugin, planned, &mut update)?),
                Some(selection::LeftOut::Unasked) => {}
                Some(selection::LeftOut::Because(reason)) => cases.push(CaseResult {
                    name: planned.title.clone(),
                    line: scenario.line(planned, &FieldPath::root()),
                    request: String::new(),
                    fate: Fate::Skipped,
                    summary: reason,
                    variation: None,
                    differences: Vec::new(),
                    report: None,
                }),
            }
        }
        let updated = update.write(scenario)?;
        results.push(FilterScenarioResult::new(scenario, cases, updated));
    }
    Ok(results)
}

/// The module that a scenario is for: the one named on the command line, or its own.
pub(crate) fn module_path(scenario: &FilterScenario, arguments: &Test) -> Option<PathBuf> {
    arguments
        .filter
        .clone()
        .or_else(|| scenario.module())
        .or_else(|| arguments.filter_of_environment())
}

/// Compiled once each.
#[derive(Default)]
struct Modules(HashMap<PathBuf, Module>);

impl Modules {
    fn of(&mut self, scenario: &FilterScenario, arguments: &Test) -> Result<Module, Failure> {
        let place = scenario.place_of(&FieldPath::root().field("spec").field("filter").field("wasm"));
        let path = module_path(scenario, arguments)
            .ok_or_else(|| format!("{place}: which filter? Say it with `wasm` here, or with --filter"))?;
        if let Some(module) = self.0.get(&path) {
            return Ok(module.clone());
        }
        let module = Module::load(&path).map_err(|error| format!("{place}: {}: {error}", path.display()))?;
        self.0.insert(path, module.clone());
        Ok(module)
    }
}

fn run_case(plugin: &Plugin<'_>, planned: &PlannedCase, update: &mut Update) -> Result<CaseResult, Failure> {
    let scenario = plugin.scenario;
    let line = scenario.line(planned, &FieldPath::root());
    let variations = planned
        .case
        .vary
        .as_ref()
        .map_or_else(|| vec![Variation::PLAIN], Variation::all);
    let mut first: Option<(Variation, Vec<(String, String)>)> = None;
    let mut summary = String::new();
    for variation in variations {
        let mut played = play::play(plugin, planned, variation)
            .map_err(|error| format!("{}:{line}: {}: {error}", scenario.file.display(), planned.title))?;
        if let Some((outcome, seen)) = &played.last {
            summary = check::in_short(outcome);
            let facts = vary::essence(outcome, seen);
            match &first {
                None => {
                    first = Some((variation, facts));
                    let trace = planned.case.expect.trace.as_deref();
                    played
                        .differences
                        .extend(trace.and_then(|file| update.trace(scenario, file, outcome)));
                }
                Some((usual, expected)) => {
                    if let Some((name, one, other)) = vary::first_difference(expected, &facts) {
                        played.differences.push(Difference::new(
                            FieldPath::root().field("vary"),
                            format!("{name} as with {usual}: {}", matcher::shown(one.as_deref())),
                            matcher::shown(other.as_deref()),
                        ));
                    }
                }
            }
        } else if first.is_none() {
            "not started".clone_into(&mut summary);
        }
        let differences: Vec<Difference> = played
            .differences
            .into_iter()
            .filter(|difference| !update.takes(scenario, planned, difference))
            .collect();
        if !differences.is_empty() {
            let of_stream = played
                .last
                .as_ref()
                .map(|(outcome, _)| format!("{outcome}\n"))
                .unwrap_or_default();
            return Ok(CaseResult {
                name: planned.title.clone(),
                line,
                request: request_of(plugin, planned),
                fate: Fate::Failed,
                summary,
                variation: planned.case.vary.is_some().then(|| variation.to_string()),
                differences: differences
                    .iter()
                    .map(|difference| DifferenceResult::new(scenario, planned, difference))
                    .collect(),
                report: Some(format!("{of_stream}{}", played.remarks)),
            });
        }
    }
    Ok(CaseResult {
        name: planned.title.clone(),
        line,
        request: request_of(plugin, planned),
        fate: Fate::Passed,
        summary,
        variation: None,
        differences: Vec::new(),
        report: None,
    })
}

fn request_of(plugin: &Plugin<'_>, planned: &PlannedCase) -> String {
    planned
        .case
        .request
        .over(&plugin.scenario.spec.defaults.request)
        .shown()
}
