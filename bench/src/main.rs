//! `outgate-bench`: the measurements of the module, in the test host and in a real Envoy. That of the engine is
//! `benches/engine.rs`. `cargo xtask bench` builds what they need and runs them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use outgate_bench::report::Report;
use outgate_bench::wasm;

/// Measures the filter's module.
#[derive(Parser)]
#[command(name = "outgate-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Instructions, host calls, memory and start in the test host
    Wasm(WasmArgs),
}

#[derive(Args)]
struct Common {
    /// The filter's module
    #[arg(long, env = "OUTGATE_FILTER_WASM", value_name = "FILE")]
    filter: PathBuf,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value_os_t = Report::usual_directory())]
    out: PathBuf,
    /// Fewer policies
    #[arg(long)]
    quick: bool,
}

#[derive(Args)]
struct WasmArgs {
    #[command(flatten)]
    common: Common,
    /// Only the families whose names have this in them
    #[arg(long, value_name = "TEXT", default_value = "")]
    family: String,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Wasm(args) => run_wasm(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run_wasm(args: WasmArgs) -> Result<(), wasm::Error> {
    let options = if args.common.quick {
        wasm::Options {
            sizes: vec![10, 1_000],
            start_sizes: vec![10_000],
            family: args.family,
        }
    } else {
        wasm::Options {
            sizes: vec![10, 1_000, 100_000],
            start_sizes: vec![10_000, 100_000],
            family: args.family,
        }
    };
    let report = wasm::report(&wasm::measure(&args.common.filter, &options)?);
    report.write(&args.common.out)?;
    println!("{}", report.text());
    Ok(())
}
