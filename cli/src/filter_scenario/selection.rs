//! Which cases are played.

use outgate_sdk::suggest;

use super::file::{FilterScenario, PlannedCase};
use crate::arguments::Test;
use crate::failure::Failure;

pub(super) struct Selection<'a> {
    names: &'a [String],
    tags: &'a [String],
}

/// Why a case is not played.
pub(super) enum LeftOut {
    /// The command asks for others: not worth a line.
    Unasked,
    Because(String),
}

impl<'a> Selection<'a> {
    /// What the command asks for.
    ///
    /// # Errors
    /// When there is no such case: a test that plays nothing would pass.
    pub(super) fn new(
        arguments: &'a Test,
        scenarios: &[FilterScenario],
        elsewhere: &[String],
    ) -> Result<Self, Failure> {
        let selection = Self {
            names: &arguments.cases,
            tags: &arguments.tags,
        };
        let cases = || scenarios.iter().flat_map(|scenario| &scenario.cases);
        for name in selection.names {
            if !cases().any(|planned| is_called(planned, name)) && !elsewhere.contains(name) {
                let known = cases().map(|planned| planned.case.name.as_str());
                return Err(unknown("case", name, known.chain(elsewhere.iter().map(String::as_str))));
            }
        }
        for tag in selection.tags {
            let mut tags = cases().flat_map(|planned| &planned.case.tags).map(String::as_str);
            if !tags.clone().any(|known| known == tag) {
                return Err(unknown("tag", tag, &mut tags));
            }
        }
        let is_elsewhere = selection.tags.is_empty() && elsewhere.iter().any(|name| selection.names.contains(name));
        if !selection.is_open() && !is_elsewhere && !cases().any(|planned| selection.asks_for(planned)) {
            return Err("no case has such a name and such a tag".into());
        }
        Ok(selection)
    }

    fn is_open(&self) -> bool {
        self.names.is_empty() && self.tags.is_empty()
    }

    fn asks_for(&self, planned: &PlannedCase) -> bool {
        let tags = &planned.case.tags;
        (self.names.is_empty() || self.names.iter().any(|name| is_called(planned, name)))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }

    pub(super) fn left_out(&self, scenario: &FilterScenario, planned: &PlannedCase) -> Option<LeftOut> {
        if !self.asks_for(planned) {
            return Some(LeftOut::Unasked);
        }
        if let Some(reason) = &planned.case.skip.0 {
            return Some(LeftOut::Because(reason.clone()));
        }
        let others_only = self.is_open() && !planned.case.only && scenario.cases.iter().any(|other| other.case.only);
        others_only.then(|| LeftOut::Because("another case has `only`".to_owned()))
    }
}

/// By its name all rows of a table are meant, by its title one.
fn is_called(planned: &PlannedCase, name: &str) -> bool {
    planned.case.name == name || planned.title == name
}

fn unknown<'a>(what: &str, written: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    match suggest::closest(written, known) {
        Some(meant) => format!("there is no {what} `{written}`; did you mean `{meant}`?").into(),
        None => format!("there is no {what} `{written}`").into(),
    }
}
