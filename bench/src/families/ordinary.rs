//! What gateways have: policies that one field sets apart, or several.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::{Family, Layout, from, from_to, to};
use crate::call::{CALLER, Call, PORT};

const HOST: &str = "api.example.com";

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "walkthrough",
        about: "a principal, a host and a path per policy, each shared by some",
        layout: Layout::Policies,
        rule: |n, _| access_rule(n),
        hit: |n, _| access(n),
        spreads: true,
        miss: access,
        // The caller and the host of the last policy, another path.
        worst: |size| {
            (
                Call {
                    path: "/v1/items".to_owned(),
                    ..access(size - 1)
                },
                None,
            )
        },
    },
    Family {
        name: "hosts",
        about: "a host per policy",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [host(n)]})),
        hit: |n, _| Call::get(host(n), "/"),
        spreads: true,
        miss: |size| Call::get(host(size), "/"),
        worst: |size| (Call::get(host(size - 1).to_uppercase(), "/"), Some(size - 1)),
    },
    Family {
        name: "suffix hosts",
        about: "a `*.domain` per policy",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [format!("*.{}", host(n))]})),
        hit: |n, _| Call::get(format!("www.{}", host(n)), "/"),
        spreads: true,
        miss: |size| Call::get(format!("www.{}", host(size)), "/"),
        worst: |size| {
            (
                Call::get(format!("{}{}", "a.".repeat(100), host(size - 1)), "/"),
                Some(size - 1),
            )
        },
    },
    Family {
        name: "principals",
        about: "one host, a principal per policy",
        layout: Layout::Policies,
        rule: |n, _| from_to(&json!({"principals": [principal(n)]}), &json!({"hosts": [HOST]})),
        hit: |n, _| Call::get(HOST, "/").by(principal(n)),
        spreads: true,
        miss: |size| Call::get(HOST, "/").by(principal(size)),
        worst: |size| {
            // Many names in the certificate, of which the last is the one.
            let names = (size..size + 15).chain([size - 1]).map(principal);
            (Call::get(HOST, "/").by_any(names), Some(size - 1))
        },
    },
    Family {
        name: "prefix principals",
        about: "a namespace's principals (`domain/ns/name/*`) per policy",
        layout: Layout::Policies,
        rule: |n, _| from(&json!({"principals": [format!("cluster.local/ns/team-{n}/*")]})),
        hit: |n, _| Call::get(HOST, "/").by(of_team(n)),
        spreads: true,
        miss: |size| Call::get(HOST, "/").by(of_team(size)),
        worst: |size| {
            let names = (size..size + 15).chain([size - 1]).map(of_team);
            (Call::get(HOST, "/").by_any(names), Some(size - 1))
        },
    },
    Family {
        name: "exact paths",
        about: "one host, a path per policy",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [HOST], "paths": [format!("/v1/items/{n}")]})),
        hit: |n, _| Call::get(HOST, format!("/v1/items/{n}?fields=all")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/v1/items/{size}")),
        worst: |_| (Call::get(HOST, format!("/v1/items/{}", "1".repeat(4000))), None),
    },
    Family {
        name: "prefix paths",
        about: "one host, a path with all below it per policy",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [HOST], "paths": [format!("/v1/items/{n}/*")]})),
        hit: |n, _| Call::get(HOST, format!("/v1/items/{n}/parts/1")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/v1/items/{size}/parts/1")),
        worst: |size| {
            (
                Call::get(HOST, format!("/v1/items/{}/{}", size - 1, "parts/".repeat(600))),
                Some(size - 1),
            )
        },
    },
    Family {
        name: "suffix paths",
        about: "one host, an end of the path per policy",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [HOST], "paths": [format!("*/items/{n}")]})),
        hit: |n, _| Call::get(HOST, format!("/v1/shop/items/{n}")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/v1/shop/items/{size}")),
        worst: |size| {
            (
                Call::get(HOST, format!("{}/items/{}", "/shop".repeat(800), size - 1)),
                Some(size - 1),
            )
        },
    },
    Family {
        name: "template paths",
        about: "one host, a template per policy that begins with a text of its own",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [HOST], "paths": [format!("/tenants/{n}/{{*}}/items/{{**}}")]})),
        hit: |n, _| Call::get(HOST, format!("/tenants/{n}/shop/items/7/parts")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/tenants/{size}/shop/items/7/parts")),
        worst: |size| {
            let path = format!("/tenants/{}/shop/items{}", size - 1, "/part".repeat(800));
            (Call::get(HOST, path), Some(size - 1))
        },
    },
    Family {
        name: "networks",
        about: "a network of the caller (`ipBlocks`) per policy",
        layout: Layout::Policies,
        rule: |n, _| from(&json!({"ipBlocks": [format!("{}/24", address(n, 0))]})),
        hit: |n, _| Call::get(HOST, "/").from(address(n, 9)),
        spreads: true,
        miss: |size| Call::get(HOST, "/").from(address(size, 9)),
        worst: |size| (Call::get(HOST, "/").from(address(size - 1, 255)), Some(size - 1)),
    },
    Family {
        name: "sets of networks",
        about: "four networks of different lengths per policy",
        layout: Layout::Policies,
        rule: |n, _| {
            let blocks = (0..4_u8).map(|k| format!("{}/{}", address(n, 64 * k), 26 + k));
            from(&json!({"ipBlocks": blocks.collect::<Vec<_>>()}))
        },
        hit: |n, _| Call::get(HOST, "/").from(address(n, 193)),
        spreads: true,
        miss: |size| Call::get(HOST, "/").from(address(size, 193)),
        // Beside the narrowest network of the last policy.
        worst: |size| (Call::get(HOST, "/").from(address(size - 1, 255)), None),
    },
    Family {
        name: "methods and ports",
        about: "a host per policy, methods and ports shared by all",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [host(n)], "methods": ["GET", "HEAD"], "ports": ["443", PORT.to_string()]})),
        hit: |n, _| Call::get(host(n), "/"),
        spreads: true,
        miss: |size| Call::get(host(size), "/"),
        worst: |size| (Call::get(host(size - 1), "/").method("POST"), None),
    },
    Family {
        name: "header values",
        about: "a value of the header x-tenant per policy",
        layout: Layout::Policies,
        rule: |n, _| json!({"when": [{"key": "request.headers[x-tenant]", "values": [format!("tenant-{n}")]}]}),
        hit: |n, _| Call::get(HOST, "/").header("x-tenant", format!("tenant-{n}")),
        spreads: true,
        miss: |size| Call::get(HOST, "/").header("x-tenant", format!("tenant-{size}")),
        worst: |size| {
            let values = (size..size + 31).chain([size - 1]);
            let call = values.fold(Call::get(HOST, "/"), |call, n| {
                call.header("x-tenant", format!("tenant-{n}"))
            });
            (call, Some(size - 1))
        },
    },
    Family {
        name: "claims",
        about: "a value of the claim `groups` per policy",
        layout: Layout::Policies,
        rule: |n, _| json!({"when": [{"key": "request.auth.claims[groups]", "values": [format!("group-{n}")]}]}),
        hit: |n, _| Call::get(HOST, "/").claims(token(&[n])),
        spreads: true,
        miss: |size| Call::get(HOST, "/").claims(token(&[size])),
        worst: |size| {
            let groups: Vec<usize> = (size..size + 63).chain([size - 1]).collect();
            (Call::get(HOST, "/").claims(token(&groups)), Some(size - 1))
        },
    },
    Family {
        name: "full policies",
        about: "512 rules in each policy, the most that Istio takes: a principal, a host and a path per rule",
        layout: Layout::FullPolicies,
        rule: |n, _| access_rule(n),
        hit: |n, _| access(n),
        spreads: true,
        miss: access,
        worst: |size| {
            (
                Call {
                    path: "/v1/items".to_owned(),
                    ..access(size - 1)
                },
                None,
            )
        },
    },
    Family {
        name: "operations of one rule",
        about: "one rule with a host and a path per operation",
        layout: Layout::OneRule,
        rule: |_, size| {
            let operation = |n| {
                let call = access(n);
                json!({"operation": {"hosts": [call.host], "paths": [call.path]}})
            };
            json!({"to": (0..size).map(operation).collect::<Vec<_>>()})
        },
        hit: |n, _| access(n),
        spreads: true,
        miss: access,
        worst: |size| {
            (
                Call {
                    path: "/v1/items".to_owned(),
                    ..access(size - 1)
                },
                None,
            )
        },
    },
    Family {
        name: "values of one field",
        about: "one rule with one long list of hosts",
        layout: Layout::OneRule,
        rule: |_, size| to(&json!({"hosts": (0..size).map(host).collect::<Vec<_>>(), "methods": ["GET"]})),
        hit: |n, _| Call::get(host(n), "/"),
        spreads: true,
        miss: |size| Call::get(host(size), "/"),
        worst: |size| (Call::get(host(size - 1).to_uppercase(), "/").method("POST"), None),
    },
    Family {
        name: "last field",
        about: "everything alike (caller, host, path, method, port) but a header's value",
        layout: Layout::Policies,
        rule: |n, _| {
            let operation =
                json!({"hosts": [HOST], "paths": ["/v1/*"], "methods": ["GET"], "ports": [PORT.to_string()]});
            let mut rule = from_to(&json!({"principals": [CALLER]}), &operation);
            rule["when"] = json!([{"key": "request.headers[x-tenant]", "values": [format!("tenant-{n}")]}]);
            rule
        },
        hit: |n, _| Call::get(HOST, "/v1/items").header("x-tenant", format!("tenant-{n}")),
        spreads: true,
        miss: |size| Call::get(HOST, "/v1/items").header("x-tenant", format!("tenant-{size}")),
        // Everything but the caller.
        worst: |size| {
            let call = Call::get(HOST, "/v1/items").header("x-tenant", format!("tenant-{}", size - 1));
            (call.by(principal(1)), None)
        },
    },
];

/// What the walkthrough's policies say, with callers and hosts that several policies share.
fn access_rule(n: usize) -> Value {
    let call = access(n);
    from_to(
        &json!({"principals": call.principals}),
        &json!({"hosts": [call.host], "paths": [call.path]}),
    )
}

fn access(n: usize) -> Call {
    Call::get(host(n % 1009), format!("/v1/items/{n}")).by(principal(n % 997))
}

fn host(n: usize) -> String {
    format!("h{n}.example.com")
}

fn principal(n: usize) -> String {
    format!("cluster.local/ns/ns-{}/sa/account-{n}", n % 100)
}

fn of_team(n: usize) -> String {
    format!("cluster.local/ns/team-{n}/sa/account")
}

/// An address in the network with a number; each has 256.
fn address(n: usize, last: u8) -> IpAddr {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    Ipv4Addr::from(first.wrapping_add(256 * n as u32) | u32::from(last)).into()
}

fn token(groups: &[usize]) -> Value {
    let groups: Vec<String> = groups.iter().map(|n| format!("group-{n}")).collect();
    json!({
        "iss": "https://issuer.example", "sub": "user-1", "aud": ["egress"], "exp": 1_900_000_000, "iat": 1_800_000_000,
        "email": "user@example.com", "groups": groups,
    })
}
