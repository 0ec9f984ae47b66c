//! The plugin that a scenario describes, and the proxy that it is in: started anew for each case, so that cases do not see each other.

use std::path::PathBuf;

use outgate_policy::FieldPath;
use outgate_test_host::{Host, HostBuilder, Module, StartError};

use super::file::FilterScenario;
use super::upstream;
use super::values::{Configuration, PropertyValue};

/// How many host calls a report shows: all, of filters that anybody wants to read about.
const TRACE_DEPTH: usize = 2_000;

pub(super) struct Plugin<'s> {
    pub(super) scenario: &'s FilterScenario,
    builder: HostBuilder,
}

impl<'s> Plugin<'s> {
    pub(super) fn new(scenario: &'s FilterScenario, module: &Module) -> Result<Self, String> {
        let (filter, directory) = (&scenario.spec.filter, scenario.directory());
        let at = |field: &str| {
            let place = scenario.place_of(&FieldPath::root().field("spec").field("filter").field(field));
            move |error: String| format!("{place}: {error}")
        };
        let mut builder = Host::builder(module).trace_depth(TRACE_DEPTH);
        if let Some(config) = &filter.config {
            builder = builder.configuration(config.load(directory).map_err(at("config"))?);
        }
        if let Some(config) = &filter.vm_config {
            builder = builder.vm_configuration(config.load(directory).map_err(at("vmConfig"))?);
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
        if let Some(workers) = filter.workers {
            builder = builder.workers(workers.0);
        }
        for (name, value) in filter.env.iter() {
            builder = builder.env(name, value);
        }
        if let Some(clock) = filter.clock {
            builder = builder.clock(u64::try_from(clock.0).map_err(|_| at("clock")("before 1970".to_owned()))?);
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
            builder = match value {
                PropertyValue::Value(value) => builder.property(&*path.segments(), value.clone()),
                PropertyValue::Error(_) => {
                    return Err(at("properties")(format!(
                        "`{path}`: `error` is for the properties of a request"
                    )));
                }
            };
        }
        for (name, rules) in scenario.spec.upstreams.iter() {
            let place = FieldPath::root().field("spec").field("upstreams").field(name);
            let upstream = upstream::upstream(rules, directory);
            let upstream = upstream.map_err(|error| format!("{}: {error}", scenario.place_of(&place)))?;
            builder = builder.upstream(name, upstream);
        }
        Ok(Self { scenario, builder })
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
    Unreadable(String),
    Refused(Box<StartError>),
}

impl FilterScenario {
    /// The module, from where the command runs.
    pub(super) fn module(&self) -> Option<PathBuf> {
        let wasm = self.spec.filter.wasm.as_ref();
        wasm.map(|wasm| self.directory().join(wasm))
    }

    /// Every file that it reads, besides the module.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let filter = &self.spec.filter;
        let configurations = filter.config.iter().chain(&filter.vm_config);
        let of_cases = self.cases.iter().flat_map(|planned| {
            let case = &planned.case;
            let bodies = case.request.body.iter();
            let bodies = bodies.chain(case.response.iter().filter_map(|response| response.body.as_ref()));
            let config = case.config.as_ref().and_then(Configuration::file);
            let trace = case.expect.trace.as_deref();
            bodies.filter_map(|body| body.file()).chain(config).chain(trace)
        });
        let upstreams = self.spec.upstreams.iter().flat_map(|(_, rules)| upstream::files(rules));
        let names = configurations
            .filter_map(Configuration::file)
            .chain(of_cases)
            .chain(upstreams);
        let files = names.map(|name| self.directory().join(name));
        files.chain([self.file.clone()]).collect()
    }
}
