//! The examples' modules, built as their own tests build them; and their scenarios.

use std::path::{Path, PathBuf};
use std::process::Command;

use outgate_test_host::build_filter_file;
use serde_json::{Value, json};

use super::run::Run;

pub(crate) fn project() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the project's root")
}

fn directory(example: &str) -> PathBuf {
    project().join("examples/custom-policy").join(example)
}

/// The module of an example.
pub(crate) fn example(example: &str) -> PathBuf {
    let directory = directory(example);
    let directory = directory.to_str().expect("a path in UTF-8");
    build_filter_file(directory, &format!("example-{example}"), "wasm32-unknown-unknown")
}

/// The filter's configuration with custom policies, which lets everything else pass.
pub(crate) fn configuration(extensions: &Value) -> String {
    json!({"apiVersion": "outgate/v1", "revision": "r1", "extensions": extensions}).to_string()
}

#[test]
fn the_examples_scenarios_pass() {
    for name in ["budget", "change-window", "first-contact"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
        command.arg("test").arg(directory(name).join("scenario.yaml"));
        let run = Run::of(command.arg("--filter").arg(example(name)), "");
        let said = run.text();
        assert_eq!(run.status, 0, "{name}:\n{said}");
        assert!(said.contains("passed"), "{name}:\n{said}");
    }
}
