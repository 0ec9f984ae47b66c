//! The requests of one set of policies, sent to both sides.

use std::collections::HashMap;

use crate::callers::Caller;
use crate::comparison::Answer;
use crate::connection::{Connection, Outcome, Written};
use crate::envoy::access_log::LogLine;
use crate::envoy::token::TokenIssuer;
use crate::gateway::{Gateway, Side};
use crate::requests::{BROKEN, Request, Token};

pub(crate) struct Session<'a> {
    gateway: &'a Gateway,
    /// The set's place in the gateway.
    set: usize,
    connections: Vec<[Connection; 2]>,
    sent: usize,
    /// Nobody's: what it signs is forged.
    stranger: TokenIssuer,
}

impl<'a> Session<'a> {
    pub(crate) fn new(gateway: &'a Gateway, set: usize, callers: &[Caller]) -> Self {
        Self {
            gateway,
            set,
            connections: callers.iter().map(|caller| gateway.connections(set, caller)).collect(),
            sent: 0,
            stranger: TokenIssuer::new(),
        }
    }

    /// Sends all requests to both sides, and returns both answers to each, native's first.
    pub(crate) fn answers(&mut self, requests: &[Request]) -> Vec<[Answer; 2]> {
        let sent: Vec<(String, [Outcome; 2])> = requests.iter().map(|request| self.send(request)).collect();
        let (last, _) = self.send(&Request::last());
        let mut logs = Side::BOTH.map(|side| by_id(self.gateway.log(side, self.set, &last)));
        let answers = sent.into_iter().map(|(id, [native, ours])| {
            let [of_native, of_ours] = logs.each_mut().map(|log| log.remove(&id));
            [Answer::new(native, of_native), Answer::new(ours, of_ours)]
        });
        answers.collect()
    }

    fn send(&mut self, request: &Request) -> (String, [Outcome; 2]) {
        let id = format!("00000000-0000-4000-8000-{:012}", self.sent);
        self.sent += 1;
        let written = self.write(request, &id);
        let connections = &mut self.connections[request.caller];
        let outcomes = connections.each_mut().map(|connection| connection.exchange(&written));
        (id, outcomes)
    }

    fn write(&self, request: &Request, id: &str) -> Written {
        let token = |token: &Token| match token {
            Token::Signed(claims) => format!("Bearer {}", self.gateway.issuer.sign(claims)),
            Token::Forged(claims) => format!("Bearer {}", self.stranger.sign(claims)),
            Token::Text(text) => text.clone(),
        };
        let id = ("x-request-id".to_owned(), id.as_bytes().to_vec());
        let tokens = request.tokens.iter().map(token);
        let tokens = tokens.map(|token| ("authorization".to_owned(), token.into_bytes()));
        Written {
            method: request.method.clone(),
            scheme: request.scheme.clone(),
            absolute: request.absolute.clone(),
            path: path_bytes(&request.path),
            hosts: request.hosts.clone(),
            headers: std::iter::once(id)
                .chain(request.headers.clone())
                .chain(tokens)
                .collect(),
            body: request.body.clone(),
        }
    }
}

fn path_bytes(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in path.chars() {
        match character {
            BROKEN => bytes.push(0xFF),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// A request that Envoy could not read has a line without an id, which is nobody's.
fn by_id(lines: Vec<LogLine>) -> HashMap<String, LogLine> {
    lines
        .into_iter()
        .map(|line| (line["request_id"].clone(), line))
        .collect()
}
