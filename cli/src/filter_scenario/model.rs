//! A scenario file of kind `FilterScenario`, as it is written.

use outgate_policy::resource::Metadata;
use outgate_test_host::FailurePolicy;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny};
use serde_json::Value;

use crate::hosted::filter::{Level, ProfileName};
use crate::hosted::property::PropertyPath;
use crate::notation::{Ordered, Shapes, read_by_shape};
use crate::test::documents::{API_VERSION, Kind, ScenarioMetadata};

use super::budget::Budget;
use super::expect::Expect;
use super::message::{RequestSpec, ResponseSpec};
use super::property::PropertyValue;
use super::step::Step;
use super::upstream::Rule;
use super::values::{Clock, Configuration, Quantity};

/// Requests through a Proxy-Wasm filter, and what must become of them: `outgate test`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    /// The version of this format.
    #[allow(dead_code, reason = "what was looked at before the document was read as a scenario")]
    #[schemars(extend("const" = API_VERSION))]
    api_version: String,
    /// The kind of this document.
    #[allow(dead_code, reason = "what was looked at before the document was read as a scenario")]
    #[schemars(extend("const" = Kind::FilterScenario))]
    kind: String,
    /// What it is called.
    #[schemars(with = "ScenarioMetadata")]
    pub(super) metadata: Metadata,
    /// What it says.
    pub(super) spec: Spec,
}

/// A filter, and what must become of requests that go through it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    /// The plugin and its proxy. Each case gets a fresh one.
    pub(super) filter: FilterSpec,
    /// The services that the filter calls, by the name of their cluster. What no rule answers waits: for a step, or for its
    /// timeout.
    #[serde(default)]
    pub(super) upstreams: Ordered<Vec<Rule>>,
    /// What cases leave out.
    #[serde(default)]
    pub(super) defaults: Defaults,
    /// What each stream may use at most.
    #[serde(default)]
    pub(super) budget: Budget,
    /// The cases, one after the other. Tables are filled in before a case is read.
    #[allow(dead_code, reason = "read one by one from the tree")]
    #[schemars(with = "Vec<Case>")]
    cases: Vec<IgnoredAny>,
}

impl Spec {
    pub(super) fn workers(&self) -> usize {
        self.filter.workers.map_or(1, |workers| workers.0)
    }
}

/// What cases leave out.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Defaults {
    /// Of requests.
    pub(super) request: RequestSpec,
    /// Of responses.
    pub(super) response: ResponseSpec,
}

/// The plugin and its proxy.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct FilterSpec {
    /// The module, from where the scenario stands. `--filter` goes before it, OUTGATE_FILTER_WASM stands in for it.
    pub(super) wasm: Option<String>,
    /// The plugin's configuration: a text, `{file: …}`, or an object or a list that is handed over as JSON.
    pub(super) config: Option<Configuration>,
    /// The configuration of its VM, likewise.
    pub(super) vm_config: Option<Configuration>,
    /// The plugin's name.
    pub(super) name: Option<String>,
    /// The root id, which chooses among several filters in one module.
    pub(super) root_id: Option<String>,
    /// The VM's id.
    pub(super) vm_id: Option<String>,
    /// The proxy to be like, where proxies differ; `envoy` without it.
    pub(super) profile: Option<ProfileName>,
    /// What becomes of requests when the filter has died; `closed` without it.
    pub(super) on_failure: Option<FailureName>,
    /// How many workers the proxy has, from 1 to 64, each with a VM of its own; 1 without it.
    pub(super) workers: Option<Workers>,
    /// Environment variables of the VM.
    pub(super) env: Ordered<String>,
    /// What time it is when a case begins; 2026-01-01T00:00:00Z without it. It stands still until a case lets it go on.
    pub(super) clock: Option<Clock>,
    /// Where random numbers begin; 0 without it.
    pub(super) seed: Option<u64>,
    /// Lines below this level are dropped; `info` without it.
    pub(super) log_level: Option<Level>,
    /// How many bytes the proxy buffers for a filter that holds a body; 1 MiB without it.
    pub(super) buffer_limit: Option<Quantity>,
    /// The plugin's field of that name: whether a pause in a headers callback holds the headers alone, so that the body goes on to
    /// the filter. Without it, everything is held.
    pub(super) allow_on_headers_stop_iteration: Option<bool>,
    /// Properties that are the same for all requests, such as `xds.cluster_name` or `node.metadata`.
    pub(super) properties: Ordered<PropertyValue, PropertyPath>,
}

/// How many workers a proxy has.
#[derive(Clone, Copy)]
pub(super) struct Workers(pub(super) usize);

impl Workers {
    const LEAST: usize = 1;
    const MOST: usize = 64;
}

impl<'de> Shapes<'de> for Workers {
    const EXPECTED: &'static str = "a number from 1 to 64";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "integer", "minimum": Workers::LEAST, "maximum": Workers::MOST})]
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        match usize::try_from(number) {
            Ok(number @ Self::LEAST..=Self::MOST) => Ok(Self(number)),
            _ => Err(Self::refused(format_args!("{number}"))),
        }
    }
}

read_by_shape!(Workers, Skip);

/// What becomes of requests when the filter has died.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FailureName {
    /// They get 503 until the configuration changes.
    Closed,
    /// They pass by the filter.
    Open,
    /// They get 503 until a fresh VM is started, after a second or so.
    Reload,
}

impl From<FailureName> for FailurePolicy {
    fn from(name: FailureName) -> Self {
        match name {
            FailureName::Closed => Self::Closed,
            FailureName::Open => Self::Open,
            FailureName::Reload => Self::RELOAD,
        }
    }
}

/// One case: a request and what becomes of it, or a stream step by step.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Case {
    /// What it shows, as a sentence. No two cases have the same.
    pub(super) name: String,
    /// Words that `--tag` chooses cases by.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// While one case has this, those without it are skipped, unless the command names cases or tags.
    #[serde(default)]
    pub(super) only: bool,
    /// `true`, or the reason: the case is not played.
    #[serde(default)]
    pub(super) skip: Skip,
    /// The plugin's configuration, in place of the scenario's.
    #[serde(default)]
    pub(super) config: Option<Configuration>,
    /// The request.
    #[serde(default)]
    pub(super) request: RequestSpec,
    /// What the upstream answers when the request reaches it.
    #[serde(default)]
    pub(super) response: Option<ResponseSpec>,
    /// In place of a whole exchange: what happens, one after the other.
    #[serde(default)]
    pub(super) steps: Option<Vec<Step>>,
    /// Rows of values: each makes a case of its own.
    #[serde(default)]
    #[allow(dead_code, reason = "filled in before the case is read")]
    table: Option<Table>,
    /// Play it in several ways of delivery, which must not make a difference.
    #[serde(default)]
    pub(super) vary: Option<Vary>,
    /// What must be so in the end.
    #[serde(default)]
    pub(super) expect: Expect,
}

/// Whether a case is left out, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Skip(pub(super) Option<String>);

impl<'de> Shapes<'de> for Skip {
    const EXPECTED: &'static str = "a boolean, or the reason as a text";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": ["boolean", "string"]})]
    }

    fn boolean<E: Error>(skip: bool) -> Result<Self, E> {
        Ok(Self(skip.then(|| "skip".to_owned())))
    }

    fn text<E: Error>(reason: &str) -> Result<Self, E> {
        Ok(Self(Some(reason.to_owned())))
    }
}

/// Rows of values: each is a case of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Table {
    /// Names that the case uses as `${name}`; or columns that need none: `method`, `path`, `host`, `source`, `sni`, `body`,
    /// `principal`, `status`, `details`, and `header:NAME` for a header of the request.
    pub(super) columns: Vec<String>,
    /// For each row, a value for each column.
    #[schemars(with = "Vec<Vec<Value>>")]
    pub(super) rows: Vec<Vec<IgnoredAny>>,
}

/// Ways to deliver the same messages, which must not make a difference.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct Vary {
    /// In what pieces bodies come: `whole`, or in pieces of so many bytes.
    pub(super) chunks: Vec<Chunks>,
    /// How the end of a body is told.
    pub(super) end: Vec<EndOfBody>,
}

/// In what pieces bodies come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunks {
    Whole,
    Of(usize),
}

impl Chunks {
    const WHOLE: &'static str = "whole";
}

impl<'de> Shapes<'de> for Chunks {
    const EXPECTED: &'static str = "a number of bytes, or `whole`";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"const": Chunks::WHOLE}),
            json_schema!({"type": "integer", "minimum": 1}),
        ]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        match text {
            Self::WHOLE => Ok(Self::Whole),
            _ => Err(Self::refused(format_args!("{text:?}"))),
        }
    }

    fn integer<E: Error>(number: i128) -> Result<Self, E> {
        match usize::try_from(number) {
            Ok(size @ 1..) => Ok(Self::Of(size)),
            _ => Err(Self::refused(format_args!("{number}"))),
        }
    }
}

read_by_shape!(Chunks);

/// How the end of a message is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EndOfBody {
    /// With its last piece.
    #[default]
    Last,
    /// By an empty piece of its own.
    TrailingEmpty,
}
