//! The policy without a proxy.

use outgate_filter::custom_policy::DecidedBy;
use outgate_filter::custom_policy::prelude::*;
use outgate_filter::custom_policy::testing::{Call, Policy, Proxy};

use crate::FirstContact;

fn install<'p>(proxy: &'p Proxy, mode: &str) -> Policy<'p> {
    let approved = r#"[{"principals": ["td/ns/shop/*"], "hosts": ["*.partner.example"]}]"#;
    let config = format!(r#"{{"mode": "{mode}", "approved": {approved}}}"#);
    let installed = proxy.install::<FirstContact>(&config);
    installed.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether a policy flags a call, which it lets go on.
fn is_flagged(policy: &Policy<'_>, principal: &str, url: &str) -> bool {
    let call = Call::get(url).principal(principal);
    assert_eq!(policy.check(&call), Ok(Answer::Abstain), "{principal} {url}");
    call.log_field("outgate_first_contact_new").is_some()
}

const CART: &str = "td/ns/shop/sa/cart";

#[test]
fn only_the_first_call_of_a_pair_is_flagged() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "flag");
    for (principal, url, expected) in [
        (CART, "https://a.com/", true),
        (CART, "https://a.com/x?y", false),
        (CART, "https://A.COM:8443/", false),
        (CART, "https://b.com/", true),
        ("td/ns/shop/sa/other", "https://a.com/", true),
        ("td/ns/shop/sa/other", "https://a.com/", false),
    ] {
        assert_eq!(is_flagged(&policy, principal, url), expected, "{principal} {url}");
    }
    let nobody = Call::get("https://a.com/");
    assert_eq!(policy.check(&nobody), Ok(Answer::Abstain));
    assert!(nobody.log_field("outgate_first_contact_new").is_some());
    assert_eq!(proxy.count("first-contact", "new"), 4);
    // In another virtual machine, or with another configuration.
    assert!(!is_flagged(&install(&proxy, "flag"), CART, "https://a.com/"));
}

#[test]
fn what_is_approved_is_not_flagged() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "flag");
    assert!(!is_flagged(&policy, CART, "https://api.partner.example/"));
    assert!(is_flagged(&policy, "td/ns/lab/sa/x", "https://api.partner.example/"));
    assert_eq!(proxy.shared_keys(), 1);
}

#[test]
fn what_is_not_approved_can_be_stopped() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "deny");
    let denied = || Ok(Deny::new("not-approved").into());
    for flagged in [true, false] {
        let call = Call::get("https://a.com/").principal(CART);
        assert_eq!(policy.check(&call), denied());
        assert_eq!(call.log_field("outgate_first_contact_new").is_some(), flagged);
    }
    assert_eq!(policy.check(&Call::get("https://a.com/")), denied());
    let approved = Call::get("https://api.partner.example/").principal(CART);
    assert_eq!(policy.check(&approved), Ok(Answer::Abstain));
}

#[test]
fn what_is_stopped_anyway_is_no_contact() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "deny");
    let stopped = Call::get("https://a.com/").decided(Verdict::Deny, DecidedBy::Deny);
    assert_eq!(policy.check(&stopped), Ok(Answer::Abstain));
    assert_eq!(proxy.shared_keys(), 0);
}

#[test]
fn what_cannot_be_known_is_flagged() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "flag");
    assert!(is_flagged(&policy, CART, "https://a.com/"));
    proxy.refuse_shared_data(true);
    assert!(is_flagged(&policy, CART, "https://a.com/"));
    proxy.refuse_shared_data(false);
    assert!(!is_flagged(&policy, CART, "https://a.com/"));
}

#[test]
fn callers_without_end_do_not_fill_the_proxys_memory() {
    let proxy = Proxy::new();
    let policy = install(&proxy, "flag");
    for number in 0..20_000 {
        is_flagged(&policy, &format!("td/ns/{number}/sa/a"), "https://a.com/");
    }
    assert_eq!(proxy.shared_keys(), 256);
    // A caller that calls ever new hosts crowds out itself only.
    assert!(is_flagged(&policy, CART, "https://a.com/"));
    for number in 0..2_000 {
        is_flagged(&policy, "td/ns/lab/sa/scanner", &format!("https://{number}.com/"));
    }
    assert!(!is_flagged(&policy, CART, "https://a.com/"));
    assert!(is_flagged(&policy, "td/ns/lab/sa/scanner", "https://0.com/"));
}

#[test]
fn what_makes_no_sense_is_refused_by_its_path() {
    let proxy = Proxy::new();
    for (config, expected) in [
        (r"{}", "extensions.first-contact: missing field `mode`"),
        (
            r#"{"mode": "block"}"#,
            "extensions.first-contact.mode: unknown variant `block`, expected `flag` or `deny`",
        ),
        (
            r#"{"mode": "flag", "approved": [{"principals": ["*"], "hosts": []}]}"#,
            "extensions.first-contact.approved[0]: it needs principals and hosts",
        ),
        (
            r#"{"mode": "flag", "approved": [{"principals": ["spiffe://td/ns/a/sa/b"], "hosts": ["*"]}]}"#,
            "extensions.first-contact.approved[0].principals[0]: a principal is written without `spiffe://`",
        ),
        (
            r#"{"mode": "flag", "approve": []}"#,
            "extensions.first-contact.approve: unknown field, expected one of `mode`, `approved`",
        ),
    ] {
        let error = proxy
            .install::<FirstContact>(config)
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
