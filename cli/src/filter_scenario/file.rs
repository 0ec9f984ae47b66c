//! A scenario file, checked: what it describes, and its cases, each with its place.

use std::path::{Path, PathBuf};

use outgate_policy::FieldPath;
use outgate_sdk::diagnostic::Diagnostic;
use outgate_sdk::located::{Node, Value};
use outgate_sdk::source::{Sources, Span};

use super::expect::Known;
use super::message::RequestSpec;
use super::model::{Case, Document, Spec};
use super::property::PropertyValue;
use super::step::{Step, StepAction};
use super::table;
use super::values::Unreadable;
use crate::failure::Failure;
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
        document.spec.check(node)?;
        let workers = document.spec.workers();
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

    /// Refuses a field of the scenario for something outside of it.
    pub(super) fn refuse(&self, path: &FieldPath, message: String) -> Failure {
        let diagnostic = Diagnostic::error(message).at(self.node.span_at(path), "");
        Failure::input(&[diagnostic].into_iter().collect(), &self.sources)
    }

    /// Points at where a file is named that is not there.
    pub(super) fn unreadable(&self, case: Option<&PlannedCase>, error: &Unreadable) -> Failure {
        let of_case = case.and_then(|case| place_of_file(&case.node, &error.name));
        let place = of_case.or_else(|| place_of_file(&self.node, &error.name));
        let place = place.unwrap_or_else(|| self.node.span_at(&FieldPath::root()));
        let diagnostic = Diagnostic::error(error.to_string()).at(place, "");
        Failure::input(&[diagnostic].into_iter().collect(), &self.sources)
    }

    /// The files that it names, as it names them.
    pub(super) fn named_files(&self, names: &mut Vec<String>) {
        files_in(&self.node, names);
        // Those whose name comes from a table.
        self.cases.iter().for_each(|case| files_in(&case.node, names));
        names.sort_unstable();
        names.dedup();
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
        let expect = root.field("expect");
        if let Some(field) = self.case.expect.first_known(Known::Answered) {
            let message = format!("`{field}` is for a step; for the stream of a case there is `end`");
            return Err(self.refused(expect.field(field), message));
        }
        if self.case.expect.refused.is_some() {
            self.check_refused()?;
        }
        if let Some(vary) = &self.case.vary
            && vary.chunks.is_empty()
            && vary.end.is_empty()
        {
            return Err(self.refused(root.field("vary"), "`vary` needs `chunks`, `end` or both"));
        }
        match &self.case.steps {
            Some(steps) => self.check_steps(steps, workers),
            None => Ok(()),
        }
    }

    /// A filter that refuses its configuration is never asked anything.
    fn check_refused(&self) -> Result<(), Diagnostic> {
        let root = FieldPath::root();
        let expect = root.field("expect");
        if self.case.config.is_none() {
            let message = "`refused` is for a case that has `config`";
            return Err(self.refused(expect.field("refused"), message));
        }
        if let Some(field) = self.case.expect.besides_refused() {
            let message = format!("a filter that refuses its configuration sees no request: there can be no `{field}`");
            return Err(self.refused(expect.field(field), message));
        }
        let of_stream = ["request", "response", "steps", "vary"];
        match of_stream.iter().find(|field| self.node.get(field).is_some()) {
            Some(field) => {
                let message = format!("a filter that refuses its configuration sees no request: leave `{field}` out");
                Err(self.refused(root.field(field), message))
            }
            None => Ok(()),
        }
    }

    fn check_steps(&self, steps: &[Step], workers: usize) -> Result<(), Diagnostic> {
        let root = FieldPath::root();
        if steps.is_empty() {
            return Err(self.refused(root.field("steps"), "there are no steps"));
        }
        if self.case.response.is_some() {
            let message = "a case with `steps` has its response in `responseHeaders`";
            return Err(self.refused(root.field("response"), message));
        }
        let of_request = |request: &RequestSpec| (request.body.is_some(), !request.trailers.is_empty());
        self.check_headers(&root.field("request"), of_request(&self.case.request), "request")?;
        let mut ends = Ends::default();
        for (index, step) in steps.iter().enumerate() {
            let place = root.field("steps").index(index);
            if let Some(end) = ends.before(&step.action, index) {
                let message = format!("nothing comes after the end of a message, which is in steps[{end}]");
                return Err(self.refused(place, message));
            }
            match &step.action {
                StepAction::RequestHeaders(request) => {
                    self.check_headers(&place.field("requestHeaders"), of_request(request), "request")?;
                }
                StepAction::ResponseHeaders(response) => {
                    let rest = (response.body.is_some(), !response.trailers.is_empty());
                    self.check_headers(&place.field("responseHeaders"), rest, "response")?;
                }
                StepAction::Worker(number) if *number >= workers => {
                    let message = format!(
                        "there is no worker {number}: `filter.workers` is {workers}, and they are counted from 0"
                    );
                    return Err(self.refused(place.field("worker"), message));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// In a case with steps, what comes after the headers comes in steps of its own.
    fn check_headers(&self, place: &FieldPath, rest: (bool, bool), message: &str) -> Result<(), Diagnostic> {
        let (has_body, has_trailers) = rest;
        if has_body {
            let wrong = format!("in a case with `steps`, the body comes in a step of its own: `{message}Body`");
            return Err(self.refused(place.field("body"), wrong));
        }
        if has_trailers {
            let wrong = format!("in a case with `steps`, trailers come in a step of their own: `{message}Trailers`");
            return Err(self.refused(place.field("trailers"), wrong));
        }
        Ok(())
    }

    fn refused(&self, field: FieldPath, message: impl Into<String>) -> Diagnostic {
        let place = self.node.span_at(&field);
        Diagnostic::error(message).at(place, "").in_field(field)
    }
}

/// The steps that end the messages of a stream.
#[derive(Default)]
struct Ends {
    request: Option<usize>,
    response: Option<usize>,
}

impl Ends {
    /// The step that has ended the message that this one would go on with.
    fn before(&mut self, action: &StepAction, index: usize) -> Option<usize> {
        use StepAction as A;
        let (end, ends) = match action {
            A::RequestHeaders(_) => {
                *self = Self::default();
                return None;
            }
            A::RequestBody(piece) => (&mut self.request, piece.end),
            A::RequestTrailers(_) => (&mut self.request, true),
            A::ResponseBody(piece) => (&mut self.response, piece.end),
            A::ResponseTrailers(_) => (&mut self.response, true),
            _ => return None,
        };
        let before = *end;
        if ends {
            *end = Some(index);
        }
        before
    }
}

impl Spec {
    /// What cannot be, though each field by itself can.
    fn check(&self, document: &Node) -> Result<(), Diagnostic> {
        let spec = FieldPath::root().field("spec");
        let refused = |field: FieldPath, message: &str| {
            let place = document.span_at(&field);
            Err(Diagnostic::error(message).at(place, "").in_field(field))
        };
        let properties = spec.field("filter").field("properties");
        let written = document.at(&properties).map_or(&[][..], Node::entries);
        for ((_, value), entry) in self.filter.properties.iter().zip(written) {
            if matches!(value, PropertyValue::Error(_)) {
                return refused(
                    properties.field(&entry.key),
                    "`error` is for the properties of a request",
                );
            }
        }
        for (name, rules) in self.upstreams.iter() {
            for (number, rule) in rules.iter().enumerate() {
                if rule.has_no_reply() {
                    let field = spec.field("upstreams").field(name).index(number).field("replies");
                    return refused(field, "a rule needs a reply; `{silence: true}` is one");
                }
            }
        }
        Ok(())
    }
}

/// The keys that name files.
const FILE_KEYS: [&str; 2] = ["file", "trace"];

fn place_of_file(node: &Node, name: &str) -> Option<Span> {
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| place_of_file(item, name)),
        Value::Map(entries) => entries.iter().find_map(|entry| {
            if FILE_KEYS.contains(&&*entry.key) && entry.value.as_str() == Some(name) {
                return Some(entry.value.span);
            }
            place_of_file(&entry.value, name)
        }),
        _ => None,
    }
}

fn files_in(node: &Node, names: &mut Vec<String>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| files_in(item, names)),
        Value::Map(entries) => {
            for entry in entries {
                match entry.value.as_str() {
                    Some(name) if FILE_KEYS.contains(&&*entry.key) => names.push(name.to_owned()),
                    _ => files_in(&entry.value, names),
                }
            }
        }
        _ => {}
    }
}
