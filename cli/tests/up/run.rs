//! A running `outgate up`, watched through its JSON output.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::envoy::prerequisite;
use crate::envoy::reply::Reply;
use crate::envoy::upstream::Upstream;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/asm-egress-gateway");
/// Starting four Envoys takes a second; a machine that builds at the same time may take much longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// The example's manifests, to be changed.
pub(crate) struct Manifests(TempDir);

impl Manifests {
    pub(crate) fn example() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        copy(Path::new(EXAMPLE), directory.path());
        Self(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces a text that a file has once. Saved as editors do: written beside, and renamed.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).expect(file);
        assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
        self.write(file, &text.replace(from, to));
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let beside = self.path().join(format!("{file}.new"));
        fs::write(&beside, text).expect(file);
        fs::rename(beside, self.path().join(file)).expect(file);
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).expect(file);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the example") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("a directory");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}

/// What it takes to run it, or words that say what is missing.
pub(crate) struct Tools {
    envoy: PathBuf,
    filter: PathBuf,
}

impl Tools {
    pub(crate) fn find() -> Option<Self> {
        let (envoy, filter) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
        Some(Self { envoy, filter })
    }

    fn command(&self, manifests: &Path, temporary: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
        command
            .args(["up", "--output", "json"])
            .arg(manifests)
            .args(arguments)
            .env("ENVOY", &self.envoy)
            .env("OUTGATE_FILTER_WASM", &self.filter)
            .env("TMPDIR", temporary)
            .stdin(Stdio::null());
        command
    }

    /// Runs it where it is expected to end by itself; returns the exit status and what it said.
    pub(crate) fn run(&self, manifests: &Path, arguments: &[&str]) -> (i32, String) {
        let temporary = tempfile::tempdir().expect("a directory");
        let output = self
            .command(manifests, temporary.path(), arguments)
            .output()
            .expect("outgate");
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        let left = fs::read_dir(temporary.path()).expect("the directory").count();
        assert_eq!(left, 0, "files are left behind: {said}");
        (output.status.code().unwrap_or(-1), said)
    }
}

/// It, ready.
pub(crate) struct Running {
    child: Child,
    events: Receiver<Value>,
    pub(crate) ready: Value,
    pub(crate) upstream: Upstream,
    temporary: TempDir,
}

impl Running {
    pub(crate) fn start(tools: &Tools, manifests: &Manifests, arguments: &[&str]) -> Self {
        let upstream = Upstream::start();
        let temporary = tempfile::tempdir().expect("a directory");
        let map = format!("httpbin.default:8000={}", upstream.address());
        let mut child = tools
            .command(manifests.path(), temporary.path(), &["--any-ports", "--map", &map])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("outgate");
        let output = child.stdout.take().expect("its output");
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                // A test that has seen enough does not listen any more.
                sender.send(event).ok();
            }
        });
        let mut running = Self {
            child,
            events,
            ready: Value::Null,
            upstream,
            temporary,
        };
        running.ready = running.event("ready");
        running
    }

    /// The next event of this kind; those before it are passed over.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let event = self.events.recv_timeout(left);
            let event = event.unwrap_or_else(|error| panic!("no event `{kind}`: {error}"));
            if event["event"] == kind {
                return event;
            }
        }
    }

    pub(crate) fn proxy(&self, name: &str) -> &Value {
        let proxies = self.ready["proxies"].as_array().expect("proxies");
        let found = proxies.iter().find(|proxy| proxy["name"] == name);
        found.unwrap_or_else(|| panic!("no proxy {name}: {}", self.ready))
    }

    /// Where a proxy's port is.
    pub(crate) fn address(&self, proxy: &str, port: u16) -> SocketAddr {
        let address = &self.proxy(proxy)["ports"][port.to_string()];
        address.as_str().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// What a client gets through its sidecar.
    pub(crate) fn get(&self, client: &str, url: &str) -> Reply {
        Client::new(self.address(client, 80)).get(url)
    }

    /// The processes that it has started.
    pub(crate) fn pids(&self) -> Vec<u64> {
        let proxies = self.ready["proxies"].as_array().expect("proxies");
        proxies
            .iter()
            .map(|proxy| proxy["pid"].as_u64().expect("a pid"))
            .collect()
    }

    /// Asks it to end, and checks that it leaves nothing behind.
    pub(crate) fn stop(mut self, signal: &str) {
        kill(signal, u64::from(self.child.id()));
        assert_eq!(self.event("stopped")["proxies"], self.pids().len());
        let status = self.child.wait().expect("its end");
        assert_eq!(status.code(), Some(0));
        self.assert_nothing_is_left();
    }

    /// Waits until it ends by itself, and returns its exit status.
    pub(crate) fn ended(mut self) -> i32 {
        let status = self.child.wait().expect("its end");
        self.assert_nothing_is_left();
        status.code().unwrap_or(-1)
    }

    fn assert_nothing_is_left(&self) {
        for pid in self.pids() {
            assert!(
                !Path::new(&format!("/proc/{pid}")).exists(),
                "Envoy {pid} is still running"
            );
        }
        let left = fs::read_dir(self.temporary.path()).expect("the directory").count();
        assert_eq!(left, 0, "files are left behind");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It stops its Envoys when it is asked to, and not when it is killed.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill("TERM", u64::from(self.child.id()));
            self.child.wait().ok();
        }
    }
}

pub(crate) fn kill(signal: &str, pid: u64) {
    let status = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(pid.to_string())
        .status();
    assert!(status.expect("kill").success());
}

/// A client that keeps its connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    pub(crate) fn get(&mut self, url: &str) -> Reply {
        self.try_get(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Sends a request as to a forward proxy. A connection that the proxy closes between two requests is opened again.
    pub(crate) fn try_get(&mut self, url: &str) -> std::io::Result<Reply> {
        let rest = url.strip_prefix("http://").expect("an http URL");
        let host = rest.split('/').next().unwrap_or_default();
        let is_kept = self.stream.is_some();
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().expect("it has just been opened");
        let request = format!("GET {url} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let reply = stream
            .write_all(request.as_bytes())
            .and_then(|()| Reply::read(stream, false));
        if reply.is_err() && is_kept && is_closed(stream) {
            self.stream = None;
            return self.try_get(url);
        }
        reply
    }
}

/// Whether the other end closed it without a byte for this request.
fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}
