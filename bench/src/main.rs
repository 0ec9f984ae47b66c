//! `outgate-bench`: the measurements of the module, in the test host and in a real Envoy, and of the test host. That of the engine is
//! `benches/engine.rs`. `cargo xtask bench` builds what they need and runs them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use outgate_bench::families::Family;
use outgate_bench::report::Report;
use outgate_bench::{envoy, host, wasm};

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
    /// Processor time, latency, memory and start in a real Envoy, beside none, a no-op and native RBAC
    Envoy(EnvoyArgs),
    /// Streams a second through the test host, and how soon a filter is ready in it
    Host(HostArgs),
}

#[derive(Args)]
struct Common {
    /// The filter's module
    #[arg(long, env = "OUTGATE_FILTER_WASM", value_name = "FILE")]
    filter: PathBuf,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value_os_t = Report::usual_directory())]
    out: PathBuf,
    /// Fewer policies or streams
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

#[derive(Args)]
struct HostArgs {
    #[command(flatten)]
    common: Common,
    /// Only the filters and requests whose names have this in them, such as `outgate, passes`
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

#[derive(Args)]
struct EnvoyArgs {
    #[command(flatten)]
    common: Common,
    /// The Envoy binary
    #[arg(long, env = "ENVOY", value_name = "FILE")]
    envoy: PathBuf,
    /// The family of policies; its callers must have one name
    #[arg(long, value_name = "NAME", default_value = "walkthrough")]
    family: String,
    /// Numbers of policies
    #[arg(long, value_name = "COUNT", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sizes: Vec<u32>,
    /// How often each variant has its turn
    #[arg(long, value_name = "COUNT")]
    rounds: Option<usize>,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Wasm(args) => run_wasm(args),
        Command::Envoy(args) => run_envoy(args),
        Command::Host(args) => run_host(args),
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

fn run_host(args: HostArgs) -> Result<(), host::Error> {
    let quick = args.common.quick;
    let options = host::Options {
        streams: if quick { 20_000 } else { 100_000 },
        rounds: if quick { 3 } else { 10 },
        only: args.only,
    };
    let report = host::report(&host::measure(&args.common.filter, &options)?);
    report.write(&args.common.out)?;
    println!("{}", report.text());
    Ok(())
}

fn run_envoy(args: EnvoyArgs) -> Result<(), envoy::Error> {
    let quick = args.common.quick;
    let sizes: Vec<usize> = match &args.sizes[..] {
        [] if quick => vec![1, 1_000, 10_000],
        [] => vec![1, 10, 100, 200, 1_000, 10_000, 100_000],
        sizes => sizes.iter().map(|&size| size as usize).collect(),
    };
    let family = Family::named(&args.family).ok_or_else(|| format!("there is no family `{}`", args.family))?;
    let report = envoy::report(&envoy::measure(&envoy::Options {
        envoy: args.envoy,
        filter: args.common.filter,
        family,
        sizes,
        rounds: args.rounds.unwrap_or(if quick { 8 } else { 24 }),
        turn: Duration::from_millis(if quick { 150 } else { 250 }),
    })?);
    report.write(&args.common.out)?;
    println!("{}", report.text());
    Ok(())
}
