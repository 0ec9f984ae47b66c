//! Which configurations are taken.

use outgate_test_host::{Host, Module};
use serde_json::{Value, json};

use crate::{config, decision, deny_paths, get, module, start};

fn refusal(module: &Module, configuration: &str) -> String {
    match Host::builder(module).configuration(configuration).start() {
        Ok(_) => panic!("taken: {configuration}"),
        Err(error) => error
            .logs
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn what_cannot_be_enforced_as_a_whole_is_refused_in_words() {
    let Some(module) = module() else { return };
    let with = |name: &str, value: Value| {
        let mut config = config(&[]);
        config[name] = value;
        config.to_string()
    };
    let policy = |spec: Value| config(&[spec]).to_string();
    for (name, configuration, words) in [
        ("none", String::new(), &["there is none"][..]),
        ("no JSON", "{\"apiVersion\": ".to_owned(), &["EOF", "line 1 column 15"]),
        (
            "another version",
            with("apiVersion", json!("outgate/v2")),
            &["outgate/v2", "outgate/v1"],
        ),
        ("an unknown field", with("extra", json!(1)), &["unknown field `extra`"]),
        (
            "an unknown field of the mesh",
            with("mesh", json!({"trustdomain": "x"})),
            &["trustdomain"],
        ),
        (
            "a misspelt field of a policy",
            policy(json!({"rules": [{"to": [{"operation": {"notPath": ["/"]}}]}]})),
            &["notPath", "notPaths"],
        ),
        (
            "a wrong type",
            with("mesh", json!({"trustDomain": 1})),
            &["invalid type"],
        ),
        (
            "an invalid value",
            policy(json!({"action": "DENY", "rules": [{}, {"from": [{"source": {"ipBlocks": ["x"]}}]}]})),
            &["n/p0", "spec.rules[1].from[0].source.ipBlocks[0]", "CIDR"],
        ),
        (
            "CUSTOM",
            policy(json!({"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]})),
            &["n/p0", "CUSTOM", "not do yet"],
        ),
    ] {
        let log = refusal(module, &configuration);
        for word in words {
            assert!(log.contains(word), "{name}: {word} in {log}");
        }
    }
}

#[test]
fn a_refused_configuration_leaves_the_one_before_deciding() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    assert!(host.reconfigure("{}").is_err());
    assert_eq!(host.request(get("/x")).status(), 403);

    host.reconfigure(config(&[deny_paths(&["/y"])]).to_string()).unwrap();
    assert_eq!(host.request(get("/x")).status(), 200);
    assert_eq!(host.request(get("/y")).status(), 403);
}

#[test]
fn a_configuration_need_not_have_policies() {
    let Some(module) = module() else { return };
    let mut host = start(module, &json!({"apiVersion": "outgate/v1", "revision": "r"}));
    assert_eq!(decision(&host.request(get("/"))), "allow");
}
