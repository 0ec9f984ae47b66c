//! How a module with custom policies is configured on the command line.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::in_directory::run_in;
use super::module;
use super::run::Run;

const GATEWAY: [&str; 2] = ["--gateway", "istio-system/istio-egressgateway"];
const EXTENSIONS: &str = "\
budget:
  mode: enforce
  limits:
  - {name: all, hosts: [\"*\"], window: 1m, requests: 1}
";

const SCENARIO: &str = "\
apiVersion: outgate/v1
kind: Scenario
metadata: {name: with a budget}
spec:
  gateway: istio-system/istio-egressgateway
  manifests: [m.yaml]
  steps:
  - name: one request
    requests:
    - name: the first goes out
      request: {url: \"http://test.com/\", principal: cluster.local/ns/shop/sa/cart}
      expect: {status: 200, decision: allow}
    - name: the second does not
      request: {url: \"http://test.com/\", principal: cluster.local/ns/shop/sa/cart}
      expect: {status: 429, decision: deny, rule: \"extension[budget]-reason[all:requests]\"}
";

/// A directory with a gateway's manifests, what its custom policy is configured with, and a scenario.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let workloads = module::project().join("examples/asm-egress-gateway/workloads.yaml");
    fs::copy(workloads, directory.path().join("m.yaml")).expect("manifests");
    for (name, text) in [
        ("e.yaml", EXTENSIONS),
        ("s.yaml", SCENARIO),
        ("wrong.yaml", "- budget\n"),
    ] {
        fs::write(directory.path().join(name), text).expect(name);
    }
    directory
}

#[test]
fn a_configuration_has_the_extensions_of_the_file() {
    let directory = directory();
    let arguments = [
        &["build", "m.yaml", "--for", "filter", "--extensions", "e.yaml"],
        &GATEWAY[..],
    ]
    .concat();
    let output = run_in(directory.path(), "", &arguments);
    assert!(output.status == 0, "{}", output.text());
    let configuration: Value = output.json();
    assert_eq!(
        configuration["extensions"],
        json!({"budget": {"mode": "enforce", "limits": [
            {"name": "all", "hosts": ["*"], "window": "1m", "requests": 1},
        ]}})
    );
}

/// As a pipe is: it can be read once.
#[test]
fn the_file_is_read_once() {
    let directory = directory();
    let line = format!(
        "cat e.yaml | '{}' build m.yaml --for istio --out istio --url oci://registry.example/budget:1 --extensions /dev/stdin \
         --gateway istio-system/istio-egressgateway",
        env!("CARGO_BIN_EXE_outgate")
    );
    let output = Run::of(Command::new("sh").args(["-c", &line]).current_dir(directory.path()), "");
    assert_eq!(output.status, 0, "{}", output.text());
}

#[test]
fn what_is_for_a_cluster_configures_and_logs_custom_policies() {
    let directory = directory();
    let arguments = [
        "build",
        "m.yaml",
        "--for",
        "istio",
        "--out",
        "istio",
        "--url",
        "oci://registry.example/budget:1",
    ];
    let of_policies = ["--extensions", "e.yaml", "--log-property", "outgate_budget_left"];
    let output = run_in(directory.path(), "", &[&arguments[..], &of_policies, &GATEWAY].concat());
    assert!(output.status == 0, "{}", output.text());
    let read = |file: &str| fs::read_to_string(directory.path().join("istio").join(file)).expect(file);
    assert!(
        read("wasm-plugin.yaml").contains("budget:"),
        "{}",
        read("wasm-plugin.yaml")
    );
    let mesh = read("mesh-config.yaml");
    assert!(
        mesh.contains("%FILTER_STATE(wasm.outgate_budget_left:PLAIN)%"),
        "{mesh}"
    );
}

#[test]
fn the_log_of_a_proxy_has_the_fields_of_custom_policies() {
    let directory = directory();
    let example = module::project().join("examples/asm-egress-gateway");
    let example = example.to_str().expect("a path in UTF-8");
    let arguments = [
        "build",
        example,
        "--for",
        "envoy",
        "--proxy",
        "gateway:istio-system/istio-egressgateway",
    ];
    let of_policies = [
        "--filter",
        "m.yaml",
        "--extensions",
        "e.yaml",
        "--log-property",
        "outgate_budget_left",
    ];
    let output = run_in(directory.path(), "", &[&arguments[..], &of_policies].concat());
    assert!(output.status == 0, "{}", output.text());
    let bootstrap = &output.out;
    assert!(
        bootstrap.contains("%FILTER_STATE(wasm.outgate_budget_left:PLAIN)%"),
        "{bootstrap}"
    );
}

#[test]
fn scenarios_are_played_with_custom_policies() {
    let directory = directory();
    let module = module::example("budget");
    let module = module.to_str().expect("a path in UTF-8");
    let output = run_in(
        directory.path(),
        "",
        &["test", "s.yaml", "--filter", module, "--extensions", "e.yaml"],
    );
    assert!(output.status == 0, "{}", output.text());
    let without = run_in(directory.path(), "", &["test", "s.yaml", "--filter", module]);
    assert_eq!(without.status, 2);
    assert!(
        without.text().contains("extensions.budget is missing"),
        "{}",
        without.text()
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let directory = directory();
    let rows: [(&[&str], &str); 6] = [
        (
            &["build", "m.yaml", "--for", "rbac", "--extensions", "e.yaml"],
            "custom policies are in the filter's module",
        ),
        (
            &["build", "m.yaml", "--for", "filter", "--extensions", "wrong.yaml"],
            "wrong.yaml:1:1",
        ),
        (
            &["build", "m.yaml", "--for", "filter", "--extensions", "none.yaml"],
            "none.yaml cannot be read",
        ),
        (
            &[
                "build",
                "m.yaml",
                "--for",
                "filter",
                "--log-property",
                "outgate_budget_left",
            ],
            "--log-property is for --for istio and --for envoy",
        ),
        (
            &["build", "m.yaml", "--for", "filter", "--log-property", "outgate_rule"],
            "outgate_POLICY_FIELD",
        ),
        (
            &[
                "build",
                "m.yaml",
                "--for",
                "filter",
                "--log-property",
                "outgate_a_%REQ(X)%",
            ],
            "outgate_POLICY_FIELD",
        ),
    ];
    for (arguments, expected) in rows {
        let output = run_in(directory.path(), "", &[arguments, &GATEWAY].concat());
        assert_eq!(output.status, 2, "{arguments:?}");
        assert!(output.text().contains(expected), "{arguments:?}: {}", output.text());
    }
}
