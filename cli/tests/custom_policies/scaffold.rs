//! `outgate new`: what it makes, and what it refuses. That it builds and passes is for the tutorial to show.

use std::fs;
use std::path::Path;

use super::in_directory::run_in;
use super::module::project;
use super::run::Run;

fn new(directory: &Path, arguments: &[&str]) -> Run {
    run_in(directory, "", &[&["new"], arguments].concat())
}

#[test]
fn a_crate_has_the_policys_name_and_this_projects_versions() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = new(directory.path(), &["query-length", "--path", "policies/ql"]);
    assert_eq!(output.status, 0, "{}", output.text());
    let made = directory.path().join("policies/ql");
    let read = |file: &str| fs::read_to_string(made.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let filter = format!("outgate-filter = {{ path = \"{}/filter\" }}", project().display());
    for (file, expected) in [
        ("Cargo.toml", "name = \"query-length\""),
        ("Cargo.toml", filter.as_str()),
        ("Cargo.toml", "[profile.wasm]"),
        (".cargo/config.toml", "[target.wasm32-unknown-unknown]"),
        (".gitignore", "/target"),
        ("src/lib.rs", "const NAME: &'static str = \"query-length\";"),
        ("tests/module.rs", "wasm.outgate_query_length_query_bytes"),
        ("scenario.yaml", "/query_length.wasm"),
        ("extensions.yaml", "query-length:"),
        ("README.md", "# query-length\n"),
    ] {
        assert!(read(file).contains(expected), "{file}: {expected}");
    }
    let lock = fs::read_to_string(project().join("Cargo.lock")).expect("the project's lock file");
    assert_eq!(read("Cargo.lock"), lock);
    for entry in [
        "src/lib.rs",
        "tests/module.rs",
        "scenario.yaml",
        "README.md",
        "extensions.yaml",
    ] {
        let text = read(entry);
        assert!(!text.contains("my-policy") && !text.contains("my_policy"), "{entry}");
    }
}

#[test]
fn nothing_is_overwritten_and_names_are_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("taken")).expect("a directory");
    for (arguments, expected) in [
        (
            vec!["taken"],
            "taken is there already; name another directory with --path",
        ),
        (vec!["Query"], "lower-case letters, digits and hyphens"),
        (vec!["../up"], "lower-case letters, digits and hyphens"),
        (vec!["serde"], "there is a crate `serde` already"),
        (vec!["a", "--outgate", "."], "there is no checkout of Outgate"),
    ] {
        let output = new(directory.path(), &arguments);
        let said = &output.err;
        assert_eq!(output.status, 2, "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(
        fs::read_dir(directory.path()).expect("the directory").count(),
        1,
        "nothing is left"
    );
}

#[test]
fn a_repository_can_be_named_by_its_url() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = new(directory.path(), &["a", "--outgate", "https://git.example/outgate"]);
    assert_eq!(output.status, 0, "{}", output.text());
    let manifest = fs::read_to_string(directory.path().join("a/Cargo.toml")).expect("a manifest");
    assert!(
        manifest.contains("outgate-test-host = { git = \"https://git.example/outgate\" }"),
        "{manifest}"
    );
}
