//! Which filter, and how its host is set up.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use outgate_test_host::{Host, HostBuilder, LogLevel, Module, Profile};
use schemars::JsonSchema;
use serde::Deserialize;

use super::compile::Refused;
use super::content::Configuration;
use super::property::GivenProperty;
use super::{compile, instant};
use crate::failure::{self, Failure};
use crate::output::{self, ERROR, PLAIN};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Filter")]
pub(crate) struct FilterFlags {
    /// The filter: a Proxy-Wasm module, from any SDK.
    #[arg(value_name = "FILTER.wasm")]
    pub(crate) module: PathBuf,

    /// Its configuration: a file, JSON, or text:TEXT.
    #[arg(long, value_name = "FILE|JSON", value_parser = Configuration::parse)]
    pub(crate) config: Option<Configuration>,

    /// The configuration of its VM: a file, JSON, or text:TEXT.
    #[arg(long, value_name = "FILE|JSON", value_parser = Configuration::parse)]
    pub(crate) vm_config: Option<Configuration>,

    /// The plugin's root id, which chooses among several filters in one module.
    #[arg(long, value_name = "ID")]
    pub(crate) root_id: Option<String>,

    /// The proxy to be like, where proxies differ.
    #[arg(long, value_name = "PROXY", default_value = "envoy")]
    pub(crate) profile: ProfileName,

    /// An environment variable, for a filter that is built for WASI; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::arguments::label)]
    pub(crate) env: Vec<(String, String)>,

    /// Drop log lines below this level.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: Level,

    /// A property that the filter can read, such as xds.cluster_name=string:shop; may be given several times. Types are string,
    /// int, uint, bool, double, timestamp, bytes (base64) and json. A segment with dots needs a JSON array as path.
    #[arg(long = "property", value_name = "PATH=TYPE:VALUE", value_parser = GivenProperty::parse)]
    pub(crate) properties: Vec<GivenProperty>,
}

/// Where the virtual clock stands.
#[derive(Args, Debug)]
#[command(next_help_heading = "Filter")]
pub(crate) struct ClockFlag {
    /// What time it is for the filter, as RFC 3339 has it. It stands still while the filter runs
    /// [default: 2026-01-01T00:00:00Z].
    #[arg(long, value_name = "TIME", value_parser = instant::parse_clock)]
    pub(crate) clock: Option<u64>,
}

/// A proxy to be like.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProfileName {
    /// Envoy, and with it Istio.
    Envoy,
    /// The letter of the Proxy-Wasm specification.
    Spec,
    /// Google Cloud's service extensions.
    Gcp,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Envoy => Self::Envoy,
            ProfileName::Spec => Self::Spec,
            ProfileName::Gcp => Self::Gcp,
        }
    }
}

/// The level of a log line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}

impl FilterFlags {
    /// Compiles the filter, or finds it compiled.
    pub(crate) fn compile(&self) -> Result<Module, NotStarted> {
        Ok(compile::cached(&self.module)?)
    }

    /// The filter's configuration; empty without one.
    pub(crate) fn configuration(&self) -> Result<Vec<u8>, Failure> {
        self.config.as_ref().map_or(Ok(Vec::new()), Configuration::read)
    }

    /// A host for the filter as the flags want it, to be described further and started.
    pub(crate) fn host(&self, module: &Module) -> Result<HostBuilder, Failure> {
        let vm_configuration = self.vm_config.as_ref().map_or(Ok(Vec::new()), Configuration::read)?;
        let mut builder = Host::builder(module)
            .configuration(self.configuration()?)
            .vm_configuration(vm_configuration)
            .profile(self.profile.into())
            .log_level(self.log_level.into());
        if let Some(id) = &self.root_id {
            builder = builder.root_id(id);
        }
        for (name, value) in &self.env {
            builder = builder.env(name, value);
        }
        for property in &self.properties {
            builder = builder.property(&*property.path.segments(), property.value.clone());
        }
        Ok(builder)
    }
}

/// Why a filter does not run.
pub(crate) enum NotStarted {
    /// It was never tried: the command line is wrong.
    Usage(Failure),
    /// No proxy would run it, as this says.
    Filter(String),
}

impl NotStarted {
    /// Tells why. That the filter is not good enough is a finding.
    pub(crate) fn report(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Usage(failure) => Err(failure),
            Self::Filter(why) => {
                anstream::eprintln!("{ERROR}error{PLAIN}: {}", output::harmless(&why));
                Ok(failure::findings())
            }
        }
    }
}

impl From<Refused> for NotStarted {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unreadable(why) => Self::Usage(Failure::Message(why)),
            filter @ Refused::Filter { .. } => Self::Filter(filter.to_string()),
        }
    }
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self::Usage(failure)
    }
}

impl From<outgate_test_host::StartError> for NotStarted {
    fn from(error: outgate_test_host::StartError) -> Self {
        Self::Filter(error.to_string())
    }
}
