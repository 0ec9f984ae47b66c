//! Tables, variations, and which cases are played.

use super::played::{Run, check, directory, outgate, run, scenario, scenario_of};

/// The names of the cases, each with its fate.
fn fates(run: &Run) -> Vec<String> {
    let report = run.json();
    let cases = report["filterScenarios"].as_array().unwrap().iter();
    let cases = cases.flat_map(|scenario| scenario["cases"].as_array().unwrap());
    cases
        .map(|case| format!("{} {}", case["fate"].as_str().unwrap(), case["name"].as_str().unwrap()))
        .collect()
}

#[test]
fn each_row_of_a_table_is_a_case() {
    let run = run(
        r#"
  - name: known columns go where they are known to
    table:
      columns: [method, path, host, source, sni, principal, "header:x-a", body, status]
      rows:
      - [POST, /public, a.test, "10.0.0.1:1", a, cluster.local/ns/a/sa/b, c, d, 200]
      - [null, /public, null, null, null, null, null, null, 200]
    expect: {upstream: {path: /public}}
  - name: what a row expects holds or does not
    table: {columns: [path, status, details], rows: [[/admin, 403, gate.denied], [/admin, 200, gate.denied]]}
  - name: columns are named anywhere in a value
    request: {url: "http://a/${path}?q=${number}", headers: {a: ["x${number}", "$${number}"]}}
    table: {columns: [path, number], rows: [[public, 1]]}
    expect: {upstream: {path: "/public?q=1", headers: {a: [{regex: "^x${number}$"}, "$${number}"]}}, callouts: 0}
  - name: a value that is only a column is what the row has
    request: {path: "${path}"}
    response: {status: "${status}", body: "${body}"}
    table: {columns: [path, status, body, expected], rows: [[/public, 404, {json: [1]}, {jsonContains: [1]}]]}
    expect: {response: {status: 404, body: "${expected}"}}
  - name: "a ${word} name"
    request: {path: /public}
    table: {columns: [word], rows: [[good], ["long, with\na line and more than forty letters"]]}
"#,
        &["--json"],
    );
    assert_eq!(run.err, "");
    assert_eq!(
        fates(&run),
        [
            "passed known columns go where they are known to [row 1: POST, /public, a.test, 10.0.0.1:1, a, \
             cluster.local/ns/a/sa/b, c, d, 200]",
            "passed known columns go where they are known to [row 2: null, /public, null, null, null, null, null, null, 200]",
            "passed what a row expects holds or does not [row 1: /admin, 403, gate.denied]",
            "failed what a row expects holds or does not [row 2: /admin, 200, gate.denied]",
            "passed columns are named anywhere in a value [row 1: public, 1]",
            "passed a value that is only a column is what the row has [row 1: /public, 404, …, …]",
            "passed a good name [row 1: good]",
            "passed a long, with\na line and more than forty letters name [row 2: long, with a line and more than forty le…]",
        ]
    );
}

#[test]
fn a_value_of_a_table_is_shown_where_it_stands() {
    let run = run(
        "  - {name: a, request: {path: /admin}, table: {columns: [status], rows: [[403],\n      [200]]}}\n",
        &[],
    );
    assert_eq!(run.status, 1, "{}", run.text());
    assert!(run.out.contains("expect.response.status  s.yaml:9"), "{}", run.out);
}

#[test]
fn ways_of_delivery_must_not_make_a_difference() {
    check(
        "filter: {wasm: probe.wasm, config: b}\n  defaults: {request: {method: POST}}",
        r#"
a filter that looks at pieces treats them differently
    request: {body: '0123456789'}, vary: {chunks: [4, whole]}
    ✗ vary: replied 413
one that is expected to reply does not when pieces are small
    request: {body: '0123456789'}, vary: {chunks: [whole, 4]}, expect: {reply: {status: 413}}
    ✗ expect.reply: forwarded
    ✗ vary: forwarded 200
pieces that are small enough make none
    request: {body: '0123456789'}, vary: {chunks: [1, 3, 4], end: [last, trailing-empty]}
the end makes none
    request: {body: '0123'}, vary: {end: [trailing-empty, last]}, expect: {upstream: {body: '0123'}}
steps are varied, too
    steps: [{requestHeaders: {}}, {requestBody: {chunk: '01234567', end: true}}], vary: {chunks: [4, 8]}
    ✗ vary: replied
"#,
    );
    let run = run_of(
        "filter: {wasm: probe.wasm, config: b}",
        "  - {name: a, request: {body: '0123456789'}, vary: {chunks: [4, 5], end: [last, trailing-empty]}}\n",
    );
    assert!(run.out.contains("with chunks: 5, end: last"), "{}", run.out);
    assert!(
        run.out.contains("end as with chunks: 4, end: last: \"forwarded 200\""),
        "{}",
        run.out
    );
}

fn run_of(spec: &str, cases: &str) -> Run {
    let directory = directory(&[("s.yaml", &scenario_of(spec, cases))]);
    outgate(directory.path(), &["s.yaml"])
}

const CASES: &str = "
  - {name: one, request: {path: /public}, tags: [a, b]}
  - {name: two, request: {path: /public}, tags: [b], only: true}
  - {name: three, request: {path: /public}, skip: true}
  - {name: four, request: {path: /public}, skip: the filter does not do that yet}
  - {name: rows, table: {columns: [path], rows: [[/public], [/admin]]}, tags: [c]}
";

#[test]
fn cases_are_chosen() {
    let rows: [(&[&str], &[&str]); 9] = [
        (
            &[],
            &[
                "skipped one",
                "passed two",
                "skipped three",
                "skipped four",
                "skipped rows [row 1: /public]",
                "skipped rows [row 2: /admin]",
            ],
        ),
        (&["--case", "one"], &["passed one"]),
        (&["--case", "one", "--case", "two"], &["passed one", "passed two"]),
        (&["--tag", "a"], &["passed one"]),
        (&["--tag", "b"], &["passed one", "passed two"]),
        (
            &["--tag", "a", "--tag", "c"],
            &[
                "passed one",
                "passed rows [row 1: /public]",
                "passed rows [row 2: /admin]",
            ],
        ),
        (&["--case", "rows [row 2: /admin]"], &["passed rows [row 2: /admin]"]),
        (&["--case", "four"], &["skipped four"]),
        (&["--case", "one", "--tag", "b"], &["passed one"]),
    ];
    for (arguments, expected) in rows {
        let run = run(CASES, &[arguments, &["--json"]].concat());
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.text());
        assert_eq!(fates(&run), expected, "{arguments:?}");
    }
}

#[test]
fn a_choice_that_plays_nothing_is_an_error() {
    for (arguments, words) in [
        (&["--case", "tow"][..], "there is no case `tow`; did you mean `two`?"),
        (&["--case", "something else"], "there is no case `something else`"),
        (&["--tag", "d"], "there is no tag `d`"),
        (
            &["--case", "two", "--tag", "a"],
            "no case has such a name and such a tag",
        ),
    ] {
        let run = run(CASES, arguments);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.text());
        assert!(run.err.contains(words), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_scenario_in_which_nothing_is_chosen_needs_no_module() {
    let other = scenario("  - {name: other, request: {path: /public}}\n").replace("filter.wasm", "missing.wasm");
    let directory = directory(&[("s.yaml", &scenario(CASES)), ("other.yaml", &other)]);
    let run = outgate(directory.path(), &[".", "--case", "one", "--json"]);
    assert_eq!(
        (run.status, fates(&run)),
        (0, vec!["passed one".to_owned()]),
        "{}",
        run.text()
    );
}
