//! What a run tells: for people as lines, for programs as one JSON object a line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use outgate_sdk::manifest::{Manifest, Manifests};
use outgate_sdk::proxy::{Handler, Proxy, ProxyName, RouteAction};
use serde_json::{Value, json};

use crate::arguments::OutputFormat;
use crate::failure::Failure;
use crate::local::access::Access;
use crate::local::binary::Binary;
use crate::local::mesh::{Applied, Changed, LocalMesh, Outcome};
use crate::local::plan::Plan;
use crate::local::process::{Event, Process};
use crate::output::{ERROR, FAINT, GOOD, PLAIN, STRONG, WARNING, print_line};

pub(super) struct Printer {
    output: OutputFormat,
    envoy: String,
    /// The widest name of a proxy.
    width: usize,
    refused: u64,
}

impl Printer {
    pub(super) fn new(output: OutputFormat, binary: &Binary) -> Self {
        Self {
            output,
            envoy: format!("Envoy {} ({})", binary.version, binary.path.display()),
            width: 0,
            refused: 0,
        }
    }

    pub(super) fn starting(&mut self, plan: &Plan) {
        let names = plan.proxies.iter().map(|planned| short(&planned.proxy.name).len());
        self.width = names.max().unwrap_or_default();
        if self.output == OutputFormat::Text {
            anstream::println!("{FAINT}starting {} × {}{PLAIN}", plan.proxies.len(), self.envoy);
        }
    }

    pub(super) fn ready(&mut self, mesh: &LocalMesh, manifests: &Manifests, applied: &Applied, took: Duration) {
        if self.output == OutputFormat::Json {
            let proxies: Vec<Value> = mesh
                .proxies()
                .map(|(proxy, ports)| proxy_json(proxy, ports, mesh))
                .collect();
            let unplaced: Vec<Value> = applied
                .unplaced
                .iter()
                .map(|missing| missing.cluster.clone().into())
                .collect();
            say(&json!({"event": "ready", "milliseconds": millis(took), "proxies": proxies, "unreachable": unplaced}));
            return;
        }
        for (proxy, ports) in mesh.proxies() {
            print_proxy(proxy, ports);
        }
        for secret in manifests.certificates() {
            let secret: &Manifest<_> = secret;
            let name = secret.content().secret(secret.name());
            anstream::println!(
                "{FAINT}Secret {name} issued for this run by {}{PLAIN}",
                secret.content().issuer_ref.name
            );
        }
        print_unplaced(applied);
        anstream::println!(
            "{GOOD}ready{PLAIN} in {:.1} s · Ctrl-C stops everything",
            took.as_secs_f64()
        );
        for line in examples(mesh) {
            anstream::println!("  {STRONG}{line}{PLAIN}");
        }
        anstream::println!();
    }

    pub(super) fn event(&mut self, event: &Event, mesh: &LocalMesh) {
        match (self.output, event) {
            (OutputFormat::Text, Event::Access(name, access)) => self.print_access(name, access, mesh),
            (OutputFormat::Json, Event::Line(name, line)) => {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|_| line.clone().into());
                say(&json!({"event": "access", "proxy": name.to_string(), "line": line}));
            }
            (OutputFormat::Text, Event::Said(name, line)) => {
                anstream::eprintln!("{FAINT}{:width$}  {line}{PLAIN}", short(name), width = self.width + 14);
            }
            (OutputFormat::Json, Event::Said(name, line)) => {
                say(&json!({"event": "envoy", "proxy": name.to_string(), "line": line}));
            }
            // The same request in another form; and an end is told by whoever ends the run.
            (_, Event::Access(..) | Event::Line(..) | Event::Ended(..)) => {}
        }
    }

    /// The changed manifests are wrong.
    pub(super) fn refused(&mut self, failure: &Failure) {
        self.refused += 1;
        if let Failure::Message(message) = failure {
            anstream::eprintln!("{ERROR}error{PLAIN}: {message}");
        }
        let count = self.refused;
        match self.output {
            OutputFormat::Json => say(&json!({"event": "refused", "count": count})),
            OutputFormat::Text => anstream::println!(
                "{WARNING}not applied{PLAIN}: the manifests have errors; what was in effect still is ({count} refused so far)"
            ),
        }
    }

    /// The changed manifests have been applied.
    pub(super) fn applied(&mut self, applied: &Applied, mesh: &LocalMesh, took: Duration) {
        let rejected = applied
            .changed
            .iter()
            .filter(|changed| changed.outcome == Outcome::Rejected)
            .count();
        self.refused += rejected as u64;
        if self.output == OutputFormat::Json {
            let names = |names: &[ProxyName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            say(&json!({
                "event": "applied",
                "milliseconds": millis(took),
                "started": names(&applied.started),
                "stopped": names(&applied.stopped),
                "changed": applied.changed.iter().map(changed_json).collect::<Vec<_>>(),
            }));
            return;
        }
        for name in &applied.stopped {
            anstream::println!("{FAINT}stopped {name}{PLAIN}");
        }
        for (proxy, ports) in mesh
            .proxies()
            .filter(|(proxy, _)| applied.started.contains(&proxy.name))
        {
            print_proxy(proxy, ports);
        }
        for changed in &applied.changed {
            let (style, what) = match changed.outcome {
                Outcome::Accepted => (GOOD, format!("applied in {} ms", millis(took))),
                Outcome::Rejected => (ERROR, "refused by Envoy, what was in effect still is".to_owned()),
                Outcome::Unknown => (WARNING, "written, and Envoy has not taken it yet".to_owned()),
            };
            anstream::println!("{style}{what}{PLAIN}: {} of {}", part(&changed.file), changed.proxy);
        }
        print_unplaced(applied);
        if applied.changed.is_empty() && applied.started.is_empty() && applied.stopped.is_empty() {
            anstream::println!("{FAINT}saved, and nothing that concerns the proxies has changed{PLAIN}");
        }
    }

    pub(super) fn stopped(&self, count: usize) {
        match self.output {
            OutputFormat::Json => say(&json!({"event": "stopped", "proxies": count})),
            OutputFormat::Text => anstream::println!("{FAINT}stopped {count} × Envoy{PLAIN}"),
        }
    }

    fn print_access(&self, name: &ProxyName, access: &Access, mesh: &LocalMesh) {
        let absent = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let style = if access.status >= 400 || access.status == 0 {
            ERROR
        } else {
            GOOD
        };
        let request = match &access.method {
            Some(method) => format!("{method} {}{}", absent(&access.authority), absent(&access.path)),
            None => format!("connection to {}", absent(&access.server_name)),
        };
        let upstream = access.upstream.as_ref().map(|upstream| {
            let proxy = upstream.parse().ok().and_then(|address: SocketAddr| mesh.at(address));
            let shown = proxy.map_or_else(
                || upstream.clone(),
                |(proxy, port)| format!("{}:{port}", short(&proxy.name)),
            );
            format!(" → {shown}")
        });
        let why = match (&access.decision, &access.rule) {
            (Some(decision), Some(rule)) if rule != "-" => format!("  {decision} {rule}"),
            (Some(decision), _) => format!("  {decision}"),
            (None, _) if upstream.is_none() => format!("  {}", absent(&access.details)),
            (None, _) => String::new(),
        };
        let shadow = access.shadow.as_ref().filter(|shadow| *shadow != "-");
        let shadow = shadow.map(|shadow| format!("  shadow {shadow}"));
        let principal = access
            .principal
            .as_ref()
            .map(|principal| format!("  {FAINT}{principal}{PLAIN}"));
        let failure = access
            .failure
            .as_ref()
            .map(|failure| format!("  {ERROR}{failure}{PLAIN}"));
        anstream::println!(
            "{FAINT}{}{PLAIN}  {:width$}  {request}  {style}{}{PLAIN}{}{why}{}{}{}",
            absent(&access.start),
            short(name),
            access.status,
            upstream.unwrap_or_default(),
            shadow.unwrap_or_default(),
            principal.unwrap_or_default(),
            failure.unwrap_or_default(),
            width = self.width,
        );
    }
}

fn print_proxy(proxy: &Proxy, ports: &BTreeMap<u16, SocketAddr>) {
    anstream::println!("{STRONG}{}{PLAIN}  {FAINT}{}{PLAIN}", proxy.name, proxy.identity);
    for (port, address) in ports {
        let is_same = address.port() == *port;
        let note = if is_same {
            ""
        } else {
            "  (another number on this machine)"
        };
        anstream::println!(
            "  port {port:<5}  {address}  {}{FAINT}{note}{PLAIN}",
            described(proxy, *port)
        );
    }
}

/// What a port is for.
fn described(proxy: &Proxy, port: u16) -> String {
    let Some(listener) = proxy.listener(port) else {
        return String::new();
    };
    let is_http = listener
        .chains
        .iter()
        .any(|chain| matches!(chain.handler, Handler::Http(_)));
    let is_secured = listener
        .chains
        .iter()
        .any(|chain| chain.tls.is_some() || !chain.server_names.is_empty());
    match (is_http, is_secured) {
        (true, true) => "HTTPS",
        (true, false) => "HTTP",
        (false, true) => "TLS",
        (false, false) => "TCP",
    }
    .to_owned()
}

fn print_unplaced(applied: &Applied) {
    for missing in &applied.unplaced {
        let mut parts = missing.cluster.split('|').skip(1);
        let port = parts.next().unwrap_or_default();
        let host = parts.nth(1).unwrap_or_default();
        anstream::println!(
            "{WARNING}not here{PLAIN}: {} answers 503, since {} does not run on this machine; put something into its place with --map \
             {host}:{port}=127.0.0.1:PORT",
            missing.cluster,
            missing.workload
        );
    }
}

/// Requests that a newcomer can try: through each client, to a host that a `VirtualService` routes, else to any.
fn examples(mesh: &LocalMesh) -> Vec<String> {
    let clients = mesh
        .proxies()
        .filter(|(proxy, _)| matches!(proxy.name, ProxyName::Sidecar(_)));
    clients
        .filter_map(|(proxy, ports)| {
            let address = ports.get(&80)?;
            let host = example_host(proxy).unwrap_or_else(|| "example.com".to_owned());
            Some(format!(
                "curl -i -x http://{address} http://{host}/    # as {}",
                proxy.identity
            ))
        })
        .collect()
}

fn example_host(proxy: &Proxy) -> Option<String> {
    let listener = proxy.listener(80)?;
    let Handler::Http(table) = &listener.chains.first()?.handler else {
        return None;
    };
    let named = table.virtual_hosts.iter().filter(|host| {
        let domain = host.domains.first();
        domain.is_some_and(|domain| !domain.contains('*') && !domain.ends_with(".svc.cluster.local"))
    });
    let is_routed = |host: &&outgate_sdk::proxy::VirtualHost| {
        let mut routes = host.routes.iter();
        routes.any(|route| route.span.is_some() && matches!(route.action, RouteAction::Forward { .. }))
    };
    let found = named.clone().find(is_routed).or_else(|| named.clone().next());
    found.and_then(|host| host.domains.first().cloned())
}

fn proxy_json(proxy: &Proxy, ports: &BTreeMap<u16, SocketAddr>, mesh: &LocalMesh) -> Value {
    let process = mesh.process(&proxy.name);
    let ports: BTreeMap<String, String> = ports
        .iter()
        .map(|(port, address)| (port.to_string(), address.to_string()))
        .collect();
    json!({
        "name": proxy.name.to_string(),
        "identity": proxy.identity,
        "ports": ports,
        "pid": process.and_then(|process| process.pid),
        "admin": process.and_then(Process::admin).map(|admin| admin.0.to_string()),
    })
}

fn changed_json(changed: &Changed) -> Value {
    json!({
        "proxy": changed.proxy.to_string(),
        "part": part(&changed.file),
        "outcome": match changed.outcome {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::Unknown => "unknown",
        },
    })
}

/// What a file holds, in words.
fn part(file: &str) -> &str {
    match file {
        "authorization.json" => "policies",
        "network-authorization.json" => "policies for connections",
        "listeners.json" => "listeners",
        "clusters.json" => "clusters",
        routes if routes.starts_with("routes-") => "routes",
        _ => "a secret",
    }
}

/// The workload's name alone.
fn short(name: &ProxyName) -> &str {
    &name.workload().name
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn say(value: &Value) {
    // There is nobody else to tell that standard output cannot be written to.
    print_line(&value.to_string()).ok();
}
