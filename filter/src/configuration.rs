//! Reads a configuration so that a large one takes little memory: each policy is compiled as it is read, and not kept.

use std::fmt;
use std::marker::PhantomData;

use outgate_policy::config::{Config, PluginType, Provider};
use outgate_policy::resource::AuthorizationPolicy;
use outgate_policy::{ConfigError, Engine, EngineBuilder};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::custom_policy::{Installed, Installing, Policies};
use crate::ext_authz::Authorizer;
use crate::json;

/// A configuration but for its policies.
pub(crate) type Settings = Config<IgnoredAny, IgnoredAny>;

/// Which of the callbacks that not every configuration needs the module exports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exports {
    /// `proxy_on_log`
    pub log: bool,
    /// `proxy_on_response_headers`
    pub response_headers: bool,
}

impl Exports {
    /// None of them.
    pub const NONE: Self = Self {
        log: false,
        response_headers: false,
    };
}

/// A configuration that can be enforced.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
    /// In the engine's order.
    pub(crate) authorizers: Vec<Authorizer>,
    pub(crate) policies: Vec<Installed>,
}

/// Reads everything once, and the policies once more: what the mesh says is needed before the first of them, and may be written
/// after the last.
pub(crate) fn read<L: Policies>(configuration: &dyn json::Text, exports: Exports) -> Result<Parts, Refused> {
    if matches!(configuration.part(0), Ok(first) if first.is_empty()) {
        return Err(Refused::Absent);
    }
    let mut settings: Settings = json::read(configuration).map_err(Refused::Syntax)?;
    if settings.mesh.on_ambiguous.is_some() && settings.mesh.matching != outgate_policy::config::Matching::Canonical {
        return Err(Refused::Settings(
            "mesh.onAmbiguous is for `matching: canonical` only: nothing else tells what is ambiguous",
        ));
    }
    let mut document = Document {
        engine: EngineBuilder::new(settings.plugin_type, &settings.mesh),
        extensions: Extensions::<L>::new(),
    };
    json::read_with(configuration, &mut document).map_err(Refused::Syntax)?;
    let engine = document
        .engine
        .finish(settings.registry.as_ref())
        .map_err(Refused::Policies)?;
    let policies = document.extensions.finish()?;
    if settings.plugin_type == PluginType::Network {
        if engine.authorizers().len() > 0 {
            return Err(Refused::Settings(
                "CUSTOM policies ask an external authorizer about requests, and a plugin of the type NETWORK decides connections",
            ));
        }
        if !policies.is_empty() {
            return Err(Refused::Settings(
                "custom policies decide requests, and a plugin of the type NETWORK decides connections",
            ));
        }
    }
    let authorizers = authorizers(&engine, std::mem::take(&mut settings.providers), exports)?;
    Ok(Parts {
        settings,
        engine,
        authorizers,
        policies,
    })
}

/// The authorizers that policies name.
fn authorizers(engine: &Engine, mut providers: Vec<Provider>, exports: Exports) -> Result<Vec<Authorizer>, Refused> {
    let mut authorizers = Vec::new();
    for name in engine.authorizers() {
        let mut of_name = providers
            .iter()
            .enumerate()
            .filter(|(_, provider)| provider.name == name);
        let (Some((place, _)), None) = (of_name.next(), of_name.next()) else {
            return Err(Refused::Provider(name.to_owned()));
        };
        let authorizer = Authorizer::new(providers.swap_remove(place));
        if authorizer.changes_responses() && !exports.response_headers {
            return Err(Refused::ResponseHeaders(name.to_owned()));
        }
        authorizers.push(authorizer);
    }
    Ok(authorizers)
}

/// A configuration, of which only the policies are read, those of every kind.
struct Document<L> {
    engine: EngineBuilder,
    extensions: Extensions<L>,
}

impl<'de, L: Policies> DeserializeSeed<'de> for &mut Document<L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, L: Policies> Visitor<'de> for &mut Document<L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration of the filter")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "policies" => map.next_value_seed(List(&mut self.engine))?,
                "extensions" => map.next_value_seed(&mut self.extensions)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The list of policies.
struct List<'a>(&'a mut EngineBuilder);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of policies")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(policy) = list.next_element::<AuthorizationPolicy>()? {
            self.0.check(policy);
        }
        Ok(())
    }
}

/// The configurations of custom policies.
struct Extensions<L> {
    names: Vec<&'static str>,
    /// By the policy's place in the module: what has been read of it, which is nothing for one that is left out.
    read: Vec<Option<Option<Installing>>>,
    modules: PhantomData<L>,
}

impl<L: Policies> Extensions<L> {
    fn new() -> Self {
        let mut names = Vec::new();
        L::each_name(&mut |name| names.push(name));
        Self {
            read: names.iter().map(|_| None).collect(),
            names,
            modules: PhantomData,
        }
    }

    /// The policies in the order of the module. Each of it must have been configured, or left out in so many words.
    fn finish(self) -> Result<Vec<Installed>, Refused> {
        if let Some(missing) = self.read.iter().position(Option::is_none) {
            return Err(Refused::Unconfigured(self.names[missing]));
        }
        let installed = self.read.into_iter().flatten().flatten();
        installed
            .map(|Installing(policy)| policy.map_err(Refused::Extension))
            .collect()
    }
}

impl<'de, L: Policies> DeserializeSeed<'de> for &mut Extensions<L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, L: Policies> Visitor<'de> for &mut Extensions<L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configurations of custom policies, by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let Some(place) = self.names.iter().position(|known| *known == name) else {
                return Err(A::Error::custom(match self.names.as_slice() {
                    [] => format!("this module has no custom policies, and so no `{name}`"),
                    names => format!("this module has no custom policy `{name}`; it has {}", names.join(", ")),
                }));
            };
            if self.read[place].is_some() {
                return Err(A::Error::custom(format!("`{name}` is there twice")));
            }
            self.read[place] = Some(map.next_value_seed(Extension(place, PhantomData::<L>))?);
        }
        Ok(())
    }
}

/// One custom policy, by its place in the module.
struct Extension<L>(usize, PhantomData<L>);

impl<'de, L: Policies> DeserializeSeed<'de> for Extension<L> {
    type Value = Option<Installing>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Installing>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, L: Policies> Visitor<'de> for Extension<L> {
    type Value = Option<Installing>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration of a custom policy, or null to leave it out")
    }

    fn visit_none<E>(self) -> Result<Option<Installing>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Installing>, D::Error> {
        deserializer.deserialize_newtype_struct(json::EVERY_FIELD, self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Installing>, D::Error> {
        L::install(self.0, deserializer).map(Some)
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refused {
    /// There is none.
    Absent,
    /// It is not JSON of the expected shape.
    Syntax(json::Error),
    /// Settings do not go together.
    Settings(&'static str),
    /// Policies are invalid.
    Policies(ConfigError),
    /// A `CUSTOM` policy names a provider that is not there, or is there twice.
    Provider(String),
    /// A provider's authorizer wants to change responses.
    ResponseHeaders(String),
    /// A custom policy of the module has no configuration.
    Unconfigured(&'static str),
    /// A custom policy refuses its configuration; with its place, and why.
    Extension(String),
    /// The proxy does not say which workload it stands beside.
    NoWorkload,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is refused: ")?;
        match self {
            Self::Absent => f.write_str("there is none; give the output of `outgate build` as pluginConfig"),
            Self::Syntax(error) => error.fmt(f),
            Self::Settings(problem) => f.write_str(problem),
            Self::Extension(problem) => f.write_str(problem),
            Self::Policies(error) => error.fmt(f),
            Self::Provider(name) => write!(
                f,
                "a CUSTOM policy asks the provider `{name}`, and `providers` has not exactly one of this name"
            ),
            Self::ResponseHeaders(name) => write!(
                f,
                "the provider `{name}` has headersToDownstreamOnAllow, and this module does not export \
                 proxy_on_response_headers, which would cost every request; build one with `module!(…; exports: response_headers)`"
            ),
            Self::Unconfigured(name) => write!(
                f,
                "extensions.{name} is missing: the module has this custom policy; configure it, or write null to leave it out"
            ),
            Self::NoWorkload => f.write_str(
                "`identity: self` needs NAMESPACE and SERVICE_ACCOUNT in the metadata of the proxy's node, where Istio's sidecars \
                 have them",
            ),
        }
    }
}

impl std::error::Error for Refused {}
