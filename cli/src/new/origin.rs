//! Where the crates come from that a module is made of.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::failure::Failure;

/// The project's root, where this command was built.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A checkout of this project, or its repository.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Checkout(PathBuf),
    Repository(String),
}

/// Lines of a `Cargo.toml`: what the module is made of, and what tests it.
#[derive(Debug)]
pub(super) struct Dependencies {
    pub(super) filter: String,
    pub(super) test_host: String,
}

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Ok(Self::Repository(text.to_owned()));
        }
        Self::checkout(Path::new(text))
            .ok_or_else(|| "there is no checkout of Outgate: it has the directories filter and test-host".to_owned())
    }

    /// The checkout that this command was built from.
    pub(super) fn of_this_build() -> Result<Self, Failure> {
        Self::checkout(Path::new(BUILT_FROM)).ok_or_else(|| {
            Failure::Message(format!(
                "the checkout of Outgate that this command was built from, {BUILT_FROM}, is gone; name one, or the URL of the \
                 repository, with --outgate"
            ))
        })
    }

    /// Absolute, so that the crate may be anywhere.
    fn checkout(path: &Path) -> Option<Self> {
        let root = path.canonicalize().ok()?;
        let has = |member: &str| root.join(member).join("Cargo.toml").is_file();
        (has("filter") && has("test-host")).then_some(Self::Checkout(root))
    }

    pub(super) fn dependencies(&self) -> Result<Dependencies, Failure> {
        Ok(Dependencies {
            filter: self.dependency("filter")?,
            test_host: self.dependency("test-host")?,
        })
    }

    fn dependency(&self, member: &str) -> Result<String, Failure> {
        let source = match self {
            Self::Repository(url) => format!("git = {}", json!(url)),
            Self::Checkout(root) => {
                let path = root.join(member);
                let path = path
                    .to_str()
                    .ok_or_else(|| format!("{}: Cargo takes paths in UTF-8 only", path.display()))?;
                // A string of JSON is one of TOML.
                format!("path = {}", json!(path))
            }
        };
        Ok(format!("outgate-{member} = {{ {source} }}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_where_they_are_said_to_be() {
        let of = |origin: Result<Origin, String>| origin.unwrap().dependencies().unwrap();
        let repository = of(Origin::parse("https://git.example/outgate"));
        assert_eq!(
            repository.filter,
            r#"outgate-filter = { git = "https://git.example/outgate" }"#
        );
        let checkout = of(Origin::parse(BUILT_FROM));
        let root = Path::new(BUILT_FROM).canonicalize().unwrap();
        assert_eq!(
            checkout.test_host,
            format!(r#"outgate-test-host = {{ path = "{}/test-host" }}"#, root.display())
        );
        assert!(Origin::parse(env!("CARGO_MANIFEST_DIR")).is_err());
        assert!(Origin::parse("/nowhere").is_err());
    }
}
