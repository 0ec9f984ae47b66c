//! `outgate explain`, told how the policies are enforced.

use serde_json::{Value, json};

use crate::in_directory::outgate;
use crate::run::Run;
use crate::{GATEWAY, policy};

const HEADERS: &str = "to: [{operation: {hosts: [test.com, \"test.com:*\"], paths: [/headers]}}]";
const SNI: &str = "when: [{key: connection.sni, values: [bad.example]}]";

fn explain(rule: &str, arguments: &[&str]) -> Run {
    let arguments = [&["explain", "p.yaml"], &GATEWAY[..], arguments].concat();
    outgate(&[("p.yaml", &policy("istio-system", rule))], "", &arguments)
}

fn report(rule: &str, arguments: &[&str]) -> Value {
    let run = explain(rule, &[arguments, &["--output", "json"]].concat());
    assert_eq!(run.status, 0, "{arguments:?}: {}", run.err);
    run.json()
}

#[test]
fn a_request_is_explained_in_its_canonical_form() {
    let rows = [
        // The URL, the verdict as Istio decides, with canonical matching, and where ambiguous requests are denied.
        ("http://test.com/headers", "deny", "deny", "deny", Value::Null),
        ("http://test.com/ip", "allow", "allow", "allow", Value::Null),
        ("http://test.com:80/headers", "deny", "deny", "deny", Value::Null),
        ("http://TEST.com//headers", "allow", "deny", "deny", json!("path")),
        ("http://test.com/%2Fheaders", "allow", "deny", "deny", json!("path")),
        // The mesh resolves dot segments itself.
        ("http://test.com/x/%2e%2E/headers", "deny", "deny", "deny", Value::Null),
        ("http://test.com/x/..%2Fheaders", "allow", "deny", "deny", json!("path")),
        ("http://test.com./headers", "allow", "deny", "deny", json!("host")),
        ("http://test.com./ip", "allow", "allow", "deny", json!("host")),
        ("http://other.com//ip", "allow", "allow", "deny", json!("path")),
    ];
    for (url, istio, canonical, strict, ambiguity) in rows {
        let verdict = |arguments: &[&str]| report(HEADERS, &[arguments, &["GET", url]].concat());
        assert_eq!(verdict(&[])["verdict"], istio, "{url}");
        let found = verdict(&["--matching", "canonical"]);
        assert_eq!(found["verdict"], canonical, "{url}");
        assert_eq!(found["canonical"]["ambiguity"], ambiguity, "{url}: {found:#}");
        if istio != canonical {
            assert_eq!(found["canonical"]["literal"]["verdict"], istio, "{url}: {found:#}");
        }
        let found = verdict(&["--matching", "canonical", "--on-ambiguous", "deny"]);
        assert_eq!(found["verdict"], strict, "{url}");
        if strict != canonical {
            assert_eq!(
                found["rule"],
                format!("ambiguous[{}]", ambiguity.as_str().unwrap()),
                "{url}"
            );
        }
    }
}

#[test]
fn the_text_says_what_canonical_matching_changed() {
    let canonical = ["--matching", "canonical", "GET", "http://test.com//headers"];
    for (more, lines) in [
        (
            &[][..],
            &[
                "as   test.com/headers, the canonical form",
                "ambiguous: servers may read the path differently",
                "DENY  403 RBAC: access denied",
                "literal as it is spelled, the verdict would be allow",
            ][..],
        ),
        (&["--on-ambiguous", "deny"], &["DENY  403", "rule    ambiguous[path]"]),
        (&["--on-ambiguous", "400"], &["DENY  400", "rule    ambiguous[path]"]),
    ] {
        let run = explain(HEADERS, &[more, &canonical].concat());
        for line in lines {
            assert!(run.out.contains(line), "{line}: {}{}", run.out, run.err);
        }
    }
}

#[test]
fn a_connection_is_explained() {
    for (rule, arguments, verdict) in [
        (SNI, &["--sni", "bad.example"][..], "deny"),
        (SNI, &["--sni", "good.example"], "allow"),
        (SNI, &[], "allow"),
        (SNI, &["--at", "sidecar", "--sni", "bad.example"], "deny"),
        // A DENY rule about requests denies every connection.
        (HEADERS, &["--sni", "good.example"], "deny"),
    ] {
        let report = report(rule, &[&["--type", "network"], arguments].concat());
        assert_eq!(report["verdict"], verdict, "{rule} {arguments:?}: {report:#}");
    }
    let run = explain(HEADERS, &["--type", "network"]);
    for line in [
        "DENY  the connection is closed with its first data",
        "rule 0: not asked of a connection [spec.rules[0].to[0].operation.paths]",
    ] {
        assert!(run.out.contains(line), "{line}: {}{}", run.out, run.err);
    }
}

#[test]
fn at_a_sidecar_the_place_is_told_and_the_caller_is_its_workload() {
    let principal = "from: [{source: {principals: [cluster.local/ns/default/sa/sleep]}}]";
    let request = ["--at", "sidecar", "GET", "http://test.com/"];
    let run = explain(
        principal,
        &[&["--principal", "cluster.local/ns/default/sa/sleep"], &request[..]].concat(),
    );
    for line in [
        "at   the caller's sidecar, by the policies of istio-system/istio-egressgateway",
        "DENY",
    ] {
        assert!(run.out.contains(line), "{line}: {}{}", run.out, run.err);
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, words) in [
        (
            &["--on-ambiguous", "deny", "GET", "http://test.com/"][..],
            "what is ambiguous is told by canonical matching only",
        ),
        (
            &["--matching", "loose", "GET", "http://test.com/"],
            "[possible values: istio, canonical]",
        ),
        (&["--type", "network", "GET", "http://test.com/"], "GET cannot be read"),
        (&["GET", "test.com"], "http"),
    ] {
        let run = explain(HEADERS, arguments);
        assert!(
            run.status == 2 && run.err.contains(words),
            "{arguments:?}: {} {}",
            run.status,
            run.err
        );
    }
}
