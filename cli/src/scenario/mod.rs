//! Scenario files about manifests, run through the filter's own module in the embedded host, or through real Envoys too.
//!
//! ```text
//! file ──▶ Stage ──┬──▶ embedded: the proxies' routes followed, the filter's module in each gateway ──▶ Observed ──▶ compare
//!                  └──▶ envoy: the proxies themselves                                               ──▶ Observed ──▶ report
//! ```

mod compare;
mod embedded;
mod envoy;
mod file;
mod observed;
mod report;
mod stage;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::proxy::ProxyName;

use crate::arguments::{Runner, Test};
use crate::failure::Failure;
use crate::filter_module;
use crate::local::plan::Wishes;
use crate::output::{FAINT, PLAIN};
use embedded::Embedded;
use envoy::Envoys;
use file::Case;
pub(crate) use file::{Scenario, schema};
use observed::Observed;
use report::{CaseResult, StepResult};
pub(crate) use report::{Report, ScenarioResult};
use stage::Stage;

/// Plays the scenarios. Tells which module decided.
pub(crate) fn run(arguments: &Test, scenarios: &[Scenario]) -> Result<(PathBuf, Vec<ScenarioResult>), Failure> {
    let named = arguments.own_filter();
    let (path, module) = filter_module::load(named.as_ref())?;
    let wishes = Wishes {
        clients: Vec::new(),
        mappings: arguments.map.clone(),
        module: Some(filter_module::absolute(named.as_ref())?),
        options: FilterOptions {
            extensions: arguments.extensions.read()?,
            ..FilterOptions::default()
        },
        ..Wishes::default()
    };
    let mut embedded = Embedded::new(module)?;
    let mut envoys = match arguments.runner {
        Runner::Embedded => None,
        Runner::Envoy => Some(Envoys::new(arguments)?),
    };
    let mut results = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        results.push(run_scenario(scenario, &wishes, &mut embedded, envoys.as_mut())?);
    }
    if let Some(envoys) = envoys {
        envoys.stop();
    }
    Ok((path, results))
}

fn run_scenario(
    scenario: &Scenario,
    wishes: &Wishes,
    embedded: &mut Embedded,
    mut envoys: Option<&mut Envoys>,
) -> Result<ScenarioResult, Failure> {
    let mut steps = Vec::with_capacity(scenario.spec.steps.len());
    for (index, step) in scenario.spec.steps.iter().enumerate() {
        let stage = Stage::new(scenario, step, wishes)?;
        embedded.enter(&stage)?;
        if let Some(envoys) = envoys.as_deref_mut() {
            if io::stderr().is_terminal() {
                anstream::eprintln!("{FAINT}real Envoys: {}{PLAIN}", step.name);
            }
            envoys.enter(&stage)?;
        }
        let mut cases = Vec::with_capacity(step.requests.len());
        for (number, case) in step.requests.iter().enumerate() {
            let line = scenario.line(index, number);
            let located = |failure| at(&scenario.file.display().to_string(), line, failure);
            let (proxy, port) = stage.entrance(case).map_err(located)?;
            let simulated = embedded.play(&stage, case, &proxy, port).map_err(located)?;
            let real = match envoys.as_deref_mut() {
                Some(envoys) => Some(envoys.play(&stage, case, &proxy, port).map_err(located)?),
                None => None,
            };
            cases.push(result(case, line, &proxy, simulated, real));
        }
        steps.push(StepResult {
            name: step.name.clone(),
            cases,
        });
    }
    Ok(ScenarioResult {
        name: scenario.name.clone(),
        file: scenario.file.display().to_string(),
        steps,
    })
}

/// What a case came to. Where real proxies ran it, they are the ones to be compared with the expectation.
fn result(case: &Case, line: usize, entrance: &ProxyName, simulated: Observed, real: Option<Played>) -> CaseResult {
    let (observed, disagreements, skipped) = match real {
        None => (simulated, Vec::new(), None),
        Some(Played::Observed(real)) => {
            let disagreements = compare::disagreements(&simulated, &real);
            (*real, disagreements, None)
        }
        Some(Played::Skipped(why)) => (simulated, Vec::new(), Some(why)),
    };
    CaseResult {
        name: case.name.clone(),
        line,
        from: entrance.workload().name.clone(),
        method: case.request.method().to_owned(),
        target: case.request.target().to_owned(),
        status: observed.status,
        decision: observed.shown("outgate_decision"),
        rule: observed.shown("outgate_rule"),
        differences: compare::differences(case, &observed),
        unchecked: compare::unchecked(case, &observed),
        disagreements,
        skipped,
        report: observed.report,
    }
}

/// What real proxies made of a case.
enum Played {
    Observed(Box<Observed>),
    /// It cannot be played with real proxies, for this reason.
    Skipped(String),
}

fn at(file: &str, line: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Message(message) => Failure::Message(format!("{file}:{line}: {message}")),
        Failure::Shown => Failure::Shown,
    }
}
