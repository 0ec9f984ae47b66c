//! `outgate`: checks, builds, explains and tests the policies of an egress gateway, and packages what enforces them.

mod arguments;
mod authority;
mod bench;
mod build;
mod check;
mod custom_policies;
mod described;
mod enforcement;
mod explain;
mod failure;
mod filter_module;
mod filter_scenario;
mod hosted;
mod inspect;
mod local;
mod new;
mod notation;
mod output;
mod package;
mod run;
mod scenario;
mod schema;
mod serve;
mod signals;
mod suite;
mod test;
mod up;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.apply();
    let result = match &arguments.command {
        Command::Check(arguments) => check::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::New(arguments) => new::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Up(arguments) => up::run(arguments),
        Command::Package(arguments) => package::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
    };
    result.unwrap_or_else(|failure: Failure| failure.report())
}
