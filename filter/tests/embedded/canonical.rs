//! Canonical matching: rules about hosts and paths however they are spelled.

use outgate_test_host::{Host, Request};
use serde_json::{Value, json};

use crate::module::{decision, logged, module, start};
use crate::policies::{allow_paths, config_in, deny_to, with};

fn canonical(specs: &[Value]) -> Value {
    config_in(&json!({"matching": "canonical"}), specs)
}

fn or(how: &str, specs: &[Value]) -> Value {
    config_in(&json!({"matching": "canonical", "onAmbiguous": how}), specs)
}

fn request(host: &str, path: &str) -> Request {
    Request::get("http://x/")
        .set_header(":authority", host)
        .set_header(":path", path)
}

/// What the reporters measured on native RBAC: each of these walks round it.
const SPELLINGS: [(&str, &str); 8] = [
    ("test.com:80", "/headers"),
    ("TEST.com.", "/headers"),
    ("test.com", "//headers"),
    ("test.com", "/%2Fheaders"),
    ("test.com", "/%2fheaders?x=1"),
    ("test.com", "/a/..//headers"),
    ("test.com", "/./headers"),
    ("test.com:8080", "/%5Cheaders"),
];

fn headers_of_test() -> Value {
    deny_to(&json!({"hosts": ["test.com"], "paths": ["/headers"]}))
}

#[test]
fn no_spelling_walks_round_a_denial() {
    let Some(module) = module() else { return };
    let mut literal = start(module, &config_in(&json!({}), &[headers_of_test()]));
    let mut host = start(module, &canonical(&[headers_of_test()]));
    for (authority, path) in SPELLINGS {
        let request = request(authority, path);
        assert_eq!(decision(&literal.request(&request)), "allow", "{authority}{path}");
        let outcome = host.request(&request);
        assert_eq!(decision(&outcome), "deny", "{authority}{path}");
        assert_eq!(
            logged(&outcome, "literal").as_deref(),
            Some("allow:-"),
            "{authority}{path}"
        );
    }
    for (authority, path, expected) in [
        ("test.com", "/headers", "deny"),
        ("test.com", "/header", "allow"),
        ("test.com.evil.com", "/headers", "allow"),
    ] {
        let outcome = host.request(request(authority, path));
        assert_eq!(decision(&outcome), expected, "{authority}{path}");
        assert_eq!(logged(&outcome, "literal"), None, "{authority}{path}");
    }
}

#[test]
fn what_goes_upstream_is_what_was_sent() {
    let Some(module) = module() else { return };
    let outcome = start(module, &canonical(&[headers_of_test()])).request(request("test.com:80", "//other?a=//"));
    let upstream = outcome.upstream.as_ref().expect("it goes on");
    assert_eq!(upstream.headers.get(":authority"), Some(&b"test.com:80"[..]));
    assert_eq!(upstream.headers.get(":path"), Some(&b"//other?a=//"[..]));
}

#[test]
fn no_spelling_is_needed_to_be_let_through() {
    let Some(module) = module() else { return };
    let mut host = start(module, &canonical(&[allow_paths(&["/public/*"])]));
    for (path, expected) in [
        ("/public/x", "allow"),
        ("//public//x", "allow"),
        ("/public/..%2fadmin", "deny"),
    ] {
        assert_eq!(decision(&host.request(request("a.com", path))), expected, "{path}");
    }
}

#[test]
fn what_servers_read_differently_can_be_refused() {
    let Some(module) = module() else { return };
    let decide = |host: &mut Host, (authority, path): (&str, &str)| {
        let outcome = host.request(request(authority, path));
        let decision = decision(&outcome);
        let rule = logged(&outcome, "rule").unwrap_or_default();
        (outcome.status(), decision, rule, outcome.details.clone())
    };
    let mut denies = start(module, &or("deny", &[]));
    let mut refuses = start(module, &or("400", &[]));
    for (spelling, what) in [
        (("a.com", "//x"), "path"),
        (("a.com", "/%2Fx"), "path"),
        (("a.com", "/x;y"), "path"),
        (("a.com", "/%252e"), "path"),
        (("a.com.", "/x"), "host"),
        (("a.com,b.com", "/x"), "host"),
        (("a.com:port", "/x"), "host"),
        (("0x7f.1", "/x"), "host"),
    ] {
        let rule = format!("ambiguous[{what}]");
        let details = format!("rbac_access_denied_matched_policy[{rule}]");
        assert_eq!(
            decide(&mut denies, spelling),
            (403, "deny".into(), rule.clone(), details),
            "{spelling:?}"
        );
        let details = format!("outgate_ambiguous_{what}");
        assert_eq!(
            decide(&mut refuses, spelling),
            (400, "deny".into(), rule, details),
            "{spelling:?}"
        );
    }
    for plain in [
        ("A.com:8080", "/x"),
        ("a.com", "/x?y=//%2F;"),
        ("[::1]:80", "/caf%c3%a9"),
    ] {
        assert_eq!(decide(&mut refuses, plain).1, "allow", "{plain:?}");
    }
}

#[test]
fn a_registered_port_is_asked_for_even_though_rules_have_none() {
    let Some(module) = module() else { return };
    let registry = json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "test.com", "ports": [80]}]});
    let mut host = start(module, &with(canonical(&[]), "registry", &registry));
    for (authority, expected) in [
        ("test.com", "allow"),
        ("TEST.com.:80", "allow"),
        ("test.com:81", "unregistered"),
        ("other.com", "unregistered"),
    ] {
        assert_eq!(
            decision(&host.request(request(authority, "/"))),
            expected,
            "{authority}"
        );
    }
}

#[test]
fn values_that_could_match_nothing_are_refused() {
    let Some(module) = module() else { return };
    for (specs, words) in [
        (
            deny_to(&json!({"hosts": ["a.com", "test.com:80"]})),
            &["hosts[1]", "without a port"][..],
        ),
        (
            deny_to(&json!({"paths": ["//headers"]})),
            &["paths[0]", "write `/headers`"],
        ),
        (
            deny_to(&json!({"notPaths": ["/a/../b"]})),
            &["notPaths[0]", "write `/b`"],
        ),
    ] {
        let error = Host::builder(module)
            .configuration(canonical(&[specs]).to_string())
            .start();
        let error = error.expect_err("it is refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let taken = start(
        module,
        &canonical(&[deny_to(&json!({"hosts": ["test.com", "test.com:*"]}))]),
    );
    drop(taken);
    let config = config_in(&json!({"onAmbiguous": "deny"}), &[]);
    let error = Host::builder(module).configuration(config.to_string()).start();
    assert!(error.expect_err("it is refused").to_string().contains("canonical"));
}
