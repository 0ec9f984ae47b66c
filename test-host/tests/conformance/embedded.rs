//! Rules in this host.

use std::time::Duration;

use outgate_test_host::{
    Connection, FailurePolicy, Host, LogLine, Module, Outcome, Peer, Profile, Request, Response, Upstream,
    UpstreamReply,
};

use crate::fixture;
use crate::rule::{Exchange, Rule};

/// How long a rule goes on after its last answer.
const AFTERMATH: Duration = Duration::from_millis(1);

/// Runs a rule, and says what was seen: what the filter logged, in order, and what each client got.
pub(crate) fn run(rule: &Rule, profile: Profile) -> Vec<String> {
    let module = Module::from_bytes(&fixture::assemble(rule.filter)).expect("the rule's filter is one");
    let settings = &rule.settings;
    let policy = if settings.fails_open {
        FailurePolicy::Open
    } else {
        FailurePolicy::Closed
    };
    let mut builder = Host::builder(&module)
        .profile(profile)
        .plugin_name(rule.id)
        .root_id("root")
        .vm_id(rule.id)
        .configuration("configured")
        .vm_configuration("of the VM")
        .on_failure(policy)
        .allow_on_headers_stop_iteration(settings.allow_headers_stop_iteration)
        .upstream("upstream", upstream())
        .upstream("refused", Upstream::new().otherwise(UpstreamReply::refused()))
        .upstream("empty", Upstream::new().otherwise(UpstreamReply::unreachable()));
    if settings.buffer_limit > 0 {
        builder = builder.buffer_limit(settings.buffer_limit);
    }
    let mut host = builder.start().expect("the rule's filter starts");
    let mut seen = Vec::new();
    let mut told = 0;
    let mut tell = |host: &Host, outcome: Option<&Outcome>| {
        let own = outcome.map_or(&[][..], |outcome| &outcome.logs);
        let mut lines: Vec<&LogLine> = host.logs()[told..].iter().chain(own).collect();
        told = host.logs().len();
        lines.sort_by_key(|line| line.sequence);
        lines.iter().map(|line| line.message.clone()).collect::<Vec<_>>()
    };
    seen.extend(tell(&host, None));
    for (number, exchange) in rule.exchanges.iter().enumerate() {
        if rule.is_tcp {
            let outcome = connect(&mut host, exchange);
            seen.extend(tell(&host, Some(&outcome)));
            let bytes = outcome.response.as_ref().map(Response::body_text);
            seen.push(format!("client {}", bytes.unwrap_or_default()));
            continue;
        }
        let mut request = Request::new(
            if exchange.body.is_empty() { "GET" } else { "POST" },
            "http://test.com/path?q=1",
        )
        .header("x-exchange", number.to_string());
        for (name, value) in &exchange.headers {
            request = request.header(name, value);
        }
        request = request.body_chunks(&exchange.body);
        // As over HTTP/1.1.
        request = match exchange.body[..] {
            [] if exchange.trailers.is_empty() => request,
            [piece] if exchange.trailers.is_empty() => request.header("content-length", piece.len().to_string()),
            _ => request.header("transfer-encoding", "chunked"),
        };
        if !exchange.body.is_empty() && exchange.trailers.is_empty() {
            request = request.trailing_empty_chunk();
        }
        for (name, value) in &exchange.trailers {
            request = request.trailer(name, value);
        }
        let answer = &exchange.answer;
        let mut response = Response::new(200);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        response = response.body_chunks(&answer.body);
        if !answer.body.is_empty() && answer.trailers.is_empty() {
            response = response.trailing_empty_chunk();
        }
        for (name, value) in &answer.trailers {
            response = response.trailer(name, value);
        }
        let outcome = host.exchange(&request, &response);
        // The rest of what the request began comes to its end.
        host.advance(AFTERMATH);
        seen.extend(tell(&host, Some(&outcome)));
        seen.push(match &outcome.response {
            Some(response) => format!("client {} {}", response.status(), response.body_text())
                .trim_end()
                .to_owned(),
            None => "client closed".to_owned(),
        });
    }
    seen
}

/// A connection on which the client sends pieces, the server answers each, and then the client goes.
fn connect(host: &mut Host, exchange: &Exchange) -> Outcome {
    let mut stream = host.tcp_stream(Connection::new());
    stream.new_connection();
    let mut answered = 0;
    for piece in &exchange.body {
        stream.downstream_data(piece.as_bytes(), false);
        let passed = stream.to_upstream().to_vec();
        if passed.len() > answered {
            stream.upstream_data(&[b"re:", &passed[answered..]].concat(), false);
            answered = passed.len();
        }
    }
    stream.downstream_data(&[], true);
    stream.upstream_data(&[], true);
    stream.upstream_close(Peer::Unknown);
    stream.downstream_close(Peer::Local);
    stream.finish()
}

/// Answers `/callout`, and gRPC as if it were not; is silent on `/silent`, and breaks off in the middle of `/reset`.
fn upstream() -> Upstream {
    let hello = Response::new(200).header("x-answer", "42").body("hello");
    Upstream::new()
        .on("GET", "/callout", hello)
        .on_grpc("s", "m", Response::new(200))
        .on("GET", "/reset", UpstreamReply::reset())
        .on("GET", "/silent", UpstreamReply::silence())
}
