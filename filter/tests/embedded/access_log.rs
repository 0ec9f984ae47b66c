//! What the access log can show.

use outgate_test_host::{Host, Module, Outcome, Request};
use serde_json::{Value, json};

use crate::certificates::certificate;
use crate::identities::shows;
use crate::module::{decision, get, logged, module, start};
use crate::policies::{allow_paths, config, deny_from, deny_paths, deny_when, dry_run, with};

/// The names of what was written, without `wasm.outgate_`, in order.
fn written(outcome: &Outcome) -> Vec<&str> {
    let names = outcome.filter_state.iter().map(|(name, _)| name.as_str());
    names
        .map(|name| name.strip_prefix("wasm.outgate_").expect("a name of ours"))
        .collect()
}

#[test]
fn each_field_says_what_it_is_about() {
    let Some(module) = module() else { return };
    let policies = [deny_paths(&["/x"]), allow_paths(&["/y"]), deny_paths(&["/y"])];
    let mut host = start(module, &dry_run(config(&policies), &[2]));
    let caller = certificate(&["spiffe://td/ns/a/sa/b"], &["a.com"]).pem();
    let to = |path: &str| shows(&caller).set_header(":path", path);
    for (path, decision, rule, shadow) in [
        ("/x", "deny", Some("ns[n]-policy[p0]-rule[0]"), "deny:allowed:-"),
        (
            "/y",
            "allow",
            Some("ns[n]-policy[p1]-rule[0]"),
            "deny:denied:ns[n]-policy[p2]-rule[0]",
        ),
        ("/z", "deny", None, "deny:allowed:-"),
    ] {
        let outcome = host.request(to(path));
        assert_eq!(logged(&outcome, "decision").as_deref(), Some(decision), "{path}");
        assert_eq!(logged(&outcome, "rule").as_deref(), rule, "{path}");
        assert_eq!(logged(&outcome, "principal").as_deref(), Some("td/ns/a/sa/b"), "{path}");
        assert_eq!(logged(&outcome, "shadow").as_deref(), Some(shadow), "{path}");
        assert_eq!(logged(&outcome, "revision").as_deref(), Some("r1"), "{path}");
    }
}

#[test]
fn what_there_is_nothing_to_say_of_is_not_written() {
    let Some(module) = module() else { return };
    let outcome = start(module, &config(&[deny_paths(&["/x"])])).request(get("/y"));
    assert_eq!(written(&outcome), ["decision", "revision"]);
    let outcome = start(module, &config(&[deny_paths(&["/x"])])).request(get("/x"));
    assert_eq!(written(&outcome), ["decision", "rule", "revision"]);
}

#[test]
fn only_the_chosen_fields_are_written() {
    let Some(module) = module() else { return };
    let caller = certificate(&["spiffe://td/ns/a/sa/b"], &[]).pem();
    for fields in [
        &[][..],
        &["decision"],
        &["rule", "revision"],
        &["shadow", "principal"],
        &["revision", "shadow", "principal", "rule", "decision"],
    ] {
        let config = dry_run(config(&[deny_paths(&["/"]), deny_paths(&["/"])]), &[1]);
        let outcome = start(module, &with(config, "accessLog", &json!({"fields": fields}))).request(shows(&caller));
        assert_eq!(outcome.status(), 403);
        // What is the connection's comes last.
        let expected = fields.iter().filter(|field| **field != "principal");
        let expected: Vec<&str> = expected
            .chain(fields.iter().filter(|field| **field == "principal"))
            .copied()
            .collect();
        assert_eq!(written(&outcome), expected);
    }
}

#[test]
fn the_principal_is_the_first_identity_of_the_mesh_or_else_the_first_name() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[]));
    let subject = |uris: &[&str], dns: &[&str]| shows(&certificate(uris, dns).pem()).subject("CN=x");
    for (request, principal) in [
        (
            subject(&["https://x", "spiffe://td/ns/a/sa/b", "spiffe://td/y"], &["a.com"]),
            Some("td/ns/a/sa/b"),
        ),
        (subject(&["https://x"], &["a.com"]), Some("https://x")),
        (subject(&[], &["a.com"]), Some("a.com")),
        (subject(&[], &[]), Some("CN=x")),
        (shows(&certificate(&[], &[]).pem()), None),
        (get("/").mtls(false), None),
    ] {
        assert_eq!(logged(&host.request(request), "principal").as_deref(), principal);
    }
}

#[test]
fn a_name_cannot_forge_a_log_line() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[]));
    for (name, shown) in [
        ("spiffe://td/\"\n\\x", r#"td/\"\n\\x"#),
        ("spiffe://td/\r\n\t'", r"td/\r\n\t\'"),
        ("spiffe://td/\0\u{1b}[31m\u{7f}", r"td/\x00\x1b[31m\x7f"),
        ("spiffe://td/%0a%22", "td/%0a%22"),
    ] {
        let outcome = host.request(shows(&certificate(&[name], &[]).pem()));
        assert_eq!(logged(&outcome, "principal").as_deref(), Some(shown), "{name:?}");
    }
    let outcome = host.request(shows(&certificate(&[], &[]).pem()).subject("CN=\u{e9}\u{2028}"));
    assert_eq!(
        logged(&outcome, "principal").as_deref(),
        Some(r"CN=\xc3\xa9\xe2\x80\xa8")
    );
}

#[test]
fn an_identity_that_nobody_can_read_is_not_written_and_changes_nothing() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    for request in [get("/").mtls(true), shows("no certificate")] {
        let outcome = host.request(request);
        assert_eq!(
            (decision(&outcome).as_str(), logged(&outcome, "principal")),
            ("allow", None)
        );
    }
}

fn shadow(host: &mut Host, request: Request) -> Option<String> {
    let outcome = host.request(request);
    assert_eq!(outcome.status(), 200, "{outcome}");
    logged(&outcome, "shadow")
}

#[test]
fn dry_run_policies_are_written_down_and_change_nothing() {
    let Some(module) = module() else { return };
    let tried = |policies: &[Value]| {
        let all: Vec<usize> = (0..policies.len()).collect();
        start(module, &dry_run(config(policies), &all))
    };
    let deny = || deny_paths(&["/x", "/both"]);
    let allow = || allow_paths(&["/y", "/both"]);
    const BY_P0: &str = "ns[n]-policy[p0]-rule[0]";
    const BY_P1: &str = "ns[n]-policy[p1]-rule[0]";
    for (path, by_deny, by_allow) in [
        ("/x", format!("deny:denied:{BY_P0}"), "allow:denied:-".to_owned()),
        ("/y", "deny:allowed:-".to_owned(), format!("allow:allowed:{BY_P1}")),
        (
            "/both",
            format!("deny:denied:{BY_P0}"),
            format!("allow:allowed:{BY_P1}"),
        ),
        ("/z", "deny:allowed:-".to_owned(), "allow:denied:-".to_owned()),
    ] {
        let alone = shadow(&mut tried(&[deny()]), get(path));
        assert_eq!(alone, Some(by_deny.clone()), "{path}, DENY");
        let alone = shadow(&mut tried(&[allow()]), get(path));
        assert_eq!(alone, Some(by_allow.replace("p1", "p0")), "{path}, ALLOW");
        let both = shadow(&mut tried(&[deny(), allow()]), get(path));
        assert_eq!(both, Some(format!("{by_deny},{by_allow}")), "{path}, both");
    }
    assert_eq!(shadow(&mut tried(&[]), get("/x")), None);
}

#[test]
fn a_dry_run_policy_that_cannot_be_decided_says_so_and_changes_nothing() {
    let Some(module) = module() else { return };
    let by_token = || deny_when("request.auth.claims[x]", &["y"]);
    let by_peer = json!({"rules": [{"from": [{"source": {"principals": ["x"]}}]}]});
    let mut host = start(module, &dry_run(config(&[by_token(), by_peer]), &[0, 1]));
    let broken = || get("/").dynamic_metadata_bytes(vec![0xFF]).mtls(true);
    assert_eq!(
        shadow(&mut host, broken()).as_deref(),
        Some("deny:error:-,allow:error:-")
    );
    assert_eq!(
        shadow(&mut host, get("/")).as_deref(),
        Some("deny:allowed:-,allow:denied:-")
    );

    let mut enforced = start(
        module,
        &dry_run(
            config(&[by_token(), deny_from(&json!({"ipBlocks": ["10.0.0.1"]}))]),
            &[0],
        ),
    );
    let outcome = enforced.request(broken().source_address("10.0.0.1:1"));
    assert_eq!(decision(&outcome), "deny");
    assert_eq!(logged(&outcome, "shadow").as_deref(), Some("deny:error:-"));
}

#[test]
fn a_request_that_cannot_be_decided_says_why() {
    let Some(module) = module() else { return };
    let outcome = undecided(module);
    assert_eq!(logged(&outcome, "decision").as_deref(), Some("error"));
    assert_eq!(
        logged(&outcome, "rule").as_deref(),
        Some("peer cannot be read: the peer's certificate is malformed")
    );
    assert_eq!(written(&outcome), ["decision", "rule", "revision"]);
}

fn undecided(module: &Module) -> Outcome {
    start(module, &config(&[deny_from(&json!({"principals": ["x"]}))])).request(shows("no certificate"))
}
