//! `cargo xtask wasm`: the module that ships to the gateway.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use clap::Args;
use serde_json::Value;

use crate::cargo::cargo;
use crate::console::Console;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Bare Wasm: a Proxy-Wasm host offers no WASI beyond a few stubs, and the filter needs none.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What a gateway should have to fetch, compile and keep, at most; in bytes.
///
/// The limit is a guard, not a goal: a formatter or a regex engine that slips into the guest crosses it at once.
const SIZE_LIMIT: u64 = 330_000;

/// Which module to build.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Variant {
    /// Build target/wasm/outgate_filter_response_headers.wasm instead, which is called for responses, too: for authorizers with
    /// `headersToDownstreamOnAllow`
    #[arg(long)]
    response_headers: bool,
}

impl Variant {
    pub(crate) const ALL: [Self; 2] = [
        Self {
            response_headers: false,
        },
        Self { response_headers: true },
    ];

    fn features(self) -> &'static [&'static str] {
        if self.response_headers {
            &["--features", "response-headers"]
        } else {
            &[]
        }
    }

    fn path(self, workspace: &Workspace) -> PathBuf {
        let shipped = workspace.filter_wasm();
        if self.response_headers {
            shipped.with_file_name("outgate_filter_response_headers.wasm")
        } else {
            shipped
        }
    }
}

/// Builds the module that ships, and returns where it is.
pub(crate) fn build(workspace: &Workspace, console: Console) -> Result<PathBuf, Failure> {
    build_variant(Variant::default(), workspace, console)
}

/// Builds a module and returns where it is.
pub(crate) fn build_variant(variant: Variant, workspace: &Workspace, console: Console) -> Result<PathBuf, Failure> {
    let started = Instant::now();
    let cargo = cargo(console)
        .args(["build", "-p", "outgate-module", "--profile", "wasm", "--target", TARGET])
        .args(variant.features().iter().copied())
        .args(["--message-format", "json-render-diagnostics"])
        .args(without_paths());
    console.step(format_args!("filter: {}", cargo.display(workspace.root())));

    let module = variant.path(workspace);
    let mut built = None;
    let result = cargo.stream_lines(workspace.root(), |line| {
        if let Some(path) = built_module(line) {
            built = Some(path);
        }
    });
    if let Err(failure) = result {
        // A module of older code must not be tested in this one's place. That there is none is as good.
        fs::remove_file(module).ok();
        return Err(failure);
    }
    let built = built.ok_or_else(|| {
        Failure::could_not_run("cargo built outgate-module but reported no .wasm file")
            .advise("the crate's library must be a `cdylib`: see [lib] in filter/module/Cargo.toml")
    })?;

    let size = copy(&built, &module).map_err(|error| {
        Failure::could_not_run(format!(
            "{} cannot be copied to {}: {error}",
            built.display(),
            module.display()
        ))
    })?;
    if size > SIZE_LIMIT {
        return Err(Failure::finding(format!(
            "the filter is {} KB, more than the {} KB that a gateway should have to load",
            kilobytes(size),
            kilobytes(SIZE_LIMIT)
        ))
        .advise(
            "`twiggy top` on the module shows what fills it; see what was added to outgate-filter's dependencies",
        ));
    }
    console.done(
        format_args!("{}: {} KB", workspace.relative(&module), kilobytes(size)),
        started.elapsed(),
    );
    Ok(module)
}

/// Options that keep the folders of this machine out of the module: the same source is the same module everywhere, and its
/// digest tells so.
fn without_paths() -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let flags: Vec<String> = registries
        .into_iter()
        .flatten()
        .filter_map(|registry| Some(format!("--remap-path-prefix={}/=", registry.ok()?.path().to_str()?)))
        .collect();
    if flags.is_empty() {
        return Vec::new();
    }
    // Appended to those in `.cargo/config.toml`. A JSON list of strings is a TOML list, too.
    let option = format!("target.{TARGET}.rustflags={}", Value::from(flags));
    vec!["--config".to_owned(), option]
}

/// The module's path, if this line of cargo's messages announces it.
fn built_module(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != "outgate_module" {
        return None;
    }
    let files = message["filenames"].as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".wasm"))
        .map(PathBuf::from)
}

/// Copies through a neighbour, so that nobody ever reads half a module.
fn copy(from: &Path, to: &Path) -> std::io::Result<u64> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = to.with_extension("wasm.partial");
    let size = fs::copy(from, &partial)?;
    fs::rename(partial, to)?;
    Ok(size)
}

/// Rounded up, so that what is over the limit also reads as over it.
fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::built_module;

    #[test]
    fn the_module_is_found_among_cargos_messages() {
        let rows = [
            ("not a message", None),
            (r#"{"reason":"build-finished","success":true}"#, None),
            (
                r#"{"reason":"compiler-artifact","target":{"name":"serde"},"filenames":["/t/libserde.rlib"]}"#,
                None,
            ),
            (
                r#"{"reason":"compiler-artifact","target":{"name":"outgate_module"},"filenames":["/t/x.rlib","/t/x.wasm"]}"#,
                Some("/t/x.wasm"),
            ),
        ];
        for (message, expected) in rows {
            assert_eq!(built_module(message), expected.map(PathBuf::from), "{message}");
        }
    }
}
