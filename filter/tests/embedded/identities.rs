//! Who the peer is: by its certificate, or by the header that forwards one.

use outgate_test_host::{Host, Property, Request};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};
use serde_json::{Value, json};

use crate::{config, decision, deny_from, get, module, start};

fn certificate(uris: &[&str], dns: &[&str]) -> String {
    let ia5 = |text: &&str| Ia5String::try_from(*text).unwrap();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.subject_alt_names = dns.iter().map(|name| SanType::DnsName(ia5(name))).collect();
    parameters
        .subject_alt_names
        .extend(uris.iter().map(|uri| SanType::URI(ia5(uri))));
    parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

fn shows(pem: &str) -> Request {
    get("/")
        .mtls(true)
        .peer_certificate_pem(pem)
        .property("connection.id", Property::Uint(7))
}

fn host(source: &Value) -> Option<Host> {
    Some(start(module()?, &config(&[deny_from(source)])))
}

#[test]
fn every_name_in_the_certificate_counts() {
    let rows = [
        (
            "the first URI",
            certificate(&["spiffe://td/ns/a/sa/b"], &[]),
            "td/ns/a/sa/b",
            403,
        ),
        (
            "the second URI",
            certificate(&["https://x", "spiffe://td/ns/a/sa/b"], &[]),
            "td/ns/a/sa/b",
            403,
        ),
        (
            "a URI after a DNS name",
            certificate(&["spiffe://td/ns/a/sa/b"], &["a.com"]),
            "td/ns/a/sa/b",
            403,
        ),
        ("a DNS name, by a star", certificate(&[], &["a.com"]), "*", 403),
        (
            "another URI",
            certificate(&["spiffe://td/ns/a/sa/c"], &[]),
            "td/ns/a/sa/b",
            200,
        ),
        ("no name", certificate(&[], &[]), "*", 200),
    ];
    for (name, pem, principal, status) in rows {
        let Some(mut host) = host(&json!({"principals": [principal]})) else {
            return;
        };
        let outcome = host.request(shows(&pem));
        assert_eq!(outcome.status(), status, "{name}: {outcome}");
    }
    let Some(mut host) = host(&json!({"principals": ["*"]})) else {
        return;
    };
    assert_eq!(
        host.request(shows(&certificate(&[], &[])).subject("CN=x")).status(),
        403,
        "the subject"
    );
    assert_eq!(host.request(get("/")).status(), 200, "plaintext");
}

#[test]
fn a_connections_certificate_is_read_once() {
    let Some(mut host) = host(&json!({"principals": ["td/ns/a/sa/b"]})) else {
        return;
    };
    let pem = certificate(&["spiffe://td/ns/a/sa/b"], &[]);
    let properties = |host: &mut Host| {
        let calls = host.request(shows(&pem)).host_calls;
        calls
            .iter()
            .find(|(name, _)| *name == "proxy_get_property")
            .map_or(0, |(_, count)| count)
    };
    // The connection's number, the certificate, the subject; then the number alone.
    assert_eq!(properties(&mut host), 3);
    assert_eq!(properties(&mut host), 1);
    let other = shows(&certificate(&["spiffe://td/ns/a/sa/c"], &[])).property("connection.id", Property::Uint(8));
    assert_eq!(host.request(other).status(), 200, "another connection");
}

#[test]
fn a_name_cannot_forge_a_log_line() {
    let Some(mut host) = host(&json!({"principals": ["x"]})) else {
        return;
    };
    let outcome = host.request(shows(&certificate(&["spiffe://td/\"\n\\x"], &[])));
    assert_eq!(
        outcome.filter_state("wasm.outgate_principal").as_deref(),
        Some("td/\\\"\\n\\\\x")
    );
}

fn forwarded(pem: &str) -> String {
    let encoded: String = pem.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("Hash=0a;Cert=\"{encoded}\";Subject=\"CN=x\";URI=spiffe://td/ns/a/sa/forged")
}

#[test]
fn the_forwarded_certificate_counts_and_the_names_beside_it_do_not() {
    let Some(module) = module() else { return };
    let mut config = config(&[deny_from(&json!({"principals": ["td/ns/a/sa/b", "td/ns/a/sa/forged"]}))]);
    config["mesh"] = json!({"identity": "forwardedClientCert"});
    let mut host = start(module, &config);
    let own = forwarded(&certificate(&["spiffe://td/ns/a/sa/b"], &[]));
    let other = forwarded(&certificate(&["spiffe://td/ns/a/sa/c"], &[]));
    let header = |value: &str| get("/").header("x-forwarded-client-cert", value);
    for (name, request, decided) in [
        ("the identity", header(&own), "deny"),
        ("another identity, with a name beside it", header(&other), "allow"),
        ("no certificate", get("/"), "allow"),
        ("two elements", header(&format!("{other},{own}")), "error"),
        (
            "two lines",
            header(&other).header("x-forwarded-client-cert", &own),
            "error",
        ),
        (
            "no certificate in it",
            header("Hash=0a;URI=spiffe://td/ns/a/sa/c"),
            "error",
        ),
        ("text", header("x"), "error"),
    ] {
        let outcome = host.request(request);
        assert_eq!(decision(&outcome), decided, "{name}: {outcome}");
    }
}
