//! The gateway: four ports for each set of policies, and a server that answers `pong` to whatever comes first.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use outgate_sdk::access_log::NOTHING;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::envoy::authority::Authority;
use super::envoy::listener;
use super::envoy::process::{Envoy, Options};
use super::sets::Set;

const TYPES: &str = "type.googleapis.com/envoy.extensions";
const CLUSTER: &str = "outbound|80||test.com";
const PATIENCE: Duration = Duration::from_secs(10);

/// What the gateway does with TLS.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    Terminated,
    Passed,
}

/// A port of the gateway, by the name of its listener.
pub(crate) type Port = String;

pub(crate) struct Lab {
    // Envoy goes before the folder that it writes into.
    envoy: Envoy,
    authority: Authority,
    folder: TempDir,
    /// How many lines of each port's log have been read.
    read: RefCell<HashMap<Port, usize>>,
}

impl Lab {
    pub(crate) fn start(binary: &Path, module: &Path, sets: &[Set]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Envoy's files can be made");
        let authority = Authority::new();
        let mut listeners = Vec::new();
        for set in sets {
            for kind in [Kind::Terminated, Kind::Passed] {
                let native = listener(&port(set, kind, false), kind, &set.native(), &authority, folder.path());
                let filter = wasm(
                    module,
                    &serde_json::to_string(&set.ours()).expect("a configuration is JSON"),
                );
                let ours = listener(&port(set, kind, true), kind, &[filter], &authority, folder.path());
                listeners.extend([native, ours]);
            }
        }
        let bootstrap = listener::around(&listeners, serve());
        let envoy = Envoy::start(binary, &bootstrap, folder.path(), &Options::default());
        Self {
            envoy,
            authority,
            folder,
            read: RefCell::default(),
        }
    }

    pub(crate) fn address(&self, port: &str) -> SocketAddr {
        self.envoy.listener_address(port)
    }

    pub(crate) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The next line of a port's log, when Envoy has written it.
    pub(crate) fn next_line(&self, port: &str) -> BTreeMap<String, String> {
        let path = log_of(port, self.folder.path());
        let mut read = self.read.borrow_mut();
        let read = read.entry(port.to_owned()).or_default();
        let started = Instant::now();
        loop {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if let Some(line) = text.lines().nth(*read)
                && text.ends_with('\n')
            {
                *read += 1;
                return serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
            assert!(started.elapsed() < PATIENCE, "no line {read} in {path}: {text}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The port of a set of policies.
pub(crate) fn port(set: &Set, kind: Kind, is_ours: bool) -> Port {
    let whose = if is_ours { "ours" } else { "native" };
    format!("{}, {kind:?}, {whose}", set.name)
}

fn log_of(port: &str, folder: &Path) -> String {
    let letters = port.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    folder.join(format!("{letters}.log")).display().to_string()
}

fn listener(name: &str, kind: Kind, filters: &[Value], authority: &Authority, folder: &Path) -> Value {
    let mut filters = filters.to_vec();
    filters.push(json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": format!("{TYPES}.filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": "tcp",
            "cluster": CLUSTER,
            "access_log": [access_log(name, folder)],
        },
    }));
    let mut chain = json!({"filters": filters});
    if kind == Kind::Terminated {
        // A client may come without a certificate: that is for policies to say.
        let mut tls = listener::transport_socket(authority);
        tls["typed_config"]["require_client_certificate"] = false.into();
        tls["typed_config"]["common_tls_context"]["alpn_protocols"] = json!([]);
        chain["transport_socket"] = tls;
    }
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "traffic_direction": "OUTBOUND",
        "listener_filters": [listener::tls_inspector()],
        "filter_chains": [chain],
    })
}

fn access_log(name: &str, folder: &Path) -> Value {
    let fields = ["decision", "rule", "principal", "shadow", "revision"];
    let format: serde_json::Map<String, Value> = fields
        .iter()
        .map(|field| {
            (
                format!("outgate_{field}"),
                format!("{NOTHING}%FILTER_STATE(wasm.outgate_{field}:PLAIN)%").into(),
            )
        })
        .collect();
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": format!("{TYPES}.access_loggers.file.v3.FileAccessLog"),
            "path": log_of(name, folder),
            "log_format": {"json_format": format},
        },
    })
}

fn wasm(module: &Path, configuration: &str) -> Value {
    let mut filter = listener::wasm(module, configuration);
    let config = filter["typed_config"]["config"].take();
    json!({
        "name": listener::WASM_NAME,
        "typed_config": {"@type": format!("{TYPES}.filters.network.wasm.v3.Wasm"), "config": config},
    })
}

/// Serves until the test process ends.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut first = [0; 1024];
                // A connection that breaks is the test's to notice, at its other end.
                if matches!(stream.read(&mut first), Ok(1..)) {
                    stream.write_all(b"pong").ok();
                    // Until the client has seen it.
                    let _ = stream.read(&mut first);
                }
            });
        }
    });
    address
}
