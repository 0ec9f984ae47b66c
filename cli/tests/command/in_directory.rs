//! The command in a directory with files.

// Every test target is compiled with all of it and uses its part.
#![allow(dead_code)]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::Run;

/// Runs the command in a directory that has these files.
pub(crate) fn outgate(files: &[(&str, &str)], input: &str, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    run_in(directory.path(), input, arguments)
}

pub(crate) fn run_in(directory: &Path, input: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
    Run::of(command.current_dir(directory).args(arguments), input)
}
