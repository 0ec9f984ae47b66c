//! `docs/custom-policies.md` is true: its commands are run one after the other, and print what stands there.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::envoy::prerequisite;
use super::module::project;
use super::page::{self, Block, Step, has_what_is_shown};
use super::run::Run;

/// Envoys start in a second; a machine that builds at the same time may take much longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// The port in the page.
const PORT: &str = "18080";

fn page() -> String {
    fs::read_to_string(project().join("docs/custom-policies.md")).expect("the page can be read")
}

/// The blocks of code in a language.
fn blocks(page: &str, language: &str) -> Vec<Block> {
    let all = page::blocks(page).into_iter();
    all.filter(|block| block.info == language).collect()
}

/// The terminal of the page's reader.
struct Terminal {
    directory: PathBuf,
    path: String,
    envoy: PathBuf,
    port: String,
    up: Option<Child>,
}

impl Terminal {
    fn new(directory: &Path, envoy: PathBuf) -> Self {
        let outgate = Path::new(env!("CARGO_BIN_EXE_outgate"))
            .parent()
            .expect("its directory");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Self {
            directory: directory.to_owned(),
            path: format!("{}:{}", outgate.display(), std::env::var("PATH").expect("a PATH")),
            envoy,
            port: free.expect("a free port").port().to_string(),
            up: None,
        }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &line.replace(PORT, &self.port)])
            .current_dir(&self.directory)
            .env("PATH", &self.path)
            .env("OUTGATE", project())
            .env("ENVOY", &self.envoy)
            // All versions are those that were fetched for the project itself.
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("OUTGATE_FILTER_WASM")
            .stdin(Stdio::null());
        // What `cargo test` says about this crate. Build scripts that watch it (ring's does) would run again, with all that depends
        // on them.
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Runs a step; one that goes on is left running.
    fn run(&mut self, step: &Step) {
        if let Some(directory) = step.command.strip_prefix("cd ") {
            self.directory.push(directory);
            build_with_the_project(&self.directory);
        } else if step.command.starts_with("outgate up ") {
            self.start(step);
        } else {
            let run = Run::of(&mut self.command(&step.command), "");
            let said = run.text();
            assert_eq!(run.status, 0, "$ {}\n{said}", step.command);
            assert!(
                has_what_is_shown(&step.printed, &said),
                "$ {}\nthe page shows:\n{}\nit prints:\n{said}",
                step.command,
                step.printed
            );
        }
    }

    fn start(&mut self, step: &Step) {
        let log = File::create(self.log()).expect("a log");
        let errors = log.try_clone().expect("the log");
        let mut command = self.command(&format!("exec {}", step.command));
        let child = command.stdout(log).stderr(errors).spawn().expect("a shell");
        self.up = Some(child);
        self.await_output(&step.printed);
    }

    fn log(&self) -> PathBuf {
        self.directory.join("up.log")
    }

    /// Waits until what goes on has printed something.
    fn await_output(&self, shown: &str) {
        let started = Instant::now();
        loop {
            let printed = fs::read_to_string(self.log()).expect("the log");
            if has_what_is_shown(shown, &printed) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "the page shows:\n{shown}\nit prints:\n{printed}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(mut up) = self.up.take() {
            // As Ctrl-C does, so that it ends its Envoys.
            Command::new("kill").args(["-INT", &up.id().to_string()]).status().ok();
            up.wait().ok();
        }
    }
}

/// Lets a crate use what has been compiled for the project: wasmtime alone takes minutes. It lies in the project's own directory, and
/// has the features that all of the project's crates together want of their dependencies.
fn build_with_the_project(directory: &Path) {
    let target = Path::new(env!("CARGO_BIN_EXE_outgate"))
        .ancestors()
        .nth(2)
        .expect("target");
    symlink(target, directory.join("target")).expect("a link");
    let workspace = fs::read_to_string(project().join("Cargo.toml")).expect("the project's manifest");
    let (_, dependencies) = workspace
        .split_once("[workspace.dependencies]\n")
        .expect("its dependencies");
    let (dependencies, _) = dependencies.split_once("\n[").expect("their end");
    let manifest = directory.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let is_new = |line: &&str| {
        let name = line.split(' ').next().unwrap_or_default();
        // What is not compiled for this machine is not there.
        !line.is_empty() && name != "talc" && !name.starts_with("outgate-") && !text.contains(&format!("\n{name} = "))
    };
    let added: Vec<&str> = dependencies.lines().filter(is_new).collect();
    let table = "[dev-dependencies]\n";
    assert!(text.contains(table));
    let text = text.replace(table, &format!("{table}{}\n", added.join("\n")));
    fs::write(manifest, text).expect("a manifest");
}

#[test]
fn the_commands_of_the_tutorial_print_what_it_shows() {
    let Some(envoy) = prerequisite::envoy() else { return };
    let page = page();
    let steps: Vec<Step> = blocks(&page, "console").iter().flat_map(page::steps).collect();
    assert!(steps.len() > 6, "{steps:?}");
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::new(directory.path(), envoy);
    for step in &steps {
        terminal.run(step);
    }
    let [logged] = &blocks(&page, "text")[..] else {
        panic!("the page shows one line of the log")
    };
    // Columns are as wide as the names in them.
    for part in logged.text.split("  ") {
        terminal.await_output(part);
    }
}

#[test]
fn code_in_the_tutorial_is_that_of_the_crate() {
    let page = page();
    let shown = blocks(&page, "rust");
    for block in &shown {
        let (file, code) = (&block.comment, &block.text);
        assert!(!file.is_empty(), "a file is named before its code:\n{code}");
        let source = fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(code.as_str()), "{file} has not:\n{code}");
    }
    assert_eq!(page.matches("<!-- ").count(), shown.len(), "all code is that of a file");
}

#[test]
fn an_output_is_compared_up_to_what_is_left_out() {
    for (shown, output, expected) in [
        ("", "anything", true),
        ("a", "a", true),
        ("a … c", "a b c", true),
        ("a … d", "a b c", false),
        ("b … a", "a b", false),
    ] {
        assert_eq!(has_what_is_shown(shown, output), expected, "{shown} {output}");
    }
}
