//! What is printed, and what is written.

use std::fs;

use serde_json::Value;

use super::played::{directory, outgate, run, scenario, scenario_of};

const CASES: &str = r#"  - {name: passes, request: {path: /admin}, expect: {reply: {status: 403}}}
  - name: fails
    request: {path: /admin}
    expect: {reply: {status: 401}, callouts: 1}
  - {name: is left out, skip: not yet}
"#;

#[test]
fn people_read_what_was_expected_what_was_found_and_what_happened() {
    let run = run(CASES, &[]);
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    let expected = r#"s  s.yaml

  ✓ passes       GET example.com/admin  replied 403
  ✗ fails        GET example.com/admin  replied 403
      s.yaml:9
      expect.callouts  s.yaml:11
        expected  1
        found     no callout
      expect.reply.status  s.yaml:11
        expected  401
        found     403
      what happened:
        the filter replied; the client got 403 (gate.denied)
          filter state wasm.decision = "gate.denied"
          on_request_headers: proxy_get_header_map_value(request headers, ":path") -> OK "/admin"
          on_request_headers: proxy_increment_metric(4, 1) -> OK
          on_request_headers: proxy_set_property("decision", "gate.denied") -> OK
          on_request_headers: proxy_send_local_response(403, "gate.denied", "forbidden\n", -1) -> OK
  - is left out                         not yet

1 passed, 1 failed
1 skipped
"#;
    assert_eq!(run.out, expected);
}

#[test]
fn a_failed_case_tells_of_callouts_and_of_lines_between_streams() {
    let run = run(
        "  - name: a
    steps: [{requestHeaders: {path: /a}}, {callout: authz, fail: reset}]
    expect: {forwarded: true}\n",
        &[],
    );
    for line in [
        "callout 4 to authz: GET /check",
        "log [warn] on_http_call_response: authz does not answer",
        "on_http_call_response: proxy_send_local_response(503, \"authz\", \"\", -1) -> OK",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
}

/// A filter, or a scenario, is not trusted with the terminal.
#[test]
fn control_characters_stay_out_of_the_terminal() {
    let run = run(
        "  - {name: \"a\\e[1m\", request: {path: \"/\\e[2m\"}, response: {body: \"\\e[3m\"}, expect: {response: {body: \"\\e[4m\"}}}\n",
        &[],
    );
    assert_eq!(run.status, 1, "{}", run.text());
    assert!(!run.out.contains('\u{1b}'), "{}", run.out);
}

#[test]
fn machines_read_json() {
    let report = run(CASES, &["--json"]).json();
    for (pointer, expected) in [
        ("/passed", Value::from(1)),
        ("/failed", 1.into()),
        ("/skipped", 1.into()),
        ("/filterScenarios/0/name", "s".into()),
        ("/filterScenarios/0/file", "s.yaml".into()),
        ("/filterScenarios/0/cases/0/fate", "passed".into()),
        ("/filterScenarios/0/cases/0/summary", "replied 403".into()),
        ("/filterScenarios/0/cases/0/request", "GET example.com/admin".into()),
        ("/filterScenarios/0/cases/1/line", 9.into()),
        (
            "/filterScenarios/0/cases/1/differences/1/field",
            "expect.reply.status".into(),
        ),
        ("/filterScenarios/0/cases/1/differences/1/line", 11.into()),
        ("/filterScenarios/0/cases/1/differences/1/expected", "401".into()),
        ("/filterScenarios/0/cases/1/differences/1/found", "403".into()),
        ("/filterScenarios/0/cases/2/fate", "skipped".into()),
        ("/filterScenarios/0/cases/2/summary", "not yet".into()),
    ] {
        assert_eq!(report.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn ci_systems_read_junit() {
    let directory = directory(&[("s.yaml", &scenario(CASES))]);
    let run = outgate(directory.path(), &["s.yaml", "--junit", "junit.xml"]);
    assert_eq!(run.status, 1, "{}", run.text());
    let document = fs::read_to_string(directory.path().join("junit.xml")).unwrap();
    for part in [
        r#"<testsuites name="outgate test" tests="3" failures="1" skipped="1">"#,
        r#"<testsuite name="s" file="s.yaml" tests="3" failures="1" skipped="1">"#,
        r#"<testcase name="passes" classname="s" file="s.yaml" line="8"/>"#,
        r#"<testcase name="fails" classname="s" file="s.yaml" line="9"><failure message="expect.callouts: expected 1, found no callout; expect.reply.status: expected 401, found 403">s.yaml:9&#10;"#,
        r#"<testcase name="is left out" classname="s" file="s.yaml" line="12"><skipped message="not yet"/></testcase>"#,
    ] {
        assert!(document.contains(part), "{part}: {document}");
    }
    let nowhere = outgate(directory.path(), &["s.yaml", "--junit", "none/junit.xml"]);
    assert_eq!(nowhere.status, 2);
    assert!(
        nowhere.err.contains("none/junit.xml cannot be written: No such file"),
        "{}",
        nowhere.err
    );
}

/// What `--update` makes of a case, and how many expectations it says that it has written.
fn updated(cases: &str) -> (String, u64) {
    let directory = directory(&[("s.yaml", &scenario(cases))]);
    let run = outgate(directory.path(), &["s.yaml", "--update", "--json"]);
    let report = run.json();
    let written = report["filterScenarios"][0]["updated"].as_u64().unwrap();
    let text = fs::read_to_string(directory.path().join("s.yaml")).unwrap();
    if report["failed"] == 0 {
        let again = outgate(directory.path(), &["s.yaml"]);
        assert_eq!(again.status, 0, "{text}\n{}", again.text());
    }
    (text[scenario("").len()..].to_owned(), written)
}

#[test]
fn update_writes_bodies_and_lines_of_logs_in_their_place() {
    for (sentence, case, expected) in [
        (
            "a body",
            "  - {name: a, request: {path: /admin}, expect: {reply: {body: old}}} # why\n",
            "  - {name: a, request: {path: /admin}, expect: {reply: {body: \"forbidden\\n\"}}} # why\n",
        ),
        (
            "a body at the upstream",
            "  - name: a\n    request: {path: /public, body: 'it''s \"#: new'}\n    expect:\n      upstream:\n        body: 'an old one'\n",
            "  - name: a\n    request: {path: /public, body: 'it''s \"#: new'}\n    expect:\n      upstream:\n        body: \"it's \\\"#: new\"\n",
        ),
        (
            "a body of a response",
            "  - {name: a, request: {path: /public}, response: {body: new}, expect: {response: {body: old}}}\n",
            "  - {name: a, request: {path: /public}, response: {body: new}, expect: {response: {body: \"new\"}}}\n",
        ),
        (
            "a line of the access log",
            "  - {name: a, request: {path: /admin}, expect: {accessLog: {format: '%RESPONSE_CODE%', line: ''}}}\n",
            "  - {name: a, request: {path: /admin}, expect: {accessLog: {format: '%RESPONSE_CODE%', line: \"403\"}}}\n",
        ),
        (
            "in a step",
            "  - {name: a, steps: [{requestHeaders: {path: /admin}}, {finish: true, expect: {reply: {body: old}}}]}\n",
            "  - {name: a, steps: [{requestHeaders: {path: /admin}}, {finish: true, expect: {reply: {body: \"forbidden\\n\"}}}]}\n",
        ),
        (
            "in a row of a table",
            "  - {name: a, table: {columns: [path, b], rows: [[/admin, old]]}, expect: {reply: {body: '${b}'}}}\n",
            "  - {name: a, table: {columns: [path, b], rows: [[/admin, \"forbidden\\n\"]]}, expect: {reply: {body: '${b}'}}}\n",
        ),
    ] {
        assert_eq!(updated(case), (expected.to_owned(), 1), "{sentence}");
    }
}

#[test]
fn update_leaves_decisions_and_what_it_cannot_write() {
    for (sentence, case) in [
        (
            "a status",
            "  - {name: a, request: {path: /admin}, expect: {reply: {status: 401}}}\n",
        ),
        (
            "a header",
            "  - {name: a, request: {path: /public}, expect: {upstream: {headers: {x-gate: a}}}}\n",
        ),
        (
            "what has to be so of a body",
            "  - {name: a, request: {path: /admin}, expect: {reply: {body: {contains: a}}}}\n",
        ),
        (
            "a text in a block",
            "  - name: a\n    request: {path: /admin}\n    expect:\n      reply:\n        body: |\n          old\n",
        ),
        (
            "what two rows do not agree about",
            "  - {name: a, table: {columns: [path, body], rows: [[/public, a], [/public, b]]}, expect: {upstream: {body: old}}}\n",
        ),
        (
            "what is no text",
            "  - {name: a, request: {path: /public, body: {base64: /w==}}, expect: {upstream: {body: old}}}\n",
        ),
        (
            "without a reason",
            "  - {name: a, request: {path: /admin}, expect: {reply: {body: \"forbidden\\n\"}}}\n",
        ),
    ] {
        let (text, written) = updated(case);
        let both_rows = sentence.contains("two rows");
        assert_eq!(written, u64::from(both_rows), "{sentence}");
        assert!(both_rows || text == case, "{sentence}: {text}");
    }
}

#[test]
fn update_writes_files_and_a_trace_is_compared_line_by_line() {
    let cases = "  - {name: a, request: {path: /admin}, expect: {trace: a.trace, reply: {body: {file: body}}}}
  - name: b
    steps: [{requestHeaders: {path: /public}}, {finish: true, expect: {trace: one.trace}}, {requestHeaders: {path: /admin}}]
    expect: {trace: a.trace}\n";
    let directory = directory(&[("s.yaml", &scenario(cases))]);
    let play = |arguments: &[&str]| outgate(directory.path(), &[&["s.yaml"], arguments].concat());
    let read = |file: &str| fs::read_to_string(directory.path().join(file)).unwrap();

    let before = play(&[]);
    assert_eq!(before.status, 1);
    assert!(
        before.out.contains("a.trace cannot be read: No such file"),
        "{}",
        before.out
    );
    assert!(before.out.contains("--update writes it"), "{}", before.out);

    let update = play(&["--update"]);
    assert_eq!(update.status, 0, "{}", update.text());
    assert!(update.out.contains("updated: 3 expectations"), "{}", update.out);
    assert_eq!(read("body"), "forbidden\n");
    assert!(read("one.trace").contains("proxy_add_header_map_value(request headers, \"x-gate\", \"public\")"));
    assert!(read("a.trace").contains("proxy_send_local_response(403"));
    assert_eq!(play(&[]).status, 0);

    fs::write(directory.path().join("a.trace"), read("a.trace").replace("403", "401")).unwrap();
    let after = play(&[]);
    assert_eq!(after.status, 1);
    assert!(
        after
            .out
            .contains("line 4 of a.trace: on_request_headers: proxy_send_local_response(401"),
        "{}",
        after.out
    );
}

#[test]
fn cases_that_write_different_things_into_one_file_cannot_both_be_right() {
    let cases = "  - {name: a, request: {path: /admin}, expect: {trace: t}}\n  - {name: b, request: {path: /public}, expect: {trace: t}}\n";
    let directory = directory(&[("s.yaml", &scenario(cases))]);
    let run = outgate(directory.path(), &["s.yaml", "--update", "--json"]);
    let report = run.json();
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&1.into(), &1.into()),
        "{}",
        run.out
    );
}

#[test]
fn ways_of_delivery_have_one_trace() {
    let cases = "  - {name: a, request: {body: '0123'}, vary: {chunks: [whole, 1]}, expect: {trace: t}}\n";
    let directory = directory(&[("s.yaml", &scenario_of("filter: {wasm: probe.wasm, config: b}", cases))]);
    for arguments in [&["s.yaml", "--update"][..], &["s.yaml"]] {
        let run = outgate(directory.path(), arguments);
        assert_eq!(run.status, 0, "{}", run.text());
    }
}

#[test]
fn update_writes_all_scenarios_of_a_file_at_once() {
    let one = scenario("  - {name: a, request: {path: /admin}, expect: {reply: {body: old}}}\n");
    let directory = directory(&[("s.yaml", &format!("{one}---\n{one}"))]);
    let run = outgate(directory.path(), &["s.yaml", "--update"]);
    assert_eq!(run.status, 0, "{}", run.text());
    let text = fs::read_to_string(directory.path().join("s.yaml")).unwrap();
    assert_eq!(text.matches(r#"body: "forbidden\n""#).count(), 2, "{text}");
}
