//! Running other programs: shown to the user as they could type it, watched, and explained when they fail.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::failure::Failure;

/// How long a silent program may run before the user is told that it is at work.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program with its arguments and the environment variables that matter to it.
#[derive(Debug)]
pub(crate) struct Invocation {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    env_unshown: Vec<(&'static str, OsString)>,
    env_removed: Vec<OsString>,
}

impl Invocation {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            env_unshown: Vec::new(),
            env_removed: Vec::new(),
        }
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Sets a variable that changes how the program looks and not what it does: [`Invocation::display`] leaves it out.
    pub(crate) fn env_unshown(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env_unshown.push((name, value.as_ref().to_owned()));
        self
    }

    /// Hides a variable of our own environment from the program.
    pub(crate) fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env_removed.push(name.as_ref().to_owned());
        self
    }

    /// The command line as it could be typed from `directory`, where it will run.
    pub(crate) fn display(&self, directory: &Path) -> String {
        let shown = |text: &OsStr| {
            let text = Path::new(text);
            quoted(&text.strip_prefix(directory).unwrap_or(text).to_string_lossy())
        };
        let env = self.env.iter().map(|(name, value)| format!("{name}={}", shown(value)));
        let words = std::iter::once(&self.program).chain(&self.args).map(|word| shown(word));
        env.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs the program silently and returns its standard output; what it printed is shown only when it fails.
    pub(crate) fn capture(&self, directory: &Path, console: Console) -> Result<String, Failure> {
        let mut child = self.spawn(directory, Stdio::piped(), Stdio::piped())?;
        let stderr = child.stderr.take().map(|pipe| thread::spawn(|| read_all(pipe)));
        let stdout = child.stdout.take().map(|pipe| thread::spawn(|| read_all(pipe)));
        let status = self.wait_with_heartbeat(child, console)?;
        let [stdout, stderr] =
            [stdout, stderr].map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
        if status.success() {
            return Ok(stdout);
        }
        eprint!("{stdout}{stderr}");
        Err(self.failed(directory, status))
    }

    /// Runs the program with its output going straight to the user.
    pub(crate) fn stream(&self, directory: &Path) -> Result<(), Failure> {
        let status = self
            .spawn(directory, Stdio::inherit(), Stdio::inherit())?
            .wait()
            .map_err(|error| self.lost(&error))?;
        self.succeeded(directory, status)
    }

    /// Runs the program and hands each line of its standard output to `each_line`; standard error goes to the user.
    pub(crate) fn stream_lines(&self, directory: &Path, mut each_line: impl FnMut(&str)) -> Result<(), Failure> {
        let mut child = self.spawn(directory, Stdio::piped(), Stdio::inherit())?;
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).map_err(|error| self.lost(&error))? > 0 {
                each_line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
                line.clear();
            }
        }
        let status = child.wait().map_err(|error| self.lost(&error))?;
        self.succeeded(directory, status)
    }

    fn spawn(&self, directory: &Path, stdout: Stdio, stderr: Stdio) -> Result<Child, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(directory);
        for name in &self.env_removed {
            command.env_remove(name);
        }
        command.envs(
            self.env
                .iter()
                .chain(&self.env_unshown)
                .map(|(name, value)| (name, value)),
        );
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        command.spawn().map_err(|error| {
            let program = self.program.to_string_lossy();
            match error.kind() {
                io::ErrorKind::NotFound => Failure::could_not_run(format!("`{program}` was not found")),
                _ => Failure::could_not_run(format!("`{program}` could not be started: {error}")),
            }
        })
    }

    fn wait_with_heartbeat(&self, mut child: Child, console: Console) -> Result<ExitStatus, Failure> {
        let started = Instant::now();
        let (ended, end) = mpsc::channel::<()>();

        let heart = thread::spawn(move || {
            let mut pause = PATIENCE;
            let mut shown = false;
            while end.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                console.still_running(started.elapsed());
                pause = console.heartbeat();
                shown = true;
            }
            if shown {
                console.clear_progress();
            }
        });
        let status = child.wait();
        drop(ended);
        heart.join().ok();
        status.map_err(|error| self.lost(&error))
    }

    fn succeeded(&self, directory: &Path, status: ExitStatus) -> Result<(), Failure> {
        if status.success() {
            Ok(())
        } else {
            Err(self.failed(directory, status))
        }
    }

    fn failed(&self, directory: &Path, status: ExitStatus) -> Failure {
        Failure::finding(format!("`{}` failed ({status})", self.display(directory)))
    }

    fn lost(&self, error: &io::Error) -> Failure {
        let program = self.program.to_string_lossy();
        Failure::could_not_run(format!("`{program}` was lost while it ran: {error}"))
    }
}

/// A pipe that breaks ends the text: what was read before is what there is to show.
fn read_all(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Invocation;

    #[test]
    fn a_command_line_is_shown_as_it_could_be_typed() {
        let invocation = Invocation::new("/ws/target/outgate")
            .args(["explain", "it's", ""])
            .env("FILTER", "/ws/a.wasm");
        assert_eq!(
            invocation.display(Path::new("/ws")),
            r"FILTER=a.wasm target/outgate explain 'it'\''s' ''"
        );
    }
}
