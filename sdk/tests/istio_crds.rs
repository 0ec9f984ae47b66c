//! What is rendered for a cluster, against the schemas that its API server checks objects with.
//!
//! The schemas are not part of this project. They are looked for in `$OUTGATE_CORPUS`, else in `../shared/corpus` beside it, and
//! without them this test says that it is skipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use outgate_sdk::access_log::Telemetry;
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::input::Input;
use outgate_sdk::located;
use outgate_sdk::manifest::{Manifests, ObjectName};
use outgate_sdk::source::Sources;
use outgate_sdk::wasm_plugin::{FailStrategy, PluginOptions, WasmPlugin};
use outgate_sdk::yaml;
use serde_json::Value;

#[test]
fn objects_for_a_cluster_are_valid() {
    let Some(schemas) = Schemas::load() else {
        println!("skipped: there is no istio-crds.yaml in $OUTGATE_CORPUS or ../shared/corpus");
        return;
    };
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/asm-egress-gateway");
    let (manifests, diagnostics) = Manifests::load(&[Input::Path(example.into())]);
    assert_eq!(diagnostics.errors(), 0);
    let of_chart = manifests.gateway_workload(
        &ObjectName::new("istio-system", "istio-egressgateway"),
        &BTreeMap::new(),
    );
    let labels = [("gateway.networking.k8s.io/gateway-name", "egress")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let of_gateway_api = manifests.gateway_workload(&ObjectName::new("edge", "egress"), &labels);
    for gateway in [of_chart, of_gateway_api] {
        let config = manifests
            .filter_config(&gateway, &FilterOptions::default())
            .expect("a configuration");
        let options = PluginOptions {
            sha256: Some("0".repeat(64)),
            image_pull_secret: Some("registry".to_owned()),
            ports: vec![80, 443],
            fail_strategy: FailStrategy::FailReload,
            ..PluginOptions::new("oci://registry.example/outgate:1")
        };
        let plugin = WasmPlugin::new(&gateway, config.clone(), options).expect("a plugin");
        schemas.check(&plugin);
        let plain = WasmPlugin::new(
            &gateway,
            config,
            PluginOptions::new("https://files.example/outgate.wasm"),
        );
        schemas.check(&plain.expect("a plugin"));
        schemas.check(&Telemetry::new(&gateway, "outgate-access-log"));
    }
}

#[test]
fn the_schemas_find_mistakes() {
    let Some(schemas) = Schemas::load() else {
        println!("skipped: there is no istio-crds.yaml in $OUTGATE_CORPUS or ../shared/corpus");
        return;
    };
    let wrong = serde_json::json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "x"},
        "spec": {"url": "oci://registry.example/x", "phase": "AUTHORIZATION"},
    });
    assert!(!schemas.errors(&wrong).is_empty());
}

/// The schemas by version and kind.
struct Schemas(BTreeMap<(String, String), Value>);

impl Schemas {
    fn load() -> Option<Self> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
        let corpus = std::env::var_os("OUTGATE_CORPUS").map_or(beside, PathBuf::from);
        let text = fs::read_to_string(corpus.join("istio-crds.yaml")).ok()?;
        let mut schemas = BTreeMap::new();
        for crd in read(text) {
            let spec = &crd["spec"];
            for version in spec["versions"].as_array().into_iter().flatten() {
                let group = spec["group"].as_str().unwrap_or_default();
                let name = version["name"].as_str().unwrap_or_default();
                let kind = spec["names"]["kind"].as_str().unwrap_or_default();
                let schema = version["schema"]["openAPIV3Schema"].clone();
                schemas.insert((format!("{group}/{name}"), kind.to_owned()), schema);
            }
        }
        assert!(schemas.len() > 10, "{:?}", schemas.keys());
        Some(Self(schemas))
    }

    /// Checks an object as `kubectl apply` gets it: through YAML.
    fn check(&self, object: &impl serde::Serialize) {
        let text = yaml::to_yaml(object).expect("YAML");
        for object in read(text.clone()) {
            assert_eq!(self.errors(&object), Vec::<String>::new(), "{text}");
        }
    }

    fn errors(&self, object: &Value) -> Vec<String> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let key = (text("apiVersion"), text("kind"));
        let schema = self.0.get(&key).unwrap_or_else(|| panic!("no schema for {key:?}"));
        let validator = jsonschema::validator_for(schema).expect("a schema");
        let found = validator.iter_errors(object);
        let mut found: Vec<String> = found
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        found.extend(pruned(object, schema, ""));
        found
    }
}

/// The documents of a YAML text.
fn read(text: String) -> Vec<Value> {
    let mut sources = Sources::default();
    let id = sources.add("a.yaml".to_owned(), text);
    let (documents, errors) = located::parse(&sources, id);
    assert!(errors.is_empty() && !documents.is_empty(), "{errors:?}");
    documents
        .iter()
        .map(|document| document.read().expect("JSON"))
        .collect()
}

/// What the API server would silently leave out: fields that the schema does not have.
fn pruned(object: &Value, schema: &Value, path: &str) -> Vec<String> {
    if schema["x-kubernetes-preserve-unknown-fields"] == true || path == "/metadata" {
        return Vec::new();
    }
    match object {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let path = format!("{path}/{name}");
                let known = &schema["properties"][name];
                let additional = &schema["additionalProperties"];
                match (known.is_object(), additional.is_object(), path.as_str()) {
                    (true, _, _) => pruned(value, known, &path),
                    (_, true, _) => pruned(value, additional, &path),
                    (_, _, "/apiVersion" | "/kind" | "/metadata") => Vec::new(),
                    _ => vec![format!("{path}: the schema has no such field")],
                }
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| pruned(item, &schema["items"], &format!("{path}/{index}")))
            .collect(),
        _ => Vec::new(),
    }
}
