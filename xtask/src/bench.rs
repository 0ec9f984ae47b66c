//! `cargo xtask bench`: what a decision costs, measured.

use std::fs;
use std::path::Path;
use std::time::Instant;

use clap::{Args, Subcommand};

use crate::cargo::cargo;
use crate::console::Console;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::setup;
use crate::wasm;
use crate::workspace::Workspace;

/// The document that tells what was measured. Each table stands between a line `<!-- NAME -->` and a line `<!-- end -->`.
const DOCUMENT: &str = "docs/performance.md";
const END: &str = "<!-- end -->";
const MEASUREMENTS: [&str; 4] = ["engine", "wasm", "envoy", "host"];

#[derive(Subcommand, Debug)]
pub(crate) enum Bench {
    /// The engine by itself, natively: time and allocations of a decision (some 8 minutes, 1 with --quick)
    Engine(Options),

    /// The module in the test host: instructions, host calls, start, memory (some 2 minutes, 1 with --quick)
    Wasm(Options),

    /// The module in a real Envoy, beside none, one that does nothing and native RBAC (some 8 minutes, 1 with --quick)
    Envoy(Options),

    /// The test host by itself: streams a second through the module, and how soon it is ready (some 30 seconds)
    Host(Options),

    /// Put the tables and plots of the last measurements into docs/performance.md
    Docs,
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fewer policies, shorter measurements
    #[arg(long)]
    quick: bool,

    /// Further options of the measurement; `-- --help` lists them
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

impl Options {
    fn words(&self) -> impl Iterator<Item = &str> {
        let quick = self.quick.then_some("--quick");
        quick.into_iter().chain(self.options.iter().map(String::as_str))
    }
}

pub(crate) fn run(bench: &Bench, workspace: &Workspace, console: Console) -> Result<(), Failure> {
    match bench {
        Bench::Engine(options) => {
            let bench = cargo(console)
                .args(["bench", "-p", "outgate-bench", "--bench", "engine", "--"])
                .args(options.words());
            // What Criterion says about each of some hundred measurements is in the table.
            let mut is_table = false;
            measure("engine", &bench, workspace, console, |line| {
                is_table |= line.starts_with("**");
                is_table
            })
        }
        Bench::Wasm(options) => {
            setup::wasm_target(workspace, console)?;
            let filter = wasm::build(workspace, console)?;
            let bench = program("wasm", options, console).env("OUTGATE_FILTER_WASM", filter);
            measure("wasm", &bench, workspace, console, |_| true)
        }
        Bench::Envoy(options) => {
            setup::wasm_target(workspace, console)?;
            let tools = setup::envoy(workspace, console)?;
            let filter = wasm::build(workspace, console)?;
            let bench = program("envoy", options, console)
                .env("OUTGATE_FILTER_WASM", filter)
                .env("ENVOY", tools.envoy);
            measure("envoy", &bench, workspace, console, |_| true)
        }
        Bench::Host(options) => {
            setup::wasm_target(workspace, console)?;
            let filter = wasm::build(workspace, console)?;
            let bench = program("host", options, console).env("OUTGATE_FILTER_WASM", filter);
            measure("host", &bench, workspace, console, |_| true)
        }
        Bench::Docs => docs(workspace, console),
    }
}

fn program(what: &str, options: &Options, console: Console) -> Invocation {
    cargo(console)
        .args(["run", "--release", "-p", "outgate-bench", "--", what])
        .args(options.words())
}

fn measure(
    what: &str,
    bench: &Invocation,
    workspace: &Workspace,
    console: Console,
    mut is_shown: impl FnMut(&str) -> bool,
) -> Result<(), Failure> {
    let started = Instant::now();
    console.step(format_args!("{what}: {}", bench.display(workspace.root())));
    bench.stream_lines(workspace.root(), |line| {
        if is_shown(line) {
            console.line(line);
        }
    })?;
    console.done(format_args!("target/bench/{what}.json, .md"), started.elapsed());
    Ok(())
}

fn docs(workspace: &Workspace, console: Console) -> Result<(), Failure> {
    let started = Instant::now();
    let reports = workspace.root().join("target/bench");
    let document = workspace.root().join(DOCUMENT);
    let mut text = read(&document)?;
    let mut taken = Vec::new();
    for name in MEASUREMENTS {
        let tables = reports.join(format!("{name}.md"));
        if !tables.is_file() {
            console.note(format_args!("{name} has not been measured: `cargo xtask bench {name}`"));
            continue;
        }
        text = with_section(&text, name, &read(&tables)?).ok_or_else(|| {
            Failure::finding(format!(
                "{DOCUMENT} has no line `<!-- {name} -->` with a line `{END}` after it"
            ))
        })?;
        let plot = reports.join(format!("{name}.svg"));
        if plot.is_file() {
            let to = workspace.root().join(format!("docs/{name}.svg"));
            fs::copy(&plot, &to).map_err(|error| unusable(&to, &error))?;
        }
        taken.push(name);
    }
    fs::write(&document, text).map_err(|error| unusable(&document, &error))?;
    console.done(format_args!("{DOCUMENT}: {}", taken.join(", ")), started.elapsed());
    Ok(())
}

/// The text with what stands between the markers of a section replaced.
fn with_section(text: &str, name: &str, content: &str) -> Option<String> {
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}<!-- {name} -->\n\n{content}\n{END}{after}"))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::could_not_run(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::with_section;

    #[test]
    fn a_section_is_replaced_between_its_markers() {
        let text = "a\n<!-- wasm -->\nold\n<!-- end -->\nb <!-- end -->\n";
        let replaced = with_section(text, "wasm", "new\n");
        assert_eq!(
            replaced.as_deref(),
            Some("a\n<!-- wasm -->\n\nnew\n\n<!-- end -->\nb <!-- end -->\n")
        );
        assert_eq!(with_section(text, "envoy", "new"), None);
        assert_eq!(with_section("<!-- wasm -->\n", "wasm", "new"), None);
    }
}
