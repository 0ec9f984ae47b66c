//! How this project builds, for a crate that is built as it is.

use super::name::PolicyName;
use super::origin::Dependencies;

/// The versions that were tested. Cargo drops what a crate does not need.
pub(super) const LOCK: &str = include_str!("../../../Cargo.lock");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");
const CARGO_CONFIG: &str = include_str!("../../../.cargo/config.toml");

/// The crate's `Cargo.toml`.
pub(super) fn manifest(name: &PolicyName, dependencies: &Dependencies) -> String {
    let Dependencies { filter, test_host } = dependencies;
    let line = |key: &str| line(WORKSPACE, key);
    let (edition, rust_version) = (line("edition"), line("rust-version"));
    let (serde, serde_json) = (line("serde"), line("serde_json"));
    let profiles = from(WORKSPACE, "[profile.");
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n{edition}\n{rust_version}\npublish = false\n\n\
         # No part of a workspace that it may lie in.\n[workspace]\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\ndoctest = false\n\n\
         [dependencies]\n{filter}\n{serde}\n\n\
         [dev-dependencies]\n{test_host}\n{serde_json}\n\n\
         {profiles}",
        name = name.as_str(),
    )
}

/// How modules are compiled, as a `.cargo/config.toml`.
pub(super) fn wasm_flags() -> String {
    from(CARGO_CONFIG, "[target.").to_owned()
}

/// Whether a package of this name is among those that were tested.
pub(super) fn has_package(name: &str) -> bool {
    let line = format!("name = \"{name}\"");
    LOCK.lines().any(|known| known == line)
}

/// The line with a key.
fn line<'t>(text: &'t str, key: &str) -> &'t str {
    let is_it = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" ="));
    text.lines().find(is_it).unwrap_or_default()
}

/// What stands from the first table on whose header begins like this.
fn from<'t>(text: &'t str, header: &str) -> &'t str {
    text.find(&format!("\n{header}")).map_or("", |at| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_how_a_crate_is_built_is_found() {
        for key in ["edition", "rust-version", "serde", "serde_json"] {
            assert!(!line(WORKSPACE, key).is_empty(), "{key}");
        }
        let profiles = from(WORKSPACE, "[profile.");
        let mut headers = profiles.lines().filter(|line| line.starts_with('['));
        assert!(headers.all(|header| header.starts_with("[profile.")), "{profiles}");
        assert!(profiles.contains("[profile.wasm]") && profiles.contains("[profile.dev]"));
        assert!(wasm_flags().starts_with("[target.wasm32-unknown-unknown]\nrustflags"));
    }
}
