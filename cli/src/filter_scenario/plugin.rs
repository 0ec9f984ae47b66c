//! The plugin that a scenario describes, and the proxy that it is in: started anew for each case, so that cases do not see each other.

use std::path::PathBuf;

use outgate_test_host::{Host, HostBuilder, Module, StartError};

use super::file::FilterScenario;
use super::property::PropertyValue;
use super::upstream;
use super::values::{Configuration, Unreadable};

/// How many host calls a report shows: all, of filters that anybody wants to read about.
const TRACE_DEPTH: usize = 2_000;

pub(super) struct Plugin<'s> {
    pub(super) scenario: &'s FilterScenario,
    builder: HostBuilder,
}

impl<'s> Plugin<'s> {
    pub(super) fn new(scenario: &'s FilterScenario, module: &Module) -> Result<Self, Unreadable> {
        let (filter, directory) = (&scenario.spec.filter, scenario.directory());
        let mut builder = Host::builder(module).trace_depth(TRACE_DEPTH);
        if let Some(config) = &filter.config {
            builder = builder.configuration(config.load(directory)?);
        }
        if let Some(config) = &filter.vm_config {
            builder = builder.vm_configuration(config.load(directory)?);
        }
        type SetText = fn(HostBuilder, &str) -> HostBuilder;
        let texts: [(&Option<String>, SetText); 3] = [
            (&filter.name, HostBuilder::plugin_name),
            (&filter.root_id, HostBuilder::root_id),
            (&filter.vm_id, HostBuilder::vm_id),
        ];
        for (value, set) in texts {
            if let Some(value) = value {
                builder = set(builder, value);
            }
        }
        if let Some(profile) = filter.profile {
            builder = builder.profile(profile.into());
        }
        if let Some(policy) = filter.on_failure {
            builder = builder.on_failure(policy.into());
        }
        builder = builder.workers(scenario.spec.workers());
        for (name, value) in filter.env.iter() {
            builder = builder.env(name, value);
        }
        if let Some(clock) = filter.clock {
            builder = builder.clock(clock.0);
        }
        if let Some(seed) = filter.seed {
            builder = builder.seed(seed);
        }
        if let Some(level) = filter.log_level {
            builder = builder.log_level(level.into());
        }
        if let Some(limit) = filter.buffer_limit {
            builder = builder.buffer_limit(usize::try_from(limit.0).unwrap_or(usize::MAX));
        }
        if let Some(allow) = filter.allow_on_headers_stop_iteration {
            builder = builder.allow_on_headers_stop_iteration(allow);
        }
        for (path, value) in filter.properties.iter() {
            // INVARIANT: a scenario with an error in place of the value is refused when it is read.
            if let PropertyValue::Value(value) = value {
                builder = builder.property(&*path.segments(), value.clone());
            }
        }
        for (name, rules) in scenario.spec.upstreams.iter() {
            builder = builder.upstream(name, upstream::upstream(rules, directory)?);
        }
        Ok(Self { scenario, builder })
    }

    /// How many workers the proxy has.
    pub(super) fn workers(&self) -> usize {
        self.scenario.spec.workers()
    }

    /// A fresh proxy with the plugin, with a configuration of its own where one is given.
    pub(super) fn start(&self, config: Option<&Configuration>) -> Result<Host, NotStarted> {
        let mut builder = self.builder.clone();
        if let Some(config) = config {
            let config = config.load(self.scenario.directory()).map_err(NotStarted::Unreadable)?;
            builder = builder.configuration(config);
        }
        builder.start().map_err(|error| NotStarted::Refused(Box::new(error)))
    }
}

/// Why there is no host.
pub(super) enum NotStarted {
    Unreadable(Unreadable),
    Refused(Box<StartError>),
}

impl FilterScenario {
    /// The module, from where the command runs.
    pub(super) fn module(&self) -> Option<PathBuf> {
        let wasm = self.spec.filter.wasm.as_ref();
        wasm.map(|wasm| self.directory().join(wasm))
    }

    /// Every file that it reads, besides the module: itself, and those that it names.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut names = Vec::new();
        self.named_files(&mut names);
        let files = names.iter().map(|name| self.directory().join(name));
        files.chain([self.file.clone()]).collect()
    }
}
