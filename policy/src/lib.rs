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
//! # The index
//!
//! A decision costs about the same with one policy and with a hundred thousand. What a rule says is cut into *statements*: that an
//! attribute has one of some values, or that it has not a certain one. Statements are kept once, whoever makes them, and so are
//! their texts. A rule becomes *branches*, each a plain conjunction of statements; it matches when any of them does.
//!
//! The index is a tree over branches. At each node every branch is filed under the statement that the fewest others share, by the
//! *keys* of its values: an exact text, a prefix, a suffix, a network. Branches that share a key and are still many go into a node
//! of their own, where the next statement sets them apart. What no key finds stands behind a *guard*, the statement that most of the
//! rest have in common, which is looked at once for all of them:
//!
//! ```text
//!            host                    principal              path
//!  request ──┬─ exact "a.com" ─────────────────────────────────────▶ branch 7
//!            ├─ exact "b.com" ──────┬─ exact "td/ns/x/sa/1" ───────▶ branch 1
//!            │                      └─ exact "td/ns/x/sa/2" ───────▶ branch 2
//!            ├─ suffix ".c.com" ────┬─ exact "td/ns/y/sa/1" ─┬─ prefix "/v1/" ─────────▶ branch 4
//!            │                      :                        └─ segment "invoices" ────▶ branch 5, `/{*}/invoices/{**}`
//!            ├─ guard: host is not "d.com" ─▶ branches 6, 9, 12, …   that can be found by no key
//!            └─ rest ───────────────────────▶ branches that nothing sets apart
//! ```
//!
//! A request is looked up by the few texts that it has for each attribute (*probes*: its host, its path, the segments of its path,
//! each name in the certificate …): a hash lookup for exact values, one for each length of prefix or suffix, or a binary search where
//! there are more than eight lengths, one for each length of network. A template has several keys, of which the rarest is taken. What
//! is found is a superset of what matches, and is checked; in a statement with many values, those are looked up in the same way. The
//! wanted answer is the *first* matching rule in the byte order of names: rules are numbered in that order, each node knows the lowest
//! number below it, and a node that cannot better what is found already is passed over.
//!
//! Memory is bounded: a branch with many values in many statements would stand below all of their combinations, so that after some
//! filings a branch nodes are parted by guards only. Exclusions that one rule alone makes, when they are many, become one statement.
//!
//! # A decision
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
pub mod canonical;
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
mod network;
mod order;
pub mod path_normalization;
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
