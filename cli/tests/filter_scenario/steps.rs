//! Streams that are taken through their steps one by one.

use super::played::{check, check_beside};

const ASKS: &str =
    "filter: {wasm: filter.wasm, config: /admin}\n  upstreams: {authz: []}\n  defaults: {request: {path: /a}}";

#[test]
fn a_stream_goes_through_its_steps() {
    check_beside(
        "filter: {wasm: probe.wasm, config: r}\n  defaults: {request: {headers: {usual: a}, body: not sent}, response: {headers: {server: b}, body: not sent}}",
        &[("piece", "from a file")],
        r#"
all that there is
    request: {headers: {of-case: c}},
    steps: [{requestHeaders: {method: POST, headers: {own: d}}, expect: {action: continue, called: true}},
    {requestBody: {chunk: one}, expect: {action: continue}}, {requestBody: {chunk: {file: piece}}}, {requestBody: {chunk: two}},
    {requestTrailers: {t: u}, expect: {action: continue, called: true}},
    {responseHeaders: {status: 201}, expect: {action: continue, called: true}},
    {responseBody: {chunk: {json: [1]}}, expect: {action: pause}}, {responseBody: {end: true}, expect: {action: continue}},
    {finish: true, expect: {end: forwarded, response: {status: 201, headers: {x-probe: 'yes', server: b}, body: probed body}}}],
    expect: {upstream: {method: POST, headers: {usual: a, of-case: c, own: d}, body: onefrom a filetwo, trailers: {t: u}}}
trailers of the response
    steps: [{requestHeaders: {}}, {responseHeaders: {}}, {responseBody: {chunk: a, end: false}}, {responseTrailers: {t: u}}],
    expect: {response: {trailers: {t: u, x-probe: 'yes'}}}
headers without a body end the request
    steps: [{requestHeaders: {}}, {responseHeaders: {}, expect: {called: true}}], expect: {upstream: {body: ''}}
another action than expected
    steps: [{requestHeaders: {}, expect: {action: pause}}]
    ✗ steps[0].expect.action: continue
a callback that does not run
    steps: [{requestHeaders: {}}, {responseHeaders: {}}, {responseHeaders: {}, expect: {called: true}}]
    ✗ steps[2].expect.called: false
a step without a stream
    steps: [{responseHeaders: {}}]
    ✗ steps[0]: there is none
a stream that is finished twice
    steps: [{requestHeaders: {}}, {finish: true}, {finish: true}]
    ✗ steps[2]: there is none
the case's own expectation is of the last stream
    steps: [{requestHeaders: {path: /one}}, {requestHeaders: {path: /two}}], expect: {upstream: {path: /one}}
    ✗ expect.upstream.path: /two
there is no stream to expect anything of
    steps: [{advance: 1s}], expect: {forwarded: true}
    ✗ expect.forwarded: there was none
"#,
    );
}

#[test]
fn callouts_wait_for_their_step() {
    check(
        ASKS,
        r#"
an answer lets the request go on
    steps: [{requestHeaders: {}, expect: {action: pause, callouts: 1}}, {callout: authz, reply: {status: 200}, expect: {callouts: 0}}],
    expect: {upstream: {headers: {x-gate: authz}}}
it fails
    steps: [{requestHeaders: {}}, {callout: authz, fail: reset, expect: {logs: {contains: authz does not answer}}}], expect: {reply: {status: 503}}
it fails at once
    steps: [{requestHeaders: {}}, {callout: authz, fail: unreachable}], expect: {reply: {status: 503}, duration: 0s}
it runs into its timeout
    steps: [{requestHeaders: {}}, {advance: 100ms}, {callout: authz, fail: timeout}], expect: {reply: {status: 403}, duration: 500ms}
it runs into its timeout by itself
    steps: [{requestHeaders: {}}, {advance: 499ms, expect: {metrics: {gate.denied: 0}}}, {advance: 1ms, expect: {metrics: {gate.denied: 1}}}]
no such callout waits
    steps: [{requestHeaders: {}}, {callout: auth, reply: {status: 200}}]
    ✗ steps[1].callout: these wait: 
none waits at all
    steps: [{requestHeaders: {path: /public}}, {callout: authz, reply: {status: 200}}]
    ✗ steps[1].callout: none waits
the upstream does not answer a request that is held
    steps: [{requestHeaders: {}}, {responseHeaders: {}, expect: {called: false, action: pause}}], expect: {end: paused}
"#,
    );
    check(
        "filter: {wasm: probe.wasm, config: G}\n  upstreams: {limits: []}",
        "a stream of messages has no timeout\n    steps: [{requestHeaders: {}}, {callout: limits, fail: timeout}]\n    ✗ steps[1].fail: it has none",
    );
}

#[test]
fn an_expectation_of_a_step_is_of_what_is_new() {
    check(
        "filter: {wasm: probe.wasm, config: s}",
        r#"
lines and metrics of ticks
    steps: [{advance: 100ms, expect: {metrics: {ticks: +1, tick.size: +1}, logs: {contains: tick}}}, {expect: {metrics: {ticks: 0}, logs: {notContains: tick}}},
    {advance: 250ms, expect: {metrics: {ticks: +2}}}], expect: {metrics: {ticks: +3}}
lines that are not there
    steps: [{advance: 100ms, expect: {logs: {notContains: tick}}}, {advance: 99ms, expect: {logs: {contains: tick}}}]
    ✗ steps[0].expect.logs.notContains: tick
    ✗ steps[1].expect.logs.contains: the filter logged nothing of that
the end of a stream is not the next one's
    config: k, steps: [{requestHeaders: {}}, {requestHeaders: {}, expect: {metrics: {ended: 0}}}, {finish: true, expect: {metrics: {ended: 1}}}],
    expect: {metrics: {ended: 2}}
lines of a stream that is open
    config: l, steps: [{requestHeaders: {}, expect: {logs: {contains: tick, level: error}}}, {responseHeaders: {}, expect: {logs: {noneAt: info}}},
    {finish: true, expect: {logs: {contains: tick}}}], expect: {logs: {contains: tick}}
"#,
    );
}

#[test]
fn a_death_is_noticed_wherever_it_happens() {
    check(
        "filter: {wasm: probe.wasm, config: w}",
        r#"
in a stream that is not the last
    steps: [{requestHeaders: {path: /die}}, {requestHeaders: {path: /}}]
    ✗ expect.trap: unreachable
the step that it happens in may expect it
    steps: [{requestHeaders: {path: /die}, expect: {trap: {contains: unreachable}}}, {requestHeaders: {path: /}}]
or the end of its stream
    steps: [{requestHeaders: {path: /die}}, {finish: true, expect: {trap: true}}]
or the case
    steps: [{requestHeaders: {path: /die}}], expect: {trap: true}
or its last stream fails
    steps: [{requestHeaders: {path: /die}}, {requestHeaders: {path: /}}], expect: {end: failed}
it does not happen
    steps: [{requestHeaders: {path: /}, expect: {trap: true}}]
    ✗ steps[0].expect.trap: the filter goes on
it must not happen
    steps: [{requestHeaders: {path: /die}, expect: {trap: false}}]
    ✗ steps[0].expect.trap: unreachable
    ✗ expect.trap: unreachable
between streams
    config: t, steps: [{requestHeaders: {}}, {finish: true}, {advance: 100ms}]
    ✗ expect.trap: on_tick
between streams, as expected
    config: t, steps: [{advance: 100ms, expect: {trap: {contains: on_tick}}}]
"#,
    );
}

#[test]
fn a_configuration_changes_under_way() {
    check(
        ASKS,
        r#"
the new one decides
    steps: [{requestHeaders: {path: /b}, expect: {action: pause, callouts: 1}}, {reconfigure: /b}, {requestHeaders: {path: /b}, expect: {callouts: 0}}],
    expect: {reply: {status: 403}}
one that is refused leaves the old one
    steps: [{reconfigure: '', expect: {refused: {contains: the path to forbid}}}, {requestHeaders: {path: /admin}}], expect: {reply: {status: 403}}
one that should be refused
    steps: [{reconfigure: /b, expect: {refused: {contains: the path to forbid}}}]
    ✗ steps[0].expect.refused: it took it
one that is refused in other words
    steps: [{reconfigure: '', expect: {refused: {contains: a number}}}]
    ✗ steps[0].expect.refused: the configuration is the path to forbid
one that should not be refused
    steps: [{reconfigure: ''}]
    ✗ steps[0].expect.refused: the configuration is the path to forbid
what was seen before goes on being seen
    steps: [{requestHeaders: {path: /admin}}, {finish: true}, {reconfigure: /b}], expect: {metrics: {gate.denied: 1}}
"#,
    );
}
