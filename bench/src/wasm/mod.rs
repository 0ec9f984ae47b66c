//! The module by itself, in the test host: what can be counted, and so is the same on every machine.
//!
//! Instructions are wasmtime's fuel, about one a Wasm instruction, over all callbacks of a request. A request is the second of its
//! connection unless said otherwise: the first one also reads the peer's certificate.

mod module_file;
mod report;
mod run;

use std::path::Path;

use outgate_test_host::{Host, Limits, Module, Outcome};

use crate::embedded::Embedding;
use crate::families::{Case, Family, Kind};

pub use report::report;
pub use run::{Options, measure};

/// What stops a measurement.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What one request costs the module.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Instructions, on a connection that is known.
    pub fuel: u64,
    /// Instructions for the first request of a connection.
    pub first_fuel: u64,
    /// Host calls by name, on a connection that is known.
    pub host_calls: Vec<(String, u32)>,
}

impl Cost {
    /// All host calls together.
    #[must_use]
    pub fn host_calls_in_all(&self) -> u32 {
        self.host_calls.iter().map(|(_, count)| count).sum()
    }
}

/// The module at work: one plugin with the configuration of a family.
#[derive(Debug)]
pub struct Plugin<'e> {
    host: Host,
    embedding: &'e Embedding,
    connections: u64,
}

impl<'e> Plugin<'e> {
    /// Starts the module with so many policies of a family.
    ///
    /// # Errors
    ///
    /// When the module refuses them.
    pub fn start(module: &Module, embedding: &'e Embedding, family: &Family, size: usize) -> Result<Self, Error> {
        Self::configured(module, embedding, &family.configuration(size))
    }

    /// Starts the module with a configuration.
    ///
    /// # Errors
    ///
    /// When the module refuses it.
    pub fn configured(module: &Module, embedding: &'e Embedding, configuration: &str) -> Result<Self, Error> {
        // A gateway has no such limits; here they must not stand in the way of a large configuration.
        let mut limits = Limits::default();
        limits.memory = 4 << 30;
        limits.host_bytes = 1 << 30;
        limits.start_fuel = u64::MAX;
        let host = Host::builder(module)
            .limits(limits)
            .trace_depth(0)
            .configuration(configuration)
            .start()?;
        Ok(Self {
            host,
            embedding,
            connections: 0,
        })
    }

    /// Sends a request three times over a connection of its own. The first reads who calls, the second finds that the connection
    /// has it, and all later ones are as the third.
    ///
    /// # Errors
    ///
    /// When it is not decided as its family says.
    pub fn cost(&mut self, case: &Case) -> Result<Cost, Error> {
        self.connections += 1;
        let request = self.embedding.request(&case.call, self.connections)?;
        let [first, second, later] = [(); 3].map(|()| self.host.request(&request));
        for outcome in [&first, &second, &later] {
            check(case, outcome)?;
        }
        Ok(Cost {
            fuel: later.total_fuel(),
            first_fuel: first.total_fuel(),
            host_calls: later
                .host_calls
                .iter()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
        })
    }

    /// Bytes of the module's memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.host.memory_size()
    }

    /// Instructions that the start took.
    #[must_use]
    pub fn start_fuel(&self) -> u64 {
        self.host.start_fuel().iter().map(|(_, fuel)| fuel).sum()
    }
}

fn check(case: &Case, outcome: &Outcome) -> Result<(), Error> {
    let expected = if case.rule.is_some() { "deny" } else { "allow" };
    let decision = outcome.filter_state("wasm.outgate_decision");
    let rule = outcome.filter_state("wasm.outgate_rule");
    if decision.as_deref() == Some(expected) && rule == case.rule {
        return Ok(());
    }
    let rule = case.rule.as_deref().unwrap_or("no rule");
    Err(format!("a request that must be decided as {expected} by {rule} is not:\n{outcome}").into())
}

/// Reads and compiles a module, to be measured in instructions.
///
/// # Errors
///
/// When it is none that the test host can run.
pub fn load(path: &Path) -> Result<Module, Error> {
    Ok(Module::load(path)?)
}

/// The requests that are counted; those all over the configuration cost the same as the first and the last.
pub const COUNTED: [Kind; 4] = [Kind::Last, Kind::First, Kind::Miss, Kind::Worst];
