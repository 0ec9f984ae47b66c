//! Scenario files for any Proxy-Wasm filter: requests through it in the embedded host, and what must become of them.
//!
//! ```text
//! file ──▶ rows of tables filled in ──▶ cases ──▶ play, once for each variation ──▶ check ──▶ report
//! ```

mod budget;
mod check;
mod difference;
mod ending;
mod expect;
mod file;
mod matcher;
mod message;
mod model;
mod play;
mod plugin;
mod property;
mod refusal;
mod report;
mod seen;
mod selection;
mod step;
mod table;
mod update;
mod upstream;
mod values;
mod vary;

use std::collections::HashMap;
use std::path::PathBuf;

use outgate_policy::FieldPath;
use outgate_test_host::Module;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::arguments::Test;
use crate::failure::Failure;
use crate::hosted::compile;
pub(crate) use ending::in_short;
pub(crate) use file::FilterScenario;
use file::PlannedCase;
use model::{Case, Document};
use plugin::Plugin;
pub(crate) use report::{CaseResult, DifferenceResult, Fate, FilterScenarioResult};
use selection::{Selected, Selection};
use step::StepAction;
use update::Update;
use vary::Variation;

/// The schema of documents of kind `FilterScenario`, and what stands for a case in it.
pub(crate) fn schema(mut generator: SchemaGenerator) -> (Schema, String) {
    let case = generator.subschema_for::<Case>();
    let case = case.get("$ref").and_then(Value::as_str).unwrap_or_default().to_owned();
    (generator.into_root_schema_for::<Document>(), case)
}

/// Plays the scenarios, as far as they are selected. There may be cases `elsewhere` that a name can mean.
pub(crate) fn run(
    arguments: &Test,
    scenarios: &[FilterScenario],
    elsewhere: &[String],
) -> Result<Vec<FilterScenarioResult>, Failure> {
    let selection = Selection::new(arguments, scenarios, elsewhere)?;
    let mut modules = Modules::default();
    let mut update = Update::new(arguments.update);
    let mut results = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let selected = scenario
            .cases
            .iter()
            .map(|planned| (planned, selection.fate(scenario, planned)));
        let selected: Vec<_> = selected
            .filter(|(_, fate)| !matches!(fate, Selected::Unasked))
            .collect();
        if selected.is_empty() {
            continue;
        }
        let module = modules.of(scenario, arguments)?;
        let plugin = Plugin::new(scenario, &module).map_err(|error| scenario.unreadable(None, &error))?;
        let before = update.count();
        let mut cases = Vec::with_capacity(selected.len());
        for (planned, fate) in selected {
            cases.push(match fate {
                Selected::Skipped(reason) => skipped(scenario, planned, reason),
                Selected::Played | Selected::Unasked => run_case(&plugin, planned, &mut update)?,
            });
        }
        results.push(FilterScenarioResult::new(scenario, cases, update.count() - before));
    }
    update.write()?;
    Ok(results)
}

fn skipped(scenario: &FilterScenario, planned: &PlannedCase, reason: String) -> CaseResult {
    CaseResult {
        name: planned.title.clone(),
        line: scenario.line(planned, &FieldPath::root()),
        request: String::new(),
        fate: Fate::Skipped,
        summary: reason,
        variation: None,
        differences: Vec::new(),
        report: None,
    }
}

/// The module that a scenario is for: the one named on the command line, or its own.
pub(crate) fn module_path(scenario: &FilterScenario, arguments: &Test) -> Option<PathBuf> {
    arguments.filter_or(|| scenario.module())
}

/// Compiled once each.
#[derive(Default)]
struct Modules(HashMap<PathBuf, Module>);

impl Modules {
    fn of(&mut self, scenario: &FilterScenario, arguments: &Test) -> Result<Module, Failure> {
        let place = FieldPath::root().field("spec").field("filter").field("wasm");
        let Some(path) = module_path(scenario, arguments) else {
            let message = "which filter? Say it with `wasm`, or with --filter on the command line".to_owned();
            return Err(scenario.refuse(&place, message));
        };
        if let Some(module) = self.0.get(&path) {
            return Ok(module.clone());
        }
        let module = compile::cached(&path).map_err(|refused| {
            let message = refused.to_string();
            if scenario.module().as_ref() == Some(&path) {
                scenario.refuse(&place, message)
            } else {
                Failure::Message(message)
            }
        })?;
        self.0.insert(path, module.clone());
        Ok(module)
    }
}

fn run_case(plugin: &Plugin<'_>, planned: &PlannedCase, update: &mut Update) -> Result<CaseResult, Failure> {
    let scenario = plugin.scenario;
    let variations = planned.case.vary.as_ref().map(Variation::all);
    let mut first: Option<(Variation, Vec<(String, String)>)> = None;
    let mut result = CaseResult {
        name: planned.title.clone(),
        line: scenario.line(planned, &FieldPath::root()),
        request: String::new(),
        fate: Fate::Passed,
        summary: String::new(),
        variation: None,
        differences: Vec::new(),
        report: None,
    };
    for variation in variations.unwrap_or_else(|| vec![Variation::PLAIN]) {
        let mut played = play::play(plugin, planned, variation, first.is_none())
            .map_err(|error| scenario.unreadable(Some(planned), &error))?;
        result.summary = played.in_short();
        if let Some((outcome, seen)) = &played.last {
            result.request = request_of(plugin, planned);
            let facts = vary::essence(outcome, seen);
            match &first {
                None => first = Some((variation, facts)),
                Some((usual, expected)) => played.differences.extend(vary::difference(*usual, expected, &facts)),
            }
        }
        played
            .differences
            .retain(|difference| !update.takes(scenario, planned, difference));
        if !played.differences.is_empty() {
            result.fate = Fate::Failed;
            result.variation = planned.case.vary.is_some().then(|| variation.to_string());
            let differences = played.differences.iter();
            result.differences = differences
                .map(|difference| DifferenceResult::new(scenario, planned, difference))
                .collect();
            let of_stream = played.last.map(|(outcome, _)| format!("{outcome}\n"));
            result.report = Some(of_stream.unwrap_or_default() + &played.remarks);
            break;
        }
    }
    Ok(result)
}

/// The request of a report: in a case with steps, the first.
fn request_of(plugin: &Plugin<'_>, planned: &PlannedCase) -> String {
    let case = &planned.case;
    let mut steps = case.steps.iter().flatten();
    let first = steps.find_map(|step| match &step.action {
        StepAction::RequestHeaders(request) => Some(request.over(&case.request)),
        _ => None,
    });
    let defaults = &plugin.scenario.spec.defaults.request;
    first.as_ref().unwrap_or(&case.request).over(defaults).shown()
}
