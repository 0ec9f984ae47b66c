//! The same messages, delivered in other pieces: networks cut them as they like, and a filter must not care.

use std::fmt;

use outgate_policy::FieldPath;
use outgate_test_host::{HeaderMap, Outcome, Request, Response};

use super::difference::Difference;
use super::matcher::shown;
use super::model::{Chunks, EndOfBody, Vary};
use super::seen::Seen;

/// One way to deliver bodies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Variation {
    chunks: Chunks,
    end: EndOfBody,
}

impl Variation {
    pub(super) const PLAIN: Self = Self {
        chunks: Chunks::Whole,
        end: EndOfBody::Last,
    };

    /// All combinations, in order.
    pub(super) fn all(vary: &Vary) -> Vec<Self> {
        let chunks = if vary.chunks.is_empty() {
            &[Chunks::Whole]
        } else {
            vary.chunks.as_slice()
        };
        let ends = if vary.end.is_empty() {
            &[EndOfBody::Last]
        } else {
            vary.end.as_slice()
        };
        let combine = |&chunks: &Chunks| ends.iter().map(move |&end| Self { chunks, end });
        chunks.iter().flat_map(combine).collect()
    }

    pub(super) fn request(self, request: Request) -> Request {
        let request = request.chunked(self.size());
        match self.end {
            EndOfBody::Last => request,
            EndOfBody::TrailingEmpty => request.trailing_empty_chunk(),
        }
    }

    pub(super) fn response(self, response: Response) -> Response {
        let response = response.chunked(self.size());
        match self.end {
            EndOfBody::Last => response,
            EndOfBody::TrailingEmpty => response.trailing_empty_chunk(),
        }
    }

    /// What a piece of a body is delivered as, each part with whether it ends the message.
    pub(super) fn parts(self, piece: &[u8], end: bool) -> Vec<(&[u8], bool)> {
        let mut parts: Vec<(&[u8], bool)> = match self.size() {
            0 => vec![(piece, false)],
            size => piece.chunks(size).map(|part| (part, false)).collect(),
        };
        if parts.is_empty() || (end && self.end == EndOfBody::TrailingEmpty) {
            parts.push((&[], false));
        }
        if let Some(last) = parts.last_mut() {
            last.1 = end;
        }
        parts
    }

    fn size(self) -> usize {
        match self.chunks {
            Chunks::Whole => 0,
            Chunks::Of(size) => size,
        }
    }
}

impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chunks {
            Chunks::Whole => f.write_str("chunks: whole")?,
            Chunks::Of(size) => write!(f, "chunks: {size}")?,
        }
        f.write_str(match self.end {
            EndOfBody::Last => ", end: last",
            EndOfBody::TrailingEmpty => ", end: trailing-empty",
        })
    }
}

/// What of a stream must not depend on how it was delivered, by name.
pub(super) fn essence(outcome: &Outcome, seen: &Seen) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    add("end", super::ending::in_short(outcome));
    add("details", outcome.details.clone());
    if let Some(upstream) = &outcome.upstream {
        add("upstream headers", lines(&upstream.headers));
        add("upstream body", text(&upstream.body));
        add("upstream trailers", lines(&upstream.trailers));
    }
    if let Some(response) = &outcome.response {
        add("response headers", lines(response.headers()));
        add("response body", response.body_text());
        add("response trailers", lines(response.trailers()));
    }
    for (key, value) in &outcome.filter_state {
        add(&format!("filter state {key}"), text(value));
    }
    for (name, change) in seen.metrics.iter().filter(|(_, change)| **change != 0) {
        add(&format!("metric {name}"), change.to_string());
    }
    for (number, callout) in seen.callouts.iter().enumerate() {
        let (upstream, path) = (&callout.upstream, callout.path());
        add(
            &format!("callout {}", number + 1),
            format!("{upstream} {path} {}", callout.body_text()),
        );
    }
    facts
}

/// The first fact that a stream does not share with the one that was delivered as `usual`.
pub(super) fn difference(
    usual: Variation,
    expected: &[(String, String)],
    found: &[(String, String)],
) -> Option<Difference> {
    let find = |facts: &[(String, String)], name: &str| {
        let fact = facts.iter().find(|(known, _)| known == name);
        fact.map(|(_, value)| value.clone())
    };
    let shown = |fact: Option<String>| shown(fact.as_ref().map(String::as_bytes));
    let mut names = expected.iter().chain(found).map(|(name, _)| name);
    let name = names.find(|name| find(expected, name) != find(found, name))?;
    let expected = format!("{name} as with {usual}: {}", shown(find(expected, name)));
    Some(Difference::new(
        FieldPath::root().field("vary"),
        expected,
        shown(find(found, name)),
    ))
}

fn lines(headers: &HeaderMap) -> String {
    let line = |(name, value): (&[u8], &[u8])| format!("{}: {}", text(name), text(value));
    headers.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
