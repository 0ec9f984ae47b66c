//! A test, ready to be played: the files that it names are read, heads of messages taken apart, bodies cut into pieces and
//! expressions compiled. What is wrong with any of them is told with its place, and nothing after this can fail so.

use std::fs;

use outgate_suite_import::http1::{self, Head};
use outgate_suite_import::{
    Delivery, Expectation, Header, Immediate, Input, Invocation, Matcher, Pattern, Placed, Position, Test, re2,
};
use outgate_test_host::{HeaderMap, Property, Request};
use regex::bytes::Regex;

use super::Suite;

/// A test of a suite.
pub(super) struct PlannedTest<'s> {
    pub(super) name: String,
    pub(super) test: &'s Test,
    pub(super) request_headers: Option<Phase<'s, HeaderMap>>,
    pub(super) request_body: Vec<Phase<'s, Pieces>>,
    pub(super) response_headers: Option<Phase<'s, HeaderMap>>,
    pub(super) response_body: Vec<Phase<'s, Pieces>>,
    pub(super) plugin_init: Expected<'s>,
    pub(super) stream_init: Expected<'s>,
    pub(super) stream_destroy: Expected<'s>,
}

/// A body, as it is handed to the plugin.
pub(super) type Pieces = Vec<Vec<u8>>;

/// What goes into a phase, and what is expected of it.
pub(super) struct Phase<'s, I> {
    pub(super) input: I,
    pub(super) expected: Expected<'s>,
}

/// What is expected of a phase.
pub(super) struct Expected<'s> {
    /// The field of the test: `request_body[1]`.
    pub(super) phase: String,
    /// Where the phase starts, for what has no place of its own.
    pub(super) line: usize,
    pub(super) has_header: &'s [Placed<Header>],
    pub(super) no_header: &'s [Placed<String>],
    pub(super) headers: Vec<Wanted>,
    pub(super) body: Vec<Wanted>,
    pub(super) log: Vec<Wanted>,
    pub(super) immediate: Option<&'s Immediate>,
}

/// A matcher: what one of several texts must be, or none may be.
pub(super) struct Wanted {
    pub(super) line: usize,
    pub(super) is_inverted: bool,
    pub(super) what: What,
}

pub(super) enum What {
    Text(Vec<u8>),
    /// What stands in a file, by its name.
    File(String, Vec<u8>),
    /// An expression for the whole text, and how it is written.
    Regex(Regex, String),
}

impl<'s> PlannedTest<'s> {
    pub(super) fn new(suite: &'s Suite, name: String, test: &'s Test) -> Result<Self, String> {
        let planner = Planner { suite, test };
        let at_end = |name: &str, expected| planner.expected(name.to_owned(), test.at, expected);
        Ok(Self {
            name,
            test,
            request_headers: planner.head("request_headers", test.request_headers.as_ref(), Head::Request)?,
            request_body: planner.bodies("request_body", &test.request_body)?,
            response_headers: planner.head("response_headers", test.response_headers.as_ref(), Head::Response)?,
            response_body: planner.bodies("response_body", &test.response_body)?,
            plugin_init: at_end("plugin_init", &test.plugin_init)?,
            stream_init: at_end("stream_init", &test.stream_init)?,
            stream_destroy: at_end("stream_destroy", &test.stream_destroy)?,
        })
    }

    /// The message that begins the stream, with what the plugin can read of it.
    pub(super) fn stream_request(&self) -> Request {
        let headers = self.request_headers.as_ref().map(|phase| phase.input.clone());
        let request = Request::from(headers.unwrap_or_else(HeaderMap::joining));
        self.test.properties.iter().fold(request, |request, property| {
            request.property(property.path.as_str(), Property::Bytes(property.value.clone()))
        })
    }

    /// The request as a report names it, as far as the test says it.
    pub(super) fn request(&self) -> String {
        let headers = self.request_headers.as_ref().map(|phase| &phase.input);
        let text = |name: &str| headers.and_then(|headers| headers.text(name)).unwrap_or_default();
        format!("{} {}{}", text(":method"), text(":authority"), text(":path"))
            .trim()
            .to_owned()
    }
}

struct Planner<'s> {
    suite: &'s Suite,
    test: &'s Test,
}

impl<'s> Planner<'s> {
    fn head(
        &self,
        name: &str,
        phase: Option<&'s Invocation>,
        head: Head,
    ) -> Result<Option<Phase<'s, HeaderMap>>, String> {
        let Some(phase) = phase else { return Ok(None) };
        let headers = match &phase.input {
            Input::Headers(headers) => headers.clone(),
            Input::Content(content) => {
                http1::parse(content, head).map_err(|error| format!("{}: {error}", self.suite.place(phase.at)))?
            }
            Input::File(path) => {
                let content = self.read(path, phase.at)?;
                let file = self.suite.beside(path);
                http1::parse(&content, head).map_err(|error| format!("{}:{}: {error}", file.display(), error.line))?
            }
        };
        let mut input = HeaderMap::joining();
        for header in headers {
            input.add(header.key, header.value);
        }
        let expected = self.expected(name.to_owned(), phase.at, &phase.result)?;
        Ok(Some(Phase { input, expected }))
    }

    fn bodies(&self, name: &str, phases: &'s [Invocation]) -> Result<Vec<Phase<'s, Pieces>>, String> {
        let phases = phases.iter().enumerate().map(|(number, phase)| {
            let content = match &phase.input {
                Input::Headers(_) => Vec::new(),
                Input::Content(content) => content.clone(),
                Input::File(path) => self.read(path, phase.at)?,
            };
            Ok(Phase {
                input: self.pieces(content, phase.at)?,
                expected: self.expected(format!("{name}[{number}]"), phase.at, &phase.result)?,
            })
        });
        phases.collect()
    }

    /// Cuts a body. An empty one is an empty piece.
    fn pieces(&self, content: Vec<u8>, at: Position) -> Result<Pieces, String> {
        let length = content.len();
        match self.test.delivery {
            Delivery::Whole => Ok(vec![content]),
            _ if content.is_empty() && !matches!(self.test.delivery, Delivery::NumChunks(_)) => Ok(vec![content]),
            Delivery::ChunkSize(size) => {
                let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
                Ok(content.chunks(size).map(<[u8]>::to_vec).collect())
            }
            Delivery::NumChunks(number) => {
                let number = number.get() as usize;
                let size = length / number;
                if size == 0 {
                    return Err(format!(
                        "{}: a body of {length} bytes cannot be cut into {number} pieces: the tester breaks off here\n  \
                         help: make `num_chunks` at most the length of the body, or use `chunk_size`",
                        self.suite.place(at)
                    ));
                }
                let (even, last) = content.split_at(size * (number - 1));
                Ok(even.chunks(size).chain([last]).map(<[u8]>::to_vec).collect())
            }
        }
    }

    fn expected(&self, phase: String, at: Position, expected: &'s Expectation) -> Result<Expected<'s>, String> {
        let wanted = |field: &str, matchers: &[Matcher]| -> Result<Vec<Wanted>, String> {
            matchers.iter().map(|matcher| self.wanted(field, matcher)).collect()
        };
        Ok(Expected {
            line: at.line,
            has_header: &expected.has_header,
            no_header: &expected.no_header,
            headers: wanted("headers", &expected.headers)?,
            body: wanted("body", &expected.body)?,
            log: wanted("log", &expected.log)?,
            immediate: expected.immediate.as_ref(),
            phase,
        })
    }

    fn wanted(&self, field: &str, matcher: &Matcher) -> Result<Wanted, String> {
        let what = match &matcher.pattern {
            Pattern::Exact(text) => What::Text(text.clone()),
            Pattern::File(path) => What::File(path.clone(), self.read(path, matcher.at)?),
            Pattern::Regex(expression) => {
                let regex = compile(expression).map_err(|why| {
                    let place = self.suite.place(matcher.at);
                    format!("{place}: `{field}` has no expression in `regex`: {why}\n  help: it is RE2's notation, and must match the whole text")
                })?;
                What::Regex(regex, expression.clone())
            }
        };
        Ok(Wanted {
            line: matcher.at.line,
            is_inverted: matcher.invert,
            what,
        })
    }

    fn read(&self, path: &str, at: Position) -> Result<Vec<u8>, String> {
        let file = self.suite.beside(path);
        fs::read(&file).map_err(|error| format!("{}: {} cannot be read: {error}", self.suite.place(at), file.display()))
    }
}

/// An expression that matches the whole text or nothing.
fn compile(expression: &str) -> Result<Regex, String> {
    let translated = re2::to_regex(expression).map_err(|error| error.to_string())?;
    // By itself first: a parenthesis that closes nothing would close the group.
    let compiled = Regex::new(&translated).and_then(|_| Regex::new(&format!(r"\A(?:{translated})\z")));
    compiled.map_err(|error| match error {
        regex::Error::Syntax(text) => {
            let reason = text.lines().last().unwrap_or_default();
            reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
        }
        error => error.to_string(),
    })
}
