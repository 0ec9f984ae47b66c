//! Scenarios of filters, as the command plays them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

struct Run {
    status: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example() -> PathBuf {
    project().join("examples/filter-scenario")
}

/// A directory with the example's filter, assembled, and these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let wasm = wat::parse_file(example().join("filter.wat")).unwrap();
    fs::write(directory.path().join("filter.wasm"), wasm).unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

fn outgate(directory: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .current_dir(directory)
        .arg("test")
        .args(arguments)
        .env_remove("OUTGATE_FILTER_WASM")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[test]
fn the_example_passes() {
    let directory = directory(&[]);
    for file in ["gate.yaml", "authz.yaml"] {
        fs::copy(example().join(file), directory.path().join(file)).unwrap();
    }
    let all = outgate(directory.path(), &["."]);
    assert_eq!(all.status, 0, "{}{}", all.out, all.err);
    assert!(all.out.contains("14 passed, 0 failed"), "{}", all.out);
    let tagged = outgate(directory.path(), &["gate.yaml", "--tag", "bodies", "--json"]);
    assert_eq!(
        (tagged.status, &tagged.json()["passed"]),
        (0, &2.into()),
        "{}",
        tagged.out
    );
    let table = outgate(directory.path(), &[".", "--case", "paths", "--json"]);
    assert_eq!(table.json()["passed"], 3, "{}", table.out);
}
