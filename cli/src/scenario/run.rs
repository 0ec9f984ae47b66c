//! Runs scenarios in the embedded host.

use std::collections::HashMap;

use outgate_policy::config::Config;
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifests, Normalization};
use outgate_test_host::{Host, Module, Outcome, Response};

use super::certificates::Certificates;
use super::file::{Case, Scenario, Step};
use super::log;
use super::report::{CaseResult, Difference, ScenarioResult, StepResult};
use crate::arguments::{gateway_workload, object_name};
use crate::described::{Described, PeerNames};
use crate::failure::Failure;
use crate::output;

/// Runs scenarios with one module.
pub(crate) struct Runner {
    module: Module,
    certificates: Option<Certificates>,
}

impl Runner {
    pub(crate) fn new(module: Module) -> Self {
        Self {
            module,
            certificates: None,
        }
    }

    pub(crate) fn run(&mut self, scenario: &Scenario) -> Result<ScenarioResult, Failure> {
        let mut steps = Vec::with_capacity(scenario.spec.steps.len());
        for (index, step) in scenario.spec.steps.iter().enumerate() {
            steps.push(self.step(scenario, index, step)?);
        }
        Ok(ScenarioResult {
            name: scenario.name.clone(),
            file: scenario.file.display().to_string(),
            steps,
        })
    }

    fn step(&mut self, scenario: &Scenario, index: usize, step: &Step) -> Result<StepResult, Failure> {
        let place = format!("{}, step `{}`", scenario.file.display(), step.name);
        let (config, normalization) = configure(scenario, step, &place)?;
        let started = Host::builder(&self.module)
            .plugin_name("outgate")
            .configuration(serde_json::to_vec(&config)?)
            .start();
        let mut host = started.map_err(|error| format!("{place}: {error}"))?;
        let mut connections = Connections::default();
        let mut cases = Vec::with_capacity(step.requests.len());
        for (number, case) in step.requests.iter().enumerate() {
            let line = scenario.line(index, number);
            let result = self.case(case, &mut host, normalization, &mut connections);
            let (request, outcome) =
                result.map_err(|failure| at(&scenario.file.display().to_string(), line, failure))?;
            cases.push(CaseResult {
                name: case.name.clone(),
                line,
                method: request.header(":method").unwrap_or_default(),
                target: [":authority", ":path"]
                    .map(|name| request.header(name).unwrap_or_default())
                    .concat(),
                status: outcome.status(),
                decision: log::field("outgate_decision", &request, &outcome).unwrap_or_default(),
                rule: log::field("outgate_rule", &request, &outcome).unwrap_or_default(),
                differences: differences(case, &request, &outcome),
                report: outcome.to_string(),
            });
        }
        Ok(StepResult {
            name: step.name.clone(),
            cases,
        })
    }

    fn case(
        &mut self,
        case: &Case,
        host: &mut Host,
        normalization: Normalization,
        connections: &mut Connections,
    ) -> Result<(Described, Outcome), Failure> {
        let description = case.request.describe()?;
        let certificate = match &description.peer {
            None => None,
            Some(names) => Some(self.certificates()?.with_names(names)?),
        };
        let connection = connections.of(description.peer.as_ref());
        let request = Described::new(description, normalization)?;
        let outcome = host.exchange(
            request.to_host(certificate.as_deref(), connection),
            Response::new(case.upstream.status),
        );
        Ok((request, outcome))
    }

    fn certificates(&mut self) -> Result<&mut Certificates, Failure> {
        if self.certificates.is_none() {
            self.certificates = Some(Certificates::new()?);
        }
        self.certificates
            .as_mut()
            .ok_or_else(|| Failure::from("no certificates"))
    }
}

/// A connection for each peer, as a proxy keeps them.
#[derive(Default)]
struct Connections(HashMap<Option<PeerNames>, u64>);

impl Connections {
    fn of(&mut self, peer: Option<&PeerNames>) -> u64 {
        let next = self.0.len() as u64 + 1;
        *self.0.entry(peer.cloned()).or_insert(next)
    }
}

fn at(file: &str, line: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Message(message) => Failure::Message(format!("{file}:{line}: {message}")),
        Failure::Shown => Failure::Shown,
    }
}

/// The filter's configuration for a step, and what the proxy makes of paths.
fn configure(scenario: &Scenario, step: &Step, place: &str) -> Result<(Config, Normalization), Failure> {
    let gateway = scenario
        .gateway(step)
        .ok_or_else(|| format!("{place}: there is no `gateway`"))?;
    let gateway = object_name(gateway).map_err(|error| format!("{place}: `gateway`: {error}"))?;
    let inputs: Vec<Input> = scenario.manifests(step).into_iter().map(Input::Path).collect();
    let (manifests, diagnostics) = Manifests::load(&inputs);
    if diagnostics.errors() > 0 {
        return Err(Failure::input(&diagnostics, manifests.sources()));
    }
    let workload = gateway_workload(&manifests, &gateway, &scenario.labels(step));
    let config = manifests.filter_config(&workload, &FilterOptions::default());
    let config = config.map_err(|diagnostics| {
        output::show_diagnostics(&diagnostics, manifests.sources());
        Failure::Shown
    })?;
    Ok((config, manifests.normalization()))
}

fn differences(case: &Case, request: &Described, outcome: &Outcome) -> Vec<Difference> {
    let expect = &case.expect;
    let mut differences = Vec::new();
    let mut compare = |field: &str, expected: &str, actual: String| {
        if expected != actual {
            differences.push(Difference {
                field: field.to_owned(),
                expected: expected.to_owned(),
                actual,
            });
        }
    };
    compare("status", &expect.status.to_string(), outcome.status().to_string());
    if let Some(body) = &expect.body {
        let actual = outcome.response.as_ref().map(Response::body_text);
        compare("body", body, actual.unwrap_or_default());
    }
    if let Some(details) = &expect.details {
        compare("details", details, outcome.details.clone());
    }
    for (name, expected) in expect.log_fields() {
        let actual = log::field(name, request, outcome);
        compare(
            name,
            expected,
            actual.unwrap_or_else(|| "(only a real proxy knows)".to_owned()),
        );
    }
    differences
}
