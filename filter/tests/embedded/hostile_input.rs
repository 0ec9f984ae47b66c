//! Bytes of any kind, where a client or a peer can put some: each request is decided, and none ends the module.

use outgate_test_host::{Host, Module, Outcome, Property, Request};
use serde_json::{Value, json};

use crate::certificates::{certificate, forwarded};
use crate::identities::shows;
use crate::metadata;
use crate::module::{get, logged, module};
use crate::policies::{config_in, deny_from, deny_paths, deny_to, deny_when};
use crate::random::Random;

/// A host whose policies need everything there is.
fn curious(module: &Module, mesh: &Value) -> Host {
    let policies = [
        deny_to(&json!({"hosts": ["*.b.com", "a*"], "notPaths": ["/x*", "/{*}/y", "/{**}"], "notMethods": ["GET"]})),
        deny_paths(&["*é", "/{**}/z"]),
        deny_when("request.headers[x]", &["*é", "a*", "b"]),
        deny_from(&json!({"principals": ["td/ns/a/sa/b", "*x"], "notNamespaces": ["b"]})),
        deny_from(&json!({"serviceAccounts": ["a/c"]})),
        deny_from(&json!({"trustDomains": ["*d"]})),
        deny_from(&json!({"ipBlocks": ["10.0.0.0/8"], "notRemoteIpBlocks": ["10.1.0.0/16"]})),
        deny_from(&json!({"requestPrincipals": ["i/s*"]})),
        deny_when("request.auth.claims[a][b]", &["y", "*z"]),
        deny_when("experimental.envoy.filters.http.lua[k]", &["[y]", "y*"]),
        deny_when("connection.sni", &["*.b.com"]),
        deny_when("destination.ip", &["10.0.0.1"]),
        deny_when("destination.port", &["8080"]),
    ];
    let config = config_in(mesh, &policies).to_string();
    Host::builder(module).configuration(config).start().unwrap()
}

/// The module lives, and the request was either decided or stopped.
fn assert_decided(outcome: &Outcome) -> String {
    assert!(outcome.trap.is_none(), "{outcome}");
    let decided = logged(outcome, "decision").unwrap_or_else(|| panic!("{outcome}"));
    assert_eq!(outcome.upstream.is_some(), decided == "allow", "{outcome}");
    decided
}

/// Counts decisions, so that a test can say that it was not always the same one.
#[derive(Debug, Default)]
struct Tally {
    allow: u32,
    deny: u32,
    error: u32,
}

impl Tally {
    fn note(&mut self, decided: &str) {
        match decided {
            "allow" => self.allow += 1,
            "deny" => self.deny += 1,
            "error" => self.error += 1,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn header_lines_of_any_bytes_are_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(module, &json!({}));
    let mut random = Random::new(3);
    let mut tally = Tally::default();
    let names: [&[u8]; 8] = [
        b":path",
        b":authority",
        b":method",
        b"x",
        b"x",
        b"\xFF",
        b"",
        b"x-forwarded-for",
    ];
    let values: [&[u8]; 8] = [b"/x", b"c.b.com", b"GET", b"\xC3\xA9", b"", b"/q/z?\xFF", b"/", b"a\0b"];
    for _ in 0..4_000 {
        let lines: Vec<(Vec<u8>, Vec<u8>)> = (0..random.below(8))
            .map(|_| {
                let name = random.pick(&names).to_vec();
                let value = if random.below(2) == 0 {
                    random.pick(&values).to_vec()
                } else {
                    random.bytes(40)
                };
                (name, value)
            })
            .collect();
        let request = Request::from_headers(lines).destination_address("10.9.9.9:1");
        tally.note(&assert_decided(&host.request(request)));
    }
    assert!(tally.allow > 100 && tally.deny > 100 && tally.error == 0, "{tally:?}");
}

#[test]
fn certificates_of_any_bytes_are_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(module, &json!({}));
    let mut random = Random::new(4);
    let mut tally = Tally::default();
    let whole = certificate(&["spiffe://td/ns/b/sa/c", "https://y"], &["a.com"])
        .pem()
        .into_bytes();
    for connection in 0..4_000 {
        let pem = if random.below(20) == 0 {
            random.bytes(200)
        } else {
            random.mutate(&whole)
        };
        let request = get("/")
            .set_header(":authority", "z.com")
            .mtls(true)
            .destination_address("10.9.9.9:1")
            .property("connection.peer_certificate", Property::Bytes(pem))
            .property("connection.subject_peer_certificate", Property::Bytes(random.bytes(10)))
            .property("connection.id", Property::Uint(connection));
        tally.note(&assert_decided(&host.request(request)));
    }
    assert!(tally.allow + tally.deny > 100 && tally.error > 1_000, "{tally:?}");
}

#[test]
fn forwarded_certificates_of_any_bytes_are_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(
        module,
        &json!({"identity": "forwardedClientCert", "numTrustedProxies": 1}),
    );
    let mut random = Random::new(5);
    let mut tally = Tally::default();
    let pem = certificate(&["spiffe://td/ns/b/sa/c"], &[]).pem();
    let whole = forwarded(&pem, "CN=x", &["spiffe://td/ns/b/sa/c"], &[]).into_bytes();
    for _ in 0..4_000 {
        let request = get("/")
            .destination_address("10.9.9.9:1")
            .header("x-forwarded-client-cert", random.mutate(&whole))
            .header("x-forwarded-for", random.mutate(b"10.1.1.1, 192.0.2.1"));
        tally.note(&assert_decided(&host.request(request)));
    }
    assert!(tally.error > 1_000, "{tally:?}");
}

#[test]
fn metadata_of_any_bytes_is_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(module, &json!({}));
    let mut random = Random::new(6);
    let mut tally = Tally::default();
    let namespaces = json!({
        "envoy.filters.http.lua": {"k": ["x", 1, null, {"l": []}]},
        "envoy.filters.http.jwt_authn": {"payload": {"iss": "i", "sub": "t", "a": {"b": ["y", null, 1.5, true]}}},
    });
    let whole = metadata::encode(&namespaces);
    for _ in 0..4_000 {
        let message = if random.below(20) == 0 {
            random.bytes(60)
        } else {
            random.mutate(&whole)
        };
        let request = get("/")
            .set_header(":authority", "z.com")
            .destination_address("10.9.9.9:1")
            .dynamic_metadata_bytes(message);
        tally.note(&assert_decided(&host.request(request)));
    }
    assert!(tally.allow > 20 && tally.deny > 200 && tally.error > 1_000, "{tally:?}");
}

#[test]
fn properties_of_any_bytes_are_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(module, &json!({"directAddressFilterState": "direct"}));
    let mut random = Random::new(7);
    let valid: [&[u8]; 6] = [
        b"10.0.0.1:80",
        b"[::1]:5",
        b"10.1.2.3",
        b"\x90\x1F\0\0\0\0\0\0",
        b"c.b.com",
        b"",
    ];
    let paths = [
        "source.address",
        "destination.address",
        "destination.port",
        "connection.id",
        "connection.mtls",
        "connection.requested_server_name",
        "connection.subject_peer_certificate",
        "filter_state.direct",
    ];
    for _ in 0..4_000 {
        let request = paths.iter().fold(get("/"), |request, path| {
            let value = random.pick(&valid).to_vec();
            let value = if random.below(3) == 0 {
                random.mutate(&value)
            } else {
                value
            };
            request.property(*path, Property::Bytes(value))
        });
        assert_decided(&host.request(request));
    }
}

#[test]
fn large_input_is_decided() {
    let Some(module) = module() else { return };
    let mut host = curious(module, &json!({}));
    let names: Vec<String> = (0..2_000)
        .map(|number| format!("spiffe://td/ns/b/sa/{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let list: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let token = json!({"envoy.filters.http.jwt_authn": {"payload": {"a": {"b": list}}}});
    let many = (0..10_000).fold(get("/"), |request, _| request.header("x", "c"));
    for (name, request) in [
        ("a long path", get(&format!("/{}", "a/".repeat(100_000)))),
        ("a long value", get("/").header("x", "c".repeat(1_000_000))),
        ("many lines", many),
        ("many names", shows(&certificate(&names, &[]).pem())),
        ("a long claim", get("/").dynamic_metadata(&token)),
        (
            "a deep claim",
            get("/").dynamic_metadata_bytes(metadata::nested_claim(10_000)),
        ),
    ] {
        let outcome = host.request(request.destination_address("10.9.9.9:1"));
        assert_decided(&outcome);
        assert!(
            outcome.total_fuel() < 100_000_000,
            "{name}: {} instructions",
            outcome.total_fuel()
        );
    }
}
