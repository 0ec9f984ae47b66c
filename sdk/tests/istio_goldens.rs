//! Istio's own renderings of policies into Envoy RBAC, against ours.
//!
//! The renderings are not part of this project. They are looked for in `$OUTGATE_CORPUS`, else in `../shared/corpus` beside it, and
//! the test says so when they are not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use outgate_policy::Policy;
use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::resource::AuthorizationPolicy;
use outgate_sdk::authorizer::NativeAuthorizer;
use outgate_sdk::input::Input;
use outgate_sdk::located;
use outgate_sdk::manifest::Manifests;
use outgate_sdk::rbac;
use outgate_sdk::source::Sources;
use serde_json::Value;

/// An input and what Istio renders for it.
struct Golden {
    input: &'static str,
    /// The outputs, in the order of the filters.
    outputs: &'static [&'static str],
    trust_domains: &'static [&'static str],
    plugin_type: PluginType,
    /// The authorizer that the policies ask, as the mesh configuration of Istio's test has it.
    provider: Option<&'static str>,
}

const fn golden(input: &'static str, outputs: &'static [&'static str]) -> Golden {
    Golden {
        input,
        outputs,
        trust_domains: &["cluster.local"],
        plugin_type: PluginType::Http,
        provider: None,
    }
}

const fn custom(outputs: &'static [&'static str], provider: &'static str) -> Golden {
    Golden {
        provider: Some(provider),
        ..golden("custom-simple-http-in", outputs)
    }
}

const HTTP_PROVIDER: &str = r#"
  envoyExtAuthzHttp:
    service: foo/my-custom-ext-authz.foo.svc.cluster.local
    port: 9000
    failOpen: true
    statusOnError: "403"
    pathPrefix: /check
    timeout: 10s
    includeRequestBodyInCheck: {maxRequestBytes: 2048, allowPartialMessage: true, packAsBytes: true}
    includeHeadersInCheck: [not-where-the-next-field-is-given]
    includeRequestHeadersInCheck: [x-custom-id, x-prefix-*, "*-suffix"]
    includeAdditionalHeadersInCheck: {x-header-2: value-2, x-header-1: value-1}
    headersToUpstreamOnAllow: [Authorization, x-prefix-*, "*-suffix"]
    headersToDownstreamOnDeny: [Set-cookie, x-prefix-*, "*-suffix"]
    headersToDownstreamOnAllow: [Set-cookie, x-prefix-*, "*-suffix"]
"#;

const GRPC_PROVIDER: &str = r#"
  envoyExtAuthzGrpc:
    service: foo/my-custom-ext-authz.foo.svc.cluster.local
    port: 9000
    failOpen: true
    statusOnError: "403"
    timeout: 2ms
    includeRequestBodyInCheck: {maxRequestBytes: 4096, allowPartialMessage: true}
"#;

const GRPC_PROVIDER_WITHOUT_NAMESPACE: &str = r#"
  envoyExtAuthzGrpc: {service: my-custom-ext-authz.foo.svc.cluster.local, port: 9000, failOpen: true, statusOnError: "403"}
"#;

const fn tcp(input: &'static str, outputs: &'static [&'static str]) -> Golden {
    Golden {
        plugin_type: PluginType::Network,
        ..golden(input, outputs)
    }
}

const GOLDENS: &[Golden] = &[
    golden("allow-empty-rule-in", &["allow-empty-rule-out"]),
    golden("allow-full-rule-in", &["allow-full-rule-out"]),
    golden("allow-nil-rule-in", &["allow-nil-rule-out"]),
    golden("allow-path-in", &["allow-path-out"]),
    golden("audit-full-rule-in", &["audit-full-rule-out"]),
    golden("deny-and-allow-in", &["deny-and-allow-out1", "deny-and-allow-out2"]),
    golden("deny-empty-rule-in", &["deny-empty-rule-out"]),
    golden("dry-run-allow-in", &["dry-run-allow-out"]),
    golden(
        "dry-run-allow-and-deny-in",
        &["dry-run-allow-and-deny-out1", "dry-run-allow-and-deny-out2"],
    ),
    golden("dry-run-mix-in", &["dry-run-mix-out"]),
    golden("multiple-policies-in", &["multiple-policies-out"]),
    golden("single-policy-in", &["single-policy-out"]),
    golden("trust-domains-in", &["trust-domains-out"]),
    Golden {
        trust_domains: &["td1", "cluster.local"],
        ..golden("simple-policy-td-aliases-in", &["simple-policy-td-aliases-out"])
    },
    Golden {
        trust_domains: &["td1", "cluster.local", "some-td"],
        ..golden(
            "simple-policy-multiple-td-aliases-in",
            &["simple-policy-multiple-td-aliases-out"],
        )
    },
    Golden {
        trust_domains: &["td1", "foobar"],
        ..golden(
            "simple-policy-principal-with-wildcard-in",
            &["simple-policy-principal-with-wildcard-out"],
        )
    },
    Golden {
        trust_domains: &["new-td", "old-td", "some-trustdomain"],
        ..golden("td-aliases-source-principal-in", &["td-aliases-source-principal-out"])
    },
    custom(
        &["custom-http-provider-out1", "custom-http-provider-out2"],
        HTTP_PROVIDER,
    ),
    custom(
        &["custom-grpc-provider-out1", "custom-grpc-provider-out2"],
        GRPC_PROVIDER,
    ),
    custom(
        &[
            "custom-grpc-provider-no-namespace-out1",
            "custom-grpc-provider-no-namespace-out2",
        ],
        GRPC_PROVIDER_WITHOUT_NAMESPACE,
    ),
    tcp("allow-both-http-tcp-in", &["allow-both-http-tcp-out"]),
    tcp("allow-only-http-in", &["allow-only-http-out"]),
    tcp("audit-both-http-tcp-in", &["audit-both-http-tcp-out"]),
    tcp("deny-both-http-tcp-in", &["deny-both-http-tcp-out"]),
    tcp("dry-run-mix-in", &["dry-run-mix-out"]),
    Golden {
        provider: Some(GRPC_PROVIDER),
        ..tcp(
            "custom-both-http-tcp-in",
            &["custom-both-http-tcp-out1", "custom-both-http-tcp-out2"],
        )
    },
    // Connections are left alone whose authorizer speaks HTTP.
    Golden {
        provider: Some(HTTP_PROVIDER),
        ..tcp("custom-both-http-tcp-in", &[])
    },
];

/// Outputs that no rendering of ours corresponds to, and why.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    (
        "http/allow-host-before-111-out",
        "hosts as regular expressions, for proxies older than 1.11; Istio itself no longer renders it",
    ),
    (
        "http/custom-bad-out",
        "requests that an unknown provider would be asked about are denied; here, nothing is rendered with such a provider",
    ),
    (
        "http/custom-bad-multiple-providers-out1",
        "several providers of one workload are refused unless PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS is set, which is taken for granted here",
    ),
    ("http/custom-bad-multiple-providers-out2", "likewise"),
];

#[test]
fn policies_are_rendered_as_istio_renders_them() {
    let Some(corpus) = corpus() else {
        println!("skipped: Istio's renderings are not beside the project");
        return;
    };
    let corpus = corpus.join("istio-authz");
    let mut compared = BTreeSet::new();
    let mut differences = Vec::new();
    for golden in GOLDENS {
        let folder = corpus.join(golden.folder());
        let input = folder.join(golden.input).with_extension("yaml");
        if !input.is_file() {
            println!("not in this copy of the corpus: {}/{}", golden.folder(), golden.input);
            continue;
        }
        let policies = policies(&input);
        let mesh = mesh(golden.trust_domains);
        let authorizers: Vec<_> = golden.provider.map(authorizer).into_iter().collect();
        let rendered = rbac::render(golden.plugin_type, &policies, &mesh, &authorizers);
        let rendered = rendered.unwrap().into_all();
        assert_eq!(rendered.len(), golden.outputs.len(), "filters of {}", golden.input);
        for (rendered, name) in rendered.into_iter().zip(golden.outputs) {
            let expected = documents(&folder.join(name).with_extension("yaml")).remove(0);
            if let Some(difference) = difference(&normalized(rendered), &normalized(expected), "") {
                differences.push(format!("{name}: {difference}"));
            }
            compared.insert(golden.full(name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(
        !compared.is_empty(),
        "the corpus has none of the renderings that the table names"
    );

    let left_out: BTreeSet<String> = NOT_APPLICABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (name, reason) in NOT_APPLICABLE {
        println!("not applicable: {name}: {reason}");
    }
    let known: BTreeSet<String> = compared.union(&left_out).cloned().collect();
    let unknown: Vec<String> = ["http", "tcp"]
        .into_iter()
        .flat_map(|folder| outputs(&corpus, folder))
        .filter(|name| !name.contains("/extended-") && !known.contains(name))
        .collect();
    assert!(unknown.is_empty(), "no row of the table names {unknown:?}");
    println!("compared: {} renderings", compared.len());
}

impl Golden {
    const fn folder(&self) -> &'static str {
        match self.plugin_type {
            PluginType::Http => "http",
            PluginType::Network => "tcp",
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.folder())
    }
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("OUTGATE_CORPUS").map_or(beside, PathBuf::from);
    corpus.is_dir().then_some(corpus)
}

fn mesh(trust_domains: &[&str]) -> Mesh {
    let mut trust_domains = trust_domains.iter().map(|domain| (*domain).to_owned());
    Mesh {
        trust_domain: trust_domains.next().unwrap(),
        trust_domain_aliases: trust_domains.collect(),
        ..Mesh::default()
    }
}

/// The provider `default` of a mesh.
fn authorizer(provider: &str) -> NativeAuthorizer {
    let mesh = format!("extensionProviders:\n- name: default{provider}").replace('\n', "\n    ");
    let (manifests, diagnostics) = Manifests::load(&[Input::Text {
        name: "mesh.yaml".to_owned(),
        text: format!(
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: mesh}}\nspec:\n  meshConfig:\n    {mesh}\n"
        ),
    }]);
    let complaint = diagnostics.render(manifests.sources(), false);
    assert_eq!(diagnostics.errors(), 0, "{complaint}");
    manifests.native_authorizer("default").unwrap()
}

fn nodes(file: &Path) -> Vec<located::Node> {
    let mut sources = Sources::default();
    let id = sources.add(file.display().to_string(), fs::read_to_string(file).unwrap());
    let (nodes, errors) = located::parse(&sources, id);
    assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    nodes
}

fn documents(file: &Path) -> Vec<Value> {
    nodes(file).iter().map(|node| node.read().unwrap()).collect()
}

fn policies(file: &Path) -> Vec<Policy> {
    let check = |node: &located::Node| {
        let written: AuthorizationPolicy = node.read().unwrap();
        let checked = Policy::check(written);
        checked
            .unwrap_or_else(|violations| panic!("{}: {violations:?}", file.display()))
            .policy
    };
    nodes(file).iter().map(check).collect()
}

fn outputs(corpus: &Path, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(corpus.join(folder)).unwrap();
    let stems = entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let outputs = stems.filter(|name| name.contains("-out"));
    outputs.map(|name| format!("{folder}/{name}")).collect()
}

/// Envoy compares header names in lower case, and takes a number for a status that has a name.
fn normalized(mut value: Value) -> Value {
    match &mut value {
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| *element = normalized(element.take())),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                if key == "statusOnError" && field["code"] == "Forbidden" {
                    field["code"] = 403.into();
                }
                if key == "header"
                    && let Some(name) = field["name"].as_str()
                {
                    field["name"] = name.to_ascii_lowercase().into();
                }
                *field = normalized(field.take());
            }
        }
        _ => {}
    }
    value
}

/// The first place where two values differ, in words.
fn difference(ours: &Value, istio: &Value, path: &str) -> Option<String> {
    match (ours, istio) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| {
                let path = format!("{path}.{key}");
                difference(
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    &path,
                )
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(a, b, &format!("{path}[{index}]"))),
        _ if ours == istio => None,
        _ => Some(format!("{path}: ours {ours}, Istio's {istio}")),
    }
}
