//! Decisions in a real Envoy, over real mutual TLS: the walkthrough's step 5, native and ours.
//!
//! The native tests hold our reference to account: what is claimed about Envoy is seen in Envoy. The others show that
//! our filter, configured by our own command from the example's manifests, cannot be told apart from it, save that it
//! says why.

#[path = "real_envoy/canonical.rs"]
mod canonical;
#[path = "real_envoy/connections.rs"]
mod connections;
mod envoy;
#[path = "real_envoy/trace.rs"]
mod trace;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use envoy::authority::Identity;
use envoy::client::Request;
use envoy::listener::{self, Listener};
use envoy::rendered::{self, TEST_RULE};
use envoy::reply::Reply;
use envoy::token::TokenIssuer;
use envoy::{Exchange, Lab, prerequisite};

const SLEEP: &str = "cluster.local/ns/default/sa/sleep";
const NOTSLEEP: &str = "cluster.local/ns/default/sa/notsleep";

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The server behind the gateway answers.
    Passes,
    Denied,
    /// A denial without its body.
    DeniedHead,
    /// A denial as a gRPC client understands it.
    DeniedGrpc,
}

impl Answer {
    fn status(self) -> u16 {
        match self {
            Self::Passes | Self::DeniedGrpc => 200,
            Self::Denied | Self::DeniedHead => 403,
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Passes => "hello",
            Self::Denied => "RBAC: access denied",
            Self::DeniedHead | Self::DeniedGrpc => "",
        }
    }

    /// The headers that come first, in their order.
    fn leading_headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Passes => &[("content-length", "5")],
            Self::Denied | Self::DeniedHead => &[("content-length", "19"), ("content-type", "text/plain")],
            Self::DeniedGrpc => &[
                ("content-type", "application/grpc"),
                ("grpc-status", "7"),
                ("grpc-message", "RBAC: access denied"),
            ],
        }
    }

    fn details(self) -> String {
        match self {
            Self::Passes => "via_upstream".to_owned(),
            _ => format!("rbac_access_denied_matched_policy[{TEST_RULE}]"),
        }
    }
}

struct Case {
    name: &'static str,
    principal: &'static str,
    request: Request,
    answer: Answer,
}

/// Requests that meet the walkthrough's policy `test`, and what native authorization makes of them.
fn cases() -> Vec<Case> {
    use Answer::{Denied, DeniedGrpc, DeniedHead, Passes};
    let get = |host, path| Request::new("GET", host, path);
    let rows = [
        ("the forbidden request", SLEEP, Denied, get("test.com", "/headers")),
        ("with a query", SLEEP, Denied, get("test.com", "/headers?a=b")),
        ("the host in capitals", SLEEP, Denied, get("TEST.COM", "/headers")),
        ("a detour to the path", SLEEP, Denied, get("test.com", "/x/../headers")),
        (
            "by HEAD",
            SLEEP,
            DeniedHead,
            Request::new("HEAD", "test.com", "/headers"),
        ),
        (
            "by gRPC",
            SLEEP,
            DeniedGrpc,
            Request::new("POST", "test.com", "/headers")
                .header("content-type", "application/grpc")
                .header("content-length", "0"),
        ),
        ("another path", SLEEP, Passes, get("test.com", "/status/200")),
        ("a longer path", SLEEP, Passes, get("test.com", "/headers/")),
        ("another caller", NOTSLEEP, Passes, get("test.com", "/headers")),
        (
            "the forbidden caller's name, claimed by another",
            NOTSLEEP,
            Passes,
            get("test.com", "/headers").header(
                "x-forwarded-client-cert",
                "URI=spiffe://cluster.local/ns/default/sa/sleep",
            ),
        ),
    ];
    rows.map(|(name, principal, answer, request)| Case {
        name,
        principal,
        request,
        answer,
    })
    .into()
}

#[test]
fn native_denies_as_our_reference_says() {
    let Some(binary) = prerequisite::envoy() else { return };
    let native = Listener::new("native", vec![listener::native_rbac(&rendered::test_policy())]);
    let lab = Lab::start(&binary, &[native]);
    for case in cases() {
        let Exchange { reply, log } = lab.exchange("native", &Identity::workload(case.principal), &case.request);
        let (name, answer) = (case.name, case.answer);
        let leading = answer.leading_headers();
        let headers = reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));

        assert_eq!(reply.status, answer.status(), "{name}");
        assert_eq!(headers.take(leading.len()).collect::<Vec<_>>(), leading, "{name}");
        assert_eq!(reply.body, answer.body(), "{name}");
        assert_eq!(log["response_code_details"], answer.details(), "{name}");
        assert_eq!(log["response_flags"], "-", "{name}");
        let upstream = usize::from(answer == Answer::Passes);
        assert_eq!(lab.upstream.take_seen().len(), upstream, "{name}: requests upstream");
    }
}

/// URIs are tried first, then DNS names, then the subject; who has none of them is nobody.
#[test]
fn native_takes_a_callers_name_from_wherever_it_stands() {
    let Some(binary) = prerequisite::envoy() else { return };
    // What Istio renders for `principals: ["*"]` in an ALLOW policy.
    let anybody = listener::native_rbac(&json!({
        "action": "ALLOW",
        "policies": {"anybody": {
            "permissions": [{"any": true}],
            "principals": [{"authenticated": {"principal_name": {"safe_regex": {"regex": ".+"}}}}],
        }},
    }));
    let lab = Lab::start(&binary, &[Listener::new("native", vec![anybody])]);
    let rows = [
        ("a URI", Identity::workload(SLEEP), 200, "via_upstream"),
        ("a DNS name", Identity::dns("client.example"), 200, "via_upstream"),
        ("a subject", Identity::subject("client"), 200, "via_upstream"),
        (
            "no name",
            Identity::default(),
            403,
            "rbac_access_denied_matched_policy[none]",
        ),
    ];
    for (name, identity, status, details) in rows {
        let Exchange { reply, log } = lab.exchange("native", &identity, &Request::new("GET", "test.com", "/"));
        assert_eq!(reply.status, status, "{name}");
        assert_eq!(log["response_code_details"], details, "{name}");
    }
}

/// The walkthrough's access log: all of its fields, with the values of its step 3.
#[test]
fn the_access_log_has_the_walkthroughs_fields() {
    let Some(binary) = prerequisite::envoy() else { return };
    let lab = Lab::start(&binary, &[Listener::new("plain", vec![])]);
    let request = Request::new("GET", "test.com", "/status/418").header("user-agent", "curl \"quoted\"");
    let Exchange { log, .. } = lab.exchange("plain", &Identity::workload(SLEEP), &request);

    let upstream = lab.upstream.address().to_string();
    let fields = [
        ("authority_for", Some("test.com")),
        ("bytes_received", Some("0")),
        ("bytes_sent", Some("5")),
        ("downstream_local_address", None),
        ("downstream_remote_address", None),
        ("duration", None),
        ("istio_policy_status", Some("-")),
        ("method", Some("GET")),
        ("path", Some("/status/418")),
        ("protocol", Some("HTTP/1.1")),
        ("request_id", None),
        (
            "requested_server_name",
            Some("outbound_.80_._.istio-egressgateway.istio-system.svc.cluster.local"),
        ),
        ("response_code", Some("200")),
        ("response_flags", Some("-")),
        ("route_name", Some("-")),
        ("start_time", None),
        ("trace_id", Some("-")),
        ("upstream_cluster", Some("outbound|80||test.com")),
        ("upstream_host", Some(upstream.as_str())),
        ("upstream_local_address", None),
        ("upstream_response_time", None),
        ("upstream_service_time", None),
        ("upstream_transport_failure_reason", Some("-")),
        ("user_agent", Some("curl \"quoted\"")),
        // Not the loopback address: Envoy puts the machine's own in its place.
        ("x_forwarded_for", None),
    ];
    for (field, expected) in fields {
        let value = log
            .get(field)
            .unwrap_or_else(|| panic!("{field} is missing from {log:?}"));
        match expected {
            Some(expected) => assert_eq!(value, expected, "{field}"),
            None => assert_ne!(value, "-", "{field}"),
        }
    }
}

#[test]
fn the_filter_cannot_be_told_from_native() {
    let Some(lab) = side_by_side() else { return };
    for case in cases() {
        assert_same(&lab, case.name, &Identity::workload(case.principal), &case.request);
    }
}

/// Claims reach the filter as Envoy's own metadata: their types decide, and a claim of the wrong type is never a match.
#[test]
fn the_filter_reads_tokens_as_native_does() {
    let Some((binary, module)) = prerequisite::envoy().zip(prerequisite::filter_wasm()) else {
        return;
    };
    let manifests = tempfile::tempdir().expect("a folder for manifests can be made");
    std::fs::write(manifests.path().join("policy.yaml"), TOKEN_POLICY).expect("a manifest can be written");
    std::fs::copy(
        example().join("workloads.yaml"),
        manifests.path().join("workloads.yaml"),
    )
    .expect("the example has its workloads");
    let filter = listener::wasm(&module, &filter_configuration(manifests.path()));

    let issuer = TokenIssuer::new();
    let authn = listener::jwt_authn(&issuer);
    let native = listener::native_rbac(&rendered::token_policy());
    let listeners = [
        Listener::new("native", vec![authn.clone(), native]),
        Listener::new("filter", vec![authn, filter]),
    ];
    let lab = Lab::start(&binary, &listeners);

    let rows = [
        ("the group, alone", json!({"sub": "a", "groups": "egress"}), 200),
        (
            "the group, in a list",
            json!({"sub": "a", "groups": ["x", "egress"]}),
            200,
        ),
        (
            "a list of several types",
            json!({"sub": "a", "groups": [1, null, "egress"]}),
            200,
        ),
        ("another group", json!({"sub": "a", "groups": "egress2"}), 403),
        ("no group", json!({"sub": "a"}), 403),
        ("null", json!({"sub": "a", "groups": null}), 403),
        ("a number", json!({"sub": "a", "groups": 5}), 403),
        ("an object", json!({"sub": "a", "groups": {"egress": "egress"}}), 403),
        ("nobody's token", json!({"groups": "egress"}), 403),
        ("a subject that is empty", json!({"sub": "", "groups": "egress"}), 403),
    ];
    let request = Request::new("GET", "test.com", "/");
    let sleep = Identity::workload(SLEEP);
    for (name, claims, status) in rows {
        let request = request
            .clone()
            .header("authorization", format!("Bearer {}", issuer.token(claims)));
        assert_eq!(assert_same(&lab, name, &sleep, &request).status, status, "{name}");
    }
    assert_eq!(assert_same(&lab, "no token", &sleep, &request).status, 403);
    let forged = TokenIssuer::new().token(json!({"sub": "a", "groups": "egress"}));
    let request = request.header("authorization", format!("Bearer {forged}"));
    assert_eq!(assert_same(&lab, "a forged token", &sleep, &request).status, 401);
}

#[test]
fn the_filter_logs_who_was_stopped_and_by_which_rule() {
    let Some(lab) = side_by_side() else { return };
    for case in cases() {
        let Exchange { log, .. } = lab.exchange("filter", &Identity::workload(case.principal), &case.request);
        let (decision, rule) = match case.answer {
            Answer::Passes => ("allow", "-"),
            _ => ("deny", TEST_RULE),
        };
        assert_eq!(log["outgate_decision"], decision, "{}", case.name);
        assert_eq!(log["outgate_rule"], rule, "{}", case.name);
        assert_eq!(log["outgate_principal"], case.principal, "{}", case.name);
    }
}

/// The walkthrough's step 2, at the gateway: with `REGISTRY_ONLY`, a host that nothing registers gets 502.
#[test]
fn the_filter_stops_a_host_that_nothing_registers() {
    let Some(lab) = side_by_side() else { return };
    let request = Request::new("GET", "unregistered.example", "/status/200");
    let Exchange { reply, log } = lab.exchange("filter", &Identity::workload(NOTSLEEP), &request);
    assert_eq!(reply.status, 502);
    assert_eq!(log["outgate_decision"], "unregistered");
    assert_eq!(lab.upstream.take_seen(), Vec::<String>::new(), "nothing goes upstream");
}

/// One Envoy, with native authorization on one listener and our filter on another.
fn side_by_side() -> Option<Lab> {
    let (binary, module) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
    let native = listener::native_rbac(&rendered::test_policy());
    let filter = listener::wasm(&module, &filter_configuration(&example()));
    let listeners = [
        Listener::new("native", vec![native]),
        Listener::new("filter", vec![filter]),
    ];
    Some(Lab::start(&binary, &listeners))
}

/// Sends a request to both listeners: the reply, the log and the way upstream must be the same. Returns the reply.
fn assert_same(lab: &Lab, name: &str, identity: &Identity, request: &Request) -> Reply {
    let [native, ours] = ["native", "filter"].map(|listener| {
        let Exchange { reply, log } = lab.exchange(listener, identity, request);
        let logged = ["path", "bytes_sent", "response_flags", "response_code_details"].map(|field| log[field].clone());
        (reply.without_times(), logged, lab.upstream.take_seen())
    });
    assert_eq!(ours, native, "{name}: ours, then native");
    ours.0
}

/// Whoever has a token of the lab's issuer that names the group may leave.
const TOKEN_POLICY: &str = "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: tokens
  namespace: istio-system
spec:
  selector:
    matchLabels:
      istio: egressgateway
  rules:
    - from:
        - source:
            requestPrincipals: [https://issuer.example/*]
      when:
        - key: request.auth.claims[groups]
          values: [egress]
";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/asm-egress-gateway")
}

/// The filter's configuration for the egress gateway, made by our own command from manifests.
fn filter_configuration(manifests: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
        .args(["build", "--for", "filter"])
        .arg(manifests)
        .args(["--gateway", "istio-system/istio-egressgateway"])
        .output()
        .expect("outgate can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "outgate build failed ({}):\n{stderr}",
        output.status
    );
    String::from_utf8(output.stdout).expect("the configuration is UTF-8")
}
