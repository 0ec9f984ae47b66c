//! The command, and files for it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::run::Run;

pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn example() -> PathBuf {
    project().join("examples/filter-scenario")
}

/// A directory with the example's filter as `filter.wasm`, the probe as `probe.wasm`, and these files.
pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filter_scenario");
    for (name, source) in [
        ("filter.wasm", example().join("filter.wat")),
        ("probe.wasm", here.join("probe.wat")),
    ] {
        let wasm = wat::parse_file(source).unwrap();
        fs::write(directory.path().join(name), wasm).unwrap();
    }
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

pub(crate) fn outgate(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
    command.current_dir(directory).arg("test").args(arguments);
    Run::of(command.env_remove("OUTGATE_FILTER_WASM"), "")
}

/// A scenario of the gate with these cases, each in YAML's own notation, indented by two.
pub(crate) fn scenario(cases: &str) -> String {
    scenario_of(
        "filter: {wasm: filter.wasm, config: /admin}\n  upstreams: {authz: []}",
        cases,
    )
}

/// A scenario with this at the beginning of its `spec`.
pub(crate) fn scenario_of(spec: &str, cases: &str) -> String {
    format!("apiVersion: outgate/v1\nkind: FilterScenario\nmetadata: {{name: s}}\nspec:\n  {spec}\n  cases:\n{cases}")
}

pub(crate) fn run(cases: &str, arguments: &[&str]) -> Run {
    let directory = directory(&[("s.yaml", &scenario(cases))]);
    outgate(directory.path(), &[&["s.yaml"], arguments].concat())
}

/// A behaviour: a sentence, the fields of the case, and what does not hold.
pub(crate) struct Row<'t> {
    pub(crate) sentence: &'t str,
    pub(crate) case: String,
    /// `FIELD: WORDS OF WHAT WAS FOUND`, for each difference; the words may be left out.
    pub(crate) differences: Vec<&'t str>,
}

/// Reads rows: a sentence, indented below it the fields of the case, and after `✗` what does not hold.
pub(crate) fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with(' ') {
            rows.push(Row {
                sentence: line,
                case: String::new(),
                differences: Vec::new(),
            });
            continue;
        }
        let row = rows.last_mut().expect("a row begins with a sentence");
        match line.trim().strip_prefix("✗ ") {
            Some(difference) => row.differences.push(difference),
            None => {
                row.case.push_str(line.trim());
                row.case.push(' ');
            }
        }
    }
    rows
}

/// Plays rows as cases of one scenario, which has this at the beginning of its `spec`.
pub(crate) fn check(spec: &str, text: &str) {
    check_beside(spec, &[], text);
}

/// The same, with files beside the scenario.
pub(crate) fn check_beside(spec: &str, files: &[(&str, &str)], text: &str) {
    let rows = rows(text);
    let mut cases = String::new();
    for row in &rows {
        let _ = writeln!(cases, "  - {{name: \"{}\", {}}}", row.sentence, row.case);
    }
    let scenario = scenario_of(spec, &cases);
    let directory = directory(&[files, &[("s.yaml", &scenario)]].concat());
    let run = outgate(directory.path(), &["s.yaml", "--json"]);
    assert!(run.err.is_empty(), "{}", run.err);
    let report = run.json();
    let played = report["filterScenarios"][0]["cases"].as_array().unwrap();
    assert_eq!(played.len(), rows.len(), "{}", run.out);
    for (row, played) in rows.iter().zip(played) {
        let differences = played["differences"].as_array().unwrap();
        let text = |difference: &Value, key: &str| difference[key].as_str().unwrap().to_owned();
        let found: Vec<String> = differences
            .iter()
            .map(|difference| format!("{}: {}", text(difference, "field"), text(difference, "found")))
            .collect();
        let is_expected = |(found, expected): (&String, &&str)| {
            let (field, words) = expected.split_once(": ").unwrap_or((expected, ""));
            found.starts_with(&format!("{field}: ")) && found.contains(words)
        };
        assert!(
            found.len() == row.differences.len() && found.iter().zip(&row.differences).all(is_expected),
            "{}: {}\nexpected: {:#?}\nfound: {found:#?}\n{}",
            row.sentence,
            row.case,
            row.differences,
            played["report"].as_str().unwrap_or_default()
        );
    }
}
