//! Who calls: by the certificate of the connection, or by the header that forwards one.

use outgate_test_host::{Module, Property, Request};
use serde_json::{Value, json};

use crate::certificates::{certificate, forwarded};
use crate::module::{decide, decision, get, module, start};
use crate::policies::{config, config_in, deny_from, deny_when};

const CALLER: &str = "spiffe://td/ns/a/sa/b";

/// A request over TLS whose client shows a certificate.
pub(crate) fn shows(pem: &str) -> Request {
    get("/").mtls(true).peer_certificate_pem(pem)
}

fn shows_names(uris: &[&str], dns: &[&str]) -> Request {
    shows(&certificate(uris, dns).pem())
}

/// A request over TLS without a certificate; Envoy then knows an empty subject.
fn shows_nothing() -> Request {
    get("/").mtls(false).subject("").sni("a.com")
}

fn rows(module: &Module, source: impl Fn(&str) -> Value, rows: Vec<(&str, &str, Request, &str)>) {
    for (name, pattern, request, decided) in rows {
        assert_eq!(decide(module, &config(&[source(pattern)]), request), decided, "{name}");
    }
}

#[test]
fn every_name_in_the_certificate_counts() {
    let Some(module) = module() else { return };
    let principal = |pattern: &str| deny_from(&json!({"principals": [pattern]}));
    rows(
        module,
        principal,
        vec![
            ("the URI", "td/ns/a/sa/b", shows_names(&[CALLER], &[]), "deny"),
            (
                "the second URI",
                "td/ns/a/sa/b",
                shows_names(&["https://x", CALLER], &[]),
                "deny",
            ),
            (
                "the first of two",
                "td/ns/a/sa/b",
                shows_names(&[CALLER, "spiffe://td/ns/a/sa/c"], &[]),
                "deny",
            ),
            (
                "a URI after DNS names",
                "td/ns/a/sa/b",
                shows_names(&[CALLER], &["a.com", "b.com"]),
                "deny",
            ),
            (
                "another URI",
                "td/ns/a/sa/b",
                shows_names(&["spiffe://td/ns/a/sa/c"], &[]),
                "allow",
            ),
            (
                "a longer URI",
                "td/ns/a/sa/b",
                shows_names(&["spiffe://td/ns/a/sa/bb"], &[]),
                "allow",
            ),
            ("a URI by prefix", "td/ns/a/*", shows_names(&[CALLER], &[]), "deny"),
            ("a URI by suffix", "*/sa/b", shows_names(&[CALLER], &[]), "deny"),
            (
                "a URI of another scheme",
                "td/ns/a/sa/b",
                shows_names(&["https://td/ns/a/sa/b"], &[]),
                "allow",
            ),
            (
                "a URI of another scheme, by star",
                "*",
                shows_names(&["https://x"], &[]),
                "deny",
            ),
            ("a DNS name, by star", "*", shows_names(&[], &["a.com"]), "deny"),
            (
                "a DNS name like a URI",
                "td/ns/a/sa/b",
                shows_names(&[], &[CALLER]),
                "deny",
            ),
            ("no name", "*", shows_names(&[], &[]), "allow"),
            ("the subject alone", "*", shows_names(&[], &[]).subject("CN=x"), "deny"),
            (
                "the subject like a URI",
                "td/ns/a/sa/b",
                shows_names(&[], &[]).subject(CALLER),
                "deny",
            ),
            (
                "the subject beside names",
                "td/ns/a/sa/b",
                shows_names(&["https://x"], &[]).subject(CALLER),
                "deny",
            ),
            ("no certificate", "*", shows_nothing(), "allow"),
            ("plaintext", "*", get("/"), "allow"),
        ],
    );
}

#[test]
fn who_shows_nothing_is_not_somebody() {
    let Some(module) = module() else { return };
    let others = |pattern: &str| deny_from(&json!({"notPrincipals": [pattern]}));
    let two = || shows_names(&["spiffe://td/ns/a/sa/c", CALLER], &[]);
    rows(
        module,
        others,
        vec![
            ("plaintext", "td/ns/a/sa/b", get("/"), "deny"),
            ("plaintext is not anybody", "*", get("/"), "deny"),
            ("no certificate", "td/ns/a/sa/b", shows_nothing(), "deny"),
            (
                "another",
                "td/ns/a/sa/b",
                shows_names(&["spiffe://td/ns/a/sa/c"], &[]),
                "deny",
            ),
            ("the one", "td/ns/a/sa/b", shows_names(&[CALLER], &[]), "allow"),
            ("one name of two is enough", "td/ns/a/sa/b", two(), "allow"),
        ],
    );
}

#[test]
fn every_attribute_of_an_identity_is_read_from_the_certificate() {
    let Some(module) = module() else { return };
    let mesh = json!({"trustDomain": "td", "trustDomainAliases": ["old-td"]});
    for (name, policy, uri, decided) in [
        ("namespaces", deny_from(&json!({"namespaces": ["a"]})), CALLER, "deny"),
        (
            "another namespace",
            deny_from(&json!({"namespaces": ["b"]})),
            CALLER,
            "allow",
        ),
        (
            "serviceAccounts",
            deny_from(&json!({"serviceAccounts": ["a/b"]})),
            CALLER,
            "deny",
        ),
        (
            "of the policy's namespace",
            deny_from(&json!({"serviceAccounts": ["b"]})),
            "spiffe://td/ns/n/sa/b",
            "deny",
        ),
        (
            "trustDomains",
            deny_from(&json!({"trustDomains": ["td"]})),
            CALLER,
            "deny",
        ),
        (
            "an alias",
            deny_from(&json!({"principals": ["td/ns/a/sa/b"]})),
            "spiffe://old-td/ns/a/sa/b",
            "deny",
        ),
        (
            "no alias",
            deny_from(&json!({"principals": ["td/ns/a/sa/b"]})),
            "spiffe://x-td/ns/a/sa/b",
            "allow",
        ),
        (
            "source.principal",
            deny_when("source.principal", &["td/ns/a/sa/b"]),
            CALLER,
            "deny",
        ),
        (
            "source.namespace",
            deny_when("source.namespace", &["a"]),
            CALLER,
            "deny",
        ),
    ] {
        let request = shows_names(&[uri], &[]);
        assert_eq!(decide(module, &config_in(&mesh, &[policy]), request), decided, "{name}");
    }
}

#[test]
fn a_connection_keeps_its_peer_and_another_has_its_own() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_from(&json!({"principals": ["td/ns/a/sa/b"]}))]));
    let on = |request: Request, connection: u64| request.property("connection.id", Property::Uint(connection));
    let denied = certificate(&[CALLER], &[]).pem();
    let other = certificate(&["spiffe://td/ns/a/sa/c"], &[]).pem();
    for round in 0..3 {
        for (request, decided) in [
            (on(shows(&denied), 7), "deny"),
            (on(shows(&other), 8), "allow"),
            (on(get("/"), 9), "allow"),
            (on(shows(&denied), u64::MAX), "deny"),
        ] {
            assert_eq!(decision(&host.request(request)), decided, "round {round}");
        }
    }
}

#[test]
fn a_connection_without_a_number_is_asked_each_time() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_from(&json!({"principals": ["td/ns/a/sa/b"]}))]));
    for number in [Property::Bytes(Vec::new()), Property::Bytes(vec![1, 2, 3])] {
        for (uri, decided) in [(CALLER, "deny"), ("spiffe://td/ns/a/sa/c", "allow"), (CALLER, "deny")] {
            let request = shows_names(&[uri], &[]).property("connection.id", number.clone());
            assert_eq!(decision(&host.request(request)), decided, "{number:?}");
        }
    }
}

const FORWARDED: &str = "x-forwarded-client-cert";

fn by_forwarded_certificate(policy: Value) -> Value {
    config_in(&json!({"identity": "forwardedClientCert"}), &[policy])
}

/// The header for a certificate with these names.
fn header_of(uris: &[&str], dns: &[&str]) -> String {
    forwarded(&certificate(uris, dns).pem(), "", uris, dns)
}

#[test]
fn the_forwarded_certificate_counts_with_all_its_names() {
    let Some(module) = module() else { return };
    let config = |pattern: &str| by_forwarded_certificate(deny_from(&json!({"principals": [pattern]})));
    let with_subject = |uris: &[&str], subject: &str| forwarded(&certificate(uris, &[]).pem(), subject, uris, &[]);
    for (name, pattern, header, decided) in [
        ("the URI", "td/ns/a/sa/b", header_of(&[CALLER], &[]), "deny"),
        (
            "the second URI",
            "td/ns/a/sa/b",
            header_of(&["https://x", CALLER], &["a.com"]),
            "deny",
        ),
        (
            "another URI",
            "td/ns/a/sa/b",
            header_of(&["spiffe://td/ns/a/sa/c"], &[]),
            "allow",
        ),
        ("a DNS name, by star", "*", header_of(&[], &["a.com"]), "deny"),
        ("no name", "*", header_of(&[], &[]), "allow"),
        ("the subject alone", "*", with_subject(&[], "CN=x"), "deny"),
        (
            "a subject with quotes",
            "td/ns/a/sa/b",
            with_subject(&[CALLER], r#"CN=x\";URI=y,O=\\"#),
            "deny",
        ),
    ] {
        let outcome = start(module, &config(pattern)).request(get("/").header(FORWARDED, &header));
        assert_eq!(decision(&outcome), decided, "{name}: {outcome}");
    }
    let others = by_forwarded_certificate(deny_from(&json!({"notPrincipals": ["*"]})));
    assert_eq!(decide(module, &others, get("/")), "deny", "no header is no certificate");
}

#[test]
fn a_name_beside_the_forwarded_certificate_does_not_count() {
    let Some(module) = module() else { return };
    let config = by_forwarded_certificate(deny_from(&json!({"principals": ["td/ns/a/sa/b"]})));
    // A URI may hold a semicolon, so what follows one in the header may be a part of it.
    let posing = "spiffe://td/ns/a/sa/c;URI=spiffe://td/ns/a/sa/b";
    for (name, header) in [
        (
            "another URI in the header",
            forwarded(&certificate(&["https://x"], &[]).pem(), "", &[CALLER], &[]),
        ),
        (
            "a DNS name in the header",
            forwarded(&certificate(&[], &[]).pem(), "", &[], &[CALLER]),
        ),
        ("a name that poses as two", header_of(&[posing], &[])),
    ] {
        assert_eq!(
            decide(module, &config, get("/").header(FORWARDED, &header)),
            "allow",
            "{name}"
        );
    }
}

#[test]
fn a_header_that_no_gateway_wrote_by_itself_denies() {
    let Some(module) = module() else { return };
    let config = by_forwarded_certificate(deny_from(&json!({"principals": ["td/ns/a/sa/b"]})));
    let own = header_of(&["spiffe://td/ns/a/sa/c"], &[]);
    let forged = header_of(&[CALLER], &[]);
    let one = |header: &str| get("/").header(FORWARDED, header);
    for (name, request) in [
        ("two elements", one(&format!("{forged},{own}"))),
        ("the other way round", one(&format!("{own},{forged}"))),
        ("an element of names in front", one(&format!("URI=x,{own}"))),
        ("two lines", one(&own).header(FORWARDED, &forged)),
        ("an empty line beside it", one(&own).header(FORWARDED, "")),
        ("an empty header", one("")),
        (
            "no certificate in it",
            one("Hash=0a;Subject=\"CN=x\";URI=spiffe://td/ns/a/sa/c"),
        ),
        ("a certificate after the names", one("Hash=0a;URI=x;Cert=\"y\"")),
        ("a certificate cut short", one(&own[..own.len() / 2])),
        ("one without quotes", one(&own.replacen("Cert=\"", "Cert=", 1))),
        ("text", one("x")),
        ("bytes", get("/").header(FORWARDED, b"\xFF=\x80;Cert=\"\xFF%\"")),
    ] {
        let outcome = start(module, &config).request(request);
        assert_eq!(decision(&outcome), "error", "{name}: {outcome}");
        assert_eq!(outcome.details, "outgate_unreadable_attribute[peer]", "{name}");
    }
}

#[test]
fn only_the_configured_source_of_identities_is_believed() {
    let Some(module) = module() else { return };
    let policy = || deny_from(&json!({"principals": ["td/ns/a/sa/b"]}));
    let header = header_of(&[CALLER], &[]);
    let by_header = get("/").header(FORWARDED, &header);
    assert_eq!(
        decide(module, &config(&[policy()]), by_header),
        "allow",
        "a header that a client may have sent"
    );
    let by_certificate = shows_names(&[CALLER], &[]);
    assert_eq!(
        decide(module, &by_forwarded_certificate(policy()), by_certificate),
        "allow",
        "the certificate of a proxy in front"
    );
}
