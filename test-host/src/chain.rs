//! Several filters in a row, as in a proxy's filter chain.

use std::fmt;

use crate::filter_state::StreamFilterState;
use crate::host::Host;
use crate::outcome::{Forwarded, Outcome};
use crate::request::Request;
use crate::response::Response;
use crate::stream::{HttpStream, StreamId};

/// Filters in the order in which a request comes to them; a response comes to them from behind. Each has its own host, with
/// its own clock; they share the filter state of a stream.
///
/// ```no_run
/// # use outgate_test_host::{Chain, Host, Module, Request, Response};
/// # let (authn, authz) = (Module::load("authn.wasm").unwrap(), Module::load("authz.wasm").unwrap());
/// let mut chain = Chain::new([
///     Host::builder(&authn).start().unwrap(),
///     Host::builder(&authz).start().unwrap(),
/// ]);
/// let outcome = chain.exchange(Request::get("https://api.example.com/"), Response::new(200));
/// assert_eq!(outcome.status(), 200, "{outcome}");
/// ```
#[derive(Debug)]
pub struct Chain {
    hosts: Vec<Host>,
}

/// What became of a request in a chain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChainOutcome {
    /// What became of it in each filter, in the order of the chain. A filter that it never came to is not there.
    pub outcomes: Vec<Outcome>,
    /// The request as the upstream saw it; `None` when it never got there.
    pub upstream: Option<Forwarded>,
    /// The response as the client saw it; `None` when there was none.
    pub response: Option<Response>,
}

impl Chain {
    /// A chain of running filters.
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        Self {
            hosts: hosts.into_iter().collect(),
        }
    }

    /// The host of a filter, counted from 0.
    pub fn host(&mut self, index: usize) -> Option<&mut Host> {
        self.hosts.get_mut(index)
    }

    /// Sends a request through all filters to an upstream that answers `response`, and that back through all of them. A filter
    /// sees the whole of a message that the one before it let go on, its body in one piece.
    pub fn exchange(&mut self, request: impl Into<Request>, response: impl Into<Response>) -> ChainOutcome {
        let mut ids = Vec::new();
        let mut filter_state = StreamFilterState::default();
        let first = request.into();
        let mut request = Some(first);
        for host in &mut self.hosts {
            let Some(message) = request.take() else {
                break;
            };
            let mut stream = host.http_stream(&message);
            stream.filter_state().adopt(&filter_state);
            ids.push(stream.id());
            stream.send_request(&message);
            filter_state.adopt(stream.filter_state());
            request = stream.passed_request(&message);
        }
        let upstream = request.map(|request| Forwarded {
            headers: request.headers.clone(),
            body: request.body.bytes.to_vec(),
            trailers: request.body.trailers.clone(),
        });
        let mut answer = upstream.is_some().then(|| response.into());
        for (host, &id) in self.hosts.iter_mut().zip(&ids).rev() {
            let Some(mut stream) = host.stream(id) else {
                continue;
            };
            stream.filter_state().adopt(&filter_state);
            // The filter that replied has no request behind it to be answered: its own response is what goes back.
            if let Some(message) = answer.take() {
                stream.send_response(&message);
            }
            filter_state.adopt(stream.filter_state());
            answer = stream.passed_response();
        }
        ChainOutcome {
            outcomes: finish(&mut self.hosts, &ids),
            upstream,
            response: answer,
        }
    }
}

fn finish(hosts: &mut [Host], ids: &[StreamId]) -> Vec<Outcome> {
    let streams = hosts.iter_mut().zip(ids);
    streams
        .filter_map(|(host, &id)| host.stream(id).map(HttpStream::finish))
        .collect()
}

impl ChainOutcome {
    /// The status that the client saw; 0 when there was no response.
    pub fn status(&self) -> u32 {
        self.response.as_ref().map_or(0, Response::status)
    }
}

impl fmt::Display for ChainOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client got {}", self.status())?;
        let outcomes = self.outcomes.iter().enumerate();
        outcomes
            .into_iter()
            .try_for_each(|(index, outcome)| write!(f, "\nfilter {index}: {outcome}"))
    }
}
