//! Suites of the plugin tester of Google's service extensions, played here: `outgate test suite.textpb`.
//!
//! Each test gets a VM and a plugin of its own, in a host that is like that tester's proxy (the profile `gcp`).

mod check;
mod play;

use std::path::{Path, PathBuf};

use outgate_suite_import::TestSuite;

use crate::arguments::Test;
use crate::failure::Failure;
use crate::filter_scenario::FilterScenarioResult;

/// The endings of files in protobuf's text format.
const TEXT_ENDINGS: [&str; 4] = ["textpb", "textproto", "txtpb", "pbtxt"];

/// A suite and where it is.
pub(crate) struct Suite {
    file: PathBuf,
    suite: TestSuite,
}

impl Suite {
    /// Is a file a suite? One in YAML has its tests at the top.
    pub(crate) fn is_suite(file: &Path, text: &str) -> bool {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_top = |line: &str| line.starts_with("test:") || line.starts_with("env:");
        TEXT_ENDINGS.contains(&ending)
            || text.lines().any(is_top) && !text.lines().any(|l| l.starts_with("apiVersion:"))
    }

    pub(crate) fn read(file: &Path, text: &str) -> Result<Self, Failure> {
        let suite = outgate_suite_import::read(&file.display().to_string(), text)?;
        Ok(Self {
            file: file.to_owned(),
            suite,
        })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A file that the suite names.
    fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new(".")).join(path)
    }

    fn read_beside(&self, path: &str) -> Result<Vec<u8>, String> {
        let path = self.beside(path);
        std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }
}

/// Plays suites.
pub(crate) fn run(arguments: &Test, suites: &[Suite]) -> Result<Vec<FilterScenarioResult>, Failure> {
    suites.iter().map(|suite| play::run(arguments, suite)).collect()
}
