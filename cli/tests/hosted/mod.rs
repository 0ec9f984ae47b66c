//! What the tests of `outgate run`, `serve` and `bench` have in common: filters, and the command on them.

// Every test target is compiled with all of it and uses its part.
#![allow(dead_code)]

#[path = "../../../test-host/tests/host/fixture.rs"]
mod fixture;
#[path = "../command/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) use run::Run;

/// A directory with `filter.wasm` in it, and what else a command line names.
pub(crate) struct Filter(TempDir);

impl Filter {
    /// A filter with these functions: in WAT, with what `fixture` abbreviates.
    pub(crate) fn new(body: &str) -> Self {
        Self::of(&fixture::assemble(body))
    }

    /// A filter that imports this besides what the prelude of `fixture` does.
    pub(crate) fn importing(imports: &str, body: &str) -> Self {
        Self::of(&fixture::assemble_with(imports, body))
    }

    /// A module in WAT as it stands.
    pub(crate) fn bare(wat: &str) -> Self {
        Self::of(&wat::parse_str(wat).expect("the test's module is WAT"))
    }

    /// The gate of `examples/filter-scenario`.
    pub(crate) fn gate() -> Self {
        let wat = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/filter-scenario/filter.wat");
        Self::of(&wat::parse_file(wat).expect("the example is WAT"))
    }

    /// Any bytes as the module.
    pub(crate) fn of(wasm: &[u8]) -> Self {
        Self(tempfile::tempdir().expect("a directory")).with("filter.wasm", wasm)
    }

    /// The same with a file beside it.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Saves a file as editors do: written beside, and renamed.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let beside = self.path().join(format!("{name}.new"));
        fs::write(&beside, content).expect(name);
        fs::rename(beside, self.path().join(name)).expect(name);
    }

    /// The module.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        fs::read(self.path().join("filter.wasm")).expect("the module is there")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// `outgate COMMAND filter.wasm ARGUMENTS` in the directory, not yet started. Compiled code is kept there, too.
    pub(crate) fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut outgate = Command::new(env!("CARGO_BIN_EXE_outgate"));
        outgate
            .current_dir(self.path())
            .args([command, "filter.wasm"])
            .args(arguments)
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        outgate
    }

    /// Runs the command with nothing on its standard input.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Run {
        self.run_with(command, arguments, "")
    }

    pub(crate) fn run_with(&self, command: &str, arguments: &[&str], input: &str) -> Run {
        Run::of(&mut self.command(command, arguments), input)
    }
}

impl Run {
    /// Did it end with this status, having said all of this on its output or as an error?
    pub(crate) fn assert(&self, case: &str, status: i32, parts: &[&str]) {
        let said = format!("{}{}", self.out, self.err);
        assert_eq!(self.status, status, "{case}: {said}");
        for part in parts {
            assert!(said.contains(part), "{case}: `{part}` is not in\n{said}");
        }
    }
}
