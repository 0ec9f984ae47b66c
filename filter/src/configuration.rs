//! Reads a configuration so that a large one takes little memory: each policy is compiled as it is read, and not kept.

use std::fmt;

use outgate_policy::EngineBuilder;
use outgate_policy::config::Config;
use outgate_policy::resource::{Action, AuthorizationPolicy};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json;

/// A configuration but for its policies.
pub(crate) type Settings = Config<IgnoredAny>;

/// What became of the policies.
#[derive(Debug)]
pub(crate) struct Policies {
    /// Has those that could be read.
    pub(crate) engine: EngineBuilder,
    /// The namespace and the name of the first policy that asks an external authorizer.
    pub(crate) custom: Option<(String, String)>,
}

/// Reads everything once, and the policies once more: what the mesh says is needed before the first of them, and may be written
/// after the last.
pub(crate) fn read(configuration: &dyn json::Text) -> Result<(Settings, Policies), json::Error> {
    let settings: Settings = json::read(configuration)?;
    let mut policies = Policies {
        engine: EngineBuilder::new(&settings.mesh),
        custom: None,
    };
    json::read_with(configuration, Document(&mut policies))?;
    Ok((settings, policies))
}

/// A configuration, of which only the policies are read.
struct Document<'a>(&'a mut Policies);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration of the filter")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "policies" {
                map.next_value_seed(List(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of policies.
struct List<'a>(&'a mut Policies);

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
            if policy.spec.action == Some(Action::Custom) {
                let namespace = policy.metadata.effective_namespace().to_owned();
                self.0.custom.get_or_insert((namespace, policy.metadata.name));
            } else {
                self.0.engine.check(policy);
            }
        }
        Ok(())
    }
}
