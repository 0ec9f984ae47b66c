//! `outgate new`: a crate with a custom policy of one's own, its tests and how it is built.
//!
//! The files are those of `template/`, with `my-policy` replaced. What decides how the crate is built is not written down a second
//! time: profiles, flags and versions are this project's own.

mod name;
mod origin;
mod project;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::failure::{FINE, Failure};
use crate::output::{GOOD, PLAIN, STRONG};
use name::PolicyName;
use origin::Origin;

/// Start a custom policy: a crate that builds a module of Outgate's authorization and a policy of your own, with tests that pass.
///
/// docs/custom-policies.md goes on from there.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  outgate new query-length\n  cd query-length && cargo test")]
pub(crate) struct New {
    /// The policy's name: under `extensions`, in log lines, and of the crate. Lower-case letters, digits and hyphens.
    #[arg(value_name = "NAME", value_parser = PolicyName::parse)]
    name: PolicyName,

    /// The directory to make [default: NAME].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// Where Cargo gets Outgate's crates: a checkout of the project, or its repository's URL [default: where this command was
    /// built].
    #[arg(long, value_name = "PATH|URL", value_parser = Origin::parse)]
    outgate: Option<Origin>,
}

pub(crate) fn run(arguments: &New) -> Result<ExitCode, Failure> {
    let origin = match &arguments.outgate {
        Some(origin) => origin.clone(),
        None => Origin::of_this_build()?,
    };
    let name = &arguments.name;
    let directory = arguments.path.clone().unwrap_or_else(|| name.as_str().into());
    write(&directory, &files(name, &origin)?)?;
    let (shown, name) = (directory.display(), name.as_str());
    anstream::println!(
        "{GOOD}made{PLAIN} {shown}: the policy {STRONG}{name}{PLAIN} in src/lib.rs, its tests, and README.md with what comes next"
    );
    Ok(FINE)
}

/// The crate's files, by their paths in it.
fn files(name: &PolicyName, origin: &Origin) -> Result<[(&'static str, String); 9], Failure> {
    Ok([
        ("Cargo.toml", project::manifest(name, &origin.dependencies()?)),
        ("Cargo.lock", project::LOCK.to_owned()),
        (".cargo/config.toml", project::wasm_flags()),
        (".gitignore", include_str!("template/gitignore").to_owned()),
        ("src/lib.rs", name.fill(include_str!("template/lib.rs"))),
        ("tests/module.rs", name.fill(include_str!("template/module.rs"))),
        ("scenario.yaml", name.fill(include_str!("template/scenario.yaml"))),
        ("extensions.yaml", name.fill(include_str!("template/extensions.yaml"))),
        ("README.md", name.fill(include_str!("template/README.md"))),
    ])
}

/// Writes files into a directory that is made for them.
fn write(directory: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let unwritable = |path: &Path, error: std::io::Error| format!("{} cannot be made: {error}", path.display());
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|error| unwritable(parent, error))?;
    }
    // Refused also where it is empty: whose it is, is not known.
    fs::create_dir(directory).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!(
            "{} is there already; name another directory with --path",
            directory.display()
        ),
        _ => unwritable(directory, error),
    })?;
    for (name, text) in files {
        let file = directory.join(name);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&file, text))
            .map_err(|error| unwritable(&file, error))?;
    }
    Ok(())
}
