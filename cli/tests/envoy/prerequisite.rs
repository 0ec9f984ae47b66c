//! What the tests on a real Envoy need from outside, and what is said when it is not there.
//!
//! A person without Envoy may run all the other tests; a skipped test says so in words. CI may not skip anything.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

/// The Envoy binary.
pub(crate) fn envoy() -> Option<PathBuf> {
    file_from("ENVOY", "no Envoy", "cargo xtask setup")
}

/// The filter, as it ships to the gateway.
pub(crate) fn filter_wasm() -> Option<PathBuf> {
    file_from("OUTGATE_FILTER_WASM", "no filter module", "cargo xtask wasm")
}

fn file_from(variable: &str, missing: &str, remedy: &str) -> Option<PathBuf> {
    match env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
    {
        Some(path) if path.is_file() => Some(path),
        Some(path) => panic!(
            "{variable} names {}, which is not a file: run `{remedy}`",
            path.display()
        ),
        None if is_ci() => panic!("{missing}: {variable} is not set, and CI skips nothing: run `{remedy}` first"),
        None => {
            let test = thread::current();
            let test = test.name().unwrap_or("a test");
            // Not `eprintln!`, which the test runner keeps to itself when a test does not fail.
            let words = format!("{test} skipped: {missing}: run `{remedy}`\n");
            io::stderr().write_all(words.as_bytes()).ok();
            None
        }
    }
}

fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
