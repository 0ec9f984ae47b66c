//! What is wrong with a scenario is shown where it stands, and what to write instead.

use std::fs;

use super::played::{Row, Run, directory, outgate, rows, scenario, scenario_of};

/// The command refuses the scenario `text`, pointing at the `»` in it, with these words.
fn refused(sentence: &str, text: &str, words: &[&str]) {
    let (before, _) = text.split_once('»').unwrap_or_else(|| panic!("{sentence}: no »"));
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let text = text.replace('»', "");
    let directory = directory(&[("s.yaml", &text)]);
    let run = outgate(directory.path(), &["s.yaml"]);
    shows(
        &format!("{sentence}: {text}"),
        &run,
        &[&[&*format!("s.yaml:{line}:{column}\n")], words].concat(),
    );
}

fn shows(what: &str, run: &Run, words: &[&str]) {
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{what}\n{}", run.text());
    for word in words {
        assert!(run.err.contains(word), "{what}\nexpected: {word}\n{}", run.err);
    }
}

/// Reads rows: a sentence; indented below it the fields of a case, with `»` at the place that the error points at; words of the error
/// after `✗`. Each is the only case of a scenario.
pub(crate) fn all_refused(text: &str) {
    for Row {
        sentence,
        case,
        differences,
    } in rows(text)
    {
        refused(
            sentence,
            &scenario(&format!("  - {{name: one, {case}}}\n")),
            &differences,
        );
    }
}

#[test]
fn keys_and_values_of_a_case() {
    all_refused(
        r#"
a misspelt key
    »reqest: {}
    ✗ unknown field `reqest`
    ✗ did you mean `request`?
a key that is none
    »x: 1
    ✗ unknown field `x`
    ✗ the fields here are `name`, `tags`
a key of a request
    request: {»pth: /}
    ✗ unknown field `pth`
    ✗ did you mean `path`?
a key of an expectation
    expect: {»replay: {}}
    ✗ did you mean `reply`?
a key of a matcher
    expect: {details: {»contain: a}}
    ✗ did you mean `contains`?
a key of a step
    steps: [{»requestHeader: {}}]
    ✗ did you mean `requestHeaders`?
a value of several
    expect: {end: »replyed}
    ✗ unknown value `replyed`
    ✗ did you mean `replied`?
a number for a text
    request: {path: »1}
    ✗ expected a string, found the number `1`
    ✗ quote it: "1"
a text for a number
    expect: {response: {status: »'200'}}
    ✗ expected an integer
    ✗ leave the quotes out: 200
a list for an object
    request: »[]
    ✗ expected an object, found a list
an object for a list
    steps: »{}
    ✗ expected a list, found an object
null for an object
    request: »null
    ✗ expected an object, found null
a header that is a number
    request: {headers: {a: »1}}
    ✗ expected a text or a list of texts, found the number `1`
    ✗ if it is a text, quote it: "1"
a header that is a word of YAML
    request: {headers: {a: »no}}
    ✗ found the boolean `no`
    ✗ quote it: "no"
a status that is none
    response: {status: »42}
    ✗ expected an HTTP status, from 100 to 599, found 42
a body of two kinds
    request: {body: »{json: 1, file: a}}
    ✗ `json` and `file` cannot stand together
a body of no kind
    request: {body: »{}}
    ✗ one of `json`, `base64`, `file` is required
base64 that is none
    request: {body: {base64: »'?'}}
    ✗ this is no base64
a property of two types
    request: {properties: {p: »{int: 1, uint: 1}}}
    ✗ `int` and `uint` cannot stand together
a property of an unknown type
    request: {properties: {p: {»integer: 1}}}
    ✗ unknown field `integer`
a path of a property that has a gap
    request: {properties: {»a..b: c}}
    ✗ the path `a..b` has an empty segment
a path of a property that is no list
    request: {properties: {»'[a': c}}
    ✗ is no JSON array of texts
a time that is none
    request: {properties: {p: {timestamp: »'2026-02-30T00:00:00Z'}}}
    ✗ is no time
    ✗ 2026-01-31T12:30:00Z
metadata that is no object of objects
    request: {metadata: {a: »b}}
    ✗ expected an object
a matcher that says nothing
    expect: {details: »{}}
    ✗ this says nothing
    ✗ `{contains: …}`
a matcher that cannot hold
    expect: {details: »{absent: true, contains: a}}
    ✗ `absent: true` cannot stand with others
a regular expression that is none
    expect: {details: {regex: »'('}}
    ✗ this is no regular expression: unclosed group
a format of the access log that is none
    expect: {accessLog: {format: »'%NO', line: ''}}
a line of the access log without a format
    expect: {accessLog: »{line: ''}}
    ✗ the field `format` is required
logs of which nothing is expected
    expect: {logs: »{}}
    ✗ this says nothing
a level without texts
    expect: {logs: »{level: warn, noneAt: error}}
    ✗ `level` goes with `contains` or `notContains`
a quantity that is none
    expect: {budget: {memory: »8 MB}}
    ✗ expected a number, such as 500, `200k` or `8MiB`, found "8 MB"
a change that is none
    expect: {metrics: {a: »more}}
    ✗ expected a change, such as +1 or 0, found "more"
a length of time that is none
    expect: {duration: »20}
    ✗ quote it: "20"
a length of time without a unit
    expect: {duration: »'20'}
    ✗ `20` is no length of time; write it as `5s` or `250ms`
"#,
    );
}

#[test]
fn the_scenario_around_the_cases() {
    let spec = |text: &str| scenario_of(text, "  - {name: one}\n");
    for (sentence, text, words) in [
        (
            "no cases",
            scenario("»  - a").replace("\n  cases:\n»  - a", "\n  »cases: []\n"),
            "there are no cases",
        ),
        (
            "two cases of one name",
            scenario("  - {name: one}\n  - {name: »one}\n"),
            "two cases are called `one`",
        ),
        (
            "a case without a name",
            scenario("  - »{expect: {}}\n"),
            "the field `name` is required",
        ),
        ("a misspelt key", spec("»filtr: {}"), "did you mean `filter`?"),
        (
            "a misspelt key of the filter",
            spec("filter: {»wsm: a}"),
            "did you mean `wasm`?",
        ),
        ("no filter", spec("»budget: {}"), "the field `filter` is required"),
        (
            "too many workers",
            spec("filter: {workers: »65}"),
            "expected a number from 1 to 64, found 65",
        ),
        (
            "a clock before 1970",
            spec("filter: {clock: »'1969-12-31T23:59:59Z'}"),
            "before 1970",
        ),
        (
            "a clock that is a word",
            spec("filter: {clock: »noon}"),
            "`noon` is no time",
        ),
        (
            "another proxy",
            spec("filter: {profile: »nginx}"),
            "the values here are `envoy`, `spec` and `gcp`",
        ),
        (
            "a property that fails for all",
            spec("filter: {properties: {»a: {error: NOT_FOUND}}}"),
            "`error` is for the properties of a request",
        ),
        (
            "a rule without a reply",
            spec("filter: {}\n  upstreams: {a: [{»replies: []}]}"),
            "a rule needs a reply",
        ),
        (
            "a rule with a misspelt key",
            spec("filter: {}\n  upstreams: {a: [{»replys: []}]}"),
            "did you mean `replies`?",
        ),
        (
            "no name",
            spec("filter: {}").replace("metadata: {name: s}", "»metadata: {labels: {a: b}}"),
            "a scenario needs a name",
        ),
        (
            "an empty name",
            spec("filter: {}").replace("name: s", "name: »''"),
            "is empty",
        ),
        (
            "another kind",
            spec("filter: {}").replace("FilterScenario", "»FilterScenarios"),
            "did you mean `FilterScenario`?",
        ),
        ("a tab", scenario("\t»- {name: one}\n"), "tab"),
    ] {
        refused(sentence, &text, &[words]);
    }
}

#[test]
fn files_that_are_not_there() {
    let of_case = |case: &str| scenario(&format!("  - {{name: one, {case}}}\n"));
    let of_spec = |spec: &str| scenario_of(spec, "  - {name: one}\n");
    for (sentence, text) in [
        ("a module", of_spec("filter: {wasm: »none}")),
        ("a body", of_case("request: {body: {file: »none}}")),
        (
            "a body in a step",
            of_case("steps: [{requestHeaders: {}}, {requestBody: {chunk: {file: »none}}}]"),
        ),
        ("a configuration", of_case("config: {file: »none}")),
        (
            "another configuration",
            of_case("steps: [{reconfigure: {file: »none}}]"),
        ),
        (
            "one that a table names",
            of_case("request: {body: {file: '${f}'}}, table: {columns: [f], rows: [[»none]]}"),
        ),
        (
            "the filter's configuration",
            of_spec("filter: {wasm: filter.wasm, config: {file: »none}}"),
        ),
        (
            "an upstream's body",
            of_spec("filter: {wasm: filter.wasm, config: a}\n  upstreams: {a: [{replies: [{body: {file: »none}}]}]}"),
        ),
    ] {
        refused(sentence, &text, &["none", "No such file"]);
    }
}

#[test]
fn what_is_no_scenario_or_no_module() {
    let directory = directory(&[
        ("empty.yaml", ""),
        ("other.yaml", "kind: FilterScenario\n"),
        ("text.wasm", "no module"),
        ("text.wat", "(module\n  (fnc))"),
        (
            "s.yaml",
            &scenario("  - {name: one}\n").replace("filter.wasm", "text.wasm"),
        ),
        (
            "nameless.yaml",
            &scenario("  - {name: one}\n").replace("wasm: filter.wasm, ", ""),
        ),
    ]);
    fs::write(directory.path().join("bytes.yaml"), b"\xff").unwrap();
    for (arguments, words) in [
        (&["none.yaml"][..], "none.yaml cannot be read"),
        (
            &["empty.yaml"],
            "empty.yaml has no scenario; a scenario is a YAML document with `apiVersion: outgate/v1`",
        ),
        (&["other.yaml"], "other.yaml has no scenario"),
        (
            &["bytes.yaml"],
            "bytes.yaml cannot be read: stream did not contain valid UTF-8",
        ),
        (&["s.yaml"], "s.yaml:5:18"),
        (
            &["nameless.yaml"],
            "which filter? Say it with `wasm`, or with --filter on the command line",
        ),
        (&["nameless.yaml", "--filter", "none.wasm"], "none.wasm: No such file"),
        (&["nameless.yaml", "--filter", "text.wat"], "text.wat:2:4"),
        (
            &["s.yaml", "--in", "envoy"],
            "--in envoy is for `kind: Scenario`; s.yaml has a `kind: FilterScenario`",
        ),
    ] {
        let run = outgate(directory.path(), arguments);
        shows(&arguments.join(" "), &run, &[words]);
    }
    let filter = outgate(directory.path(), &["nameless.yaml", "--filter", "filter.wasm"]);
    assert_eq!(filter.status, 0, "{}", filter.text());
}
