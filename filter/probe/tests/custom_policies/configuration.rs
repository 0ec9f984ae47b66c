//! What is said of configurations that are refused, and where in them it is.

use outgate_test_host::{LogLevel, Phase, StartFailure};
use serde_json::{Value, json};

use crate::probes::{builder, config, idle, start};

/// The line by which the filter says why it refuses a configuration.
fn refusal(configuration: &str) -> String {
    let Err(error) = builder(&Value::Null).configuration(configuration).start() else {
        panic!("it is taken: {configuration}");
    };
    assert!(
        matches!((error.phase, &error.reason), (Phase::Configure, StartFailure::Refused)),
        "{error}"
    );
    match error.logs.as_slice() {
        [line] if line.level == LogLevel::Error => line.message.clone(),
        _ => panic!("{error}"),
    }
}

#[test]
fn what_does_not_fit_the_type_is_told_with_its_place() {
    for (first, expected) in [
        (
            json!({"casses": []}),
            &[
                "extensions.first.casses: unknown field, expected one of `cases`, `isTalkative`",
                "line 1, column ",
            ][..],
        ),
        (
            json!({"cases": [{"path": "/", "answer": "allow", "steps": [{"logField": {"name": "a", "value": "b", "x": 1}}]}]}),
            &["extensions.first.cases[0].steps[0].logField.x: unknown field, expected one of `name`, `value`"],
        ),
        (
            json!({"cases": [{"path": "/"}]}),
            &["extensions.first.cases[0]: missing field `answer`"],
        ),
        (
            json!({"cases": [{"path": "/", "answer": "perhaps"}]}),
            &["extensions.first.cases[0].answer: unknown variant `perhaps`, expected one of `abstain`, `allow`"],
        ),
        (
            json!({"cases": [{"path": "/", "answer": {"deny": {"reason": 1}}}]}),
            &["extensions.first.cases[0].answer.deny.reason: expected a string, not 1"],
        ),
        (
            json!({"cases": [{"path": "/", "answer": {"deny": {"reason": "a"}, "allow": null}}]}),
            &["extensions.first.cases[0].answer", "expected one variant"],
        ),
        (
            json!({"cases": "all"}),
            &["extensions.first.cases: expected a sequence, not \"all\""],
        ),
        (
            json!({"isTalkative": "yes"}),
            &["extensions.first.isTalkative: expected a boolean, not \"yes\""],
        ),
        (
            json!({"share": "half"}),
            &["extensions.first.share: expected f64, not \"half\""],
        ),
        (json!({"small": 256}), &["extensions.first.small: expected u8, not 256"]),
        (json!({"small": -1}), &["extensions.first.small: expected u8, not -1"]),
        (json!({"small": 1.5}), &["extensions.first.small: expected u8, not 1.5"]),
        (
            json!({"table": [[1, 2], [3, true]]}),
            &["extensions.first.table[1][1]: expected i32, not true"],
        ),
        (
            json!({"table": [[1], 2]}),
            &["extensions.first.table[1]: expected a sequence, not 2"],
        ),
        (
            json!({"level": {"high": {"below": 1}}}),
            &["extensions.first.level.high"],
        ),
        (
            json!({"hosts": ["a.com", "b.com:443"]}),
            &["extensions.first.hosts[1]: a host is compared in its canonical form"],
        ),
        (json!({"hosts": [""]}), &["extensions.first.hosts[0]: a host is `name`"]),
        (
            json!({"principals": ["spiffe://td/ns/a/sa/b"]}),
            &["extensions.first.principals[0]: a principal is written without `spiffe://`"],
        ),
        (
            json!({"cases": [{"path": "/", "answer": {"deny": {"reason": "a", "header": ["b", "c", "d"]}}}]}),
            &["extensions.first.cases[0].answer.deny.header[2]: expected no more elements"],
        ),
        (
            json!({"cases": [{"path": "/", "answer": {"deny": {"reason": "a", "header": ["b"]}}}]}),
            &["extensions.first.cases[0].answer.deny.header", "tuple of size 2"],
        ),
        (
            json!({"table": {"a": [1]}}),
            &["extensions.first.table: expected a sequence, not an object"],
        ),
        (json!([]), &["extensions.first: ", "not a list"]),
        (json!(1), &["extensions.first: ", "not 1"]),
    ] {
        let said = refusal(&config(first.clone(), idle(), idle()).to_string());
        for word in expected {
            assert!(said.contains(word), "{first}: {word} in {said}");
        }
    }
}

#[test]
fn lines_and_columns_are_those_of_the_text() {
    let text = "{\"apiVersion\": \"outgate/v1\", \"revision\": \"r\",\n \"extensions\": {\n  \"first\": {\"small\": 1,\n    \"smal\": 2}}}";
    let said = refusal(text);
    assert!(said.ends_with("at line 4, column 13"), "{said}");
    assert!(said.contains("extensions.first.smal: unknown field"), "{said}");
}

#[test]
fn what_a_policy_refuses_is_told_with_its_path() {
    for (first, expected) in [
        (
            json!({"cases": [{"path": "/", "answer": "allow"}, {"path": "x", "answer": "allow"}]}),
            "the configuration is refused: extensions.first.cases[1].path: a path begins with `/`",
        ),
        (
            json!({"level": {"high": {"above": 0}}}),
            "the configuration is refused: extensions.first: a high level is above something",
        ),
    ] {
        assert_eq!(refusal(&config(first, idle(), idle()).to_string()), expected);
    }
}

#[test]
fn each_policy_is_configured_once_and_by_its_name() {
    let without = |names: &[&str]| {
        let mut config = config(idle(), idle(), idle());
        for name in names {
            config["extensions"].as_object_mut().expect("an object").remove(*name);
        }
        config
    };
    let mut unknown = config(idle(), idle(), idle());
    unknown["extensions"]["fourth"] = json!({});
    let twice = config(idle(), idle(), idle())
        .to_string()
        .replace("\"second\":", "\"first\":");
    let mut none = without(&[]);
    none.as_object_mut().expect("an object").remove("extensions");
    let mut list = without(&[]);
    list["extensions"] = json!(["first"]);
    for (name, configuration, expected) in [
        (
            "one is missing",
            without(&["second"]).to_string(),
            "extensions.second is missing",
        ),
        (
            "two are",
            without(&["second", "third"]).to_string(),
            "extensions.second is missing",
        ),
        ("all are", none.to_string(), "extensions.first is missing"),
        (
            "one is not in the module",
            unknown.to_string(),
            "this module has no custom policy `fourth`; it has first, second, third",
        ),
        ("one is there twice", twice, "`first` is there twice"),
        (
            "there is a list",
            list.to_string(),
            "extensions: expected the configurations of custom policies, by name, not a list",
        ),
    ] {
        let said = refusal(&configuration);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn every_type_that_serde_has_can_be_configured() {
    let first = json!({
        "cases": [],
        "isTalkative": false,
        "share": 0.25,
        "small": 255,
        "level": {"high": {"above": 1}},
        "table": [[], [-1, 2]],
        "hosts": ["A.com", "*.b.com"],
        "principals": ["td/ns/a/*"],
    });
    for share in [json!(1), json!(-1), json!(1e3), Value::Null] {
        let mut first = first.clone();
        first["share"] = share;
        start(&config(first, idle(), idle()));
    }
    start(&config(json!({"level": "low"}), idle(), idle()));
}
