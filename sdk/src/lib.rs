//! From ordinary manifests to the configuration of an egress gateway's filter, and of whole proxies.
//!
//! ```text
//! files, directories,        located              typed, checked        for one gateway
//! stdin, text         ──▶ YAML and JSON trees ──▶   Manifests    ──┬──▶ filter_config ──▶ wasm_plugin, rbac
//!     input                  located                manifest       │    scope, registry
//!                                                                  │
//!                                                                  │    as istiod would
//!                                                                  └──▶ proxy ──▶ envoy, access_log
//! ```
//!
//! Everything keeps the place that it was read from, so that whatever is wrong or doubtful is a
//! [`Diagnostic`](diagnostic::Diagnostic) that points at a line and a column, from a tab in the indentation to a policy that no
//! gateway selects. Nothing is passed over in silence: what has no use here is [listed](manifest::Manifests::skipped), what is
//! misspelt is refused, and nothing is built from input that has errors.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use outgate_sdk::filter_config::FilterOptions;
//! use outgate_sdk::input::Input;
//! use outgate_sdk::manifest::{Manifests, ObjectName};
//! use outgate_sdk::wasm_plugin::{PluginOptions, WasmPlugin};
//! use outgate_sdk::yaml::to_yaml;
//!
//! let policy = r#"
//! apiVersion: security.istio.io/v1
//! kind: AuthorizationPolicy
//! metadata:
//!   name: no-headers
//!   namespace: istio-system
//! spec:
//!   selector:
//!     matchLabels:
//!       istio: egressgateway
//!   action: DENY
//!   rules:
//!   - from:
//!     - source:
//!         principals: ["cluster.local/ns/default/sa/sleep"]
//!     to:
//!     - operation:
//!         hosts: ["test.com", "test.com:*"]
//!         paths: ["/headers"]
//! "#;
//! let (manifests, diagnostics) = Manifests::load(&[Input::Text { name: "policy.yaml".into(), text: policy.into() }]);
//! assert_eq!(diagnostics.errors(), 0, "{}", diagnostics.render(manifests.sources(), false));
//!
//! let gateway = ObjectName::new("istio-system", "istio-egressgateway");
//! let labels = BTreeMap::from([("istio".to_owned(), "egressgateway".to_owned())]);
//! let gateway = manifests.gateway_workload(&gateway, &labels);
//! let config = manifests.filter_config(&gateway, &FilterOptions::default()).unwrap();
//! assert_eq!(config.policies.len(), 1);
//!
//! let plugin = WasmPlugin::new(&gateway, config, PluginOptions::new("oci://registry.example/outgate:1")).unwrap();
//! assert!(to_yaml(&plugin).unwrap().contains("phase: AUTHZ"));
//! ```
//!
//! Without manifests, [`FilterConfigBuilder`](filter_config::FilterConfigBuilder) takes policies written in Rust.

pub mod access_log;
pub mod authorizer;
pub mod diagnostic;
pub mod envoy;
pub mod filter_config;
pub mod input;
mod internationalized;
pub mod lint;
pub mod located;
pub mod manifest;
pub mod oci;
pub mod path_normalization;
pub mod proxy;
pub mod rbac;
mod registry;
pub mod scope;
pub mod source;
pub mod suggest;
pub mod wasm_plugin;
pub mod yaml;
