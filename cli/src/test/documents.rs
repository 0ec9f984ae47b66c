//! Finds scenarios, of both kinds, and suites in files and directories.

use std::fs;
use std::path::{Path, PathBuf};

use outgate_sdk::diagnostic::{Diagnostic, Diagnostics};
use outgate_sdk::located::{self, Node};
use outgate_sdk::source::Sources;
use outgate_suite_import::is_text_format;
use serde::Deserialize;

use crate::failure::Failure;
use crate::filter_scenario::FilterScenario;
use crate::scenario::Scenario;
use crate::suite::Suite;

const API_VERSION: &str = "outgate/v1";

#[derive(Deserialize)]
enum Kind {
    Scenario,
    FilterScenario,
}

/// A document that says that it is a scenario.
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) node: Node,
    pub(crate) sources: Sources,
}

/// The scenarios that were asked for.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) scenarios: Vec<Scenario>,
    pub(super) filter_scenarios: Vec<FilterScenario>,
    pub(super) suites: Vec<Suite>,
}

impl Documents {
    pub(super) fn find(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut documents = Self::default();
        for path in paths {
            let before = documents.count();
            if path.is_dir() {
                for file in readable_files(path)? {
                    documents.read(&file, false)?;
                }
            } else {
                documents.read(path, true)?;
            }
            if documents.count() == before {
                return Err(Failure::Message(format!(
                    "{} has no scenario; a scenario is a YAML document with `apiVersion: {API_VERSION}` and `kind: Scenario` or \
                     `kind: FilterScenario`, or a suite of the service extensions' plugin tester",
                    path.display()
                )));
            }
        }
        Ok(documents)
    }

    fn count(&self) -> usize {
        self.scenarios.len() + self.filter_scenarios.len() + self.suites.len()
    }

    /// Reads a file. One that nobody named need not be for us.
    fn read(&mut self, file: &Path, is_named: bool) -> Result<(), Failure> {
        let shown = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        if is_text_format(&shown) {
            if is_named || Suite::is_likely(&shown, &text) {
                self.suites.push(Suite::read(file, &text)?);
            }
            return Ok(());
        }
        let mut sources = Sources::default();
        let id = sources.add(shown, text.as_str());
        let (documents, errors) = located::parse(&sources, id);
        if !errors.is_empty() {
            let diagnostics: Diagnostics = errors.into_iter().map(Diagnostic::from).collect();
            return Err(Failure::input(&diagnostics, &sources));
        }
        if documents.first().is_some_and(Suite::is_one) {
            self.suites.push(Suite::read(file, &text)?);
            return Ok(());
        }
        for node in documents {
            if node.get("apiVersion").and_then(Node::as_str) != Some(API_VERSION) {
                continue;
            }
            let Some(kind) = node.get("kind") else { continue };
            let kind = kind.read::<Kind>().map_err(|error| refused(error.into(), &sources))?;
            let found = Found {
                file: file.to_owned(),
                node,
                sources: sources.clone(),
            };
            let shown = |(diagnostic, sources)| refused(diagnostic, &sources);
            match kind {
                Kind::Scenario => self.scenarios.push(Scenario::read(found).map_err(shown)?),
                Kind::FilterScenario => {
                    let scenario = FilterScenario::read(found).map_err(shown)?;
                    self.filter_scenarios.push(scenario);
                }
            }
        }
        Ok(())
    }
}

fn refused(diagnostic: Diagnostic, sources: &Sources) -> Failure {
    let diagnostics: Diagnostics = [diagnostic].into_iter().collect();
    Failure::input(&diagnostics, sources)
}

/// The files of a directory that can have something.
fn readable_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| format!("{} cannot be read: {error}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml || is_text_format(&path.to_string_lossy()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
