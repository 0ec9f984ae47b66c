//! Canonical matching, against Istio's on requests that are spelled as policies spell them.

mod support;

use outgate_policy::canonical::CanonicalRequest;
use outgate_policy::config::Config;
use outgate_policy::{Engine, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::Call;

const HOSTS: [&str; 4] = ["test.com", "api.test.com", "10.0.0.1", "xn--bcher-kva.example"];
const PATHS: [&str; 5] = ["/", "/headers", "/api/v1/users", "/caf%C3%A9", "/a-b_c~d"];

fn engine(matching: &str, policies: &[Value]) -> Engine {
    let config = json!({
        "apiVersion": "outgate/v1",
        "revision": "test",
        "mesh": {"matching": matching},
        "policies": policies,
    });
    let config: Config = serde_json::from_value(config).unwrap();
    Engine::new(&config).unwrap()
}

fn policy() -> impl Strategy<Value = Value> {
    let host = prop_oneof![
        prop::sample::select(&HOSTS[..]).prop_map(|host| vec![host.to_owned()]),
        prop::sample::select(&HOSTS[..]).prop_map(|host| vec![host.to_owned(), format!("{host}:*")]),
        Just(vec!["*.test.com".to_owned()]),
        Just(vec!["*".to_owned()]),
    ];
    let path = prop_oneof![
        prop::sample::select(&PATHS[..]).prop_map(str::to_owned),
        Just("/api/*".to_owned()),
        Just("*/users".to_owned()),
        Just("/api/{*}/users".to_owned()),
    ];
    let field = prop_oneof![Just("hosts"), Just("notHosts")];
    let path_field = prop_oneof![Just("paths"), Just("notPaths")];
    let action = prop_oneof![Just("DENY"), Just("ALLOW")];
    (
        action,
        field,
        prop::collection::vec(host, 1..3),
        path_field,
        prop::collection::vec(path, 1..3),
        any::<u32>(),
    )
        .prop_map(|(action, field, hosts, path_field, paths, number)| {
            let hosts = hosts.concat();
            json!({
                "metadata": {"namespace": "n", "name": format!("p{number}")},
                "spec": {"action": action, "rules": [{"to": [{"operation": {field: hosts, path_field: paths}}]}]},
            })
        })
}

/// A host in another spelling.
fn spelled_host(host: &str, ways: &[u8]) -> String {
    let mut spelled = host.to_owned();
    for way in ways {
        spelled = match way % 5 {
            0 => spelled.to_ascii_uppercase(),
            1 if !spelled.contains(':') && !spelled.ends_with('.') => format!("{spelled}."),
            2 if !spelled.contains(':') => format!("{spelled}:443"),
            3 => spelled.replacen('e', "%65", 1),
            4 => spelled.replacen("10.0.0.1", "0x0A.1", 1),
            _ => spelled,
        };
    }
    spelled
}

/// A path in another spelling.
fn spelled_path(path: &str, ways: &[u8]) -> String {
    let mut spelled = path.to_owned();
    for way in ways {
        spelled = match way % 6 {
            0 => format!("/{spelled}"),
            1 => format!("/.{spelled}"),
            2 => format!("/x/..{spelled}"),
            3 => spelled.replacen('s', "%73", 1),
            4 => spelled.replacen("%C3", "%c3", 1),
            _ => format!("/x%2F%2e%2E{spelled}"),
        };
    }
    spelled
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn spelling_changes_nothing_and_the_literal_decision_is_istios(
        policies in prop::collection::vec(policy(), 1..4),
        host in prop::sample::select(&HOSTS[..]),
        path in prop::sample::select(&PATHS[..]),
        host_ways in prop::collection::vec(any::<u8>(), 0..3),
        path_ways in prop::collection::vec(any::<u8>(), 0..3),
        query in prop_oneof![Just(""), Just("?a=//b")],
    ) {
        let (canonical, istio) = (engine("canonical", &policies), engine("istio", &policies));
        let plain = Call::get(&format!("{host}{path}{query}"));
        let spelled = Call::default()
            .header(":authority", spelled_host(host, &host_ways))
            .header(":path", spelled_path(path, &path_ways) + query)
            .header(":method", "GET");
        let outcome = |decision: outgate_policy::Decision<'_>| (decision.verdict, decision.rule.map(ToString::to_string));
        let found = outcome(canonical.decide(&CanonicalRequest::of(&spelled).unwrap()).unwrap());
        prop_assert_eq!(&found, &outcome(canonical.decide(&CanonicalRequest::of(&plain).unwrap()).unwrap()));
        prop_assert_eq!(outcome(canonical.decide(&spelled).unwrap()), outcome(istio.decide(&spelled).unwrap()));
    }
}

#[test]
fn a_request_without_another_form_is_read_as_it_is() {
    let plain = Call::get("test.com/headers?x=//");
    assert!(CanonicalRequest::of(&plain).unwrap().form().is_none());
    let engine = engine(
        "canonical",
        &[json!({
            "metadata": {"namespace": "n", "name": "p"},
            "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"hosts": ["test.com:*"], "paths": ["/headers"]}}]}]},
        })],
    );
    assert_eq!(
        engine.decide(&plain).unwrap().verdict,
        Verdict::Deny,
        "`test.com:*` stands for test.com"
    );
}
