//! Decisions by where a request comes from and where it came in.

use outgate_test_host::{Module, Property, Request};
use serde_json::{Value, json};

use crate::module::{decide, decision, get, module, start};
use crate::policies::{config, config_in, deny_from, deny_to, deny_when};

fn rows(module: &Module, mesh: &Value, rows: Vec<(&str, Value, Request, &str)>) {
    for (name, policy, request, decided) in rows {
        let outcome = start(module, &config_in(mesh, &[policy])).request(request);
        assert_eq!(decision(&outcome), decided, "{name}: {outcome}");
    }
}

fn direct(block: &str) -> Value {
    deny_from(&json!({"ipBlocks": [block]}))
}

fn remote(block: &str) -> Value {
    deny_from(&json!({"remoteIpBlocks": [block]}))
}

fn from(address: &str) -> Request {
    get("/").source_address(address)
}

#[test]
fn the_clients_address_is_the_one_that_the_proxy_derived() {
    let Some(module) = module() else { return };
    let not = |block: &str| deny_from(&json!({"notRemoteIpBlocks": [block]}));
    rows(
        module,
        &json!({}),
        vec![
            ("the address", remote("10.0.0.1"), from("10.0.0.1:5"), "deny"),
            (
                "without a port of its own",
                remote("10.0.0.1"),
                from("10.0.0.1:0"),
                "deny",
            ),
            ("another", remote("10.0.0.1"), from("10.0.0.2:5"), "allow"),
            ("a block", remote("10.0.0.0/8"), from("10.255.0.1:5"), "deny"),
            (
                "a block with host bits",
                remote("10.1.2.3/8"),
                from("10.255.0.1:5"),
                "deny",
            ),
            ("version 6", remote("2001:db8::/32"), from("[2001:db8::1]:5"), "deny"),
            (
                "version 6 with a zone",
                remote("fe80::1"),
                from("[fe80::1%2]:5"),
                "deny",
            ),
            (
                "the other version",
                remote("0.0.0.0/0"),
                from("[2001:db8::1]:5"),
                "allow",
            ),
            (
                "a socket of the file system has none",
                remote("0.0.0.0/0"),
                from("/run/socket"),
                "allow",
            ),
            ("and so is not another's", not("10.0.0.1"), from("/run/socket"), "deny"),
            (
                "as a condition",
                deny_when("remote.ip", &["10.0.0.1"]),
                from("10.0.0.1:5"),
                "deny",
            ),
            (
                "a header says nothing",
                remote("10.9.9.9"),
                from("10.0.0.1:5").header("x-forwarded-for", "10.9.9.9"),
                "allow",
            ),
        ],
    );
}

#[test]
fn without_trusted_proxies_the_client_is_the_direct_peer() {
    let Some(module) = module() else { return };
    rows(
        module,
        &json!({}),
        vec![
            ("the address", direct("10.0.0.1"), from("10.0.0.1:5"), "deny"),
            ("version 6", direct("::1"), from("[::1]:5"), "deny"),
            (
                "as a condition",
                deny_when("source.ip", &["10.0.0.1"]),
                from("10.0.0.1:5"),
                "deny",
            ),
            (
                "a header says nothing",
                direct("10.0.0.1"),
                from("[::1]:5").header("x-forwarded-for", "10.0.0.1"),
                "allow",
            ),
        ],
    );
}

#[test]
fn behind_trusted_proxies_the_direct_peer_is_the_last_that_was_forwarded_for() {
    let Some(module) = module() else { return };
    let via = |value: &str| from("10.9.9.9:0").header("x-forwarded-for", value);
    rows(
        module,
        &json!({"numTrustedProxies": 1}),
        vec![
            ("the last", direct("10.0.0.1"), via("10.9.9.9,10.0.0.1"), "deny"),
            (
                "the last after a blank",
                direct("10.0.0.1"),
                via("10.9.9.9, 10.0.0.1 "),
                "deny",
            ),
            ("the only one", direct("10.0.0.1"), via("10.0.0.1"), "deny"),
            (
                "the last of the last line",
                direct("10.0.0.1"),
                via("x").header("x-forwarded-for", "y,10.0.0.1"),
                "deny",
            ),
            (
                "not an earlier one",
                direct("10.0.0.1"),
                via("10.0.0.1,10.9.9.9"),
                "allow",
            ),
            ("version 6", direct("2001:db8::1"), via("10.0.0.1,2001:db8::1"), "deny"),
            ("not the client's", direct("10.9.9.9"), via("10.0.0.1"), "allow"),
            (
                "the client's is still the remote one",
                remote("10.9.9.9"),
                via("10.0.0.1"),
                "deny",
            ),
            ("no header", direct("10.0.0.1"), from("10.0.0.1:5"), "error"),
            ("an empty one", direct("10.0.0.1"), via(""), "error"),
            (
                "one that ends in a comma",
                direct("10.0.0.1"),
                via("10.0.0.1,"),
                "error",
            ),
            (
                "one that ends in a name",
                direct("10.0.0.1"),
                via("10.0.0.1,unknown"),
                "error",
            ),
        ],
    );
}

#[test]
fn behind_the_proxy_protocol_a_helper_says_who_the_direct_peer_is() {
    let Some(module) = module() else { return };
    let says = |text: &str| from("10.9.9.9:0").property(["filter_state", "my.direct"], text);
    rows(
        module,
        &json!({"directAddressFilterState": "my.direct", "numTrustedProxies": 1}),
        vec![
            ("the address", direct("10.0.0.1"), says("10.0.0.1"), "deny"),
            ("version 6", direct("::1"), says("::1"), "deny"),
            ("not the client's", direct("10.9.9.9"), says("10.0.0.1"), "allow"),
            (
                "not set",
                direct("10.0.0.1"),
                from("10.0.0.1:5").header("x-forwarded-for", "10.0.0.1"),
                "error",
            ),
            ("an empty text", direct("10.0.0.1"), says(""), "error"),
            (
                "an address with a port",
                direct("10.0.0.1"),
                says("10.0.0.1:5"),
                "error",
            ),
        ],
    );
}

#[test]
fn the_port_and_address_are_those_that_the_proxy_was_called_on() {
    let Some(module) = module() else { return };
    let ports = |ports: &[&str]| deny_to(&json!({"ports": ports}));
    let at = |address: &str| get("/").destination_address(address);
    let port = |value: Property| get("/").property("destination.port", value);
    rows(
        module,
        &json!({}),
        vec![
            ("the port", ports(&["8080"]), at("10.0.0.1:8080"), "deny"),
            (
                "a port as a condition",
                deny_when("destination.port", &["08080"]),
                at("10.0.0.1:8080"),
                "deny",
            ),
            ("another port", ports(&["80", "443"]), at("10.0.0.1:8080"), "allow"),
            (
                "the port in the authority",
                ports(&["81"]),
                Request::get("http://a.com:81/"),
                "allow",
            ),
            (
                "a number beyond ports",
                ports(&["0", "8080"]),
                port(Property::Int(65_536 + 8080)),
                "allow",
            ),
            (
                "a number below them",
                ports(&["65535"]),
                port(Property::Int(-1)),
                "allow",
            ),
            (
                "no port is not another",
                deny_to(&json!({"notPorts": ["1"]})),
                port(Property::Bytes(vec![])),
                "deny",
            ),
            (
                "the address",
                deny_when("destination.ip", &["10.0.0.0/24"]),
                at("10.0.0.1:8080"),
                "deny",
            ),
            (
                "another address",
                deny_when("destination.ip", &["10.0.0.0/24"]),
                at("[::1]:8080"),
                "allow",
            ),
        ],
    );
}

#[test]
fn the_server_name_is_that_of_the_handshake() {
    let Some(module) = module() else { return };
    let sni = |value: &str| deny_when("connection.sni", &[value]);
    rows(
        module,
        &json!({}),
        vec![
            ("the name", sni("b.com"), get("/").sni("B.com"), "deny"),
            ("by suffix", sni("*.b.com"), get("/").sni("a.b.com"), "deny"),
            ("not the authority", sni("a.com"), get("/").sni("b.com"), "allow"),
            ("any", sni("*"), get("/").sni("b.com"), "deny"),
            ("none", sni("*"), get("/"), "allow"),
        ],
    );
    let not = json!({"action": "DENY", "rules": [{"when": [{"key": "connection.sni", "notValues": ["b.com"]}]}]});
    assert_eq!(decide(module, &config(&[not]), get("/")), "deny", "none is not another");
}
