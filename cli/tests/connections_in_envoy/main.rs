//! Connections in a real Envoy: the same policies as native network RBAC and as our filter, a plugin of the type NETWORK.
//!
//! Every set of policies has four ports: TLS that the gateway terminates, and TLS that it passes through by the server name, each
//! once with native filters and once with ours. What became of a connection must be the same on both.

#[path = "../envoy/mod.rs"]
mod envoy;
mod gateway;
mod sets;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use envoy::authority::Identity;
use envoy::client::tls_config;
use envoy::prerequisite;
use gateway::{Kind, Lab, port};
use sets::{Set, sets};

/// Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client's connection.
struct Caller {
    name: &'static str,
    identity: Option<Identity>,
    server_name: &'static str,
    address: Ipv4Addr,
}

/// What a client has seen of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    /// The server's answer.
    Answer,
    /// The end.
    Closed,
}

fn callers() -> Vec<Caller> {
    let caller = |name, identity, server_name, last| Caller {
        name,
        identity,
        server_name,
        address: Ipv4Addr::new(127, 0, 0, last),
    };
    let sleep = || Identity::workload(sets::SLEEP);
    let two = ["https://other".to_owned(), format!("spiffe://{}", sets::SLEEP)];
    vec![
        caller("sleep", Some(sleep()), "db.example", 1),
        caller("notsleep", Some(Identity::workload(sets::NOTSLEEP)), "db.example", 1),
        caller("sleep, elsewhere", Some(sleep()), "other.example", 1),
        caller("sleep, in capitals", Some(sleep()), "DB.example", 1),
        caller("sleep, from another address", Some(sleep()), "db.example", 2),
        caller("two URIs", Some(Identity::named(&two, &[], "")), "db.example", 1),
        caller("a DNS name", Some(Identity::dns("client.example")), "db.example", 1),
        caller("a subject", Some(Identity::subject("client")), "db.example", 1),
        caller("nobody", None, "db.example", 1),
    ]
}

#[test]
fn the_filter_closes_what_native_rbac_closes() {
    let Some((binary, module)) = prerequisite::envoy().zip(prerequisite::filter_wasm()) else {
        return;
    };
    let sets = sets();
    let lab = Lab::start(&binary, &module, &sets);
    let mut differences = Vec::new();
    let (mut answered, mut closed) = (0, 0);
    for set in &sets {
        for caller in &callers() {
            for kind in [Kind::Terminated, Kind::Passed] {
                let native = connect(&lab, &port(set, kind, false), kind, caller);
                let ours = connect(&lab, &port(set, kind, true), kind, caller);
                match ours {
                    Seen::Answer => answered += 1,
                    Seen::Closed => closed += 1,
                }
                if native != ours {
                    differences.push(format!(
                        "{}, {kind:?}, {}: native {native:?}, ours {ours:?}",
                        set.name, caller.name
                    ));
                }
            }
        }
    }
    println!(
        "{} connections: {answered} answered, {closed} closed",
        answered + closed
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(answered > 50 && closed > 50, "{answered} answered, {closed} closed");
}

#[test]
fn the_log_says_who_was_stopped_by_which_rule() {
    let Some((binary, module)) = prerequisite::envoy().zip(prerequisite::filter_wasm()) else {
        return;
    };
    let set = Set::new(
        "principal and SNI",
        &[sets::deny(
            "stop",
            r#"[{"from": [{"source": {"principals": ["cluster.local/ns/default/sa/sleep"]}}],
                 "when": [{"key": "connection.sni", "values": ["db.example"]}]}]"#,
        )],
    );
    let lab = Lab::start(&binary, &module, std::slice::from_ref(&set));
    let port = port(&set, Kind::Terminated, true);
    let callers = callers();
    for (caller, seen, decision, rule) in [
        (
            &callers[0],
            Seen::Closed,
            "deny",
            "ns[istio-system]-policy[stop]-rule[0]",
        ),
        (&callers[2], Seen::Answer, "allow", "-"),
    ] {
        assert_eq!(connect(&lab, &port, Kind::Terminated, caller), seen);
        let line = lab.next_line(&port);
        for (field, expected) in [
            ("outgate_decision", decision),
            ("outgate_rule", rule),
            ("outgate_principal", sets::SLEEP),
            ("outgate_shadow", "-"),
            ("outgate_revision", &set.revision()),
        ] {
            assert_eq!(line[field], expected, "{field} in {line:?}");
        }
    }
}

/// Sends a few bytes to a port, and reads what comes back.
fn connect(lab: &Lab, port: &str, kind: Kind, caller: &Caller) -> Seen {
    let address = lab.address(port);
    let tcp = connect_from(caller.address, address);
    tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let credential = caller
        .identity
        .as_ref()
        .map(|identity| lab.authority().certify(identity));
    let config = tls_config(lab.authority(), credential.as_ref(), &[]);
    let name = ServerName::try_from(caller.server_name).expect("a server name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    match kind {
        Kind::Terminated => {
            let mut stream = StreamOwned::new(tls, tcp);
            let mut answer = [0; 4];
            // An end in the middle of TLS is an end like any other.
            let is_answered = stream.write_all(b"ping").is_ok() && stream.read_exact(&mut answer).is_ok();
            assert!(!is_answered || answer == *b"pong");
            if is_answered { Seen::Answer } else { Seen::Closed }
        }
        Kind::Passed => {
            // The first thing that a client says has the server name in it. The server here is none of TLS.
            let mut tls = tls;
            let mut hello = Vec::new();
            tls.write_tls(&mut hello).expect("a client says hello");
            let mut tcp = tcp;
            let mut answer = [0; 4];
            let is_answered = tcp.write_all(&hello).is_ok() && tcp.read_exact(&mut answer).is_ok();
            if is_answered { Seen::Answer } else { Seen::Closed }
        }
    }
}

/// From an address of the loopback network.
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::new(IpAddr::V4(from), 0))
            .expect("every address of the network is this machine's");
        let stream = socket.connect(to).await.expect("the gateway listens");
        let stream = stream.into_std().expect("a socket is one");
        stream.set_nonblocking(false).expect("a socket may block");
        stream
    })
}
