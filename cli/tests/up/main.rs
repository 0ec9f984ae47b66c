//! `outgate up` as its users call it: the example's manifests on real Envoys.

#[path = "../envoy/mod.rs"]
mod envoy;

mod external_authorizer;
mod run;

use std::env;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use run::{Client, Manifests, Running, Tools, kill};

const SLEEP: &str = "sidecar:default/sleep";
const NOTSLEEP: &str = "sidecar:default/notsleep";
const EGRESS: &str = "gateway:istio-system/istio-egressgateway";
const GATEWAY: &str = "istio-system/istio-egressgateway";

/// How often a policy is changed under load; the measure of a release is 100.
const RELOADS: usize = 12;

#[test]
fn requests_take_the_way_of_the_walkthrough() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::example();
    let running = Running::start(&tools, &manifests, &["--as", "default/ghost"]);
    let rows = [
        (SLEEP, "http://test.com/status/200", 200, "hello"),
        (SLEEP, "http://test.com/headers", 403, "RBAC: access denied"),
        (NOTSLEEP, "http://test.com/headers", 200, "hello"),
        ("sidecar:default/ghost", "http://test.com/headers", 200, "hello"),
        // The server mesh's own gateway stops this one.
        (NOTSLEEP, "http://test.com/status/418", 403, "RBAC: access denied"),
        (SLEEP, "http://other.com/", 502, ""),
    ];
    for (client, url, status, body) in rows {
        let reply = running.get(client, url);
        assert_eq!((reply.status, reply.body.as_str()), (status, body), "{client} {url}");
    }
    let line = running.event("access");
    assert_eq!(line["line"]["authority_for"], "test.com", "{line}");
    assert_eq!(
        running.upstream.take_seen(),
        ["GET /status/200", "GET /headers", "GET /headers"]
    );
    running.stop("INT");
}

/// The gateway would answer the same: who answered is in the log.
#[test]
fn at_sidecars_policies_are_enforced_before_a_request_leaves_its_pod() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::example();
    let running = Running::start(
        &tools,
        &manifests,
        &["--watch", "--at", "sidecar", "--gateway", GATEWAY],
    );
    let answered_by = |url: &str| {
        let status = running.get(SLEEP, url).status;
        (status, running.event("access")["proxy"].clone())
    };
    assert_eq!(answered_by("http://test.com/headers"), (403, SLEEP.into()));

    manifests.edit("authorization-policy.yaml", "- /headers", "- /ip");
    let applied = running.event("applied");
    let changed = applied["changed"].as_array().expect("a list");
    for proxy in [SLEEP, NOTSLEEP, EGRESS] {
        let is_of_proxy = |change: &&serde_json::Value| change["proxy"] == proxy && change["part"] == "policies";
        assert!(changed.iter().any(|change| is_of_proxy(&change)), "{proxy}: {applied}");
    }
    assert_eq!(answered_by("http://test.com/ip"), (403, SLEEP.into()));
    running.stop("INT");
}

#[test]
fn saved_manifests_are_applied_and_broken_ones_refused() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::example();
    let running = Running::start(&tools, &manifests, &["--watch"]);
    let status = |url: &str| running.get(SLEEP, url).status;
    assert_eq!(
        (status("http://test.com/headers"), status("http://test.com/ip")),
        (403, 200)
    );

    manifests.edit("authorization-policy.yaml", "- /headers", "- /ip");
    let applied = running.event("applied");
    assert_eq!(
        applied["changed"],
        serde_json::json!([{"proxy": EGRESS, "part": "policies", "outcome": "accepted"}])
    );
    assert_eq!(
        (status("http://test.com/headers"), status("http://test.com/ip")),
        (200, 403)
    );

    manifests.edit("authorization-policy.yaml", "action: DENY", "action: DENNY");
    assert_eq!(running.event("refused")["count"], 1);
    assert_eq!(
        (status("http://test.com/headers"), status("http://test.com/ip")),
        (200, 403)
    );

    manifests.edit("authorization-policy.yaml", "action: DENNY", "action: DENY");
    let applied = running.event("applied");
    assert_eq!(
        applied["changed"],
        serde_json::json!([]),
        "nothing differs from what is in effect"
    );

    // Routes change under a connection that goes on.
    let mut client = Client::new(running.address(SLEEP, 80));
    assert_eq!(client.get("http://test.com/anything").status, 200);
    manifests.edit(
        "virtual-service.yaml",
        "host: test.com\n            port:\n              number: 443",
        "host: test.com\n            port:\n              number: 80",
    );
    running.event("applied");
    assert_eq!(
        client.get("http://test.com/status/418").status,
        200,
        "no client certificate, no policy of the server mesh"
    );

    // A client goes, and its port with it.
    manifests.edit(
        "workloads.yaml",
        "kind: Deployment\nmetadata:\n  name: notsleep",
        "kind: NotADeployment\nmetadata:\n  name: notsleep",
    );
    assert_eq!(running.event("applied")["stopped"], serde_json::json!([NOTSLEEP]));
    assert!(std::net::TcpStream::connect(running.address(NOTSLEEP, 80)).is_err());
}

#[test]
fn no_request_is_lost_while_policies_change() {
    let Some(tools) = Tools::find() else { return };
    let reloads = env::var("OUTGATE_RELOADS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(RELOADS);
    let manifests = Manifests::example();
    let running = Running::start(&tools, &manifests, &["--watch"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, address) = (Arc::clone(&is_over), running.address(NOTSLEEP, 80));
            thread::spawn(move || {
                let mut client = Client::new(address);
                let mut answered = 0_usize;
                while !is_over.load(Ordering::Relaxed) {
                    let reply = client.get("http://test.com/anything");
                    assert_eq!(reply.status, 200, "{reply:?}");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut forbidden = "- /headers".to_owned();
    for number in 0..reloads {
        let next = format!("- /forbidden/{number}");
        manifests.edit("authorization-policy.yaml", &forbidden, &next);
        forbidden = next;
        let applied = running.event("applied");
        assert_eq!(applied["changed"][0]["outcome"], "accepted", "{applied}");
        // What is applied decides.
        let url = format!("http://test.com/forbidden/{number}");
        assert_eq!(running.get(SLEEP, &url).status, 403);
    }
    is_over.store(true, Ordering::Relaxed);
    let answered: usize = clients.into_iter().map(|client| client.join().expect("a client")).sum();
    println!("{reloads} policy changes under load: {answered} requests, none lost");
    assert!(answered > reloads, "there was no load: {answered}");
}

#[test]
fn an_envoy_that_dies_ends_the_run() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::example();
    let running = Running::start(&tools, &manifests, &[]);
    kill("KILL", running.proxy(EGRESS)["pid"].as_u64().expect("a pid"));
    assert_eq!(running.ended(), 2);
}

#[test]
fn what_cannot_run_is_told_and_leaves_nothing() {
    let Some(tools) = Tools::find() else { return };
    type Change = fn(&Manifests);
    let rows: [(&str, Change, &[&str], &str); 10] = [
        (
            "a gateway whose policies no sidecar enforces",
            |_| {},
            &["--gateway", GATEWAY],
            "--gateway is for --at sidecar",
        ),
        (
            "a missing Secret",
            |manifests| manifests.remove("certificates.yaml"),
            &[],
            "there is no Secret istio-system/test.client",
        ),
        (
            "an unknown credentialName",
            |manifests| {
                manifests.edit(
                    "destination-rule.yaml",
                    "credentialName: test.client",
                    "credentialName: test.clint",
                );
            },
            &[],
            "there is no Secret istio-system/test.clint",
        ),
        (
            "a Gateway that nobody knows",
            |manifests| {
                manifests.edit(
                    "virtual-service.yaml",
                    "    - egress-gateway\n    - mesh",
                    "    - egres-gateway\n    - mesh",
                );
            },
            &[],
            "did you mean `default/egress-gateway`?",
        ),
        (
            "two VirtualServices for one host",
            |manifests| {
                let text = fs::read_to_string(manifests.path().join("virtual-service.yaml")).expect("the file");
                manifests.write("again.yaml", &text.replace("egressgateway-vs", "again"));
            },
            &[],
            "both have routes for `test.com`",
        ),
        (
            "a host that nobody registers",
            |manifests| manifests.edit("virtual-service.yaml", "host: test.com", "host: tset.com"),
            &[],
            "there is no cluster outbound|443||tset.com",
        ),
        (
            "no Envoy",
            |_| (),
            &["--envoy", "/nowhere/envoy"],
            "/nowhere/envoy cannot be started",
        ),
        (
            "no Envoy, but a program",
            |_| (),
            &["--envoy", "/bin/true"],
            "/bin/true is no Envoy",
        ),
        (
            "a mapping that is none",
            |_| (),
            &["--map", "httpbin"],
            "expected HOST:PORT=ADDRESS:PORT",
        ),
        (
            "a module that is not there",
            |_| (),
            &["--filter", "/nowhere.wasm"],
            "/nowhere.wasm",
        ),
    ];
    for (name, change, arguments, words) in rows {
        let manifests = Manifests::example();
        change(&manifests);
        let (status, said) = tools.run(manifests.path(), arguments);
        assert!(status == 2 && said.contains(words), "{name}: {status} {said}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let manifests = Manifests::example();
    let (status, said) = tools.run(manifests.path(), &["--port", &format!("default/sleep:80={port}")]);
    assert!(
        status == 2 && said.contains(&format!("port {port}")) && said.contains("is in use"),
        "{said}"
    );
}
