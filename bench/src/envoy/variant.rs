//! Who decides in an Envoy.

use std::path::Path;

use outgate_policy::config::{Config, PluginType};
use outgate_policy::{Policy, PolicyName};
use outgate_sdk::rbac;
use serde_json::{Value, json};

use super::Error;
use crate::families::Family;

const NO_OP: &str = include_str!("no_op.wat");
const CALLS: &str = include_str!("calls.wat");

/// What stands in the chain of HTTP filters, before the router.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Variant {
    /// Nothing.
    None,
    /// A module that does nothing: what Wasm costs by itself.
    NoOp,
    /// A module that makes our filter's host calls and does nothing else: what they cost, whoever makes them.
    Calls,
    /// Envoy's own RBAC, as Istio renders the policies.
    Native,
    /// Our filter.
    Filter,
}

impl Variant {
    /// All, in the order of tables.
    pub const ALL: [Self; 5] = [Self::None, Self::NoOp, Self::Calls, Self::Native, Self::Filter];

    /// The word in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoOp => "no-op",
            Self::Calls => "calls alone",
            Self::Native => "native RBAC",
            Self::Filter => "outgate",
        }
    }

    /// The HTTP filters that decide, with so many policies of a family.
    pub(super) fn filters(
        self,
        family: &Family,
        size: usize,
        module: &Path,
        directory: &Path,
    ) -> Result<Vec<Value>, Error> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::NoOp => stand_in("no_op.wasm", NO_OP, directory),
            Self::Calls => stand_in("calls.wasm", CALLS, directory),
            Self::Native => {
                let config: Config = serde_json::from_str(&family.configuration(size))?;
                let mut policies = Vec::with_capacity(config.policies.len());
                for written in config.policies {
                    let name = PolicyName {
                        namespace: written.metadata.effective_namespace().to_owned(),
                        name: written.metadata.name.clone(),
                    };
                    let checked = Policy::check(written).map_err(|_| format!("{name} is not a policy"))?;
                    policies.push(checked.policy);
                }
                Ok(rbac::render(PluginType::Http, &policies, &config.mesh, &[])?.into_all())
            }
            Self::Filter => Ok(vec![wasm(module, &family.configuration(size))]),
        }
    }
}

/// A module that takes the filter's place.
fn stand_in(name: &str, text: &str, directory: &Path) -> Result<Vec<Value>, Error> {
    let module = directory.join(name);
    std::fs::write(&module, wat::parse_str(text)?)?;
    Ok(vec![wasm(&module, "")])
}

/// A module as Istio attaches a `WasmPlugin`.
fn wasm(module: &Path, configuration: &str) -> Value {
    json!({
        "name": "bench.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "bench.wasm",
                "failure_policy": "FAIL_CLOSED",
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
                "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}},
            },
        },
    })
}
