//! What a Proxy-Wasm host owes a filter, rule by rule.
//!
//! A rule is a sentence, a tiny filter that logs what it meets, the requests that are sent through it, and the lines that must
//! then have been logged. The same filter runs in this host, in each profile, and in a real Envoy; `docs/proxy-wasm-host.md` is
//! the table of what came out.

mod document;
mod embedded;
mod envoy;
mod filter;
#[path = "../host/fixture.rs"]
#[allow(dead_code)]
mod fixture;
#[path = "../../../cli/tests/envoy/prerequisite.rs"]
#[allow(dead_code)]
mod prerequisite;
#[path = "../../../cli/tests/envoy/process.rs"]
#[allow(dead_code)]
mod process;
#[path = "../../../cli/tests/envoy/reply.rs"]
#[allow(dead_code)]
mod reply;
mod rule;
mod rules;

use outgate_test_host::Profile;

#[test]
fn each_rule_holds_in_this_host() {
    let mut failures = Vec::new();
    for rule in rules::all() {
        for profile in [Profile::Envoy, Profile::Spec, Profile::Gcp] {
            let seen = embedded::run(&rule, profile);
            if let Err(difference) = rule.compare(profile, &seen) {
                failures.push(format!("{} ({profile:?}): {difference}", rule.id));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_rule_holds_in_a_real_envoy() {
    let Some(binary) = prerequisite::envoy() else {
        return;
    };
    let rules = rules::all();
    let seen = envoy::run(&binary, &rules);
    let mut failures = Vec::new();
    for (rule, seen) in rules.iter().zip(&seen) {
        if let Err(difference) = rule.compare(Profile::Envoy, seen) {
            failures.push(format!("{}: {difference}", rule.id));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn rules_have_names_of_their_own() {
    let mut ids: Vec<&str> = rules::all().iter().map(|rule| rule.id).collect();
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number);
}

#[test]
fn the_document_is_the_table_of_these_rules() {
    document::check(&rules::all());
}
