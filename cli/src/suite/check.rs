//! What is expected of a phase, against what is found.

use outgate_suite_import::Immediate;
use outgate_test_host::{HeaderMap, LocalReply};

use super::plan::{Expected, Wanted, What};
use crate::filter_scenario::DifferenceResult;

/// What is found after a phase. After one that a reply has left out it is nothing.
#[derive(Default)]
pub(super) struct Found {
    /// Of the message, after a phase of headers; of the reply, if there is one.
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) course: Course,
    /// The reply that was given in this phase.
    pub(super) reply: Option<LocalReply>,
    pub(super) logs: Vec<String>,
}

/// What the callback of a phase answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Course {
    /// That the message goes on.
    WentOn,
    /// That it does not.
    Stopped,
    /// Nothing: a reply had left it out.
    #[default]
    NotCalled,
}

/// What a phase is, where that makes a difference to what is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A callback stops exactly when it replies, and replies exactly when that is expected.
    Headers,
    /// A reply that is expected must be there.
    Body,
    /// Only what is logged counts.
    Lifecycle,
}

impl Expected<'_> {
    /// What does not hold.
    pub(super) fn differences(&self, found: &Found, kind: Kind) -> Vec<DifferenceResult> {
        let mut check = Check {
            expected: self,
            found,
            differences: Vec::new(),
        };
        if kind != Kind::Lifecycle {
            check.headers();
            check.matchers("body", &self.body, &[&found.body]);
            check.reply(kind);
        }
        let logs: Vec<&[u8]> = found.logs.iter().map(String::as_bytes).collect();
        check.matchers("log", &self.log, &logs);
        check.differences
    }

    /// What did not come to pass as a whole.
    pub(super) fn difference(&self, expected: &str, found: String) -> DifferenceResult {
        DifferenceResult {
            field: self.phase.clone(),
            line: self.line,
            expected: expected.to_owned(),
            found,
        }
    }
}

struct Check<'c> {
    expected: &'c Expected<'c>,
    found: &'c Found,
    differences: Vec<DifferenceResult>,
}

impl Check<'_> {
    fn headers(&mut self) {
        let headers = &self.found.headers;
        for header in self.expected.has_header {
            let (line, name, wanted) = (header.at.line, &header.value.key, &header.value.value);
            match headers.get(name) {
                Some(value) if value == wanted => {}
                value => {
                    let is = value.map_or_else(
                        || format!("no header `{name}`"),
                        |value| line_of(name.as_bytes(), value),
                    );
                    self.differ("has_header", line, line_of(name.as_bytes(), wanted), is);
                }
            }
        }
        for name in self.expected.no_header {
            if let Some(value) = headers.get(&name.value) {
                let (what, is) = (
                    format!("no header `{}`", name.value),
                    line_of(name.value.as_bytes(), value),
                );
                self.differ("no_header", name.at.line, what, is);
            }
        }
        let lines: Vec<Vec<u8>> = headers
            .iter()
            .map(|(name, value)| [name, b": ", value].concat())
            .collect();
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        self.matchers("headers", &self.expected.headers, &lines);
    }

    /// A matcher holds when any text is such; inverted, when none is.
    fn matchers(&mut self, field: &str, matchers: &[Wanted], texts: &[&[u8]]) {
        for wanted in matchers {
            if texts.iter().any(|text| wanted.what.is(text)) != wanted.is_inverted {
                continue;
            }
            let what = if wanted.is_inverted {
                format!("nothing like {}", wanted.what.shown())
            } else {
                wanted.what.shown()
            };
            let found: Vec<String> = texts.iter().map(|text| shown(text)).collect();
            let found = match found.join("\n") {
                text if text.is_empty() => "nothing".to_owned(),
                text => text,
            };
            self.differ(field, wanted.line, what, found);
        }
    }

    fn reply(&mut self, kind: Kind) {
        let reply = self.found.reply.as_ref().filter(|reply| reply.status != 0);
        match (self.expected.immediate, reply) {
            (Some(expected), Some(reply)) => self.immediate(expected, reply),
            (Some(expected), None) => {
                let is = match (&self.found.reply, self.found.course) {
                    (Some(_), _) => "one without a status",
                    (None, Course::Stopped) => "none, though the callback stopped",
                    (None, Course::WentOn) => "none: the callback went on",
                    (None, Course::NotCalled) => "none: after a local reply nothing is called",
                };
                self.differ("immediate", expected.at.line, "a local reply".to_owned(), is.to_owned());
            }
            (None, _) if kind == Kind::Body => {}
            (None, Some(reply)) => {
                let is = format!("{} ({})", reply.status, reply.details);
                self.differ("immediate", self.expected.line, "no local reply".to_owned(), is);
            }
            (None, None) if self.found.course == Course::Stopped => {
                let (what, is) = ("the callback to go on", "it stopped, without a local reply");
                self.differ("immediate", self.expected.line, what.to_owned(), is.to_owned());
            }
            (None, None) => {}
        }
    }

    fn immediate(&mut self, expected: &Immediate, reply: &LocalReply) {
        let line = expected.at.line;
        if let Some(status) = expected.http_status
            && status != reply.status
        {
            self.differ(
                "immediate.http_status",
                line,
                status.to_string(),
                reply.status.to_string(),
            );
        }
        if let Some(status) = expected.grpc_status
            && reply.grpc_status != Some(status)
        {
            let is = reply
                .grpc_status
                .map_or_else(|| "none".to_owned(), |status| status.to_string());
            self.differ("immediate.grpc_status", line, status.to_string(), is);
        }
        if let Some(details) = &expected.details
            && *details != reply.details
        {
            self.differ(
                "immediate.details",
                line,
                format!("{details:?}"),
                format!("{:?}", reply.details),
            );
        }
    }

    fn differ(&mut self, field: &str, line: usize, expected: String, found: String) {
        self.differences.push(DifferenceResult {
            field: format!("{}.result.{field}", self.expected.phase),
            line,
            expected,
            found,
        });
    }
}

impl What {
    fn is(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(wanted) | Self::File(_, wanted) => text == wanted,
            Self::Regex(regex, _) => regex.is_match(text),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => shown(text),
            Self::File(path, text) => format!("what is in {path}:\n{}", shown(text)),
            Self::Regex(_, expression) => format!("/{expression}/"),
        }
    }
}

fn line_of(name: &[u8], value: &[u8]) -> String {
    format!("{}: {}", shown(name), shown(value))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
