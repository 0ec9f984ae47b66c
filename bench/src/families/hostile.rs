//! What was thought out against an index: policies that share their keys, or have none, and requests that hit many.

use serde_json::json;

use super::{Family, Layout, from, from_to, to};
use crate::call::{CALLER, Call};

const HOST: &str = "api.example.com";
/// What every policy of the families of exclusions excludes, but for the last.
const MOSTLY_EXCLUDED: &str = "cluster.local/ns/ops/sa/deployer";
/// What every one of them excludes.
const EXCLUDED: &str = "cluster.local/ns/ops/sa/admin";

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "exclusions of hosts",
        about: "`notHosts` alone: two that all share, and one of its own",
        layout: Layout::Policies,
        rule: |n, size| to(&json!({"notHosts": excluded(n, size, ["ops.example.com", "admin.example.com"])})),
        hit: |n, _| Call::get(if n == 0 { HOST } else { "ops.example.com" }, "/"),
        spreads: false,
        miss: |_| Call::get("admin.example.com", "/"),
        worst: |_| (Call::get("ADMIN.EXAMPLE.COM", "/"), None),
    },
    Family {
        name: "exclusions of principals",
        about: "`notPrincipals` alone, likewise",
        layout: Layout::Policies,
        rule: |n, size| from(&json!({"notPrincipals": excluded(n, size, [MOSTLY_EXCLUDED, EXCLUDED])})),
        hit: |n, _| Call::get(HOST, "/").by(if n == 0 { CALLER } else { MOSTLY_EXCLUDED }),
        spreads: false,
        miss: |_| Call::get(HOST, "/").by(EXCLUDED),
        worst: |_| {
            let others = (0..15).map(|n| format!("cluster.local/ns/other/sa/a{n}"));
            (Call::get(HOST, "/").by_any(others.chain([EXCLUDED.to_owned()])), None)
        },
    },
    Family {
        name: "exclusions everywhere",
        about: "`notHosts`, `notPrincipals`, `notPaths`, `notMethods` and a header's `notValues` in every policy",
        layout: Layout::Policies,
        rule: |n, size| {
            let operation = json!({
                "notHosts": excluded(n, size, ["ops.example.com", "admin.example.com"]),
                "notPaths": excluded(n, size, ["/ops/*", "/admin/*"]),
                "notMethods": ["OPTIONS"],
            });
            let mut rule = from_to(
                &json!({"notPrincipals": excluded(n, size, [MOSTLY_EXCLUDED, EXCLUDED])}),
                &operation,
            );
            rule["when"] = json!([{"key": "request.headers[x-tenant]", "notValues": [format!("tenant-{n}")]}]);
            rule
        },
        hit: |n, _| Call::get(HOST, if n == 0 { "/v1" } else { "/ops/1" }),
        spreads: false,
        miss: |_| Call::get("admin.example.com", "/v1"),
        worst: |_| (Call::get(HOST, "/v1").by(EXCLUDED), None),
    },
    Family {
        name: "open templates",
        about: "templates with operators at both ends: `/{*}/items-1/{**}`",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"paths": [format!("/{{*}}/items-{n}/{{**}}")]})),
        hit: |n, _| Call::get(HOST, format!("/shop/items-{n}/parts/1")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/shop/items-{size}/parts/1")),
        worst: |size| {
            (
                Call::get(HOST, format!("/shop/items-{size}{}", "/items-0".repeat(400))),
                None,
            )
        },
    },
    Family {
        name: "deep templates",
        about: "templates whose own text is their sixth segment, behind five operators",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"paths": [format!("/{{*}}/{{*}}/{{*}}/{{*}}/{{*}}/items-{n}/{{*}}")]})),
        hit: |n, _| Call::get(HOST, format!("/a/b/c/d/e/items-{n}/1")),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/a/b/c/d/e/items-{size}/1")),
        worst: |size| (Call::get(HOST, format!("/a/b/c/d/e/items-{}/1/2", size - 1)), None),
    },
    Family {
        name: "lengths of prefixes",
        about: "prefix paths of 500 lengths, requests of one length",
        layout: Layout::Policies,
        rule: |n, _| to(&json!({"hosts": [HOST], "paths": [format!("{}*", run(n))]})),
        hit: |n, _| Call::get(HOST, format!("{:-<600}", run(n))),
        spreads: true,
        miss: |size| Call::get(HOST, format!("{:-<600}", run(size))),
        worst: |_| (Call::get(HOST, format!("/{}", "a".repeat(1000))), None),
    },
    Family {
        name: "nested prefixes",
        about: "250 prefix paths that all hold at once, and a principal per policy",
        layout: Layout::Policies,
        rule: |n, _| {
            from_to(
                &json!({"principals": [account(n)]}),
                &json!({"paths": [format!("/{}*", "a".repeat(n % 250))]}),
            )
        },
        hit: |n, _| Call::get(HOST, format!("/{}", "a".repeat(250))).by(account(n)),
        spreads: true,
        miss: |size| Call::get(HOST, format!("/{}", "a".repeat(250))).by(account(size)),
        worst: |size| {
            let names = (size..size + 15).chain([size - 1]).map(account);
            (
                Call::get(HOST, format!("/{}", "a".repeat(250))).by_any(names),
                Some(size - 1),
            )
        },
    },
    Family {
        name: "overlapping suffixes",
        about: "100 `*.domain` that all hold at once, and a path per policy",
        layout: Layout::Policies,
        rule: |n, _| {
            let domain = format!("*.{}example.com", "a.".repeat(n % 100));
            to(&json!({"hosts": [domain], "paths": [format!("/v1/items/{n}")]}))
        },
        hit: |n, _| Call::get(deep_host(), format!("/v1/items/{n}")),
        spreads: true,
        miss: |size| Call::get(deep_host(), format!("/v1/items/{size}")),
        worst: |size| (Call::get(deep_host(), format!("/v1/items/{}/", size - 1)), None),
    },
    Family {
        name: "shared values",
        about: "every combination of some hosts, paths and principals, so that each value is in many policies",
        layout: Layout::Policies,
        rule: |n, _| {
            let call = combination(n);
            from_to(
                &json!({"principals": call.principals}),
                &json!({"hosts": [call.host], "paths": [call.path]}),
            )
        },
        hit: |n, _| combination(n),
        spreads: true,
        miss: |size| combination(size).by(CALLER),
        // The host of one policy and the path of another, by a caller that is in many.
        worst: |size| (combination(size - 1).by(account(99)), None),
    },
    Family {
        name: "subsets",
        about: "policies of which half share each host and each principal, told apart by exclusions",
        layout: Layout::Policies,
        rule: |n, size| {
            let hosts: Vec<String> = (0..17).map(|bit| format!("{}.example.com", side(n, bit))).collect();
            let principals: Vec<String> = (0..17)
                .map(|bit| format!("cluster.local/ns/a/sa/{}", side(n, bit)))
                .collect();
            from_to(
                &json!({"principals": principals}),
                &json!({"hosts": hosts, "notPaths": excluded(n, size, ["/ops/*", "/admin/*"])}),
            )
        },
        hit: |n, size| subset_call(n, if n + 1 == size { "/ops/1" } else { "/v1" }),
        spreads: false,
        miss: |size| subset_call(size - 1, "/admin/1"),
        worst: |_| (subset_call(0, "/admin/1"), None),
    },
];

/// Both shared values and one of its own; the last policy lacks the first, so that a request with that reaches it alone.
fn excluded(n: usize, size: usize, [mostly, always]: [&str; 2]) -> Vec<String> {
    let own = match mostly.as_bytes().first() {
        Some(b'/') => format!("/own/{n}"),
        _ => format!("own-{n}.{}", always.rsplit('.').next().unwrap_or_default()),
    };
    let mostly = (n + 1 < size).then(|| mostly.to_owned());
    mostly.into_iter().chain([always.to_owned(), own]).collect()
}

/// A path whose length is one of 500. Numbers that follow each other have lengths that do not, so that few policies have short
/// and long ones as many have.
fn run(n: usize) -> String {
    format!("/{}/{n}/", "a".repeat(n * 197 % 500))
}

fn deep_host() -> String {
    format!("www.{}example.com", "a.".repeat(100))
}

fn account(n: usize) -> String {
    format!("cluster.local/ns/a/sa/account-{n}")
}

fn combination(n: usize) -> Call {
    Call::get(format!("h{}.example.com", n % 47), format!("/v1/items/{}", n / 47 % 47)).by(account(n / (47 * 47)))
}

/// One of two names for a bit of a number.
fn side(n: usize, bit: usize) -> String {
    format!("bit{bit}-{}", n >> bit & 1)
}

fn subset_call(n: usize, path: &str) -> Call {
    Call::get(format!("{}.example.com", side(n, 0)), path).by(format!("cluster.local/ns/a/sa/{}", side(n, 1)))
}
