//! At a sidecar: the caller is the proxy's own workload.

use outgate_test_host::{Host, Property};
use serde_json::{Value, json};

use crate::module::{decision, get, logged, module};
use crate::policies::{config_in, deny_from, with};

fn by_itself(specs: &[Value]) -> String {
    config_in(&json!({"identity": "self", "trustDomain": "td"}), specs).to_string()
}

#[test]
fn the_proxys_own_workload_calls() {
    let Some(module) = module() else { return };
    let deny = |principal: &str| by_itself(&[deny_from(&json!({"principals": [principal]}))]);
    for (principal, expected) in [("td/ns/shop/sa/cart", "deny"), ("td/ns/shop/sa/other", "allow")] {
        let host = Host::builder(module)
            .property("xds.node.metadata.NAMESPACE", "shop")
            .property("xds.node.metadata.SERVICE_ACCOUNT", "cart")
            .configuration(deny(principal))
            .start();
        let mut host = host.unwrap_or_else(|error| panic!("{error}"));
        // What the connection shows is not the caller's.
        let outcome = host.request(get("/").uri_san("spiffe://td/ns/x/sa/y").mtls(true));
        assert_eq!(decision(&outcome), expected, "{principal}");
        assert_eq!(logged(&outcome, "principal").as_deref(), Some("td/ns/shop/sa/cart"));
    }
}

/// What one connection's log has says nothing of the other connections' logs.
#[test]
fn every_request_is_logged_with_the_workload() {
    let Some(module) = module() else { return };
    let host = Host::builder(module)
        .property("xds.node.metadata.NAMESPACE", "shop")
        .property("xds.node.metadata.SERVICE_ACCOUNT", "cart")
        .configuration(by_itself(&[]))
        .start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    for connection in [1, 1, 1, 2, 3, 3] {
        let outcome = host.request(get("/").property("connection.id", Property::Uint(connection)));
        assert_eq!(
            logged(&outcome, "principal").as_deref(),
            Some("td/ns/shop/sa/cart"),
            "{connection}"
        );
    }
}

#[test]
fn only_what_leaves_the_mesh_is_decided() {
    let Some(module) = module() else { return };
    let config = config_in(&json!({}), &[deny_from(&json!({"notPrincipals": ["x"]}))]);
    let egress = json!({
        "gateways": ["egress.istio-system.svc.cluster.local"],
        "internalHosts": ["*.svc.cluster.local", "internal.example"],
    });
    let host = Host::builder(module)
        .configuration(with(config, "egress", &egress).to_string())
        .start();
    let mut host = host.unwrap_or_else(|error| panic!("{error}"));
    for (cluster, decided) in [
        ("outbound|80||test.com", true),
        ("outbound|80||egress.istio-system.svc.cluster.local", true),
        ("outbound|8000|v1|httpbin.default.svc.cluster.local", false),
        ("outbound|80||INTERNAL.example", false),
        ("PassthroughCluster", true),
        ("", true),
    ] {
        let outcome = host.request(get("/").property("xds.cluster_name", cluster));
        assert_eq!(outcome.upstream.is_none(), decided, "{cluster}: {outcome}");
        assert_eq!(logged(&outcome, "decision").is_some(), decided, "{cluster}");
    }
    assert!(host.request(get("/")).upstream.is_none(), "no cluster is known");
}

#[test]
fn a_proxy_that_does_not_say_whose_it_is_is_refused() {
    let Some(module) = module() else { return };
    for known in [None, Some("NAMESPACE"), Some("SERVICE_ACCOUNT")] {
        let mut builder = Host::builder(module);
        if let Some(known) = known {
            builder = builder.property(["xds", "node", "metadata", known], "x");
        }
        let error = builder
            .configuration(by_itself(&[]))
            .start()
            .expect_err("it is refused");
        assert!(error.to_string().contains("SERVICE_ACCOUNT in the metadata"), "{error}");
    }
}
