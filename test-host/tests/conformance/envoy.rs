//! Rules in a real Envoy: one listener and one VM for each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fixture;
use crate::process::{Envoy, Options};
use crate::reply::Reply;
use crate::rule::{Exchange, Rule};

/// Between the pieces of a message: each arrives by itself.
const PAUSE: Duration = Duration::from_millis(30);
/// How long an exchange may have effects after the client has its answer.
const AFTERMATH: Duration = Duration::from_millis(60);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs rules, and says for each what was seen: what the filter logged, in order, and what each client got.
pub(crate) fn run(binary: &Path, rules: &[Rule]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder for Envoy's files can be made");
    let upstream = serve(rules.to_vec());
    let options = Options {
        log_levels: "misc:error,wasm:info",
        ..Options::default()
    };
    let envoy = Envoy::start(binary, &bootstrap(rules, upstream), folder.path(), &options);
    rules.iter().map(|rule| run_rule(&envoy, rule)).collect()
}

fn run_rule(envoy: &Envoy, rule: &Rule) -> Vec<String> {
    let mut told = lines(envoy, rule).len();
    let mut seen = once(&lines(envoy, rule));
    for (number, exchange) in rule.exchanges.iter().enumerate() {
        if rule.is_tcp {
            let bytes = connect(envoy.listener_address(rule.id), exchange).unwrap_or_default();
            thread::sleep(AFTERMATH);
            seen.extend_from_slice(&lines(envoy, rule)[told..]);
            seen.push(format!("client {}", String::from_utf8_lossy(&bytes)));
            continue;
        }
        let reply = send(envoy.listener_address(rule.id), rule, number, exchange);
        thread::sleep(AFTERMATH);
        let all = lines(envoy, rule);
        seen.extend_from_slice(&all[told..]);
        told = all.len();
        seen.push(match reply {
            Ok(reply) => format!("client {} {}", reply.status, reply.body).trim_end().to_owned(),
            Err(_) => "client closed".to_owned(),
        });
    }
    seen
}

/// The main thread, the canary and each worker start a filter: what it says then is wanted once.
fn once(lines: &[String]) -> Vec<String> {
    let is_repeated = |n: &usize| lines.len().is_multiple_of(*n) && lines.chunks(*n).all(|chunk| chunk == &lines[..*n]);
    let length = (1..=lines.len()).find(is_repeated).unwrap_or(0);
    lines[..length].to_vec()
}

/// What a rule's filter has logged so far.
fn lines(envoy: &Envoy, rule: &Rule) -> Vec<String> {
    // A root context says only the names of its root and VM, a stream that of its plugin too.
    let mark = format!(" root {}: ", rule.id);
    let log = envoy.log();
    let lines = log.lines().filter(|line| line.contains("] wasm log "));
    lines
        .filter_map(|line| line.split_once(&mark).map(|(_, message)| message.to_owned()))
        .collect()
}

fn send(address: SocketAddr, rule: &Rule, number: usize, exchange: &Exchange) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let method = if exchange.body.is_empty() { "GET" } else { "POST" };
    let mut head = format!(
        "{method} /path?q=1 HTTP/1.1\r\nhost: test.com\r\nx-rule: {}\r\nx-exchange: {number}\r\n",
        rule.id
    );
    for (name, value) in &exchange.headers {
        head += &format!("{name}: {value}\r\n");
    }
    write_message(&mut stream, head, &exchange.body, &exchange.trailers)?;
    Reply::read(&mut stream, false)
}

/// Sends pieces on a connection, and says what came back until the server was silent.
fn connect(address: SocketAddr, exchange: &Exchange) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    for piece in &exchange.body {
        stream.write_all(piece.as_bytes())?;
        thread::sleep(PAUSE);
    }
    stream.shutdown(Shutdown::Write)?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1024]);
    stream.set_read_timeout(Some(PATIENCE))?;
    // A connection that breaks ends like one that is closed.
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    Ok(bytes)
}

/// Answers each piece on each connection with `re:` and the same.
fn serve_connections() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&[b"re:", &buffer[..count]].concat()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Writes a message in its pieces; several, or trailers, make it chunked.
fn write_message(stream: &mut TcpStream, mut head: String, body: &[&str], trailers: &[(&str, &str)]) -> io::Result<()> {
    if body.len() <= 1 && trailers.is_empty() {
        let body = body.first().copied().unwrap_or_default();
        head += &format!("content-length: {}\r\n\r\n{body}", body.len());
        return stream.write_all(head.as_bytes());
    }
    head += "transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    for piece in body {
        thread::sleep(PAUSE);
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes())?;
    }
    thread::sleep(PAUSE);
    let mut end = "0\r\n".to_owned();
    for (name, value) in trailers {
        end += &format!("{name}: {value}\r\n");
    }
    stream.write_all((end + "\r\n").as_bytes())
}

/// The server behind Envoy, for requests and for callouts.
fn serve(rules: Vec<Rule>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound socket has an address");
    let rules = Arc::new(rules);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let rules = Arc::clone(&rules);
            // A connection that breaks is the client's to notice.
            thread::spawn(move || answer(stream, &rules).ok());
        }
    });
    address
}

fn answer(mut stream: TcpStream, rules: &[Rule]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let Some((path, rule, number)) = read_request(&mut reader)? else {
            return Ok(());
        };
        match path.split('?').next().unwrap_or_default() {
            "/callout" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-answer: 42\r\ncontent-length: 5\r\n\r\nhello")?;
            }
            "/silent" => thread::sleep(PATIENCE),
            "/reset" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npartial")?;
                thread::sleep(PAUSE);
                return Ok(());
            }
            _ => {
                let rule = rules.iter().find(|known| known.id == rule);
                let exchange = rule
                    .and_then(|rule| rule.exchanges.get(number))
                    .cloned()
                    .unwrap_or_default();
                let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
                for (name, value) in &exchange.answer.headers {
                    head += &format!("{name}: {value}\r\n");
                }
                write_message(&mut stream, head, &exchange.answer.body, &exchange.answer.trailers)?;
            }
        }
    }
}

/// Reads a request to its end: its path, and the rule and exchange that it belongs to.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<(String, String, usize)>> {
    let (mut path, mut rule, mut number, mut length, mut is_chunked) = (String::new(), String::new(), 0, 0, false);
    for index in 0.. {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if index == 0 {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "x-rule" => value.clone_into(&mut rule),
                "x-exchange" => number = value.parse().unwrap_or(0),
                "content-length" => length = value.parse().unwrap_or(0),
                "transfer-encoding" => is_chunked = true,
                _ => {}
            }
        }
    }
    io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
    let started = Instant::now();
    while is_chunked && started.elapsed() < PATIENCE {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end() == "0" {
            while line.trim_end() != "" {
                line.clear();
                reader.read_line(&mut line)?;
            }
            break;
        }
    }
    Ok(Some((path, rule, number)))
}

fn bootstrap(rules: &[Rule], upstream: SocketAddr) -> Value {
    let listeners: Vec<Value> = rules.iter().map(listener).collect();
    let endpoint = |port: u16| {
        json!([{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
            "address": "127.0.0.1", "port_value": port}}}}]}])
    };
    let cluster = |name: &str, endpoints: Value| {
        json!({
            "name": name, "type": "STATIC", "connect_timeout": "1s",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}}},
        })
    };
    json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                cluster("upstream", endpoint(upstream.port())),
                cluster("connections", endpoint(serve_connections().port())),
                // Nobody listens on this port.
                cluster("refused", endpoint(1)),
                cluster("empty", json!([])),
            ],
        },
    })
}

fn listener(rule: &Rule) -> Value {
    let text = |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    let settings = &rule.settings;
    let mut plugin = json!({
        "name": rule.id,
        "root_id": "root",
        "vm_config": {
            "vm_id": rule.id,
            "runtime": "envoy.wasm.runtime.v8",
            "configuration": text("of the VM"),
            "code": {"local": {"inline_bytes": STANDARD.encode(fixture::assemble(rule.filter))}},
        },
        "configuration": text("configured"),
    });
    if settings.fails_open {
        plugin["failure_policy"] = json!("FAIL_OPEN");
    }
    if settings.allow_headers_stop_iteration {
        plugin["allow_on_headers_stop_iteration"] = json!(true);
    }
    if rule.is_tcp {
        return tcp_listener(rule, &plugin);
    }
    let mut listener = json!({
        "name": rule.id,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": rule.id,
                "http_protocol_options": {"enable_trailers": true},
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                    {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]},
                "http_filters": [
                    {"name": "envoy.filters.http.wasm", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": plugin}},
                    {"name": "envoy.filters.http.router", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
                ],
            },
        }]}],
    });
    if settings.buffer_limit > 0 {
        listener["per_connection_buffer_limit_bytes"] = json!(settings.buffer_limit);
    }
    listener
}

fn tcp_listener(rule: &Rule, plugin: &Value) -> Value {
    json!({
        "name": rule.id,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.wasm", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm", "config": plugin}},
            {"name": "envoy.filters.network.tcp_proxy", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": rule.id, "cluster": "connections"}},
        ]}],
    })
}
