use super::{Manifests, Normalization, OutboundTrafficMode, TlsMode};
use crate::diagnostic::Diagnostics;
use crate::input::Input;

fn load(text: &str) -> (Manifests, Diagnostics) {
    Manifests::load(&[Input::Text {
        name: "a.yaml".to_owned(),
        text: text.to_owned(),
    }])
}

/// `line:column message` of each diagnostic.
fn found(text: &str) -> Vec<String> {
    let (manifests, diagnostics) = load(text);
    let records = diagnostics.records(manifests.sources());
    let place = |record: &crate::diagnostic::Record| Some(format!("{}:{} ", record.line?, record.column?));
    records
        .iter()
        .map(|record| place(record).unwrap_or_default() + &record.message)
        .collect()
}

const POLICY: &str = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {}\n";

#[test]
fn every_served_version_is_taken_and_no_other() {
    let rows = [
        ("security.istio.io/v1", "AuthorizationPolicy", "{}", true),
        ("security.istio.io/v1beta1", "AuthorizationPolicy", "{}", true),
        ("security.istio.io/v1alpha1", "AuthorizationPolicy", "{}", false),
        ("networking.istio.io/v1alpha3", "ServiceEntry", "{hosts: [a.com]}", true),
        ("networking.istio.io/v1beta1", "ServiceEntry", "{hosts: [a.com]}", true),
        ("networking.istio.io/v1", "Gateway", "{}", true),
        ("networking.istio.io/v2", "Gateway", "{}", false),
    ];
    for (version, kind, spec, is_taken) in rows {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n");
        let found = found(&text);
        assert_eq!(found.is_empty(), is_taken, "{version} {kind}: {found:?}");
    }
}

#[test]
fn what_is_not_an_object_of_ours_is_listed_or_refused() {
    let refused = [
        ("a: 1\n", "1:1 this document has no `kind`"),
        ("kind: Pod\n", "1:1 this document has no `apiVersion`"),
        ("- a\n", "1:1 expected a Kubernetes object, found a list"),
        (
            "kind: 1\napiVersion: v1\n",
            "1:7 `kind`: expected a string, found the number `1`",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: {namespace: n}\n",
            "3:23 `namespace`: expected a string, found the boolean `n`",
        ),
        (
            "apiVersion: security.istio.io/v1\nkind: AuthorisationPolicy\n",
            "2:7 `security.istio.io/v1` has no kind `AuthorisationPolicy`",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: AuthorizationPolicy\n",
            "2:7 `networking.istio.io/v1` has no kind `AuthorizationPolicy`",
        ),
        (
            "apiVersion: securty.istio.io/v1\nkind: AuthorizationPolicy\n",
            "1:13 unknown API group `securty.istio.io`",
        ),
    ];
    for (text, expected) in refused {
        assert_eq!(found(text), [expected], "{text}");
    }
    let (manifests, diagnostics) = load(
        "apiVersion: apps/v2\nkind: Widget\nmetadata: {name: foo}\n---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: s, namespace: \
         ns}\n---\napiVersion: policy.linkerd.io/v1beta1\nkind: AuthorizationPolicy\nmetadata: {name: l}\n",
    );
    assert!(diagnostics.is_empty());
    let skipped: Vec<_> = manifests
        .skipped()
        .iter()
        .map(|skipped| skipped.describe(manifests.sources()))
        .collect();
    assert_eq!(
        skipped,
        [
            "Widget apps/v2 default/foo (a.yaml:2:7)",
            "Endpoints v1 ns/s (a.yaml:6:7)",
            "AuthorizationPolicy policy.linkerd.io/v1beta1 default/l (a.yaml:10:7)",
        ]
    );
}

#[test]
fn lists_are_unpacked() {
    let item =
        r#"{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"name":"NAME"},"spec":{}}"#;
    let bare = r#"{"metadata":{"name":"NAME"},"spec":{}}"#;
    let list = |version: &str, kind: &str, items: &[String]| {
        format!(
            r#"{{"apiVersion":"{version}","kind":"{kind}","metadata":{{"resourceVersion":""}},"items":[{}]}}"#,
            items.join(",")
        )
    };
    let named = |item: &str, name: &str| item.replace("NAME", name);
    let (a, b, c) = (named(item, "a"), named(item, "b"), named(bare, "c"));
    let rows = [
        ("a list", list("v1", "List", &[a.clone(), b.clone()]), 2),
        (
            "a typed list",
            list("security.istio.io/v1", "AuthorizationPolicyList", &[a.clone(), c]),
            2,
        ),
        ("lists in a list", list("v1", "List", &[list("v1", "List", &[a]), b]), 2),
        ("an empty list", list("v1", "List", &[]), 0),
        (
            "no list at all",
            r#"{"apiVersion":"v1","kind":"List","items":null}"#.to_owned(),
            0,
        ),
    ];
    for (name, text, expected) in rows {
        assert_eq!(found(&text), Vec::<String>::new(), "{name}");
        assert_eq!(load(&text).0.policies().len(), expected, "{name}");
    }
}

#[test]
fn an_object_stands_once() {
    let twice = format!("{POLICY}---\n{}", POLICY.replace("/v1", "/v1beta1"));
    assert_eq!(
        found(&twice),
        ["7:7 AuthorizationPolicy default/p stands twice in the input"]
    );
    let (manifests, diagnostics) = load(&twice);
    assert!(!manifests.is_complete());
    let labels = diagnostics.iter().next().unwrap().labels();
    assert_eq!(manifests.sources().place(labels[1].span).to_string(), "a.yaml:2:7");
    let elsewhere = format!(
        "{POLICY}---\n{}",
        POLICY.replace("name: p", "name: p, namespace: other")
    );
    assert_eq!(found(&elsewhere), Vec::<String>::new());
}

#[test]
fn an_invalid_policy_is_left_out_and_said() {
    let text = POLICY.replace(
        "spec: {}",
        "spec:\n  action: DENY\n  rules:\n  - to:\n    - operation:\n        ports: [\"http\"]",
    );
    let (manifests, diagnostics) = load(&text);
    assert!(manifests.policies().is_empty() && !manifests.is_complete());
    let record = &diagnostics.records(manifests.sources())[0];
    assert_eq!(record.policy.as_deref(), Some("default/p"));
    assert_eq!(record.field.as_deref(), Some("spec.rules[0].to[0].operation.ports[0]"));
    assert_eq!((record.line, record.column), (Some(9), Some(17)));
}

#[test]
fn service_entries_and_gateways_are_read_whole() {
    let (manifests, diagnostics) = load(
        "apiVersion: networking.istio.io/v1alpha3\nkind: ServiceEntry\nmetadata: {name: test-com, namespace: default}\nspec:\n  hosts: \
         [test.com]\n  addresses: [192.0.2.1]\n  ports:\n  - {number: 80, name: http, protocol: HTTP, targetPort: 8080}\n  location: \
         MESH_EXTERNAL\n  resolution: STATIC\n  endpoints:\n  - address: 192.0.2.7\n    ports: {http: 8081}\n    labels: {a: b}\n    \
         weight: 5\n  exportTo: ['*']\n  subjectAltNames: [test.com]\n---\napiVersion: networking.istio.io/v1\nkind: \
         Gateway\nmetadata: {name: egress-gateway}\nspec:\n  selector: {istio: egressgateway}\n  servers:\n  - port: {number: 80, \
         name: http, protocol: HTTPS}\n    hosts: ['*']\n    tls: {mode: ISTIO_MUTUAL}\n",
    );
    assert_eq!(diagnostics.render(manifests.sources(), false), "");
    let entry = manifests.service_entries()[0].content();
    assert_eq!(entry.spec.ports.as_ref().unwrap()[0].target_port, Some(8080));
    assert_eq!(
        entry.spec.endpoints.as_ref().unwrap()[0].ports.as_ref().unwrap()["http"],
        8081
    );
    let gateway = manifests.gateways()[0].content();
    let server = &gateway.spec.servers.as_ref().unwrap()[0];
    assert_eq!(server.tls.as_ref().unwrap().mode, Some(TlsMode::IstioMutual));
}

#[test]
fn a_mistake_in_a_service_entry_is_located() {
    let text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec:\n  hosts: [a.com]\n  ports:\n  - {numer: 80}\n";
    assert_eq!(found(text), ["7:6 ServiceEntry default/a: unknown field `numer`"]);
}

#[test]
fn the_mesh_configuration_is_found_wherever_it_is() {
    let mesh = "trustDomain: td1\ntrustDomainAliases: [td2]\nrootNamespace: root\noutboundTrafficPolicy: {mode: \
                REGISTRY_ONLY}\npathNormalization: {normalization: MERGE_SLASHES}\nenableTracing: true\nmesh_mTLS: \
                {}\ndefaultConfig:\n  discoveryAddress: a:1\n  gatewayTopology: {numTrustedProxies: 2, proxyProtocol: \
                {}}\nextensionProviders:\n- name: a\n  envoyExtAuthzHttp: {port: 1}\n";
    let indented = |by: usize| {
        mesh.lines()
            .map(|line| format!("{}{line}\n", " ".repeat(by)))
            .collect::<String>()
    };
    let config_map = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\ndata:\n  mesh: |\n{}",
            indented(4)
        )
    };
    let operator = format!(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  profile: default\n  meshConfig:\n{}",
        indented(4)
    );
    let rows = [
        ("ConfigMap", config_map("istio")),
        ("ConfigMap of a revision", config_map("istio-canary")),
        ("IstioOperator", operator),
    ];
    for (name, text) in rows {
        let (manifests, diagnostics) = load(&text);
        assert_eq!(diagnostics.render(manifests.sources(), false), "", "{name}");
        let mesh = manifests.mesh_config().expect(name).content();
        assert_eq!(mesh.trust_domain.as_deref(), Some("td1"), "{name}");
        assert_eq!(mesh.root_namespace(), "root", "{name}");
        assert_eq!(
            mesh.outbound_traffic_policy.mode,
            Some(OutboundTrafficMode::RegistryOnly),
            "{name}"
        );
        assert_eq!(
            mesh.path_normalization.normalization,
            Some(Normalization::MergeSlashes),
            "{name}"
        );
        let topology = mesh.default_config.gateway_topology.as_ref().expect(name);
        assert_eq!(topology.num_trusted_proxies, Some(2), "{name}");
        assert!(topology.proxy_protocol.is_some(), "{name}");
        assert_eq!(mesh.extension_providers.len(), 1, "{name}");
    }
    let both = format!("{}---\n{}", config_map("istio"), config_map("istio-canary"));
    assert!(found(&both)[0].ends_with("the input has more than one mesh configuration"));
    let (manifests, _) = load("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-ca-root-cert}\ndata: {a: b}\n");
    assert!(manifests.mesh_config().is_none() && manifests.skipped().len() == 1);
}

#[test]
fn a_mesh_configuration_that_is_given_takes_precedence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mesh.yaml");
    std::fs::write(&file, "trust_domain: given\n").unwrap();
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata: {mesh: 'trustDomain: found'}\n".to_owned();
    let name = "a.yaml".to_owned();
    let found = Input::Text { name, text };
    let given = Input::MeshConfig(file);
    for inputs in [[found.clone(), given.clone()], [given, found]] {
        let (manifests, diagnostics) = Manifests::load(&inputs);
        assert!(diagnostics.is_empty());
        let mesh = manifests.mesh_config().unwrap().content();
        assert_eq!(mesh.trust_domain.as_deref(), Some("given"));
    }
}

#[test]
fn mistakes_in_an_embedded_mesh_configuration_point_into_the_file() {
    let config_map = |mesh: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio}}\ndata:\n  mesh: |-\n    # mesh\n    {mesh}\n"
        )
    };
    let rows = [
        (
            "trustDomian: a",
            "7:5 unknown field `trustDomian` in the mesh configuration",
        ),
        (
            "somethingNew: a",
            "7:5 unknown field `somethingNew` in the mesh configuration",
        ),
        ("trustDomain: 1", "7:18 expected a string, found the number `1`"),
        (
            "outboundTrafficPolicy: {mode: REGISTRY_ONYL}",
            "7:35 unknown value `REGISTRY_ONYL`",
        ),
        (
            "defaultConfig: {gatewayTopolgy: {}}",
            "7:21 unknown field `gatewayTopolgy` in the mesh configuration",
        ),
        (
            "defaultConfig: {gatewayTopology: {numTrustedProxy: 1}}",
            "7:39 unknown field `numTrustedProxy`",
        ),
        ("a: [", "7:8 this is no YAML: unclosed bracket '['"),
    ];
    for (mesh, expected) in rows {
        let found = found(&config_map(mesh));
        assert_eq!(found, [expected], "{mesh}");
    }
    assert!(load(&config_map("somethingNew: a")).0.is_complete());
    assert!(!load(&config_map("trustDomian: a")).0.is_complete());
}

#[test]
fn workloads_say_which_labels_pods_have() {
    let rows = [
        ("v1", "Pod", "metadata: {name: a, labels: {app: x}}"),
        (
            "v1",
            "Service",
            "metadata: {name: a, labels: {app: y}}\nspec: {selector: {app: x}}",
        ),
        (
            "apps/v1",
            "Deployment",
            "metadata: {name: a, labels: {app: y}}\nspec: {replicas: 2, template: {metadata: {labels: {app: x}}}}",
        ),
        (
            "apps/v1",
            "StatefulSet",
            "metadata: {name: a}\nspec: {template: {metadata: {labels: {app: x}}}}",
        ),
        (
            "apps/v1",
            "DaemonSet",
            "metadata: {name: a}\nspec: {template: {metadata: {labels: {app: x}}}}",
        ),
    ];
    for (version, kind, rest) in rows {
        let (manifests, diagnostics) = load(&format!("apiVersion: {version}\nkind: {kind}\n{rest}\n"));
        assert!(diagnostics.is_empty(), "{kind}");
        let labels = &manifests.workloads()[0].content().labels;
        assert_eq!(labels.get("app").map(String::as_str), Some("x"), "{kind}");
    }
}
