//! `outgate build`, told where and how the policies are enforced.

use crate::in_directory::run_in;
use crate::run::Run;
use crate::{GATEWAY, policy};

const URL: [&str; 2] = ["--url", "oci://registry.example/outgate:v1"];
const RULE: &str = "to: [{operation: {hosts: [test.com]}}]";

/// What a run left in its directory.
struct Built {
    run: Run,
    directory: tempfile::TempDir,
}

impl Built {
    fn of(manifests: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("p.yaml"), manifests).unwrap();
        let run = run_in(directory.path(), "", &[&["build", "p.yaml"], arguments].concat());
        Self { run, directory }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join("out").join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", self.run.err))
    }

    /// The plugins, in their order.
    fn plugins(&self) -> Vec<String> {
        self.file("wasm-plugin.yaml")
            .split("---\n")
            .map(str::to_owned)
            .collect()
    }
}

#[track_caller]
fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found.trim() == *line), "no `{line}` in {text}");
    }
}

/// One workload that calls others, with the labels that its pods have.
fn client(name: &str, namespace: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{serviceAccountName: {name}}}
"
    )
}

fn at_sidecars(manifests: &str, arguments: &[&str]) -> Built {
    let fixed = ["--for", "istio", "--at", "sidecar", "--out", "out"];
    Built::of(manifests, &[&fixed[..], &GATEWAY, &URL, arguments].concat())
}

#[test]
fn the_filter_at_sidecars_is_the_workload_itself_and_decides_what_leaves_the_mesh() {
    let manifests = policy("istio-system", RULE) + &client("sleep", "default") + &client("batch", "jobs");
    let built = at_sidecars(&manifests, &[]);
    assert_eq!(built.run.status, 0, "{}", built.run.err);
    let plugins = built.plugins();
    assert_eq!(plugins.len(), 2, "{plugins:#?}");
    for (plugin, namespace) in plugins.iter().zip(["namespace: default", "namespace: jobs"]) {
        assert_lines(
            plugin,
            &[
                namespace,
                "- mode: CLIENT",
                "failStrategy: FAIL_CLOSE",
                "identity: self",
                "- istio-egressgateway.istio-system.svc.cluster.local",
            ],
        );
    }
    let readme = built.file("README.md");
    assert!(readme.contains("no boundary against a hostile pod"), "{readme}");
}

#[test]
fn one_client_is_selected_by_its_labels() {
    let manifests = policy("istio-system", RULE) + &client("sleep", "default") + &client("batch", "default");
    let built = at_sidecars(&manifests, &["--client", "default/sleep"]);
    let plugins = built.plugins();
    assert_eq!(plugins.len(), 1, "{plugins:#?}");
    assert_lines(&plugins[0], &["name: outgate-sleep", "matchLabels:", "app: sleep"]);
}

#[test]
fn what_would_run_where_nobody_means_it_is_refused() {
    let base = policy("istio-system", RULE) + &client("sleep", "default");
    let in_root = policy("istio-system", RULE) + &client("sleep", "istio-system");
    for (manifests, arguments, words) in [
        (
            policy("istio-system", RULE),
            &[][..],
            "name namespaces, or workloads, with --client",
        ),
        (in_root, &[], "it is the root namespace"),
        (base.clone(), &["--client", "istio-system"], "it is the root namespace"),
        (
            base.clone(),
            &["--client", "default/nobody"],
            "nothing would select its pods",
        ),
        (base.clone(), &["--client", ""], "expected NAMESPACE or NAMESPACE/NAME"),
        (base.clone(), &["--identity", "forwarded-client-cert"], "--identity"),
    ] {
        let built = at_sidecars(&manifests, arguments);
        assert!(
            built.run.status == 2 && built.run.err.contains(words),
            "{arguments:?}: {} {}",
            built.run.status,
            built.run.err
        );
    }
    let built = Built::of(
        &base,
        &[
            &["--for", "istio", "--out", "out", "--client", "default"],
            &GATEWAY[..],
            &URL,
        ]
        .concat(),
    );
    assert!(
        built.run.err.contains("--client is for --at sidecar"),
        "{}",
        built.run.err
    );
}

#[test]
fn connections_get_a_filter_of_their_own_where_some_are_passed_on() {
    let gateway = "---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: out, namespace: istio-system}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 8443, name: tls, protocol: TLS}
    tls: {mode: PASSTHROUGH}
    hosts: [api.example]
---
apiVersion: v1
kind: Service
metadata: {name: istio-egressgateway, namespace: istio-system}
spec:
  selector: {istio: egressgateway}
  ports: [{name: tls, port: 443, targetPort: 8443}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-egressgateway, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  template: {metadata: {labels: {istio: egressgateway}}, spec: {serviceAccountName: egress}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: istio-system}
spec:
  hosts: [api.example]
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: istio-system}
spec:
  hosts: [api.example]
  gateways: [out]
  tls:
  - match: [{port: 8443, sniHosts: [api.example]}]
    route: [{destination: {host: api.example, port: {number: 443}}}]
";
    let sni = policy("istio-system", "when: [{key: connection.sni, values: [bad.example]}]");
    let manifests = sni + gateway;
    let built = Built::of(
        &manifests,
        &[&["--for", "istio", "--out", "out"], &GATEWAY[..], &URL].concat(),
    );
    assert_eq!(built.run.status, 0, "{}", built.run.err);
    let plugins = built.plugins();
    let network: Vec<&String> = plugins
        .iter()
        .filter(|plugin| plugin.contains("type: NETWORK"))
        .collect();
    assert_eq!(network.len(), 1, "{plugins:#?}");
    assert_lines(network[0], &["- number: 8443", "type: NETWORK"]);
}

#[test]
fn canonical_matching_and_what_becomes_of_ambiguous_requests_are_in_the_configuration() {
    let arguments = ["--for", "filter", "--matching", "canonical", "--on-ambiguous", "400"];
    let built = Built::of(&policy("istio-system", RULE), &[&arguments[..], &GATEWAY].concat());
    let config = built.run.json();
    let mesh = &config["mesh"];
    assert_eq!(
        (&mesh["matching"], &mesh["onAmbiguous"]),
        (&"canonical".into(), &"400".into()),
        "{mesh}"
    );
}

#[test]
fn canonical_matching_refuses_what_would_match_nothing_and_what_native_rbac_cannot_do() {
    let ports = policy("istio-system", "to: [{operation: {hosts: [\"test.com:8080\"]}}]");
    for (manifests, arguments, words) in [
        (ports, &["--for", "filter"][..], "p.yaml:7:"),
        (policy("istio-system", RULE), &["--for", "rbac"], "canonical"),
    ] {
        let built = Built::of(
            &manifests,
            &[arguments, &["--matching", "canonical"], &GATEWAY].concat(),
        );
        assert!(
            built.run.status != 0 && built.run.err.contains(words),
            "{arguments:?}: {} {}",
            built.run.status,
            built.run.err
        );
    }
}
