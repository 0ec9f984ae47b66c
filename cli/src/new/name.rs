//! What a policy, and the crate that it is in, can be called.

use outgate_filter::custom_policy::is_policy_name;

use super::project;

/// What the templates call it, and how its module's file and its log fields do.
const IN_TEMPLATES: &str = "my-policy";
const IN_TEMPLATES_FOR_RUST: &str = "my_policy";

/// Crates that a compiler brings along.
const OF_COMPILER: [&str; 5] = ["alloc", "core", "proc-macro", "std", "test"];

/// The name of a policy that can be a crate's, too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PolicyName(String);

impl PolicyName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !is_policy_name(text) {
            return Err(
                "a policy's name has lower-case letters, digits and hyphens, and begins with a letter".to_owned(),
            );
        }
        if OF_COMPILER.contains(&text) || project::has_package(text) {
            return Err(format!("there is a crate `{text}` already that this one would need"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A template's text for this name.
    pub(super) fn fill(&self, template: &str) -> String {
        let for_rust = self.0.replace('-', "_");
        template
            .replace(IN_TEMPLATES, &self.0)
            .replace(IN_TEMPLATES_FOR_RUST, &for_rust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_policy_and_a_crate_can_have() {
        for name in ["a", "query-length", "my-policy", "p2"] {
            assert_eq!(PolicyName::parse(name).map(|name| name.0), Ok(name.to_owned()));
        }
        for name in ["", "Query", "2p", "-p", "a_b", "a/b", "../a", "ä", "a b"] {
            assert!(
                PolicyName::parse(name).is_err_and(|error| error.contains("lower-case letters")),
                "{name:?}"
            );
        }
        for name in ["std", "test", "serde", "outgate-filter", "wasmtime"] {
            assert!(
                PolicyName::parse(name).is_err_and(|error| error.contains("already")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_template_has_the_name_everywhere() {
        let name = PolicyName::parse("a-b").expect("a name");
        assert_eq!(name.fill("my-policy my_policy my-policy_x"), "a-b a_b a-b_x");
    }
}
