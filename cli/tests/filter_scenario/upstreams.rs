//! The services that a filter calls.

use super::played::{check, check_beside};

#[test]
fn rules_are_tried_in_order_and_answer_in_turn() {
    check(
        "filter: {wasm: filter.wasm, config: /admin}
  upstreams:
    authz:
    - {match: {method: POST}, replies: [{status: 401}]}
    - {match: {path: {regex: ^/other}}, replies: [{status: 402}]}
    - {match: {grpc: {}}, replies: [{status: 403}]}
    - {match: {method: GET, path: /check}, replies: [{status: 500}, {status: 200}]}
    - replies: [{status: 404}]",
        r#"
the first that fits answers with its first reply
    request: {path: /a}, expect: {reply: {status: 403}}
then with the next, and with the last from then on
    steps: [{requestHeaders: {path: /a}}, {advance: 0s}, {finish: true, expect: {reply: {status: 403}}},
    {requestHeaders: {path: /a}}, {advance: 0s}, {finish: true, expect: {forwarded: true}},
    {requestHeaders: {path: /a}}, {advance: 0s}, {finish: true, expect: {forwarded: true}}]
each case begins with the first again
    request: {path: /a}, expect: {reply: {status: 403}}
"#,
    );
}

#[test]
fn a_reply_is_what_it_says() {
    for (reply, row) in [
        (
            "{status: 200}",
            "a status\n    expect: {upstream: {headers: {x-gate: authz}}}",
        ),
        (
            "{headers: {a: b}}",
            "a response without a status is a 200\n    expect: {forwarded: true}",
        ),
        (
            "{body: a, trailers: {t: u}}",
            "a body and trailers\n    expect: {forwarded: true}",
        ),
        (
            "{body: {file: answer}}",
            "a body from a file\n    expect: {forwarded: true}",
        ),
        (
            "{status: 200, after: 20ms}",
            "one that takes its time\n    expect: {forwarded: true, duration: 20ms}",
        ),
        (
            "{status: 200, after: 1s}",
            "one that comes after the timeout is none\n    expect: {reply: {status: 403}, duration: 500ms}",
        ),
        (
            "{reset: true}",
            "a reset has no headers\n    expect: {reply: {status: 503}, logs: {contains: authz does not answer}}",
        ),
        (
            "{reset: true, after: 5ms}",
            "a reset after a while\n    expect: {reply: {status: 503}, duration: 5ms}",
        ),
        (
            "{unreachable: true}",
            "a call that fails at once\n    expect: {reply: {status: 503}, duration: 0s}",
        ),
        (
            "{refused: true}",
            "a 503 of the proxy where nobody listens\n    expect: {reply: {status: 403}, duration: 0s}",
        ),
        (
            "{silence: true}",
            "nothing until the timeout\n    expect: {reply: {status: 403}, duration: 500ms}",
        ),
    ] {
        check_beside(
            &format!(
                "filter: {{wasm: filter.wasm, config: /admin}}\n  upstreams: {{authz: [{{replies: [{reply}]}}]}}\n  defaults: {{request: {{path: /a}}}}"
            ),
            &[("answer", "from a file")],
            row,
        );
    }
}

#[test]
fn a_call_that_no_rule_answers_waits_for_its_timeout() {
    check(
        "filter: {wasm: filter.wasm, config: /admin}\n  upstreams: {authz: [{match: {path: /no}, replies: [{status: 200}]}]}",
        "it waits\n    request: {path: /a}, expect: {reply: {status: 403}, duration: 500ms}",
    );
    check(
        "filter: {wasm: filter.wasm, config: /admin}",
        "an upstream that is not there is none for the filter
    request: {path: /a}, expect: {reply: {status: 503}, callouts: 0}",
    );
}

#[test]
fn grpc_calls_are_answered_event_by_event() {
    let spec = |mode: &str, rule: &str| {
        format!("filter: {{wasm: probe.wasm, config: {mode}}}\n  upstreams: {{limits: [{rule}]}}")
    };
    let events = "initialMetadata: {a: b}, message: one, messages: [two, {base64: dGhyZWU=}, {file: four}], trailingMetadata: {c: d}, \
                  status: 0";
    for (mode, rule, row) in [
        (
            "g",
            "{match: {grpc: {service: test.Limits, method: Ask}}, replies: [{grpc: {message: yes it may}}]}",
            "a call has a message, and a path of service and method
    expect: {logs: {contains: yes it may}, callouts: [{upstream: limits, path: /test.Limits/Ask, body: hello, timeout: 300ms}]}",
        ),
        (
            "g",
            "{match: {grpc: {service: test.Limits}}, replies: [{grpc: {status: 14, statusMessage: gone}}]}",
            "a call fails with a status\n    expect: {logs: {contains: closed, level: warn}}",
        ),
        (
            "g",
            "{match: {grpc: {method: Other}}, replies: [{grpc: {status: 0}}]}",
            "a rule is for another method\n    expect: {logs: {contains: closed}, duration: 300ms}",
        ),
        (
            "g",
            "{match: {method: POST}, replies: [{status: 200}]}",
            "a rule with an HTTP method is not for it\n    expect: {duration: 300ms}",
        ),
        (
            "G",
            &format!("{{match: {{grpc: {{}}}}, replies: [{{grpc: {{{events}}}}}]}}"),
            "a stream has messages both ways
    expect: {logs: {contains: [one, two, three, four, closed]}, callouts: [{messages: [hello, 'yes'], closed: true}]}",
        ),
        (
            "G",
            "{replies: [{silence: true}]}",
            "what does not hold of a stream is told
    expect: {callouts: [{messages: [hello, 'no'], closed: false}]}
    ✗ expect.callouts[0].messages[1]: yes
    ✗ expect.callouts[0].closed: true",
        ),
        (
            "G",
            "{replies: [{silence: true}]}",
            "the number of messages is told\n    expect: {callouts: [{messages: [hello]}]}\n    ✗ expect.callouts[0].messages: 2",
        ),
    ] {
        check_beside(&spec(mode, rule), &[("four", "four")], row);
    }
}
