//! `--watch`: what runs again, and what does not end it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::played::{directory, scenario, scenario_of};

/// The command, watching. It ends with this.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    /// Begins, in a directory.
    fn begin(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_outgate"))
            .current_dir(directory)
            .args(["test", "--watch"])
            .args(arguments)
            .env_remove("OUTGATE_FILTER_WASM")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Self { child, lines }
    }

    /// What is said until these words are, and the command waits for the next change.
    fn until(&self, words: &str) -> String {
        let mut said = String::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|error| panic!("{words}: {error} after: {said}"));
            said.push_str(&line);
            said.push('\n');
            if line.starts_with("waiting for a change") {
                said.push_str(&self.quiet());
                if said.contains(words) {
                    return said;
                }
            }
        }
    }

    /// What is still said until nothing is any more. The two streams of a command do not wait for each other.
    fn quiet(&self) -> String {
        let rest = std::iter::from_fn(|| self.lines.recv_timeout(Duration::from_millis(500)).ok());
        rest.map(|line| line + "\n").collect()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn forward(stream: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

#[test]
fn it_runs_again_when_anything_changes_that_the_scenario_names() {
    let spec = "filter: {wasm: built/filter.wasm, config: {file: conf/path}}
  upstreams: {authz: [{replies: [{grpc: {message: {file: message}}}]}]}
  defaults: {request: {body: {file: body}}}";
    let cases = "  - name: one
    steps: [{requestHeaders: {path: /public}}, {requestBody: {chunk: {file: piece}, end: true}}]
    expect: {upstream: {body: {file: golden}}, trace: t.trace}
  - {name: two, request: {path: /admin}, expect: {reply: {status: 403}}}\n";
    let files = [("message", ""), ("body", ""), ("piece", "a"), ("golden", "a")];
    let directory = directory(&[&files[..], &[("s.yaml", &scenario_of(spec, cases))]].concat());
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("conf")).unwrap();
    fs::write(path("conf/path"), "/admin").unwrap();

    let watching = Watching::begin(directory.path(), &["s.yaml"]);
    watching.until("built/filter.wasm: No such file");

    fs::create_dir(path("built")).unwrap();
    watching.until("built/filter.wasm: No such file");
    fs::copy(path("filter.wasm"), path("built/filter.wasm")).unwrap();
    let said = watching.until("t.trace cannot be read");
    fs::write(path("t.trace"), trace(&said)).unwrap();
    watching.until("2 passed, 0 failed");

    for (sentence, file, content, passed) in [
        ("a configuration", "conf/path", "/other", 1),
        ("and back", "conf/path", "/admin", 2),
        ("a piece of a body", "piece", "b", 1),
        ("what a file has", "golden", "b", 2),
        ("a message of an upstream", "message", "m", 2),
        ("a body of the defaults", "body", "c", 2),
        ("a trace", "t.trace", "", 1),
    ] {
        // As editors save: beside it, and then in its place.
        fs::write(path("saved"), content).unwrap();
        fs::rename(path("saved"), path(file)).unwrap();
        println!("{sentence}");
        watching.until(&format!("{passed} passed"));
    }
    fs::rename(path("conf"), path("elsewhere")).unwrap();
    watching.until("conf/path cannot be read");
    fs::rename(path("elsewhere"), path("conf")).unwrap();
    watching.until("1 passed, 1 failed");
    fs::write(path("unrelated"), "a").unwrap();
    assert_eq!(watching.quiet(), "");
}

/// The host calls of a case whose trace is not there yet, as it is told what happened.
fn trace(said: &str) -> String {
    let lines = said.lines().skip_while(|line| !line.contains("what happened"));
    let calls = lines.filter(|line| line.contains(": proxy_"));
    calls.map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn errors_in_what_was_saved_are_shown_and_do_not_end_it() {
    let good = scenario("  - {name: one, request: {path: /public}}\n");
    let directory = directory(&[("s.yaml", &good)]);
    let watching = Watching::begin(directory.path(), &["s.yaml"]);
    watching.until("1 passed");
    let save = |text: &str| fs::write(directory.path().join("s.yaml"), text).unwrap();
    for (sentence, text, words) in [
        ("no YAML", good.replace("{name: one", "{name: one}}"), "error: "),
        (
            "a misspelt key",
            good.replace("request", "reqest"),
            "did you mean `request`?",
        ),
        ("no scenario", String::new(), "s.yaml has no scenario"),
        (
            "a missing module",
            good.replace("filter.wasm", "none.wasm"),
            "none.wasm: No such file",
        ),
        ("all is well again", good.clone(), "1 passed, 0 failed"),
    ] {
        save(&text);
        println!("{sentence}");
        watching.until(words);
    }
    fs::rename(directory.path().join("s.yaml"), directory.path().join("away")).unwrap();
    watching.until("s.yaml cannot be read: No such file");
    fs::rename(directory.path().join("away"), directory.path().join("s.yaml")).unwrap();
    watching.until("1 passed");
}

#[test]
fn scenarios_that_come_into_a_directory_are_played() {
    let one = scenario("  - {name: one, request: {path: /public}}\n");
    let directory = directory(&[("one.yaml", &one)]);
    fs::create_dir(directory.path().join("build")).unwrap();
    let watching = Watching::begin(directory.path(), &["."]);
    watching.until("1 passed");
    fs::write(directory.path().join("two.yaml"), &one).unwrap();
    watching.until("2 passed");
    // A build writes a lot, and none of it is a scenario.
    fs::write(directory.path().join("build/a.json"), "{}").unwrap();
    assert_eq!(watching.quiet(), "");
}
