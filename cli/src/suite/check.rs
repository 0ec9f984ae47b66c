//! What a test of a suite expects, against what is found.

use outgate_suite_import::{Expectation, Immediate, Matcher, Pattern, Position};
use outgate_test_host::{HeaderMap, LocalReply};
use regex::bytes::RegexBuilder;

use super::Suite;
use crate::filter_scenario::DifferenceResult;

/// What is found after a phase.
#[derive(Default)]
pub(super) struct Found {
    /// Names and values, repeats joined.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) reply: Option<LocalReply>,
    pub(super) logs: Vec<String>,
}

/// A phase of a test, by its field.
pub(super) struct Check<'a> {
    pub(super) suite: &'a Suite,
    pub(super) phase: String,
    pub(super) line: usize,
    pub(super) differences: &'a mut Vec<DifferenceResult>,
}

impl Check<'_> {
    /// Phases of headers also expect that there is a reply exactly when `immediate` says so.
    pub(super) fn stream(&mut self, expected: &Expectation, found: &Found, of_headers: bool) -> Result<(), String> {
        for header in &expected.has_header {
            let value = find(&found.headers, &header.key);
            let wanted = shown(&header.value);
            if value != Some(wanted.as_str()) {
                let is = value.map_or("no such header".to_owned(), |value| format!("{value:?}"));
                self.differ("has_header", format!("{}: {wanted:?}", header.key), is);
            }
        }
        for name in &expected.no_header {
            if let Some(value) = find(&found.headers, name) {
                self.differ("no_header", format!("no `{name}`"), format!("{value:?}"));
            }
        }
        let lines: Vec<Vec<u8>> = found
            .headers
            .iter()
            .map(|(k, v)| format!("{k}: {v}").into_bytes())
            .collect();
        self.matchers("headers", &expected.headers, &lines)?;
        self.matchers("body", &expected.body, std::slice::from_ref(&found.body))?;
        match (&expected.immediate, &found.reply) {
            (None, None) => {}
            (None, Some(_)) if !of_headers => {}
            (None, Some(reply)) => {
                self.differ("immediate", "no reply".to_owned(), format!("one with {}", reply.status));
            }
            (Some(_), None) => self.differ("immediate", "a reply".to_owned(), "none".to_owned()),
            (Some(expected), Some(reply)) => self.reply(expected, reply),
        }
        self.logs(expected, found)
    }

    pub(super) fn logs(&mut self, expected: &Expectation, found: &Found) -> Result<(), String> {
        let lines: Vec<Vec<u8>> = found.logs.iter().map(|line| line.clone().into_bytes()).collect();
        self.matchers("log", &expected.log, &lines)
    }

    fn reply(&mut self, expected: &Immediate, reply: &LocalReply) {
        if let Some(status) = expected.http_status
            && status != reply.status
        {
            self.differ("immediate.http_status", status.to_string(), reply.status.to_string());
        }
        if let Some(status) = expected.grpc_status
            && Some(status) != reply.grpc_status
        {
            self.differ(
                "immediate.grpc_status",
                status.to_string(),
                format!("{:?}", reply.grpc_status),
            );
        }
        if let Some(details) = &expected.details
            && *details != reply.details
        {
            self.differ("immediate.details", details.clone(), reply.details.clone());
        }
    }

    /// A matcher holds when any line matches; inverted, when none does.
    fn matchers(&mut self, field: &str, matchers: &[Matcher], lines: &[Vec<u8>]) -> Result<(), String> {
        for matcher in matchers {
            let (what, any) = match &matcher.pattern {
                Pattern::Exact(text) => (shown(text), lines.contains(text)),
                Pattern::File(path) => {
                    let text = self.suite.read_beside(path)?;
                    (format!("what is in {path}"), lines.contains(&text))
                }
                Pattern::Regex(regex) => {
                    let compiled = RegexBuilder::new(&format!("^(?:{regex})$"))
                        .build()
                        .map_err(|error| format!("{}: {error}", self.place(matcher.at)))?;
                    (format!("/{regex}/"), lines.iter().any(|line| compiled.is_match(line)))
                }
            };
            if any == matcher.invert {
                let expected = if matcher.invert {
                    format!("nothing like {what}")
                } else {
                    what
                };
                let found: Vec<String> = lines.iter().map(|line| shown(line)).collect();
                self.line = matcher.at.line;
                self.differ(
                    field,
                    expected,
                    if found.is_empty() {
                        "nothing".to_owned()
                    } else {
                        found.join("\n")
                    },
                );
            }
        }
        Ok(())
    }

    fn place(&self, at: Position) -> String {
        format!("{}:{}:{}", self.suite.file.display(), at.line, at.column)
    }

    fn differ(&mut self, field: &str, expected: String, found: String) {
        self.differences.push(DifferenceResult {
            field: format!("{}.result.{field}", self.phase),
            line: self.line,
            expected,
            found,
        });
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter();
    let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The lines of a map, repeats joined.
pub(super) fn joined(map: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in map {
        let (name, value) = (shown(name), shown(value));
        match headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            None => headers.push((name, value)),
        }
    }
    headers
}
