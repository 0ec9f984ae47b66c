//! What the command does with suites: where it finds what they need, which tests it plays, and what it refuses.

use std::fs;

use super::{Run, directory, outgate};

const SUITE: &str = r#"
env { wasm_path: "plugin.wasm" }
test { name: "one" request_headers { input { content: "GET /a HTTP/1.1\nHost: shop.test\n" } } }
test { name: "two" response_headers { input { header { key: ":status" value: "404" } } result { immediate { } } } }
test { request_body { input { content: "x" } } }
"#;

fn run(suite: &str, arguments: &[&str]) -> Run {
    let directory = directory(&[("tests.textpb", suite)]);
    outgate(directory.path(), &[&["tests.textpb"], arguments].concat())
}

#[test]
fn results_are_a_table() {
    let run = run(SUITE, &[]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert_eq!(
        run.out,
        "\
tests  tests.textpb

  ✓ one      GET shop.test/a  forwarded
  ✗ two                       forwarded 404
      tests.textpb:4
      response_headers.result.immediate  tests.textpb:4
        expected  a local reply
        found     none: the callback went on
      what happened:
        forwarded; the client got 404 (via_upstream)
          log [info] on_context_create: stream created
          log [info] on_response_headers: response lines = 1
          log [info] on_done: done
          log [info] on_delete: deleted
          on_context_create: proxy_log(2, \"stream created\") -> OK
          on_response_headers: proxy_log(2, \"response lines = 1\") -> OK
          on_response_headers: proxy_add_header_map_value(response headers, \"Seen\", \"yes\") -> OK
          on_response_headers: proxy_get_header_map_value(response headers, \"x-do\") -> NOT_FOUND: there is no such header
          on_done: proxy_log(2, \"done\") -> OK
          on_delete: proxy_log(2, \"deleted\") -> OK
          log [info] initialization: VM
          log [info] on_context_create: plugin created
          log [info] on_vm_start: started
          log [info] on_configure: configuration = \n          log [info] on_done: done
          log [info] on_delete: deleted
  ✓ test[2]                   forwarded

2 passed, 1 failed
"
    );
}

#[test]
fn tests_are_chosen_by_name() {
    let one = run(SUITE, &["--case", "one"]);
    assert_eq!(one.status, 0, "{}{}", one.out, one.err);
    assert!(one.out.contains("1 passed, 0 failed"), "{}", one.out);
    let unnamed = run(SUITE, &["--case", "test[2]", "--case", "one", "--json"]);
    assert_eq!(unnamed.json()["passed"], 2);
    let unknown = run(SUITE, &["--case", "tow"]);
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.err.contains("there is no case `tow`; did you mean `two`?"),
        "{}",
        unknown.err
    );
    let tag = run(SUITE, &["--tag", "slow"]);
    assert_eq!(tag.status, 2);
    assert!(tag.err.contains("there is no tag `slow`"), "{}", tag.err);
}

#[test]
fn a_suite_that_is_left_out_needs_no_plugin() {
    let directory = directory(&[
        ("a.textpb", SUITE),
        ("b.textpb", "env { wasm_path: 'gone.wasm' } test { name: 'b' }"),
    ]);
    let run = outgate(directory.path(), &[".", "--case", "one"]);
    assert_eq!(
        (run.status, run.out.contains("b.textpb")),
        (0, false),
        "{}{}",
        run.out,
        run.err
    );
    let all = outgate(directory.path(), &["."]);
    assert_eq!(all.status, 2);
    assert!(all.err.contains("b.textpb: gone.wasm: No such file"), "{}", all.err);
}

#[test]
fn what_means_nothing_to_a_suite_is_refused() {
    for (arguments, expected) in [
        (
            &["--in", "envoy"][..],
            "tests.textpb is a suite of the plugin tester, which the embedded host plays",
        ),
        (
            &["--update"],
            "tests.textpb is a suite of the plugin tester, and stays as it is",
        ),
    ] {
        let run = run(SUITE, arguments);
        assert_eq!(run.status, 2, "{arguments:?}");
        assert!(run.err.contains(expected), "{}", run.err);
    }
    let scenario = "apiVersion: outgate/v1\nkind: FilterScenario\nmetadata: {name: s}\nspec:\n  filter: {wasm: plugin.wasm}\n  cases: [{name: a}]\n";
    let directory = directory(&[("s.yaml", scenario)]);
    let run = outgate(directory.path(), &["s.yaml", "--config", "text:x"]);
    assert_eq!(run.status, 2);
    assert!(
        run.err
            .contains("s.yaml has a `kind: FilterScenario`, which says it itself"),
        "{}",
        run.err
    );
}

#[test]
fn the_plugin_and_its_configuration_are_found() {
    let named = "env { config_path: 'c.txt' } test { plugin_init { log { exact: 'configuration = file' } } }";
    let given = "env { wasm_path: 'gone.wasm' config_path: 'gone.txt' } test { plugin_init { log { exact: 'configuration = flag' } } }";
    let directory = directory(&[("c.txt", "file"), ("named.textpb", named), ("given.textpb", given)]);
    let within = directory.path().join("within");
    fs::create_dir(&within).unwrap();
    fs::rename(directory.path().join("named.textpb"), within.join("named.textpb")).unwrap();

    // As the tester has it, from the directory in which it runs.
    let run = outgate(directory.path(), &["within/named.textpb", "--filter", "plugin.wasm"]);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    // Where there is none, beside the suite.
    fs::rename(directory.path().join("c.txt"), within.join("c.txt")).unwrap();
    let run = outgate(directory.path(), &["within/named.textpb", "--filter", "plugin.wasm"]);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    // The flags come first.
    let run = outgate(
        directory.path(),
        &["given.textpb", "--filter", "plugin.wasm", "--config", "text:flag"],
    );
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);

    for (arguments, expected) in [
        (
            &["within/named.textpb"][..],
            "within/named.textpb: which plugin? Say it with `env { wasm_path }` here, or with --filter",
        ),
        (&["given.textpb"], "given.textpb: gone.wasm: No such file"),
        (&["given.textpb", "--filter", "plugin.wasm"], "gone.txt: No such file"),
        (
            &["given.textpb", "--filter", "within/c.txt"],
            "given.textpb: within/c.txt: ",
        ),
    ] {
        let run = outgate(directory.path(), arguments);
        assert_eq!(run.status, 2, "{arguments:?}: {}", run.out);
        assert!(run.err.contains(expected), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_plugin_that_refuses_its_configuration_fails_its_tests() {
    let run = run(SUITE, &["--config", "text:1234567", "--json"]);
    assert_eq!(run.status, 1);
    let report = run.json();
    let difference = &report["suites"][0]["cases"][0]["differences"][0];
    assert_eq!(difference["field"], "plugin_init");
    assert_eq!(difference["expected"], "the plugin to start");
    assert!(
        difference["found"]
            .as_str()
            .unwrap()
            .contains("configuration = 1234567"),
        "{difference}"
    );
}

#[test]
fn what_cannot_be_played_is_told_with_its_place() {
    for (suite, expected) in [
        ("test { nam: 'x' }", "tests.textpb:1:8: `test[0]` has no field `nam`"),
        ("# nothing", "tests.textpb: there is no `test` in this suite"),
        (
            "env { wasm_path: 'plugin.wasm' }\ntest { plugin_init { log { regex: 'a(b' } } }",
            "tests.textpb:2:26: `log` has no expression in `regex`: unclosed group",
        ),
        (
            "env { wasm_path: 'plugin.wasm' }\ntest { request_headers { result { body { regex: 'a)(b' } } } }",
            "tests.textpb:2:40: `body` has no expression in `regex`: unopened group",
        ),
        (
            r"test { request_headers { result { headers { regex: 'a\\Zb' } } } }",
            r"tests.textpb:1:43: `headers` has no expression in `regex`: RE2 has no escape `\Z`",
        ),
        (
            "test { request_body { input { file: 'gone' } } }",
            "tests.textpb:1:21: gone cannot be read: No such file",
        ),
        (
            "test { request_body { result { body { file: 'gone' } } } }",
            "tests.textpb:1:37: gone cannot be read: No such file",
        ),
        (
            "test { request_headers { input { content: 'GET' } } }",
            "tests.textpb:1:24: line 1 of the content: the first line is not a method",
        ),
        (
            "test { response_headers { input { file: 'tests.textpb' } } }",
            "tests.textpb:1: line 1 of the content: ",
        ),
        (
            "test { num_chunks: 4 request_body { input { content: 'abc' } } }",
            "tests.textpb:1:35: a body of 3 bytes cannot be cut into 4 pieces",
        ),
        (
            "test { num_chunks: 2147483647 request_body { } }",
            "tests.textpb:1:44: a body of 0 bytes cannot be cut into 2147483647 pieces",
        ),
        (
            "env { wasm_path: 'plugin.wasm' num_additional_streams: 10001 } test { benchmark: true }",
            "tests.textpb: `env.num_additional_streams` is 10001: this host takes at most 10000",
        ),
    ] {
        let run = run(suite, &[]);
        assert_eq!(run.status, 2, "{suite}: {}", run.out);
        assert!(run.err.contains(expected), "{suite}\n{}", run.err);
    }
}

#[test]
fn suites_are_found_in_a_directory() {
    let yaml = "env:\n  wasm_path: plugin.wasm\ntest:\n- name: in YAML\n  num_chunks: '2'\n  response_body:\n  - input: {content: abcd}\n    result:\n      body:\n      - regex: ab!cd!\n      - exact: x\n        invert: 'true'\n";
    let directory = directory(&[
        ("a.textproto", SUITE),
        ("b.yaml", yaml),
        // These are for others.
        ("workflow.yml", "env:\n  A: b\non: push\n"),
        ("other.yaml", "test: a text\n"),
        ("bootstrap.pbtxt", "node { id: 'a' }\ntesting: true\n"),
    ]);
    let run = outgate(directory.path(), &[".", "--json"]);
    let report = run.json();
    let files: Vec<_> = report["suites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|suite| suite["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["./a.textproto", "./b.yaml"], "{}", run.err);
    assert_eq!((&report["passed"], &report["failed"]), (&3.into(), &1.into()));
    assert_eq!(report["filterScenarios"], serde_json::json!([]));

    let named = outgate(directory.path(), &["bootstrap.pbtxt"]);
    assert!(
        named
            .err
            .contains("bootstrap.pbtxt:1:1: a test suite has no field `node`"),
        "{}",
        named.err
    );
    let broken = outgate(directory.path(), &["b.yaml", "--case", "in YAML", "--config", "text:x"]);
    assert_eq!(broken.status, 0, "{}{}", broken.out, broken.err);
    fs::write(directory.path().join("b.yaml"), "test:\n- nam: x\n").unwrap();
    let broken = outgate(directory.path(), &["."]);
    assert!(
        broken.err.contains("b.yaml:2:3: `test[0]` has no field `nam`"),
        "{}",
        broken.err
    );
}

#[test]
fn results_go_into_a_file_for_ci() {
    let directory = directory(&[("tests.textpb", SUITE)]);
    let run = outgate(directory.path(), &["tests.textpb", "--junit", "results.xml"]);
    assert_eq!(run.status, 1);
    let document = fs::read_to_string(directory.path().join("results.xml")).unwrap();
    for part in [
        r#"<testsuite name="tests" file="tests.textpb" tests="3" failures="1" skipped="0">"#,
        r#"<testcase name="one" classname="tests" file="tests.textpb" line="3"/>"#,
        r#"<failure message="response_headers.result.immediate: expected a local reply, found none: the callback went on">"#,
    ] {
        assert!(document.contains(part), "{part}\n{document}");
    }
}

#[test]
fn the_log_is_shown_and_no_file_is_written() {
    let with = |path: &str| SUITE.replace("env {", &format!("env {{ log_path: '{path}' "));
    let directory = directory(&[
        ("out.textpb", &with("/dev/stdout")),
        ("file.textpb", &with("plugin.log")),
    ]);
    let shown = outgate(directory.path(), &["out.textpb", "--case", "one", "--json"]);
    assert_eq!(shown.json()["passed"], 1);
    for line in [
        "--- one",
        "[info] initialization: VM",
        "[warn] on_request_headers: a warning",
        "[info] on_done: done",
    ] {
        assert!(shown.err.contains(line), "{line}\n{}", shown.err);
    }
    assert!(!shown.err.contains("a detail"), "{}", shown.err);
    let file = outgate(directory.path(), &["file.textpb", "--case", "one"]);
    assert_eq!(file.status, 0);
    assert!(
        file.err.contains("nothing is written to plugin.log; /dev/stderr shows"),
        "{}",
        file.err
    );
    assert!(!directory.path().join("plugin.log").exists());
}

#[test]
fn a_hostile_name_does_not_paint_over_the_terminal() {
    let run = run(
        "env { wasm_path: 'plugin.wasm' } test { name: '\\x1b[2Jx' plugin_init { log { exact: '\\x1b]0;y' } } }",
        &[],
    );
    assert_eq!(run.status, 1);
    assert!(!run.out.contains('\u{1b}'), "{:?}", run.out);
}
