//! One Envoy with two listeners for each set-up: Envoy's own filters decide at one, as the SDK renders them for Istio's policies,
//! and our filter at the other. Both ask the same authorizer, and send to the same server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use outgate_policy::config::PluginType;
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifests, ObjectName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answers;
use crate::envoy::access_log::{AccessLog, LogLine};
use crate::envoy::authority::{Authority, Identity};
use crate::envoy::client::{Connection, Request};
use crate::envoy::http2::Http2;
use crate::envoy::process::{self, Envoy};
use crate::envoy::reply::Reply;
use crate::envoy::{listener, prerequisite};
use crate::server::{Answer, Asked, Server};

/// Who sends the requests.
pub(crate) const CALLER: &str = "cluster.local/ns/default/sa/sleep";
/// The ports of the authorizer's service: where it is, and where it is not.
pub(crate) const THERE: u16 = 8000;
pub(crate) const REFUSES: u16 = 8001;
pub(crate) const NOBODY: u16 = 8002;
pub(crate) const NO_CLUSTER: u16 = 8003;
const SERVICE: &str = "authz.default.svc.cluster.local";

/// Providers and policies, under a name.
pub(crate) struct SetUp {
    pub(crate) name: &'static str,
    /// `extensionProviders`, in YAML's flow style.
    pub(crate) providers: String,
    pub(crate) policies: String,
}

impl SetUp {
    /// One provider `a` with these fields, asked about everything but `/free`.
    pub(crate) fn one(name: &'static str, port: u16, fields: &str) -> Self {
        Self {
            name,
            providers: provider("a", port, fields),
            policies: policy(
                "ask",
                "action: CUSTOM, provider: {name: a}, rules: [{to: [{operation: {notPaths: [/free]}}]}]",
            ),
        }
    }

    pub(crate) fn and(mut self, name: &str, spec: &str) -> Self {
        self.policies += &policy(name, spec);
        self
    }

    fn manifests(&self) -> Manifests {
        let mesh = format!(
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: mesh}}\nspec: {{meshConfig: \
             {{extensionProviders: [{}]}}}}\n",
            self.providers
        );
        let (manifests, diagnostics) = Manifests::load(&[Input::Text {
            name: self.name.to_owned(),
            text: mesh + &self.policies,
        }]);
        let complaint = || diagnostics.render(manifests.sources(), false);
        assert_eq!(diagnostics.errors(), 0, "{}", complaint());
        manifests
    }

    /// The filters of both sides.
    fn filters(&self, module: &Path) -> [Vec<Value>; 2] {
        let manifests = self.manifests();
        let gateway = ObjectName::new("istio-system", "istio-egressgateway");
        let gateway = manifests.gateway_workload(&gateway, &BTreeMap::new());
        let shown = |diagnostics: outgate_sdk::diagnostic::Diagnostics| diagnostics.render(manifests.sources(), false);
        let native = manifests.native_filters(PluginType::Http, &gateway);
        let native = native.unwrap_or_else(|diagnostics| panic!("{}", shown(diagnostics)));
        let config = manifests.filter_config(&gateway, &FilterOptions::default());
        let config = config.unwrap_or_else(|diagnostics| panic!("{}", shown(diagnostics)));
        let config = serde_json::to_string(&config).expect("a configuration is JSON");
        [native.into_all(), vec![listener::wasm(module, &config)]]
    }
}

pub(crate) fn provider(name: &str, port: u16, fields: &str) -> String {
    format!("{{name: {name}, envoyExtAuthzHttp: {{service: {SERVICE}, port: {port}, {fields}}}}}")
}

pub(crate) fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: istio-system}}\nspec: \
         {{{spec}}}\n"
    )
}

/// Who decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Native,
    Filter,
}

impl Side {
    fn listener(self, set_up: &str) -> String {
        match self {
            Self::Native => format!("native-{set_up}"),
            Self::Filter => format!("filter-{set_up}"),
        }
    }
}

/// All that a request has led to.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) reply: Reply,
    /// What the authorizer was asked.
    pub(crate) asked: Vec<Asked>,
    /// What came to the server behind the gateway.
    pub(crate) arrived: Vec<Asked>,
    pub(crate) log: LogLine,
}

pub(crate) struct Gateway {
    // Dropped in this order: Envoy goes before the folder that it writes into.
    envoy: Envoy,
    folder: TempDir,
    authority: Authority,
    authorizer: Server,
    upstream: Server,
    requests: AtomicU32,
}

impl Gateway {
    /// `None` where there is no Envoy or no filter, which is said.
    pub(crate) fn start(set_ups: &[SetUp]) -> Option<Self> {
        let (binary, module) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
        Some(Self::around(&binary, &module, set_ups))
    }

    /// The same with the module that can change responses.
    pub(crate) fn start_changing_responses(set_ups: &[SetUp]) -> Option<Self> {
        let (binary, shipped) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
        let module = shipped.with_file_name("outgate_filter_response_headers.wasm");
        assert!(
            module.is_file(),
            "no {}: run `cargo xtask wasm --response-headers`",
            module.display()
        );
        Some(Self::around(&binary, &module, set_ups))
    }

    fn around(binary: &Path, module: &Path, set_ups: &[SetUp]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Envoy's files can be made");
        let authority = Authority::new();
        let authorizer = Server::start(answers::answer);
        let upstream = Server::start(|asked| {
            let answer = Answer::new(200)
                .header("x-upstream", "was here")
                .header("x-down-b", "upstream's");
            answer.body("hello").sized(asked.method != "HEAD")
        });
        let tls = listener::transport_socket(&authority);
        let mut listeners = Vec::new();
        for set_up in set_ups {
            for (side, filters) in [Side::Native, Side::Filter].into_iter().zip(set_up.filters(module)) {
                let name = side.listener(set_up.name);
                let mut manager = listener::http_connection_manager(&name, &filters, folder.path());
                manager["typed_config"]["route_config"] = routes();
                listeners.push(json!({
                    "name": name,
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                    "traffic_direction": "OUTBOUND",
                    "listener_filters": [listener::tls_inspector()],
                    "filter_chains": [{"transport_socket": tls, "filters": [manager]}],
                }));
            }
        }
        let mut bootstrap = listener::around(&listeners, upstream.address());
        let clusters = bootstrap["static_resources"]["clusters"]
            .as_array_mut()
            .expect("clusters");
        let authz = |port: u16, endpoint| cluster(&format!("outbound|{port}||{SERVICE}"), endpoint);
        clusters.extend([
            authz(THERE, Some(authorizer.address())),
            authz(REFUSES, Some(closed_port())),
            authz(NOBODY, None),
            cluster("by-header", Some(upstream.address())),
        ]);
        Self {
            envoy: Envoy::start(binary, &bootstrap, folder.path(), &process::Options::default()),
            folder,
            authority,
            authorizer,
            upstream,
            requests: AtomicU32::new(0),
        }
    }

    /// Sends a request to one side over HTTP/1.1.
    pub(crate) fn send(&self, side: Side, set_up: &str, request: &Request) -> Seen {
        self.send_with(side, set_up, |address, authority, identity, id| {
            Connection::new(address, authority, identity).send(request, id)
        })
    }

    /// Sends a request to one side over HTTP/2.
    pub(crate) fn send_http2(&self, side: Side, set_up: &str, request: &Request) -> Seen {
        self.send_with(side, set_up, |address, authority, identity, id| {
            Http2::new(address, authority, identity).send(request, id).reply()
        })
    }

    fn send_with(
        &self,
        side: Side,
        set_up: &str,
        send: impl FnOnce(SocketAddr, &Authority, &Identity, &str) -> Reply,
    ) -> Seen {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let listener = side.listener(set_up);
        let address = self.envoy.listener_address(&listener);
        let reply = send(address, &self.authority, &Identity::workload(CALLER), &id).without_times();
        Seen {
            reply,
            log: AccessLog::of(&listener, self.folder.path()).line_of(&id),
            asked: self.authorizer.take_asked(),
            arrived: self.upstream.take_asked(),
        }
    }

    /// What a client leaves behind that goes away while the authorizer has not answered.
    pub(crate) fn abandon(&self, side: Side, set_up: &str, request: &Request) {
        let address = self.envoy.listener_address(&side.listener(set_up));
        let mut connection = Connection::new(address, &self.authority, &Identity::workload(CALLER));
        connection.send_only(request, "00000000-0000-4000-8000-999999999999");
        let started = Instant::now();
        while self.authorizer.take_asked().is_empty() {
            assert!(
                started.elapsed() < Duration::from_secs(15),
                "the authorizer is not asked"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until this many questions have no answer.
    pub(crate) fn wait_for_questions(&self, open: usize) {
        let name = format!("cluster.outbound|{THERE}||{SERVICE}.upstream_rq_active");
        let started = Instant::now();
        loop {
            let statistics: BTreeMap<String, String> =
                self.envoy.statistics("upstream_rq_active").into_iter().collect();
            if statistics.get(&name).and_then(|value| value.parse().ok()) == Some(open) {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(15),
                "{open} questions are to be open: {statistics:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A route by a header that only an authorizer sets, before the one for everything.
fn routes() -> Value {
    json!({"virtual_hosts": [{
        "name": "everything",
        "domains": ["*"],
        "routes": [
            {
                "match": {"prefix": "/", "headers": [{"name": "x-up-a", "present_match": true}]},
                "route": {"cluster": "by-header"},
            },
            {"match": {"prefix": "/"}, "route": {"cluster": "outbound|80||test.com"}},
        ],
    }]})
}

fn cluster(name: &str, endpoint: Option<SocketAddr>) -> Value {
    let endpoints: Vec<Value> = endpoint
        .into_iter()
        .map(|address| {
            json!({"endpoint": {"address": {"socket_address": {
                "address": address.ip().to_string(), "port_value": address.port(),
            }}}})
        })
        .collect();
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

/// A port that nobody listens at.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port can be had");
    listener.local_addr().expect("a bound socket has an address")
}
