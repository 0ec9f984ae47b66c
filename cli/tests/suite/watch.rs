//! `outgate test --watch` with suites.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::directory;

/// The command under `--watch`, and what it prints.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    /// Waits for a run to end so, and for the next change to be awaited.
    fn until(&self, result: &str) {
        let mut all = String::new();
        // They come from two streams, in any order.
        while !all.contains(result) || !all.contains("waiting for a change") {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            all += &line.unwrap_or_else(|_| panic!("no {result:?} and no waiting in\n{all}"));
            all.push('\n');
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself; the test has failed then.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Hands on what a process prints, line by line, until it or whoever listens is gone.
fn pass_on(stream: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        let mut printed = BufReader::new(stream).lines().map_while(Result::ok);
        while let Some(line) = printed.next()
            && lines.send(line).is_ok()
        {}
    });
}

#[test]
fn a_change_of_any_file_that_it_names_plays_a_suite_again() {
    let suite = "env { wasm_path: 'plugin.wasm' config_path: 'c.txt' } test { plugin_init { log { file: 'line.txt' } }
        request_body { input { file: 'body.txt' } result { body { exact: 'a!' } } } }";
    let directory = directory(&[
        ("tests.textpb", suite),
        ("c.txt", "1"),
        ("line.txt", "configuration = 1"),
        ("body.txt", "a"),
    ]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .current_dir(directory.path())
        .args(["test", "--watch", "tests.textpb"])
        .env("XDG_CACHE_HOME", directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    pass_on(out, sender.clone());
    pass_on(err, sender);
    let watching = Watching { child, lines };
    watching.until("1 passed, 0 failed");
    for (file, wrong, right) in [
        ("c.txt", "2", "1"),
        ("line.txt", "configuration = 2", "configuration = 1"),
        ("body.txt", "b", "a"),
    ] {
        fs::write(directory.path().join(file), wrong).unwrap();
        watching.until("0 passed, 1 failed");
        fs::write(directory.path().join(file), right).unwrap();
        watching.until("1 passed, 0 failed");
    }
}
