//! What cannot be though each field by itself can: it is refused before anything is played.

use super::errors::all_refused;

#[test]
fn what_cannot_stand_together_in_a_case() {
    all_refused(
        r#"
what is for a step
    expect: {action: »pause}
    ✗ `action` is for a step
whether something was called
    expect: {called: »true}
    ✗ `called` is for a step
a refusal of the usual configuration
    expect: {refused: »a}
    ✗ `refused` is for a case that has `config`
a refusal and something else
    config: '', expect: {refused: a, »reply: {}}
    ✗ there can be no `reply`
a refusal and a request
    config: '', »request: {path: /}, expect: {refused: a}
    ✗ leave `request` out
steps that are none
    »steps: []
    ✗ there are no steps
steps and a response
    steps: [{requestHeaders: {}}], »response: {status: 200}
    ✗ its response in `responseHeaders`
steps and a body
    steps: [{requestHeaders: {}}], request: {body: »a}
    ✗ `requestBody`
a body with the headers
    steps: [{requestHeaders: {body: »a}}]
    ✗ `requestBody`
trailers with the headers
    steps: [{requestHeaders: {»trailers: {a: b}}}]
    ✗ `requestTrailers`
a body with the response's headers
    steps: [{requestHeaders: {}}, {responseHeaders: {body: »a}}]
    ✗ `responseBody`
what comes after the end
    steps: [{requestHeaders: {}}, {requestBody: {end: true}}, {»requestBody: {chunk: a}}]
    ✗ which is in steps[1]
what comes after trailers
    steps: [{requestHeaders: {}}, {requestTrailers: {}}, {»requestTrailers: {}}]
    ✗ which is in steps[1]
a step that does nothing
    steps: [»{}]
    ✗ one of `requestHeaders`, `requestBody`
a step that does two things
    steps: [»{requestHeaders: {}, advance: 1s}]
    ✗ `requestHeaders` and `advance` cannot stand together
a callout without a fate
    steps: [»{callout: authz}]
    ✗ `callout` goes with `reply` or `fail`
a fate without a callout
    steps: [»{fail: reset}]
    ✗ one of 
two fates
    steps: [»{callout: authz, fail: reset, reply: {status: 200}}]
    ✗ `reply` and `fail` cannot stand together
a reply of two kinds
    steps: [{callout: authz, reply: »{status: 200, reset: true}}]
    ✗ `status` and `reset` cannot stand together
a gRPC reply in which nothing happens
    steps: [{callout: authz, reply: »{grpc: {}}}]
    ✗ `grpc` has to say what happens
an answer to what asks nothing
    steps: [»{advance: 1s, expect: {action: pause}}]
    ✗ `action` is for steps that deliver something
an expectation that is known later
    steps: [»{requestHeaders: {}, expect: {reply: {}}}]
    ✗ `reply` is known when the stream has ended
a worker that is not there
    steps: [{worker: »1}]
    ✗ there is no worker 1
    ✗ counted from 0
ways of delivery that are none
    »vary: {}
    ✗ `vary` needs `chunks`, `end` or both
pieces of nothing
    vary: {chunks: [»0]}
    ✗ expected a number of bytes, or `whole`, found 0
"#,
    );
}

#[test]
fn tables() {
    all_refused(
        r#"
a row that is too short
    table: {columns: [path, status], rows: [[/a, 1], »[/b]]}
    ✗ a row has 1 values, but the table has 2 columns
no rows
    table: {columns: [path], »rows: []}
    ✗ the table has no rows
a misspelt column
    table: {columns: [»pth], rows: [[/a]]}
    ✗ nothing uses the column `pth`
    ✗ did you mean `path`?
a column that nothing uses
    table: {columns: [»colour], rows: [[a]]}
    ✗ nothing uses the column `colour`
    ✗ `${colour}`
a column that is not there
    request: {path: »'${pth}'}, table: {columns: [path], rows: [[/a]]}
    ✗ the table has no column `pth`
    ✗ did you mean `${path}`?
what looks like a column
    request: {path: »'${x}'}, table: {columns: [path], rows: [[/a]]}
    ✗ write `$${x}` for the text itself
a column twice
    table: {columns: [path, »path], rows: [[/a, /b]]}
    ✗ the column `path` stands twice
a column in a key
    request: {headers: {»'${h}': a}}, table: {columns: [h], rows: [[b]]}
    ✗ a key is not filled in
    ✗ `header:NAME`
a value of the wrong type, in its row
    table: {columns: [path, status], rows: [[/a, 200], [/b, »ok]]}
    ✗ expected an integer, found the string "ok"
a list inside of a text
    request: {path: '/${p}'}, table: {columns: [p], rows: [[»[a]]]}
    ✗ a list or an object cannot stand inside of a text
a table that has other keys
    table: {»column: [path], rows: []}
    ✗ unknown field `column`
    ✗ did you mean `columns`?
"#,
    );
}
