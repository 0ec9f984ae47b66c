//! What Istio's `AuthorizationPolicy` means, decided fast.
//!
//! This crate is pure: no I/O, no clock, no Wasm, no YAML. A policy's life in it:
//!
//! ```text
//! resource::AuthorizationPolicy     as written: `kubectl get -o json`, unknown fields refused
//!        │  Policy::check           every rule of Istio's admission; Violation says policy, rule and field
//!        ▼
//!      Policy                       the checked model: patterns are types, nothing invalid can be held
//!        │  Engine::compile         trust-domain aliases, rules cut into branches, the index
//!        ▼
//!      Engine ── decide(&Request) ──▶ Decision: verdict, engine, rule, shadow verdicts
//! ```
//!
//! A decision costs about the same with one policy and with many: a request is looked up by its host, its path, its caller and
//! whatever else sets policies apart. `src/index/mod.rs` explains how, with a drawing.
//!
//! ```
//! use outgate_policy::config::Config;
//! use outgate_policy::{Engine, Verdict};
//! # use outgate_policy::{Headers, Metadata, Peer, Request, Unreadable};
//! # use std::net::IpAddr;
//! # struct Get { headers: Headers, peer: Peer }
//! # impl Request for Get {
//! #     fn headers(&self) -> Result<&Headers, Unreadable> { Ok(&self.headers) }
//! #     fn peer(&self) -> Result<Option<&Peer>, Unreadable> { Ok(Some(&self.peer)) }
//! #     fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> { Ok(None) }
//! #     fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> { Ok(None) }
//! #     fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> { Ok(None) }
//! #     fn destination_port(&self) -> Result<Option<u16>, Unreadable> { Ok(None) }
//! #     fn sni(&self) -> Result<Option<&[u8]>, Unreadable> { Ok(None) }
//! #     fn metadata(&self) -> Result<&Metadata, Unreadable> { unreachable!() }
//! # }
//! # fn get(host: &str, path: &str, principal: &str) -> Get {
//! #     let headers = [(":authority", host), (":path", path), (":method", "GET")].into_iter().collect();
//! #     Get { headers, peer: Peer::workload(principal) }
//! # }
//!
//! let config: Config = serde_json::from_str(r#"{
//!     "apiVersion": "outgate/v1",
//!     "revision": "1",
//!     "policies": [{
//!         "metadata": {"namespace": "istio-system", "name": "test"},
//!         "spec": {"action": "DENY", "rules": [{
//!             "from": [{"source": {"principals": ["cluster.local/ns/default/sa/sleep"]}}],
//!             "to": [{"operation": {"hosts": ["test.com"], "paths": ["/headers"]}}]
//!         }]}
//!     }]
//! }"#).unwrap();
//! let engine = Engine::new(&config).unwrap();
//!
//! let request = get("test.com", "/headers?x=1", "cluster.local/ns/default/sa/sleep");
//! let decision = engine.decide(&request).unwrap();
//! assert_eq!(decision.verdict, Verdict::Deny);
//! assert_eq!(decision.rule.unwrap().as_str(), "ns[istio-system]-policy[test]-rule[0]");
//!
//! let request = get("test.com", "/headers", "cluster.local/ns/default/sa/other");
//! assert_eq!(engine.decide(&request).unwrap().verdict, Verdict::Allow);
//! ```
//!
//! # What decides how a policy is read
//!
//! Native RBAC in Envoy 1.40 under Istio, byte for byte: what a `*` may stand for, that header lines are compared one by one,
//! that a claim which is a number matches nothing, which of several matching rules is reported. Where native behaviour would let
//! a bad value silently widen a policy, the policy is refused instead.

mod ascii;
mod by_field;
mod by_name;
mod check;
pub mod config;
mod decision;
mod digits;
mod engine;
mod exclusions;
mod explain;
mod facts;
mod field_path;
mod index;
mod model;
mod order;
pub mod pattern;
mod registry;
mod request;
pub mod resource;
mod rule_set;
mod string_map;
mod texts;
mod trust_domain;
mod vocabulary;

pub use check::{Checked, Doubt, Problem, Violation, Warning};
pub use decision::{DecidedBy, Decision, RuleName, Shadow, ShadowVerdict, Verdict};
pub use engine::{ConfigError, Engine, EngineBuilder};
pub use explain::{Obstacle, PolicyExplanation, Reason, RuleExplanation, explain};
pub use field_path::{FieldPath, Segment};
pub use model::{Action, Attachment, Constraint, Policy, PolicyName, Rule, Subject, Target};
pub use request::{
    Attribute, Attributes, Fields, Headers, JWT_AUTHN, JWT_PAYLOAD, Metadata, MetadataValue, Peer, Request, Unreadable,
    without_query,
};
pub use trust_domain::TrustDomains;
