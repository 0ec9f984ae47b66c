//! A running `outgate serve`, and clients of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::PATIENCE;
use super::hosted::Filter;

pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it says on standard error, line by line, and on standard output.
    told: Lines,
    logged: Option<Lines>,
    // The directory of the filter is there as long as its proxy.
    pub(crate) filter: Filter,
}

impl Proxy {
    /// Starts `outgate serve` on a port that the kernel chooses.
    pub(crate) fn start(filter: Filter, upstream: &str, arguments: &[&str]) -> Self {
        let arguments = [&["--upstream", upstream], arguments].concat();
        let command = filter.command("serve", &arguments);
        Self::start_command(filter, command)
    }

    /// Starts it with nobody at the other end of its standard output.
    pub(crate) fn start_unread(filter: Filter, upstream: &str) -> Self {
        let command = filter.command("serve", &["--upstream", upstream]);
        let mut proxy = Self::launch(filter, command);
        drop(proxy.child.stdout.take());
        proxy
    }

    /// Starts a command whose environment the test has changed.
    pub(crate) fn start_command(filter: Filter, command: Command) -> Self {
        let mut proxy = Self::launch(filter, command);
        proxy.logged = proxy.child.stdout.take().map(Lines::of);
        proxy
    }

    fn launch(filter: Filter, mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).spawn().expect("outgate can be run");
        let told = Lines::of(child.stderr.take().expect("a pipe"));
        let ready = told.find("Ctrl-C stops it");
        let address = ready.strip_prefix("http://").and_then(|line| line.split(' ').next());
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("there is no address in `{ready}`"));
        Self {
            child,
            address,
            told,
            logged: None,
            filter,
        }
    }

    /// The next line of standard error that has this in it; those before are passed over.
    pub(crate) fn told(&self, part: &str) -> String {
        self.told.find(part)
    }

    /// The next line of standard output.
    pub(crate) fn logged(&self) -> String {
        self.logged.as_ref().expect("the log is read").find("")
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).expect("the proxy listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is set");
        Connection(stream)
    }

    /// Sends these bytes and reads until the proxy closes the connection.
    pub(crate) fn send(&self, request: impl AsRef<[u8]>) -> String {
        let mut connection = self.connect();
        connection.write(request);
        connection.rest()
    }

    /// `GET` of a path.
    pub(crate) fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
    }

    /// Sends it a signal, and returns its exit status and what it had not said before.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        kill(signal, &self.child);
        let status = self.child.wait().expect("it ends");
        (status.code(), self.told.rest())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill("TERM", &self.child);
            self.child.wait().ok();
        }
    }
}

fn kill(signal: &str, child: &Child) {
    let arguments = [format!("-{signal}"), child.id().to_string()];
    let status = Command::new("kill").args(arguments).status();
    assert!(status.expect("kill can be run").success());
}

/// A connection of a client.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // A proxy that has refused the rest of a request may have closed the connection.
        self.0.write_all(bytes.as_ref()).ok();
    }

    /// Reads up to this text.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => bytes.push(byte[0]),
                other => panic!("{other:?} after {}", String::from_utf8_lossy(&bytes)),
            }
        }
        plain(&bytes)
    }

    /// Reads until the proxy closes the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                panic!("{error} after {}", String::from_utf8_lossy(&bytes))
            }
            _ => plain(&bytes),
        }
    }
}

/// A response without its date, which is another one every time.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

/// Lines as they come.
struct Lines(Mutex<Receiver<String>>);

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A test that has seen enough does not listen any more.
                sender.send(line).ok();
            }
        });
        Self(Mutex::new(lines))
    }

    fn find(&self, part: &str) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (started, mut before) = (Instant::now(), String::new());
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => before += &format!("{line}\n"),
                Err(error) => panic!("no line has `{part}` ({error}); those before:\n{before}"),
            }
        }
    }

    /// All lines until it is closed.
    fn rest(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
