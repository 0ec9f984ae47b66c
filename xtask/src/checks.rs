//! `cargo xtask test`: every check that CI runs, in order, and their sum.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::cargo::cargo;
use crate::console::{self, Colour, Console};
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::setup;
use crate::tally::Tally;
use crate::tools::Tools;
use crate::wasm::{self, Variant};
use crate::workspace::Workspace;

/// Which steps to run.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Run this step alone (may be repeated); what the others left behind is used
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,

    /// Leave this step out (may be repeated)
    #[arg(long, value_name = "STEP", conflicts_with = "only")]
    skip: Vec<Step>,
}

impl CheckArgs {
    fn wants(&self, step: Step) -> bool {
        if self.only.is_empty() {
            !self.skip.contains(&step)
        } else {
            self.only.contains(&step)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Get the Rust target, Envoy and HTTPBin
    Setup,
    /// Build the module that ships, and its variant
    Wasm,
    /// Is the code formatted?
    Fmt,
    /// Do the lints pass?
    Clippy,
    /// Does the documentation build, with every link in it?
    Doc,
    /// Do the tests pass, those in the documentation and those on a real Envoy included?
    Test,
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// What to do when the step fails.
    fn advice(self) -> &'static str {
        match self {
            Self::Setup => "`cargo xtask setup` tries it alone",
            Self::Wasm => "`cargo xtask wasm` tries it alone",
            Self::Fmt => "`cargo fmt` formats the code",
            Self::Clippy => {
                "the lints are chosen in the workspace's Cargo.toml; `cargo xtask test --only clippy` tries them alone"
            }
            Self::Doc => "`cargo xtask test --only doc` tries it alone",
            Self::Test => "`cargo xtask test --only test` runs the tests alone; `cargo test -p CRATE NAME` runs one",
        }
    }
}

enum Outcome {
    Passed,
    Failed,
    NotAsked,
}

/// Runs the steps. One that fails does not stop the others: one run shows all there is to mend.
pub(crate) fn run(args: &CheckArgs, workspace: &Workspace, console: Console) -> Result<(), Failure> {
    let mut checks = Checks {
        workspace,
        console,
        tally: None,
    };
    let mut summary = Vec::new();
    for &step in Step::value_variants() {
        if !args.wants(step) {
            summary.push((step, Outcome::NotAsked, Duration::ZERO));
            continue;
        }
        let started = Instant::now();
        let outcome = match checks.run(step) {
            Ok(()) => Outcome::Passed,
            Err(failure) => {
                console.failure(&failure.or_advise(step.advice()));
                Outcome::Failed
            }
        };
        summary.push((step, outcome, started.elapsed()));
    }

    let result = sum_up(&summary, console);
    if let Some(tally) = checks.tally {
        console.line(tally);
    }
    result
}

struct Checks<'a> {
    workspace: &'a Workspace,
    console: Console,
    /// Set when tests have run.
    tally: Option<Tally>,
}

impl Checks<'_> {
    fn run(&mut self, step: Step) -> Result<(), Failure> {
        let cargo = || cargo(self.console);
        match step {
            Step::Setup => self.setup(),
            Step::Wasm => Variant::ALL
                .into_iter()
                .try_for_each(|variant| wasm::build_variant(variant, self.workspace, self.console).map(drop)),
            Step::Fmt => self.cargo("formatting", &self.fmt()),
            Step::Clippy => self.cargo(
                "lints",
                &cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            ),
            Step::Doc => self.cargo(
                "documentation",
                &cargo()
                    .args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-Dwarnings"),
            ),
            Step::Test => self.test(),
        }
    }

    /// CI must run every test, so there a missing Envoy is a failure; a person is told, and goes on.
    fn setup(&self) -> Result<(), Failure> {
        setup::wasm_target(self.workspace, self.console)?;
        match setup::envoy(self.workspace, self.console) {
            Err(failure) if !console::is_ci() => {
                self.console.failure(&failure);
                self.console
                    .note("going on without a real Envoy: its tests will say that they are skipped");
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// The formatter shows differences in colour even to a file, unless told not to.
    fn fmt(&self) -> Invocation {
        let fmt = Invocation::new("cargo").args(["fmt", "--all", "--check"]);
        if self.console.colours() {
            fmt
        } else {
            fmt.args(["--", "--color", "never"])
        }
    }

    fn cargo(&self, what: &str, cargo: &Invocation) -> Result<(), Failure> {
        let started = Instant::now();
        self.console
            .step(format_args!("{what}: {}", cargo.display(self.workspace.root())));
        cargo.stream(self.workspace.root())?;
        self.console.done(what, started.elapsed());
        Ok(())
    }

    fn test(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        let root = self.workspace.root();
        let cargo = self.with_environment(cargo(self.console).args(["test", "--workspace", "--no-fail-fast"]));
        self.console.step(format_args!("tests: {}", cargo.display(root)));

        let mut tally = Tally::default();
        let result = cargo.stream_lines(root, |line| {
            tally.read(line);
            self.console.line(line);
        });
        if result.is_err() && tally.failed == 0 {
            // A binary that did not build, or died, has counted nothing.
            tally.failed = 1;
        }
        self.tally = Some(tally);
        result?;
        self.console.done("tests", started.elapsed());
        Ok(())
    }

    /// Tells the tests where the module and the tools are, as far as they are there.
    fn with_environment(&self, mut cargo: Invocation) -> Invocation {
        let filter = self.workspace.filter_wasm();
        if filter.is_file() {
            cargo = cargo.env("OUTGATE_FILTER_WASM", filter);
        } else {
            self.console
                .note("no filter module: tests that need it will say so; `cargo xtask wasm` builds it");
        }
        if let Some(tools) = Tools::find(self.workspace, self.console) {
            cargo = cargo.env("ENVOY", tools.envoy).env("HTTPBIN_PYTHON", tools.python);
        } else {
            self.console
                .note("no Envoy: tests that need it will say so; `cargo xtask setup` gets it");
        }
        cargo
    }
}

fn sum_up(summary: &[(Step, Outcome, Duration)], console: Console) -> Result<(), Failure> {
    console.line("");
    let mut failed = Vec::new();
    for (step, outcome, took) in summary {
        let name = step.name();
        let (word, time) = match outcome {
            Outcome::Passed => (console.paint(Colour::Green, "ok    "), console::seconds(*took)),
            Outcome::Failed => (console.paint(Colour::Red, "FAILED"), console::seconds(*took)),
            Outcome::NotAsked => (console.paint(Colour::Yellow, "-     "), "not asked for".to_owned()),
        };
        console.line(format_args!("  {name:<8}{word}  {time:>12}"));
        if matches!(outcome, Outcome::Failed) {
            failed.push(name);
        }
    }
    console.line("");
    if failed.is_empty() {
        return Ok(());
    }
    let failure = Failure::finding(format!("failed: {}", failed.join(", "))).advise("what each printed is above");
    console.failure(&failure);
    Err(failure.shown())
}
