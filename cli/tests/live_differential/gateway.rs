//! One Envoy that enforces many sets of policies twice: natively, and by our filter.
//!
//! Every set has a pair of filter chains on the same port, so that both see the same addresses. Which chain takes a connection
//! is said by the first protocol that the client offers in the TLS handshake, which nothing else looks at.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use outgate_policy::config::Identity;
use outgate_policy::config::{HeaderMode, PluginType};
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifests, ObjectName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::attribute::{LIST_FILTER, METADATA_FILTER, METADATA_HEADER, METADATA_KEY, METADATA_LIST};
use crate::callers::Caller;
use crate::connection::{Connection, Route};
use crate::echo;
use crate::envoy::access_log::{AccessLog, LogLine};
use crate::envoy::authority::Authority;
use crate::envoy::client;
use crate::envoy::listener;
use crate::envoy::process::{self, Envoy};
use crate::envoy::token::TokenIssuer;
use crate::policies::{GATEWAY_NAME, GATEWAY_NAMESPACE, PolicySet};
use crate::release::Release;

const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// The filter state that holds the direct peer's address where trusted proxies speak for others. Without it our filter takes
/// the address from `x-forwarded-for`, where Envoy writes the machine's own in place of a loopback address.
const DIRECT_ADDRESS: &str = "direct";

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Native,
    Filter,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Native, Self::Filter];

    fn chain(self, set: usize) -> String {
        match self {
            Self::Native => format!("native-{set}"),
            Self::Filter => format!("filter-{set}"),
        }
    }
}

/// A port that both the policies and the gateway know.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) port: u16,
    addresses: Vec<IpAddr>,
}

impl Place {
    /// A free port on the machine's loopback addresses, of which there may be one or two.
    pub(crate) fn find() -> Self {
        let free = |address: IpAddr, port| TcpListener::bind((address, port));
        let first = IpAddr::from(Ipv4Addr::LOCALHOST);
        let listener = free(first, 0).expect("a loopback port can be had");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let others = [IpAddr::from(Ipv6Addr::LOCALHOST)];
        let others = others.into_iter().filter(|&address| free(address, port).is_ok());
        Self {
            port,
            addresses: std::iter::once(first).chain(others).collect(),
        }
    }

    fn address(&self, index: usize) -> SocketAddr {
        let address = self.addresses[index.min(self.addresses.len() - 1)];
        (address, self.port).into()
    }
}

pub(crate) struct Gateway {
    // Dropped in this order: Envoy goes before the folder that it writes into.
    _envoy: Envoy,
    folder: TempDir,
    authority: Authority,
    place: Place,
    pub(crate) issuer: TokenIssuer,
}

impl Gateway {
    pub(crate) fn start(release: &Release, module: &Path, place: &Place, sets: &[&PolicySet]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Envoy's files can be made");
        let authority = Authority::new();
        let issuer = TokenIssuer::new();
        let mut tls = listener::transport_socket(&authority);
        tls["typed_config"]["require_client_certificate"] = json!(false);

        let mut chains = Vec::new();
        for (index, set) in sets.iter().enumerate() {
            let rendered = Rendered::of(set, release);
            let before = filters_before(set, &issuer);
            let wasm = listener::wasm(module, &rendered.filter);
            for (side, own) in [(Side::Native, rendered.native), (Side::Filter, vec![wasm])] {
                let filters: Vec<Value> = before.iter().cloned().chain(own).collect();
                let name = side.chain(index);
                chains.push(json!({
                    "name": name,
                    "filter_chain_match": {"application_protocols": [name]},
                    "transport_socket": tls,
                    "filters": [connection_manager(&name, &filters, set, folder.path())],
                }));
            }
        }
        let bootstrap = bootstrap(place, &chains, echo::start());
        Self {
            _envoy: Envoy::start(&release.binary, &bootstrap, folder.path(), &process::Options::default()),
            folder,
            authority,
            place: place.clone(),
            issuer,
        }
    }

    /// A caller's connections to both chains of a set, with the same certificate.
    pub(crate) fn connections(&self, set: usize, caller: &Caller) -> [Connection; 2] {
        let credential = caller
            .identity
            .as_ref()
            .map(|identity| self.authority.certify(identity));
        Side::BOTH.map(|side| {
            let protocols = [side.chain(set), caller.protocol.name().to_owned()];
            let protocols = protocols.each_ref().map(String::as_str);
            Connection::new(Route {
                gateway: self.place.address(caller.address),
                server_name: caller.server_name.clone(),
                protocol: caller.protocol,
                tls: Arc::new(client::tls_config(&self.authority, credential.as_ref(), &protocols)),
            })
        })
    }

    /// What a chain has logged, when it has logged the request with this id.
    pub(crate) fn log(&self, side: Side, set: usize, last_id: &str) -> Vec<LogLine> {
        AccessLog::of(&side.chain(set), self.folder.path()).lines_with(last_id)
    }
}

/// A set of policies as both sides take them.
struct Rendered {
    native: Vec<Value>,
    filter: String,
}

impl Rendered {
    fn of(set: &PolicySet, release: &Release) -> Self {
        let input = Input::Text {
            name: "generated.yaml".to_owned(),
            text: set.manifest(),
        };
        let (manifests, diagnostics) = Manifests::load(&[input]);
        let complaint = || diagnostics.render(manifests.sources(), false);
        assert_eq!(diagnostics.errors(), 0, "{}{}", complaint(), set.manifest());

        let gateway = manifests.gateway_workload(&ObjectName::new(GATEWAY_NAMESPACE, GATEWAY_NAME), &BTreeMap::new());
        assert_eq!(
            manifests.policies_for(&gateway).len(),
            set.policies.len(),
            "every policy applies to the gateway"
        );
        let native = manifests
            .native_filters(PluginType::Http, &gateway)
            .expect("what can be checked can be rendered");

        let options = FilterOptions {
            identity: if set.mesh.forwarded_identity || !release.shows_certificates() {
                Identity::ForwardedClientCert
            } else {
                Identity::PeerCertificate
            },
            header_mode: if release.joins_header_lines() {
                HeaderMode::Joined
            } else {
                HeaderMode::Individual
            },
            direct_address_filter_state: (set.mesh.trusted_proxies > 0).then(|| DIRECT_ADDRESS.to_owned()),
            ..FilterOptions::default()
        };
        let filter = manifests
            .filter_config(&gateway, &options)
            .expect("what can be checked can be enforced");
        Self {
            native: native.into_all(),
            filter: serde_json::to_string(&filter).expect("a configuration is JSON"),
        }
    }
}

/// What both sides find before them: metadata, the direct address where it is needed, tokens.
fn filters_before(set: &PolicySet, issuer: &TokenIssuer) -> Vec<Value> {
    let mut filters = vec![header_to_metadata(), list_metadata()];
    if set.mesh.trusted_proxies > 0 {
        filters.push(direct_address());
    }
    let mut authn = listener::jwt_authn(issuer);
    // The issuer is not compared here, so that policies may see others.
    let provider = &mut authn["typed_config"]["providers"]["origins-0"];
    provider.as_object_mut().expect("a provider").remove("issuer");
    filters.push(authn);
    filters
}

fn header_to_metadata() -> Value {
    json!({
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.header_to_metadata.v3.Config"),
            "request_rules": [{
                "header": METADATA_HEADER,
                "on_header_present": {"metadata_namespace": METADATA_FILTER, "key": METADATA_KEY, "type": "STRING"},
            }],
        },
    })
}

fn list_metadata() -> Value {
    json!({
        "name": "envoy.filters.http.set_metadata",
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.set_metadata.v3.Config"),
            "metadata": [{"metadata_namespace": LIST_FILTER, "value": {METADATA_KEY: METADATA_LIST}}],
        },
    })
}

fn direct_address() -> Value {
    json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": format!("{TYPES}.filters.http.set_filter_state.v3.Config"),
            "on_request_headers": [{
                "object_key": DIRECT_ADDRESS,
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {
                    "inline_string": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                }},
            }],
        },
    })
}

/// The harness's connection manager with the settings that Istio renders for the set's mesh.
fn connection_manager(name: &str, filters: &[Value], set: &PolicySet, folder: &Path) -> Value {
    let mut manager = listener::http_connection_manager(name, filters, folder);
    let config = &mut manager["typed_config"];
    // A client of HTTP/2 that is refused waits for this long.
    config["delayed_close_timeout"] = json!("0.02s");
    config["xff_num_trusted_hops"] = json!(set.mesh.trusted_proxies);
    config["normalize_path"] = json!(set.mesh.normalization != "NONE");
    config["merge_slashes"] = json!(set.mesh.normalization.ends_with("MERGE_SLASHES"));
    if set.mesh.normalization == "DECODE_AND_MERGE_SLASHES" {
        config["path_with_escaped_slashes_action"] = json!("UNESCAPE_AND_FORWARD");
    }
    let format = &mut config["access_log"][0]["typed_config"]["log_format"]["json_format"];
    for (field, metadata) in NATIVE_FIELDS {
        // An absent value is "-" and text, as in the example's format.
        format[field] = json!(format!("%ENVIRONMENT(PATH):0%%DYNAMIC_METADATA({metadata})%"));
    }
    manager
}

/// What native authorization says beside its reply, and where.
const NATIVE_FIELDS: [(&str, &str); 5] = [
    (
        "native_deny_shadow",
        "envoy.filters.http.rbac:istio_dry_run_deny_shadow_engine_result",
    ),
    (
        "native_deny_shadow_rule",
        "envoy.filters.http.rbac:istio_dry_run_deny_shadow_effective_policy_id",
    ),
    (
        "native_allow_shadow",
        "envoy.filters.http.rbac:istio_dry_run_allow_shadow_engine_result",
    ),
    (
        "native_allow_shadow_rule",
        "envoy.filters.http.rbac:istio_dry_run_allow_shadow_effective_policy_id",
    ),
    ("native_audit", "envoy.common:access_log_hint"),
];

fn bootstrap(place: &Place, chains: &[Value], upstream: SocketAddr) -> Value {
    let socket =
        |address: &IpAddr| json!({"socket_address": {"address": address.to_string(), "port_value": place.port}});
    let additional = place.addresses[1..]
        .iter()
        .map(|address| json!({"address": socket(address)}));
    let listener = json!({
        "name": "both",
        "address": socket(&place.addresses[0]),
        "additional_addresses": additional.collect::<Vec<_>>(),
        "traffic_direction": "OUTBOUND",
        "listener_filters": [listener::tls_inspector()],
        "filter_chains": chains,
    });
    let mut bootstrap = listener::around(&[listener], upstream);
    // Istio's: the fragment is cut off instead of the request being refused.
    bootstrap["layered_runtime"] = json!({"layers": [{
        "name": "istio",
        "static_layer": {"envoy.reloadable_features.http_reject_path_with_fragment": false},
    }]});
    bootstrap
}
