//! How the module behaves as a part of a proxy: addresses behind other proxies, many streams, memory.

use outgate_test_host::Request;
use serde_json::json;

use crate::{config, deny_from, deny_paths, get, module, start};

#[test]
fn the_direct_peer_is_found_where_the_proxy_left_it() {
    let Some(module) = module() else { return };
    let policy = || deny_from(&json!({"ipBlocks": ["10.0.0.1"]}));
    let with_mesh = |mesh: serde_json::Value| {
        let mut config = config(&[policy()]);
        config["mesh"] = mesh;
        start(module, &config)
    };
    let mut alone = with_mesh(json!({}));
    assert_eq!(alone.request(get("/").source_address("10.0.0.1:5")).status(), 403);
    assert_eq!(
        alone
            .request(get("/").source_address("[::1]:5").header("x-forwarded-for", "10.0.0.1"))
            .status(),
        200
    );

    let mut behind = with_mesh(json!({"numTrustedProxies": 1}));
    let forwarded = |value: &str| get("/").source_address("1.1.1.1:0").header("x-forwarded-for", value);
    assert_eq!(behind.request(forwarded("1.1.1.1, 10.0.0.1")).status(), 403);
    assert_eq!(behind.request(forwarded("10.0.0.1,1.1.1.1")).status(), 200);
    assert_eq!(
        behind.request(get("/")).details,
        "outgate_unreadable_attribute[source.ip]"
    );

    let mut helped = with_mesh(json!({"directAddressFilterState": "direct"}));
    assert_eq!(
        helped
            .request(get("/").property("filter_state.direct", "10.0.0.1"))
            .status(),
        403
    );
    assert_eq!(
        helped.request(get("/")).details,
        "outgate_unreadable_attribute[source.ip]"
    );
}

#[test]
fn streams_come_and_go_without_leaving_memory_behind() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    let mut memory = 0;
    for round in 0..20_000 {
        let outcome = host.request(Request::get(if round % 2 == 0 {
            "http://a.com/x"
        } else {
            "http://a.com/y"
        }));
        if round == 1_000 {
            memory = outcome.memory;
        }
        assert!(
            round <= 1_000 || outcome.memory == memory,
            "stream {round}: {} bytes",
            outcome.memory
        );
    }
}

#[test]
fn one_request_costs_few_host_calls() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    host.request(get("/x"));
    let outcome = host.request(get("/x"));
    let calls: Vec<(&str, usize)> = outcome
        .host_calls
        .iter()
        .map(|(name, count)| (name, count as usize))
        .collect();
    // Headers, one counter, decision, rule and revision for the log, the connection's number for the principal of the log.
    let total: usize = calls.iter().map(|(_, count)| count).sum();
    assert!(total <= 9, "{calls:?}");
}
