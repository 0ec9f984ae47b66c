//! Which configurations are taken, and what is said of those that are not.

use outgate_test_host::{Host, LogLevel, Module, Phase, StartError, StartFailure};
use serde_json::{Value, json};

use crate::module::{decide, decision, get, module, start};
use crate::policies::{allow_paths, config, config_in, deny_from, deny_paths, deny_to, deny_when, with};

fn refusal(module: &Module, configuration: impl AsRef<[u8]>) -> StartError {
    match Host::builder(module).configuration(configuration).start() {
        Ok(_) => panic!("the configuration is taken"),
        Err(error) => error,
    }
}

/// The one line by which the filter says why it refuses a configuration.
fn words(error: &StartError) -> &str {
    assert!(
        matches!((error.phase, &error.reason), (Phase::Configure, StartFailure::Refused)),
        "{error}"
    );
    match error.logs.as_slice() {
        [line] if line.level == LogLevel::Error => line
            .message
            .strip_prefix("the configuration is refused: ")
            .expect("a prefix"),
        _ => panic!("{error}"),
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let Some(module) = module() else { return };
    let with = |name: &str, value: Value| with(config(&[]), name, &value).to_string();
    let policy = |spec: Value| config(&[spec]).to_string();
    let metadata = |value: Value| with("policies", json!([{"metadata": value, "spec": {}}]));
    for (name, configuration, expected) in [
        ("none", String::new(), &["there is none", "outgate build"][..]),
        ("white space", " \n".to_owned(), &["the text ends", "line 2, column 1"]),
        ("no JSON", "{\"apiVersion\": ".to_owned(), &["the text ends", "line 1, column 16"]),
        ("YAML", "apiVersion: outgate/v1".to_owned(), &["expected a value", "line 1, column 1"]),
        ("something after it", format!("{} x", config(&[])), &["expected nothing more"]),
        ("nested without end", "[".repeat(100_000), &["line 1, column"]),
        ("a list", "[]".to_owned(), &["not a list", "line 1"]),
        ("nothing in it", "{}".to_owned(), &["missing field `apiVersion`"]),
        ("no revision", r#"{"apiVersion": "outgate/v1"}"#.to_owned(), &["missing field `revision`"]),
        ("another version", with("apiVersion", json!("outgate/v2")), &["outgate/v2", "`outgate/v1`"]),
        ("no version", with("apiVersion", json!(null)), &["not null", "`outgate/v1`"]),
        (
            "a field twice",
            r#"{"apiVersion": "outgate/v1", "revision": "1", "revision": "2"}"#.to_owned(),
            &["duplicate field `revision`"],
        ),
        (
            "a field of a policy twice",
            r#"{"apiVersion": "outgate/v1", "revision": "1", "policies": [{"spec": {"action": "DENY", "action": "ALLOW"}}]}"#
                .to_owned(),
            &["duplicate field `action`"],
        ),
        ("an unknown field", with("extra", json!(1)), &["unknown field `extra`"]),
        (
            "an unknown field of the mesh",
            with("mesh", json!({"trustdomain": "x"})),
            &["unknown field `trustdomain`", "`trustDomain`"],
        ),
        (
            "an unknown field of the registry",
            with("registry", json!({"mode": "ALLOW_ANY", "names": []})),
            &["unknown field `names`", "`hosts`"],
        ),
        (
            "an unknown mode of the registry",
            with("registry", json!({"mode": "SOMETIMES"})),
            &["SOMETIMES", "`REGISTRY_ONLY`"],
        ),
        (
            "an unknown log field",
            with("accessLog", json!({"fields": ["decision", "everything"]})),
            &["everything", "`principal`"],
        ),
        (
            "an unknown source of identities",
            with("mesh", json!({"identity": "header"})),
            &["header", "`forwardedClientCert`"],
        ),
        (
            "a misspelt field of a rule",
            policy(json!({"action": "DENY", "rules": [{"to": [{"operation": {"notPath": ["/"]}}]}]})),
            &["unknown field `notPath`", "`notPaths`"],
        ),
        (
            "an unknown field of a policy's metadata",
            metadata(json!({"name": "a", "nameSpace": "b"})),
            &["unknown field `nameSpace`", "`namespace`"],
        ),
        (
            "an unknown action",
            policy(json!({"action": "deny"})),
            &["`deny`", "`DENY`"],
        ),
        (
            "one value where several belong",
            policy(json!({"rules": [{"to": [{"operation": {"paths": "/x"}}]}]})),
            &["a sequence", "not \"/x\""],
        ),
        (
            "a wrong type on a later line",
            "{\"apiVersion\": \"outgate/v1\", \"revision\": \"r\",\n \"policies\": [],\n \"mesh\": {\"trustDomain\": 1}}"
                .to_owned(),
            &["a string, not 1", "line 3, column 26"],
        ),
        (
            "a number that is not whole",
            with("mesh", json!({"numTrustedProxies": 1.5})),
            &["1.5"],
        ),
        (
            "a number below zero",
            with("mesh", json!({"numTrustedProxies": -1})),
            &["-1"],
        ),
        (
            "a number that is no port",
            with("registry", json!({"mode": "REGISTRY_ONLY", "hosts": [{"host": "a.com", "ports": [70_000]}]})),
            &["70000"],
        ),
    ] {
        let error = refusal(module, configuration);
        for word in expected {
            assert!(words(&error).contains(word), "{name}: {word} in {error}");
        }
    }
    assert!(
        words(&refusal(module, b"{\"apiVersion\": \"\xFF\"}")).contains("line 1"),
        "no text"
    );
}

#[test]
fn what_cannot_be_enforced_as_a_whole_is_refused_by_policy_rule_and_field() {
    let Some(module) = module() else { return };
    let good = || deny_paths(&["/x"]);
    let rules = |rules: Value| json!({"action": "DENY", "rules": rules});
    for (name, policies, expected) in [
        (
            "an address that is none",
            vec![rules(
                json!([{}, {"from": [{"source": {"ipBlocks": ["10.0.0.0/8", "x"]}}]}]),
            )],
            &["n/p0: spec.rules[1].from[0].source.ipBlocks[1]: ", "CIDR"][..],
        ),
        (
            "a port that is none, after good policies",
            vec![good(), good(), deny_to(&json!({"ports": ["http"]}))],
            &["n/p2: spec.rules[0].to[0].operation.ports[0]: ", "port number"],
        ),
        (
            "an empty value",
            vec![deny_to(&json!({"notPaths": [""]}))],
            &["n/p0: spec.rules[0].to[0].operation.notPaths[0]: ", "empty"],
        ),
        (
            "a condition that does not exist",
            vec![deny_when("request.header[x]", &["y"])],
            &[
                "n/p0: spec.rules[0].when[0].key: ",
                "`request.header[x]`",
                "request.headers[",
            ],
        ),
        (
            "a template out of place",
            vec![deny_paths(&["/{*}x"])],
            &["n/p0: spec.rules[0].to[0].operation.paths[0]: "],
        ),
        (
            "an empty source",
            vec![deny_from(&json!({}))],
            &["n/p0: spec.rules[0].from[0].source: ", "match anything"],
        ),
        (
            "a DENY without rules",
            vec![json!({"action": "DENY"})],
            &["n/p0: spec: ", "never trigger"],
        ),
        (
            "CUSTOM",
            vec![json!({"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]})],
            &["CUSTOM", "provider `a`", "`providers`"],
        ),
        (
            "two mistakes",
            vec![
                deny_to(&json!({"ports": ["a"]})),
                good(),
                deny_to(&json!({"ports": ["b"]})),
            ],
            &[
                "n/p0: spec.rules[0].to[0].operation.ports[0]: ",
                "n/p2: spec.rules[0].to[0].operation.ports[0]: ",
            ],
        ),
    ] {
        let error = refusal(module, config(&policies).to_string());
        for word in expected {
            assert!(words(&error).contains(word), "{name}: {word} in {error}");
        }
    }
}

#[test]
fn two_policies_of_one_name_are_refused() {
    let Some(module) = module() else { return };
    let mut config = config(&[deny_paths(&["/x"]), allow_paths(&["/y"])]);
    config["policies"][1]["metadata"] = json!({"namespace": "n", "name": "p0"});
    let error = refusal(module, config.to_string());
    for word in ["n/p0: metadata.name: ", "another policy of this name"] {
        assert!(words(&error).contains(word), "{word} in {error}");
    }
    config["policies"][1]["metadata"] = json!({"namespace": "m", "name": "p0"});
    assert_eq!(decide(module, &config, get("/y")), "allow", "in another namespace");
}

#[test]
fn a_configuration_need_not_have_policies() {
    let Some(module) = module() else { return };
    let config = json!({"apiVersion": "outgate/v1", "revision": "r"});
    assert_eq!(decide(module, &config, get("/")), "allow");
}

#[test]
fn an_object_as_kubectl_prints_it_is_taken() {
    let Some(module) = module() else { return };
    let printed = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": "p",
            "namespace": "n",
            "uid": "1b6c",
            "resourceVersion": "1",
            "generation": 2,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"a": "b"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {
            "selector": {"matchLabels": {"app": "gateway"}},
            "action": "DENY",
            "rules": [{"to": [{"operation": {"paths": ["/x"]}}]}],
        },
        "status": {"conditions": []},
    });
    let config = with(config(&[]), "policies", &json!([printed]));
    assert_eq!(decide(module, &config, get("/x")), "deny");
}

#[test]
fn a_refused_configuration_leaves_the_one_before_deciding() {
    let Some(module) = module() else { return };
    let mut host = start(module, &config(&[deny_paths(&["/x"])]));
    let custom = json!({"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]});
    for refused in [
        String::new(),
        "{}".to_owned(),
        config(&[deny_to(&json!({"ports": ["x"]}))]).to_string(),
        config(&[custom]).to_string(),
    ] {
        assert!(host.reconfigure(&refused).is_err(), "{refused}");
        assert_eq!(decision(&host.request(get("/x"))), "deny", "{refused}");
        assert_eq!(decision(&host.request(get("/y"))), "allow", "{refused}");
    }
}

#[test]
fn a_new_configuration_replaces_the_one_before_as_a_whole() {
    let Some(module) = module() else { return };
    let before = config_in(
        &json!({"numTrustedProxies": 1}),
        &[deny_paths(&["/x"]), allow_paths(&["/*"])],
    );
    let mut host = start(module, &before);
    let after = with(
        config(&[deny_from(&json!({"ipBlocks": ["10.0.0.1"]}))]),
        "revision",
        &json!("r2"),
    );
    host.reconfigure(after.to_string()).unwrap();

    let outcome = host.request(get("/x"));
    assert_eq!(decision(&outcome), "allow", "its policies");
    assert_eq!(outcome.filter_state("wasm.outgate_revision").as_deref(), Some("r2"));
    let direct = get("/")
        .source_address("10.0.0.1:1")
        .header("x-forwarded-for", "10.9.9.9");
    assert_eq!(decision(&host.request(direct)), "deny", "its mesh");
    host.reconfigure(config(&[]).to_string()).unwrap();
    assert_eq!(decision(&host.request(get("/x").source_address("10.0.0.1:1"))), "allow");
}

#[test]
fn thousands_of_policies_are_compiled_within_the_proxys_patience() {
    let Some(module) = module() else { return };
    let specs: Vec<Value> = (0..5_000)
        .map(|number| deny_to(&json!({"hosts": [format!("h{number}.com")], "paths": ["/x*"]})))
        .collect();
    let host = Host::builder(module)
        .configuration(config(&specs).to_string())
        .start()
        .unwrap();
    let fuel = host.start_fuel().iter().map(|(_, fuel)| fuel).sum::<u64>();
    // About an instruction each: a second of a slow core.
    assert!(fuel < 1_000_000_000, "{fuel}");
    assert!(host.memory_size() < 64 << 20, "{}", host.memory_size());
}
