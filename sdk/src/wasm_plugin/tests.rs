use std::collections::BTreeMap;

use outgate_policy::config::{Egress, PluginType};
use outgate_policy::resource::{AuthorizationPolicy, Condition, Metadata, Rule, Spec};

use super::{FailStrategy, InvalidPlugin, PluginOptions, WasmPlugin};
use crate::filter_config::{FilterConfig, FilterConfigBuilder};
use crate::located;
use crate::manifest::{GatewayTopology, ObjectName};
use crate::scope::{GATEWAY_NAME_LABEL, GatewayWorkload, Selection};
use crate::source::Sources;
use crate::yaml::to_yaml;

fn gateway(pairs: &[(&str, &str)]) -> GatewayWorkload {
    GatewayWorkload {
        name: ObjectName::new("istio-system", "istio-egressgateway"),
        labels: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        root_namespace: "istio-system".to_owned(),
        topology: GatewayTopology::default(),
    }
}

fn config(values: &[&str]) -> FilterConfig {
    let mut policy = AuthorizationPolicy::new(Metadata::new("istio-system", "p"), Spec::default());
    let condition = Condition {
        key: Some("request.headers[x]".to_owned()),
        values: Some(values.iter().map(|&value| value.to_owned()).collect()),
        not_values: None,
    };
    let rule = Rule {
        when: Some(vec![Some(condition)]),
        ..Rule::default()
    };
    policy.spec.rules = Some(vec![Some(rule)]);
    FilterConfigBuilder::new()
        .policy(policy)
        .build()
        .expect("a configuration")
}

#[test]
fn a_plugin_as_yaml() {
    let options = PluginOptions {
        sha256: Some("0".repeat(64)),
        fail_strategy: FailStrategy::FailReload,
        ..PluginOptions::new("oci://registry.example/outgate:1")
    };
    let gateway = gateway(&[
        ("istio", "egressgateway"),
        ("app", "istio-egressgateway"),
        ("chart", "g-1"),
    ]);
    let plugin = WasmPlugin::new(&gateway, config(&["a"]), options).unwrap();
    insta::assert_snapshot!(to_yaml(&plugin).unwrap());
}

#[test]
fn a_gateway_of_the_gateway_api_is_a_target() {
    let gateway = gateway(&[(GATEWAY_NAME_LABEL, "egress"), ("app", "x")]);
    let plugin = WasmPlugin::new(&gateway, config(&["a"]), PluginOptions::new("file:///outgate.wasm")).unwrap();
    let yaml = to_yaml(&plugin).unwrap();
    assert!(yaml.contains("targetRefs:") && !yaml.contains("selector:"), "{yaml}");
}

#[test]
fn options_that_istio_would_refuse_are_refused() {
    let new = |url: &str, sha256: Option<&str>, labels: &[(&str, &str)]| {
        let options = PluginOptions {
            sha256: sha256.map(str::to_owned),
            ..PluginOptions::new(url)
        };
        WasmPlugin::new(&gateway(labels), config(&["a"]), options).err()
    };
    let labels = &[("app", "x")];
    assert_eq!(new("registry/outgate:1", None, labels), None);
    assert_eq!(new("ftp://x", None, labels), Some(InvalidPlugin::Url));
    assert_eq!(new("", None, labels), Some(InvalidPlugin::Url));
    assert_eq!(new("oci://x", Some("abc"), labels), Some(InvalidPlugin::Sha256));
    assert_eq!(new("oci://x", None, &[]), Some(InvalidPlugin::SelectsEverything));
}

#[test]
fn a_plugin_for_the_clients_of_a_namespace_leaves_what_calls_them_alone() {
    let config = FilterConfigBuilder::new()
        .at_sidecars(Egress::default())
        .build()
        .expect("a configuration");
    let plugin = WasmPlugin::new(Selection::all("shop"), config, PluginOptions::new("oci://x")).unwrap();
    let yaml = to_yaml(&plugin).unwrap();
    assert!(yaml.contains("match:\n  - mode: CLIENT\n"), "{yaml}");
    assert!(
        !yaml.contains("selector:") && yaml.contains("namespace: shop"),
        "{yaml}"
    );
}

#[test]
fn a_plugin_of_connections_is_for_ports_that_pass_them_on() {
    let config = FilterConfigBuilder::new()
        .plugin_type(PluginType::Network)
        .build()
        .expect("a configuration");
    let new = |ports: &[u16]| {
        let options = PluginOptions {
            ports: ports.to_vec(),
            ..PluginOptions::new("oci://x")
        };
        WasmPlugin::new(&gateway(&[("app", "x")]), config.clone(), options)
    };
    assert_eq!(new(&[]).err(), Some(InvalidPlugin::NoPorts));
    let yaml = to_yaml(&new(&[8443, 9000]).unwrap()).unwrap();
    let expected = "  type: NETWORK\n  phase: AUTHZ\n  failStrategy: FAIL_CLOSE\n  match:\n  - mode: CLIENT\n    ports:\n    - number: \
                    8443\n    - number: 9000\n";
    assert!(yaml.contains(expected), "{yaml}");
}

/// Strings that one reader of YAML or another takes for something else must come back as the strings that they were.
#[test]
fn every_string_survives() {
    let values = [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "n",
        "Y",
        "N",
        "YES",
        "Off",
        "true",
        "null",
        "~",
        "NULL",
        "80",
        "0x1F",
        "010",
        "0o7",
        "1_000",
        "1e3",
        ".5",
        "5.",
        "-.inf",
        ".nan",
        "+1",
        "0b1",
        "1:30",
        "2024-01-01",
        "*",
        "*.a.com",
        "&a",
        "!x",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'a'",
        "\"a\"",
        " a",
        "a ",
        "a\\b",
        "é",
        "😀",
        "<<",
        "=",
        "?",
        "? a",
        ":",
        "-",
        "--- a",
        "...",
        "|",
        ">",
    ];
    let config = config(&values);
    let labels = BTreeMap::from([("on".to_owned(), "yes".to_owned()), ("y".to_owned(), "1".to_owned())]);
    let selection = Selection::labels("istio-system", labels.clone());
    let yaml = to_yaml(&WasmPlugin::new(selection, config.clone(), PluginOptions::new("oci://x")).unwrap()).unwrap();
    let mut sources = Sources::default();
    let file = sources.add("out.yaml", yaml.as_str());
    let (documents, errors) = located::parse(&sources, file);
    assert_eq!(errors, [], "{yaml}");
    let spec = documents[0].get("spec").unwrap();
    let back: FilterConfig = spec
        .get("pluginConfig")
        .unwrap()
        .read()
        .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(
        serde_json::to_value(&back).unwrap(),
        serde_json::to_value(&config).unwrap()
    );
    let selector: BTreeMap<String, String> = spec
        .get("selector")
        .unwrap()
        .get("matchLabels")
        .unwrap()
        .read()
        .unwrap();
    assert_eq!(selector, labels);
}
