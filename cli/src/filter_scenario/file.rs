//! A scenario file, checked: what it describes, and its cases, each with its place.

use std::path::{Path, PathBuf};

use outgate_policy::FieldPath;
use outgate_sdk::diagnostic::Diagnostic;
use outgate_sdk::located::{Node, Value};
use outgate_sdk::source::Sources;

use super::model::{Case, Document, Spec, StepAction};
use super::table;
use crate::test::documents::Found;

/// A scenario and where it is.
pub(crate) struct FilterScenario {
    pub(crate) file: PathBuf,
    pub(super) name: String,
    pub(super) spec: Spec,
    pub(super) cases: Vec<PlannedCase>,
    pub(super) sources: Sources,
    node: Node,
}

/// A case; one row of it, where it has a table.
pub(super) struct PlannedCase {
    /// With the row, if there is one.
    pub(super) title: String,
    pub(super) case: Case,
    node: Node,
}

impl FilterScenario {
    /// Checks a document of kind `FilterScenario`.
    pub(crate) fn read(found: Found) -> Result<Self, (Diagnostic, Sources)> {
        let Found { file, node, sources } = found;
        match Self::checked(&node) {
            Ok((document, cases)) => Ok(Self {
                file,
                name: document.metadata.name,
                spec: document.spec,
                cases,
                sources,
                node,
            }),
            Err(diagnostic) => Err((*diagnostic, sources)),
        }
    }

    fn checked(node: &Node) -> Result<(Document, Vec<PlannedCase>), Box<Diagnostic>> {
        let document: Document = node.read().map_err(Diagnostic::from)?;
        let path = FieldPath::root().field("spec").field("cases");
        let written = match node.at(&path).map(|cases| &cases.value) {
            Some(Value::List(cases)) => cases.as_slice(),
            _ => &[],
        };
        if written.is_empty() {
            return Err(Diagnostic::error("there are no cases")
                .at(node.span_at(&path), "")
                .into());
        }
        let workers = document.spec.filter.workers.map_or(1, |workers| workers.0);
        let mut cases: Vec<PlannedCase> = Vec::new();
        for written in written {
            for row in table::expand(written)? {
                let case: Case = row.node.read().map_err(Diagnostic::from)?;
                let title = match row.label {
                    Some(label) => format!("{} [{label}]", case.name),
                    None => case.name.clone(),
                };
                let planned = PlannedCase {
                    title,
                    case,
                    node: row.node,
                };
                planned.check(workers)?;
                if cases.iter().any(|other| other.title == planned.title) {
                    let twice = format!("two cases are called `{}`", planned.title);
                    let place = planned.node.span_at(&FieldPath::root().field("name"));
                    return Err(Diagnostic::error(twice).at(place, "").into());
                }
                cases.push(planned);
            }
        }
        Ok((document, cases))
    }

    pub(super) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// `file:line` of a field of the scenario.
    pub(super) fn place_of(&self, path: &FieldPath) -> String {
        let place = self.sources.place(self.node.span_at(path));
        format!("{}:{}", place.file, place.position.line)
    }

    /// The line that a field of a case stands in.
    pub(super) fn line(&self, case: &PlannedCase, field: &FieldPath) -> usize {
        self.sources.place(case.node.span_at(field)).position.line
    }
}

impl PlannedCase {
    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// What cannot be, though each field by itself can.
    fn check(&self, workers: usize) -> Result<(), Diagnostic> {
        let root = FieldPath::root();
        let refuse = |field: FieldPath, message: &str| {
            let place = self.node.span_at(&field);
            Err(Diagnostic::error(message).at(place, "").in_field(field))
        };
        let expect = root.field("expect");
        if self.case.expect.action.is_some() {
            return refuse(
                expect.field("action"),
                "`action` is for a step; for a case there is `end`",
            );
        }
        if self.case.expect.called.is_some() {
            return refuse(expect.field("called"), "`called` is for a step");
        }
        if self.case.expect.refused.is_some() && self.case.config.is_none() {
            return refuse(expect.field("refused"), "`refused` is for a case that has `config`");
        }
        if let Some(steps) = &self.case.steps {
            if self.case.response.is_some() {
                return refuse(
                    root.field("response"),
                    "a case with `steps` has its response in `responseHeaders`",
                );
            }
            if self.case.request.body.is_some() {
                return refuse(
                    root.field("request").field("body"),
                    "a case with `steps` has its body in `requestBody`",
                );
            }
            for (index, step) in steps.iter().enumerate() {
                let place = root.field("steps").index(index);
                match &step.action {
                    StepAction::RequestHeaders(request) if request.body.is_some() => {
                        return refuse(
                            place.field("requestHeaders").field("body"),
                            "the body is a step: `requestBody`",
                        );
                    }
                    StepAction::ResponseHeaders(response) if response.body.is_some() => {
                        return refuse(
                            place.field("responseHeaders").field("body"),
                            "the body is a step: `responseBody`",
                        );
                    }
                    StepAction::Worker(number) if *number >= workers => {
                        let message = format!(
                            "there is no worker {number}: `filter.workers` is {workers}, and they are counted from 0"
                        );
                        return refuse(place.field("worker"), &message);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
