//! Every expectation, once as it holds and once as it does not.

use super::played::{check, check_beside};

const GATE: &str = "filter: {wasm: filter.wasm, config: /admin}
  upstreams: {authz: [{match: {path: /check}, replies: [{status: 200, after: 20ms}]}]}";

#[test]
fn of_a_stream_that_the_filter_ends() {
    check(
        GATE,
        r#"
it replies
    request: {path: /admin}, expect: {end: replied}
it does not forward
    request: {path: /admin}, expect: {end: forwarded}
    ✗ expect.end: replied; the client got 403
nothing is forwarded
    request: {path: /admin}, expect: {forwarded: false}
something is
    request: {path: /admin}, expect: {forwarded: true}
    ✗ expect.forwarded: the filter replied
any reply will do
    request: {path: /admin}, expect: {reply: {}}
there is no reply
    request: {path: /public}, expect: {reply: {}}
    ✗ expect.reply: forwarded; the client got 200
the status
    request: {path: /admin}, expect: {reply: {status: 403}}
another status
    request: {path: /admin}, expect: {reply: {status: 401}}
    ✗ expect.reply.status: 403
the details
    request: {path: /admin}, expect: {reply: {details: gate.denied}, details: gate.denied}
other details
    request: {path: /admin}, expect: {reply: {details: denied}}
    ✗ expect.reply.details: gate.denied
other details of the stream
    request: {path: /admin}, expect: {details: denied}
    ✗ expect.details: gate.denied
the body
    request: {path: /admin}, expect: {reply: {body: "forbidden\n"}}
another body
    request: {path: /admin}, expect: {reply: {body: forbidden}}
    ✗ expect.reply.body: forbidden\n
no gRPC status
    request: {path: /admin}, expect: {reply: {grpcStatus: 7}}
    ✗ expect.reply.grpcStatus: none
an absent header
    request: {path: /admin}, expect: {reply: {noHeaders: [x-why]}}
a header that is not
    request: {path: /admin}, expect: {reply: {headers: {x-why: a}}}
    ✗ expect.reply.headers.x-why: nothing
filter state
    request: {path: /admin}, expect: {filterState: {wasm.decision: gate.denied}}
other filter state
    request: {path: /admin}, expect: {filterState: {wasm.decision: ok}}
    ✗ expect.filterState["wasm.decision"]: gate.denied
no filter state
    request: {path: /admin}, expect: {filterState: {wasm.other: {absent: true}}}
the access log
    request: {path: /admin}, expect: {accessLog: {format: '%RESPONSE_CODE%', line: '403'}}
another line
    request: {path: /admin}, expect: {accessLog: {format: '%RESPONSE_CODE%', line: '200'}}
    ✗ expect.accessLog.line: 403
the access log as JSON
    request: {path: /admin}, expect: {accessLog: {format: {code: '%RESPONSE_CODE%'}, line: {json: {code: 403}}}}
"#,
    );
}

#[test]
fn of_a_stream_that_goes_through() {
    check(
        GATE,
        r#"
it is forwarded
    request: {path: /public}, expect: {end: forwarded, forwarded: true}
it is not stopped
    request: {path: /public}, expect: {forwarded: false}
    ✗ expect.forwarded: forwarded; the client got 200
any request at the upstream
    request: {path: /public}, expect: {upstream: {}}
none there
    request: {path: /admin}, expect: {upstream: {}}
    ✗ expect.upstream: the filter replied
its method and path
    request: {method: PUT, path: /public?a=1}, expect: {upstream: {method: PUT, path: /public?a=1}}
another method
    request: {path: /public}, expect: {upstream: {method: PUT}}
    ✗ expect.upstream.method: GET
another path
    request: {path: /public}, expect: {upstream: {path: /}}
    ✗ expect.upstream.path: /public
a header that the filter adds
    request: {path: /public}, expect: {upstream: {headers: {x-gate: public}}}
with another value
    request: {path: /public}, expect: {upstream: {headers: {x-gate: a}}}
    ✗ expect.upstream.headers.x-gate: public
lines, joined
    request: {path: /public, headers: {a: [b, c]}}, expect: {upstream: {headers: {A: 'b, c'}}}
lines, one by one
    request: {path: /public, headers: {a: [b, c]}}, expect: {upstream: {headers: {a: [b, {regex: c}]}}}
one line more
    request: {path: /public, headers: {a: [b, c]}}, expect: {upstream: {headers: {a: [b]}}}
    ✗ expect.upstream.headers.a: the lines "b", "c"
another line
    request: {path: /public, headers: {a: [b, c]}}, expect: {upstream: {headers: {a: [b, d]}}}
    ✗ expect.upstream.headers.a: the lines "b", "c"
no line
    request: {path: /public}, expect: {upstream: {headers: {a: []}}}
a header that must not be
    request: {path: /public}, expect: {upstream: {noHeaders: [x-gate]}}
    ✗ expect.upstream.noHeaders[0]: public
the body and trailers
    request: {path: /public, body: b, trailers: {t: v}}, expect: {upstream: {body: b, trailers: {t: v}}}
another body
    request: {path: /public, body: b}, expect: {upstream: {body: c}}
    ✗ expect.upstream.body: b
no body
    request: {path: /public}, expect: {upstream: {body: {absent: true}}}
an empty body
    request: {path: /public}, expect: {upstream: {body: ''}}
a body that should not be
    request: {path: /public, body: b}, expect: {upstream: {body: {absent: true}}}
    ✗ expect.upstream.body: b
other trailers
    request: {path: /public, body: b, trailers: {t: v}}, expect: {upstream: {trailers: {t: w}}}
    ✗ expect.upstream.trailers.t: v
the response
    request: {path: /public}, response: {status: 404, headers: {a: b}, body: c, trailers: {d: e}}, expect: {response: {status: 404, headers: {a: b}, body: c, trailers: {d: e}, noHeaders: [f]}}
another status
    request: {path: /public}, response: {status: 404}, expect: {response: {status: 200}}
    ✗ expect.response.status: 404 (via_upstream)
another header
    request: {path: /public}, response: {headers: {a: b}}, expect: {response: {headers: {a: c}}}
    ✗ expect.response.headers.a: b
a header too much
    request: {path: /public}, response: {headers: {a: b}}, expect: {response: {noHeaders: [a]}}
    ✗ expect.response.noHeaders[0]: b
another body of the response
    request: {path: /public}, response: {body: c}, expect: {response: {body: d}}
    ✗ expect.response.body: c
other trailers of the response
    request: {path: /public}, response: {body: c, trailers: {d: e}}, expect: {response: {trailers: {d: f}}}
    ✗ expect.response.trailers.d: e
"#,
    );
}

#[test]
fn of_what_happens_around_a_stream() {
    check(
        GATE,
        r#"
a metric
    request: {path: /admin}, expect: {metrics: {gate.denied: +1}}
by a text
    request: {path: /admin}, expect: {metrics: {gate.denied: '+1'}}
not at all
    request: {path: /admin}, expect: {metrics: {gate.denied: 0}}
    ✗ expect.metrics["gate.denied"]: +1
another one
    request: {path: /admin}, expect: {metrics: {gate.denid: 1}}
    ✗ expect.metrics["gate.denid"]: did you mean `gate.denied`?
one that is not defined does not change
    request: {path: /admin}, expect: {metrics: {other: 0}}
no callouts
    request: {path: /admin}, expect: {callouts: 0}
one
    request: {path: /a}, expect: {callouts: 1}
another number
    request: {path: /a}, expect: {callouts: 2}
    ✗ expect.callouts: 1: 
which
    request: {path: /a}, expect: {callouts: [{upstream: authz, method: GET, path: /check, headers: {':authority': authz}, body: '', timeout: 500ms}]}
none
    request: {path: /a}, expect: {callouts: []}
    ✗ expect.callouts: 1: 
of another upstream
    request: {path: /a}, expect: {callouts: [{upstream: auth}]}
    ✗ expect.callouts[0].upstream: authz
with another method
    request: {path: /a}, expect: {callouts: [{method: POST}]}
    ✗ expect.callouts[0].method: GET
with another path
    request: {path: /a}, expect: {callouts: [{path: /}]}
    ✗ expect.callouts[0].path: /check
with another header
    request: {path: /a}, expect: {callouts: [{headers: {':authority': a}}]}
    ✗ expect.callouts[0].headers.:authority: authz
with another body
    request: {path: /a}, expect: {callouts: [{body: a}]}
    ✗ expect.callouts[0].body: ""
with a trailer
    request: {path: /a}, expect: {callouts: [{trailers: {t: a}}]}
    ✗ expect.callouts[0].trailers.t: nothing
with another timeout
    request: {path: /a}, expect: {callouts: [{timeout: 1s}]}
    ✗ expect.callouts[0].timeout: 500ms
the time it took
    request: {path: /a}, expect: {duration: 20ms}
another time
    request: {path: /a}, expect: {duration: 0s}
    ✗ expect.duration: 20ms
"#,
    );
}

#[test]
fn of_lines_of_logs() {
    const EACH: &str = "filter: {wasm: probe.wasm, config: l, logLevel: trace}";
    check(
        EACH,
        r#"
a text in a line
    expect: {logs: {contains: tic}}
several
    expect: {logs: {contains: [tic, ick]}}
one that is in none
    expect: {logs: {contains: [tic, tac]}}
    ✗ expect.logs.contains: [trace] on_request_headers: tick
of a level
    expect: {logs: {contains: tick, level: debug}}
one that must not be
    expect: {logs: {notContains: [tac, tick]}}
    ✗ expect.logs.notContains: tick
none of them is
    expect: {logs: {notContains: [tac, toc]}}
nothing at a level or above
    expect: {logs: {noneAt: error}}
    ✗ expect.logs.noneAt: [error]
"#,
    );
    check(
        "filter: {wasm: filter.wasm, config: /admin}",
        r#"
a quiet filter
    request: {path: /public}, expect: {logs: {noneAt: trace}}
says nothing of a level
    request: {path: /public}, expect: {logs: {contains: a, level: warn}}
    ✗ expect.logs.contains: the filter logged nothing of that
"#,
    );
    check(
        "filter: {wasm: probe.wasm, config: l}",
        r#"
debug lines are dropped
    expect: {logs: {contains: tick, level: debug}}
    ✗ expect.logs.contains: nothing of that
"#,
    );
}

#[test]
fn of_other_ends() {
    const AT: &str = "filter: {wasm: probe.wasm, config: d, bufferLimit: 8}";
    check(
        AT,
        r#"
a death fails a case
    expect: {}
    ✗ expect.trap: the filter trapped in on_request_headers
whatever else is expected
    expect: {response: {status: 503}}
    ✗ expect.trap: unreachable
unless it is meant
    expect: {trap: true, response: {status: 503}}
or is the end
    expect: {end: failed}
or is described
    expect: {trap: {contains: unreachable}}
otherwise
    expect: {trap: {contains: out of fuel}}
    ✗ expect.trap: unreachable
it is forbidden
    expect: {trap: false, response: {status: 503}}
    ✗ expect.trap: unreachable
the letter h holds
    config: h, expect: {end: paused, duration: 0s}
the letter x closes
    config: x, expect: {end: reset}
no death where one is meant
    config: h, expect: {trap: true}
    ✗ expect.trap: the filter held the stream
no death to describe
    config: h, expect: {trap: {contains: a}}
    ✗ expect.trap: nothing
a body that is held is too long
    config: H, request: {body: more than eight bytes}, expect: {end: overflowed, response: {status: 413}}
"#,
    );
}

#[test]
fn of_a_configuration() {
    check(
        GATE,
        r#"
it is refused
    config: '', expect: {refused: the configuration is the path to forbid}
in other words
    config: '', expect: {refused: {contains: a number}}
    ✗ expect.refused: the configuration is the path to forbid
it is taken
    config: /a, expect: {refused: {contains: path}}
    ✗ expect.refused: it took it
it is refused where that is not expected
    config: ''
    ✗ expect.refused: the configuration is the path to forbid
"#,
    );
}

#[test]
fn of_budgets() {
    check(
        "filter: {wasm: filter.wasm, config: /admin}\n  budget: {fuelPerRequest: 10k, memory: 1MiB, hostCalls: 20, allocations: 2}",
        r#"
all is within the scenario's
    request: {path: /admin}
too much fuel
    request: {path: /admin}, expect: {budget: {fuelPerRequest: 10}}
    ✗ expect.budget.fuelPerRequest
too much memory
    request: {path: /admin}, expect: {budget: {memory: 64KiB}}
    ✗ expect.budget.memory: 131072
too many host calls
    request: {path: /admin}, expect: {budget: {hostCalls: 1}}
    ✗ expect.budget.hostCalls
too many allocations
    request: {path: /admin}, expect: {budget: {allocations: 0}}
    ✗ expect.budget.allocations: 1
each stream has to be within it
    steps: [{requestHeaders: {path: /admin}}, {requestHeaders: {path: /public}}], expect: {budget: {allocations: 0}}
    ✗ expect.budget.allocations: 1
    ✗ expect.budget.allocations: 1
"#,
    );
}

#[test]
fn of_files() {
    check_beside(
        GATE,
        &[
            ("body.txt", "forbidden\n"),
            ("lines.txt", "one\ntwo\n"),
            ("crlf.txt", "forbidden\r\n"),
        ],
        r#"
a body is what a file has
    request: {path: /admin}, expect: {reply: {body: {file: body.txt}}}
it has another line
    request: {path: /admin}, expect: {reply: {body: {file: lines.txt}}}
    ✗ expect.reply.body: forbidden
lines end otherwise
    request: {path: /admin}, expect: {reply: {body: {file: crlf.txt}}}
    ✗ expect.reply.body: the same lines, but not the same bytes: 10
there is no such file
    request: {path: /admin}, expect: {reply: {body: {file: none.txt}}}
    ✗ expect.reply.body: --update writes it
bytes
    request: {path: /public, body: {base64: /wA=}}, expect: {upstream: {body: {base64: /wA=}}}
other bytes
    request: {path: /public, body: {base64: /wA=}}, expect: {upstream: {body: "\ufffd\0"}}
    ✗ expect.upstream.body: no UTF-8; 2 bytes
"#,
    );
}
