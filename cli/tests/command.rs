//! The command as its users call it: what it prints, and its exit status.

#[path = "command/in_directory.rs"]
mod in_directory;
#[path = "command/run.rs"]
mod run;

use std::fs;
use std::path::Path;

use in_directory::{outgate, run_in};
use run::Run;
use serde_json::Value;

const POLICY: &str = "\
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: test, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  action: DENY
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/sleep]}}]
    to: [{operation: {hosts: [\"test.com\", \"test.com:*\"], paths: [/headers]}}]
";

const GATEWAY: [&str; 2] = ["--gateway", "istio-system/istio-egressgateway"];

fn explain(policy: &str, arguments: &[&str]) -> Run {
    let arguments = [&["explain", "p.yaml"], &GATEWAY[..], arguments].concat();
    outgate(&[("p.yaml", policy)], "", &arguments)
}

#[test]
fn what_is_wrong_with_manifests_is_shown_where_it_stands() {
    let policy = |spec: &str| {
        format!("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p}}\nspec:\n{spec}")
    };
    let deny = |rule: &str| policy(&format!("  action: DENY\n  rules:\n  - {rule}\n"));
    for (name, manifest, wrong, words) in [
        ("broken YAML", "a: [\nb: }".to_owned(), "[", "mismatched"),
        ("a tab", policy("\taction: DENY"), "action: DENY", "tab"),
        (
            "a misspelt field",
            deny("to: [{operation: {path: [/a]}}]"),
            "path:",
            "did you mean `paths`?",
        ),
        (
            "a number that must be a text",
            deny("to: [{operation: {ports: [80]}}]"),
            "80",
            "\"80\"",
        ),
        (
            "a word that kubectl reads as a boolean",
            deny("when: [{key: \"request.headers[x]\", values: [on]}]"),
            "on]",
            "\"on\"",
        ),
        (
            "a text for a list",
            deny("to: [{operation: {paths: /a}}]"),
            "/a",
            "list",
        ),
        (
            "a bad address",
            deny("from: [{source: {ipBlocks: [10.0.0.0/8, 10.0.0.256]}}]"),
            "10.0.0.256",
            "CIDR",
        ),
        (
            "a bad template",
            deny("to: [{operation: {paths: [\"/a/{*}b\"]}}]"),
            "\"/a/",
            "brace",
        ),
        (
            "a key twice",
            policy("  action: DENY\n  action: ALLOW\n"),
            "action: ALLOW",
            "",
        ),
        (
            "an unknown version",
            POLICY.replace("v1beta1", "v1beta9"),
            "security.istio.io/v1beta9",
            "v1beta9",
        ),
        (
            "the same policy twice",
            format!("{POLICY}---\n{POLICY}"),
            "AuthorizationPolicy\nmetadata",
            "istio-system/test",
        ),
    ] {
        // The last place where the text stands is the wrong one.
        let before = &manifest[..manifest.rfind(wrong).unwrap()];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        let place = format!("m.yaml:{line}:{column}");
        let run = outgate(&[("m.yaml", &manifest)], "", &["check", "m.yaml"]);
        assert_eq!(run.status, 1, "{name}: {}{}", run.out, run.err);
        assert!(
            run.err.contains(&place) && run.err.contains(words),
            "{name}: {place} {words}\n{}",
            run.err
        );
        let run = outgate(
            &[("m.yaml", &manifest)],
            "",
            &[&["build", "--for", "filter", "m.yaml"], &GATEWAY[..]].concat(),
        );
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{name}: nothing is built");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_ends_with_2_or_findings() {
    let run = outgate(&[], "", &["check", "absent.yaml"]);
    assert!(
        run.status != 0 && run.err.contains("absent.yaml cannot be read"),
        "{}",
        run.err
    );
    let huge = "x: ".to_owned() + &"y".repeat(65 << 20);
    let run = outgate(&[("huge.yaml", &huge)], "", &["check", "huge.yaml"]);
    assert!(run.status != 0 && run.err.contains("larger than 64 MiB"), "{}", run.err);
}

#[test]
fn lists_json_and_standard_input_are_read() {
    let list = format!(
        r#"{{"apiVersion": "v1", "kind": "List", "items": [
            {{"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {{"name": "a", "uid": "1"}}, "spec": {{}}}},
            {{"apiVersion": "v1", "kind": "Service", "metadata": {{"name": "s"}}, "spec": {}}}
        ]}}"#,
        "{}"
    );
    let run = outgate(&[], &list, &["check", "-", "--output", "json"]);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    assert_eq!(run.json()["policies"], 1);
}

#[test]
fn a_policy_that_no_gateway_selects_is_pointed_at() {
    let other = POLICY.replace("istio: egressgateway", "istio: other");
    let run = outgate(
        &[("p.yaml", &other)],
        "",
        &[&["check", "p.yaml", "--output", "json"], &GATEWAY[..]].concat(),
    );
    assert_eq!(run.status, 1);
    let finding = &run.json()["findings"][0];
    assert_eq!(
        (&finding["policy"], &finding["line"]),
        (&"istio-system/test".into(), &5.into())
    );
    assert!(
        finding["message"].as_str().unwrap().contains("does not apply"),
        "{finding}"
    );
}

#[test]
fn one_request_is_explained() {
    let sleep = ["--principal", "cluster.local/ns/default/sa/sleep"];
    let run = explain(
        POLICY,
        &[
            &sleep[..],
            &["--output", "json", "GET", "http://TEST.com:80/x/../headers?q=1"],
        ]
        .concat(),
    );
    let report = run.json();
    assert_eq!(
        (&report["verdict"], &report["engine"]),
        (&"deny".into(), &"deny".into())
    );
    assert_eq!(report["rule"], "ns[istio-system]-policy[test]-rule[0]");
    assert_eq!(report["shadow"]["deny"], Value::Null);

    let run = explain(POLICY, &["GET", "http://test.com/headers"]);
    assert_eq!(run.status, 0);
    assert!(
        run.out.contains("ALLOW")
            && run
                .out
                .contains("the connection has no peer certificate: not `cluster.local/ns/default/sa/sleep`"),
        "{}",
        run.out
    );

    for (name, arguments, words) in [
        ("no URL", &["GET", "test.com"][..], "is no URL"),
        ("no method", &["http://test.com/"], "FILES... METHOD URL"),
        (
            "a path that a proxy answers itself",
            &["GET", "http://test.com/%00"],
            "before any policy",
        ),
        (
            "a file that is not there",
            &["--jwt-claims", "absent.json", "GET", "http://test.com/"],
            "absent.json cannot be read",
        ),
    ] {
        let run = explain(POLICY, arguments);
        assert!(
            run.status == 2 && run.err.contains(words),
            "{name}: {} {}",
            run.status,
            run.err
        );
    }
}

#[test]
fn claims_of_every_type_are_explained() {
    let policy = POLICY.replace(
        "from: [{source: {principals: [cluster.local/ns/default/sa/sleep]}}]",
        "when: [{key: \"request.auth.claims[x]\", values: [\"*\"]}]",
    );
    for (claims, verdict) in [
        (r#"{"x": null}"#, "allow"),
        (r#"{"x": 1}"#, "allow"),
        (r#"{"x": ["", "y"]}"#, "deny"),
        ("{}", "allow"),
    ] {
        let files = [("p.yaml", policy.as_str()), ("claims.json", claims)];
        let arguments = [
            "explain",
            "p.yaml",
            "--jwt-claims",
            "claims.json",
            "--output",
            "json",
            "GET",
            "http://test.com/headers",
        ];
        let run = outgate(&files, "", &[&arguments[..], &GATEWAY].concat());
        assert_eq!(run.json()["verdict"], verdict, "{claims}: {}", run.err);
    }
}

#[test]
fn a_policy_that_cannot_be_enforced_is_refused_in_words() {
    let custom = POLICY
        .replace("action: DENY", "action: CUSTOM\n  provider: {name: authz}")
        .replace(
            "from: [{source: {principals: [cluster.local/ns/default/sa/sleep]}}]\n    ",
            "",
        );
    for target in ["filter", "rbac"] {
        let run = outgate(
            &[("p.yaml", &custom)],
            "",
            &[&["build", "--for", target, "p.yaml"], &GATEWAY[..]].concat(),
        );
        assert!(
            run.status == 2 && run.err.contains("no extension provider `authz`") && run.out.is_empty(),
            "{target}: {}{}",
            run.out,
            run.err
        );
    }
}

#[test]
fn scenarios_say_where_they_are_wrong() {
    let scenario = |request: &str| {
        format!(
            "apiVersion: outgate/v1\nkind: Scenario\nmetadata: {{name: s}}\nspec:\n  gateway: istio-system/istio-egressgateway\n  manifests: [p.yaml]\n  steps:\n  - name: one\n    requests:\n    - {request}\n"
        )
    };
    for (name, request, words) in [
        (
            "a misspelt key",
            "{name: r, request: {url: \"http://a/\"}, expects: {status: 200}}",
            "s.yaml:10:",
        ),
        (
            "no URL",
            "{name: r, request: {url: \"a\"}, expect: {status: 200}}",
            "s.yaml:10: `a` is no URL",
        ),
        (
            "two identities",
            "{name: r, request: {url: \"http://a/\", principal: x, peer: {}}, expect: {status: 200}}",
            "not both",
        ),
    ] {
        let files = [("p.yaml", POLICY), ("s.yaml", &scenario(request))];
        let run = outgate(&files, "", &["test", "s.yaml"]);
        let built = std::env::var_os("OUTGATE_FILTER_WASM").is_some();
        if name == "a misspelt key" || built {
            assert!(
                run.status == 2 && run.err.contains(words),
                "{name}: {} {}",
                run.status,
                run.err
            );
        } else {
            println!("skipped: {name}: there is no module; build it with `cargo xtask wasm`");
        }
    }
    let run = outgate(&[("p.yaml", POLICY)], "", &["test", "."]);
    assert!(run.status == 2 && run.err.contains("has no scenario"), "{}", run.err);
}

#[test]
fn a_failed_expectation_is_shown_beside_what_happened() {
    if std::env::var_os("OUTGATE_FILTER_WASM").is_none() {
        println!("skipped: there is no module; build it with `cargo xtask wasm`");
        return;
    }
    let scenario = "apiVersion: outgate/v1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  gateway: istio-system/istio-egressgateway\n  manifests: [p.yaml]\n  steps:\n  - name: one\n    requests:\n    - name: stopped\n      request: {url: \"http://test.com/headers\", principal: cluster.local/ns/default/sa/sleep}\n      expect: {status: 200, log: {no_such: x, upstream_host: z}}\n    - name: passes\n      request: {url: \"http://test.com/headers\", headers: {x: [\"\\xE9\", b]}}\n      expect: {status: 200}\n";
    let files = [("p.yaml", POLICY), ("s.yaml", scenario)];
    let run = outgate(&files, "", &["test", "s.yaml", "--output", "json"]);
    let report = run.json();
    assert_eq!(
        (run.status, &report["passed"], &report["failed"]),
        (1, &1.into(), &1.into())
    );
    let differences = &report["scenarios"][0]["steps"][0]["cases"][0]["differences"];
    assert_eq!(
        differences[0],
        serde_json::json!({"field": "status", "expected": "200", "actual": "403"})
    );
    assert_eq!(differences[1]["actual"], "(the access log has no such field)");
    assert_eq!(
        differences[2],
        serde_json::json!({"field": "upstream_host", "expected": "z", "actual": "-"})
    );
    let run = outgate(&files, "", &["test", "s.yaml"]);
    assert!(
        run.out.contains("s.yaml:10") && run.out.contains("1 passed, 1 failed"),
        "{}",
        run.out
    );
}

#[test]
fn what_a_cluster_needs_is_written_into_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("p.yaml"), POLICY).unwrap();
    let url = "oci://registry.example/mesh/outgate:1.0";
    let sha256 = "6b123c829c4952eacb22a0d19c4a9ef5ad048b67c163f6ec834e1ea597c2a964";
    let build = |arguments: &[&str]| {
        let arguments = [&["build", "--for", "istio", "p.yaml"], &GATEWAY[..], arguments].concat();
        run_in(directory.path(), "", &arguments)
    };
    for (arguments, words) in [
        (&["--url", url][..], "name their directory with --out"),
        (&["--out", "dir"][..], "--url"),
        (&["--url", url, "--sha256", "6b123c", "--out", "dir"][..], "SHA-256"),
        (
            &["--url", "ftp://files.example/outgate.wasm", "--out", "dir"][..],
            "oci://",
        ),
    ] {
        let run = build(arguments);
        assert!(
            run.status == 2 && run.err.contains(words),
            "{words}: {} {}",
            run.status,
            run.err
        );
    }
    assert!(!directory.path().join("dir").exists());

    let run = build(&["--url", url, "--sha256", sha256, "--out", "dir"]);
    assert_eq!(run.status, 0, "{}", run.err);
    let read = |name: &str| fs::read_to_string(directory.path().join("dir").join(name)).expect(name);
    let plugin = read("wasm-plugin.yaml");
    for part in [
        "kind: WasmPlugin",
        "phase: AUTHZ",
        "failStrategy: FAIL_CLOSE",
        url,
        sha256,
        "istio: egressgateway",
    ] {
        assert!(plugin.contains(part), "{part}: {plugin}");
    }
    assert!(read("telemetry.yaml").contains("kind: Telemetry"));
    assert!(read("mesh-config.yaml").contains("outgate_rule"));
    let readme = read("README.md");
    assert!(
        readme.contains("istio-system/test") && readme.contains(sha256),
        "{readme}"
    );
    assert!(run.out.contains("README.md"), "{}", run.out);
}

#[test]
fn the_published_schemas_are_printed() {
    for (arguments, file) in [
        (&["schema"][..], "filter-scenario.json"),
        (&["schema", "filter-scenario"], "filter-scenario.json"),
        (&["schema", "scenario"], "scenario.json"),
    ] {
        let run = outgate(&[], "", arguments);
        let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(file);
        assert_eq!(
            (run.status, run.out),
            (0, fs::read_to_string(published).unwrap()),
            "{arguments:?}"
        );
    }
}
