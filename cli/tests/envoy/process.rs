//! A running Envoy: started, awaited, asked for its ports, and ended with the test.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reply::Reply;

/// Compiling the filter takes Envoy a second; a machine that builds at the same time may take much longer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Native authorization is written as Istio writes it, which Envoy calls deprecated again
/// and again.
const QUIET: &str = "misc:error";

/// Logs each call of a filter and each call that a filter makes, too.
pub(crate) const TRACE_FILTERS: &str = "misc:error,wasm:trace";

/// How an Envoy runs.
pub(crate) struct Options {
    /// How many threads take requests.
    pub(crate) workers: u32,
    /// The levels of components in the log.
    pub(crate) log_levels: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            log_levels: QUIET,
        }
    }
}

pub(crate) struct Envoy {
    child: Child,
    log: PathBuf,
    admin: SocketAddr,
    listeners: HashMap<String, SocketAddr>,
}

impl Envoy {
    /// Starts Envoy and returns when it takes requests. Its files go into `folder`.
    pub(crate) fn start(binary: &Path, bootstrap: &Value, folder: &Path, options: &Options) -> Self {
        let config = folder.join("envoy.json");
        fs::write(&config, bootstrap.to_string()).expect("Envoy's configuration can be written");
        let log = folder.join("envoy.log");
        let log_file = File::create(&log).expect("Envoy's log can be created");
        let admin = folder.join("admin.address");

        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin)
            .args(["--concurrency", &options.workers.to_string()])
            .args(["--use-dynamic-base-id", "--log-level", "warn"])
            .args(["--component-log-level", options.log_levels])
            // Access-log lines are held back for ten seconds otherwise.
            .args(["--file-flush-interval-msec", "20"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", binary.display()));
        let mut envoy = Self {
            child,
            log,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            listeners: HashMap::new(),
        };
        let admin = envoy.await_ready(&admin);
        envoy.admin = admin;
        envoy.listeners = listener_addresses(admin);
        envoy
    }

    /// What it has logged so far, besides accesses.
    pub(crate) fn log(&self) -> String {
        // Filters may log anything.
        let log = fs::read(&self.log).expect("Envoy's log can be read");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The statistics whose names contain a match of `pattern`, with their values.
    pub(crate) fn statistics(&self, pattern: &str) -> HashMap<String, String> {
        let reply = get(self.admin, &format!("/stats?filter={pattern}")).expect("Envoy answers on its admin port");
        let lines = reply.body.lines().filter_map(|line| line.rsplit_once(": "));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn listener_address(&self, name: &str) -> SocketAddr {
        let address = self.listeners.get(name);
        *address.unwrap_or_else(|| panic!("Envoy has no listener {name}: it has {:?}", self.listeners))
    }

    /// Waits until Envoy says that it is ready, and returns where it said so.
    fn await_ready(&mut self, admin: &Path) -> SocketAddr {
        let started = Instant::now();
        loop {
            let address = fs::read_to_string(admin).ok().and_then(|text| text.trim().parse().ok());
            if let Some(address) = address
                && let Ok(reply) = get(address, "/ready")
                && reply.status == 200
            {
                return address;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("Envoy ended before it was ready ({status})");
            }
            assert!(
                started.elapsed() < START_LIMIT,
                "Envoy was not ready after {START_LIMIT:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // An Envoy that is gone already needs no end.
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(cannot be read: {error})"));
            eprintln!("---- Envoy's log ----\n{log}---- end of Envoy's log ----");
        }
    }
}

/// Asks which ports the kernel gave.
fn listener_addresses(admin: SocketAddr) -> HashMap<String, SocketAddr> {
    let reply = get(admin, "/listeners?format=json").expect("Envoy answers on its admin port");
    let listeners: Value = serde_json::from_str(&reply.body).expect("Envoy lists its listeners in JSON");
    let statuses = listeners["listener_statuses"]
        .as_array()
        .expect("Envoy lists its listeners");
    statuses
        .iter()
        .map(|status| {
            let address = &status["local_address"]["socket_address"];
            let port = address["port_value"].as_u64().and_then(|port| u16::try_from(port).ok());
            let port = port.unwrap_or_else(|| panic!("a listener without a port: {status}"));
            let name = status["name"].as_str().unwrap_or_default().to_owned();
            (name, SocketAddr::from(([127, 0, 0, 1], port)))
        })
        .collect()
}

fn get(address: SocketAddr, path: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n")?;
    Reply::read(&mut stream, false)
}
