//! Connections with many requests: each line of the log has the caller of its connection and the revision that decided.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::envoy::access_log::LogLine;
use crate::envoy::authority::Identity;
use crate::envoy::client::Request;
use crate::envoy::http2::{Http2, Pending};
use crate::envoy::listener::{self, Listener};
use crate::envoy::upstream::HELD;
use crate::envoy::watched::WatchedFilter;
use crate::envoy::{Exchange, Lab, prerequisite};
use crate::{NOTSLEEP, SLEEP};

const PATIENCE: Duration = Duration::from_secs(15);

/// A configuration that lets the workloads of the lab call these paths, by one rule, and nothing else.
pub(crate) fn configuration(revision: &str, paths: &[&str]) -> String {
    described(revision, paths).to_string()
}

fn described(revision: &str, paths: &[&str]) -> Value {
    json!({
        "apiVersion": "outgate/v1",
        "revision": revision,
        "policies": [{
            "metadata": {"namespace": "n", "name": revision},
            "spec": {"action": "ALLOW", "rules": [{
                "from": [{"source": {"principals": [SLEEP, NOTSLEEP]}}],
                "to": [{"operation": {"hosts": ["test.com"], "paths": paths}}],
            }]},
        }],
    })
}

fn get(path: &str) -> Request {
    Request::new("GET", "test.com", path)
}

/// What a line says: status, decision, rule, principal, revision.
fn said(log: &LogLine) -> [&str; 5] {
    [
        "response_code",
        "outgate_decision",
        "outgate_rule",
        "outgate_principal",
        "outgate_revision",
    ]
    .map(|field| log[field].as_str())
}

fn allowed<'a>(by: &'a str, rule: &'a str, principal: &'a str) -> [&'a str; 5] {
    ["200", "allow", rule, principal, by]
}

fn denied<'a>(by: &'a str, principal: &'a str) -> [&'a str; 5] {
    ["403", "deny", "-", principal, by]
}

const RULE_ONE: &str = "ns[n]-policy[one]-rule[0]";
const RULE_TWO: &str = "ns[n]-policy[two]-rule[0]";

/// A lab with one listener, `filter`, whose filters are made for the module.
fn lab(filters: impl FnOnce(&Path) -> Vec<Value>) -> Option<Lab> {
    let (binary, module) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
    Some(Lab::start(&binary, &[Listener::new("filter", filters(&module))]))
}

fn lab_of_one() -> Option<Lab> {
    lab(|module| vec![listener::wasm(module, &configuration("one", &["/x", "/held*"]))])
}

#[test]
fn connections_that_take_turns_keep_their_callers() {
    let Some(lab) = lab_of_one() else { return };
    let callers = [SLEEP, NOTSLEEP, SLEEP];
    let mut connections = callers.map(|caller| (caller, lab.connect("filter", &Identity::workload(caller))));
    for path in ["/x", "/z", "/x", "/x", "/z"] {
        for (caller, connection) in &mut connections {
            let Exchange { log, .. } = lab.exchange_on(connection, "filter", &get(path));
            let expected = match path {
                "/x" => allowed("one", RULE_ONE, caller),
                _ => denied("one", caller),
            };
            assert_eq!(said(&log), expected, "{path}");
        }
    }
}

#[test]
fn who_has_no_name_is_not_given_that_of_another() {
    let Some(lab) = lab_of_one() else { return };
    let mut sleep = lab.connect("filter", &Identity::workload(SLEEP));
    let mut nobody = lab.connect("filter", &Identity::default());
    for _ in 0..3 {
        let line = lab.exchange_on(&mut sleep, "filter", &get("/x")).log;
        assert_eq!(said(&line), allowed("one", RULE_ONE, SLEEP));
        let line = lab.exchange_on(&mut nobody, "filter", &get("/x")).log;
        assert_eq!(said(&line), denied("one", "-"));
    }
}

/// A request over HTTP/2 that the server holds.
struct Held {
    line: String,
    id: String,
    pending: Pending,
}

impl Held {
    /// Returns when the server has the request.
    fn send(lab: &Lab, connection: &mut Http2, name: &str) -> Self {
        let (request, id) = (get(&format!("{HELD}/{name}")), lab.request_id());
        let pending = connection.send(&request, &id);
        lab.upstream.await_request(&request.line());
        let line = request.line();
        Self { line, id, pending }
    }

    /// Has it answered, and returns what is logged of it.
    fn finish(self, lab: &Lab) -> LogLine {
        lab.upstream.release(&self.line);
        self.pending.status();
        lab.line_of("filter", &self.id)
    }
}

/// Sends a request over HTTP/2 and returns what is logged of it.
fn exchange(lab: &Lab, connection: &mut Http2, path: &str) -> LogLine {
    let id = lab.request_id();
    connection.send(&get(path), &id).status();
    lab.line_of("filter", &id)
}

#[test]
fn streams_that_overlap_have_the_caller_of_their_connection() {
    let Some(lab) = lab_of_one() else { return };
    let callers = [SLEEP, NOTSLEEP];
    let mut connections = callers.map(|caller| (caller, lab.connect_http2("filter", &Identity::workload(caller))));
    let mut held = Vec::new();
    for round in 0..3 {
        for (caller, connection) in &mut connections {
            held.push((*caller, Held::send(&lab, connection, &format!("{caller}/{round}"))));
            assert_eq!(said(&exchange(&lab, connection, "/z")), denied("one", caller));
        }
    }
    // From the middle outwards: neither in the order in which they came nor in the reverse.
    while !held.is_empty() {
        let (caller, held) = held.remove(held.len() / 2);
        assert_eq!(said(&held.finish(&lab)), allowed("one", RULE_ONE, caller));
    }
}

/// What an older configuration has decided is logged as that, however late; on the same connection, beside what the newer
/// one decides.
#[test]
fn a_configuration_changes_under_connections_that_go_on() {
    let Some((binary, module)) = prerequisite::envoy().zip(prerequisite::filter_wasm()) else {
        return;
    };
    let filter = WatchedFilter::new(&module, &configuration("one", &["/x", "/held*"]));
    let lab = Lab::start(&binary, &[Listener::new("filter", vec![filter.reference()])]);
    let [sleep, notsleep] = [SLEEP, NOTSLEEP].map(Identity::workload);
    let mut http1 = lab.connect("filter", &sleep);
    let mut http2 =
        [(SLEEP, &sleep), (NOTSLEEP, &notsleep)].map(|(caller, id)| (caller, lab.connect_http2("filter", id)));

    for _ in 0..2 {
        let line = lab.exchange_on(&mut http1, "filter", &get("/x")).log;
        assert_eq!(said(&line), allowed("one", RULE_ONE, SLEEP));
    }
    let old: Vec<_> = http2
        .iter_mut()
        .map(|(caller, connection)| (*caller, Held::send(&lab, connection, &format!("{caller}/old"))))
        .collect();

    filter.replace(&configuration("two", &["/y", "/held*"]));
    await_revision(&lab, "two");

    for _ in 0..2 {
        for (path, expected) in [("/x", denied("two", SLEEP)), ("/y", allowed("two", RULE_TWO, SLEEP))] {
            let line = lab.exchange_on(&mut http1, "filter", &get(path)).log;
            assert_eq!(said(&line), expected, "{path}");
        }
    }
    let mut new = Vec::new();
    for (caller, connection) in &mut http2 {
        new.push((*caller, Held::send(&lab, connection, &format!("{caller}/new"))));
        assert_eq!(said(&exchange(&lab, connection, "/x")), denied("two", caller));
    }
    for (caller, held) in old {
        assert_eq!(said(&held.finish(&lab)), allowed("one", RULE_ONE, caller));
    }
    for (caller, held) in new {
        assert_eq!(said(&held.finish(&lab)), allowed("two", RULE_TWO, caller));
    }
}

/// Asks, each time on a connection of its own, until the revision decides.
fn await_revision(lab: &Lab, revision: &str) {
    let started = Instant::now();
    loop {
        let line = lab.exchange("filter", &Identity::workload(NOTSLEEP), &get("/")).log;
        if line["outgate_revision"] == revision {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{revision} does not come into effect: {line:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// The line is of the filter that decided last, as to all of its fields; whoever comes first, and wherever it takes the caller
/// from.
#[test]
fn filters_in_one_chain_do_not_disturb_each_other() {
    let one = || described("one", &["/x", "/held*"]);
    let two = || described("two", &["/x", "/y", "/held*"]);
    let by_header = |mut config: Value| {
        config["mesh"] = json!({"identity": "forwardedClientCert"});
        config
    };
    for (name, first, second) in [
        ("by certificate", one(), two()),
        ("by header, then by certificate", by_header(one()), two()),
        ("by certificate, then by header", one(), by_header(two())),
    ] {
        let filters = |module: &Path| {
            let named = |number: usize, config: &Value| {
                let mut filter = listener::wasm(module, &config.to_string());
                filter["name"] = json!(format!("{}-{number}", listener::WASM_NAME));
                filter
            };
            vec![named(1, &first), named(2, &second)]
        };
        let Some(lab) = lab(filters) else { return };
        let callers = [SLEEP, NOTSLEEP];
        let mut connections = callers.map(|caller| (caller, lab.connect_http2("filter", &Identity::workload(caller))));
        let mut held = Vec::new();
        for round in 0..3 {
            for (caller, connection) in &mut connections {
                held.push((*caller, Held::send(&lab, connection, &format!("{caller}/{round}"))));
                assert_eq!(said(&exchange(&lab, connection, "/y")), denied("one", caller), "{name}");
                let line = exchange(&lab, connection, "/x");
                assert_eq!(said(&line), allowed("two", RULE_TWO, caller), "{name}");
            }
        }
        for (caller, held) in held {
            assert_eq!(said(&held.finish(&lab)), allowed("two", RULE_TWO, caller), "{name}");
        }
    }
}
