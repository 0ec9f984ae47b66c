use crate::input::Input;
use crate::manifest::Manifests;

fn rendered(text: &str) -> String {
    let text = text.to_owned();
    let name = "a.yaml".to_owned();
    let (manifests, mut diagnostics) = Manifests::load(&[Input::Text { name, text }]);
    diagnostics.extend(manifests.lint());
    diagnostics.sort();
    diagnostics.render(manifests.sources(), false)
}

const HEAD: &str =
    "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: deny\n  namespace: prod\nspec:\n";

#[test]
fn a_misspelt_field() {
    let text = format!("{HEAD}  action: DENY\n  rules:\n  - to:\n    - operation:\n        notPahts: [\"/a\"]\n");
    insta::assert_snapshot!(rendered(&text));
}

#[test]
fn a_number_for_a_string() {
    let text = format!("{HEAD}  action: DENY\n  rules:\n  - to:\n    - operation:\n        ports: [8080, 80]\n");
    insta::assert_snapshot!(rendered(&text));
}

#[test]
fn violations_and_lints() {
    let text = format!(
        "{HEAD}  action: DENY\n  rules:\n  - to:\n    - operation:\n        paths: [\"/a/{{b}}\"]\n    when:\n    - key: \
         request.hedaers[x]\n      values: [a]\n---\n{}  action: DENY\n  rules:\n  - to:\n    - operation:\n        hosts: \
         [test.com]\n        ports: [\"443\"]\n",
        HEAD.replace("deny", "other")
    );
    insta::assert_snapshot!(rendered(&text));
}

#[test]
fn a_key_twice() {
    insta::assert_snapshot!(rendered("kind: A\napiVersion: b/v1\nkind: C\n"));
}

#[test]
fn a_tab() {
    insta::assert_snapshot!(rendered("kind: A\nmetadata:\n\tname: a\n"));
}

#[test]
fn one_long_line() {
    let rules = vec![r#"{"to":[{"operation":{"paths":["/a"]}}]}"#; 400].join(",");
    let text = format!(
        r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{{"name":"p"}},"spec":{{"rules":[{rules},{{"to":[{{"operation":{{"ports":[80]}}}}]}}]}}}}"#
    );
    insta::assert_snapshot!(rendered(&text));
}

#[test]
fn records_have_everything_a_machine_needs() {
    let text = format!(
        "{HEAD}  action: DENY\n  rules:\n  - to:\n    - operation:\n        hosts: [test.com]\n        ports: [\"1\"]\n"
    );
    let name = "a.yaml".to_owned();
    let (manifests, _) = Manifests::load(&[Input::Text { name, text }]);
    let records = manifests.lint().records(manifests.sources());
    let json = serde_json::to_value(&records).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "warning",
            "code": "OG002",
            "message": "the host is compared with its port: this does not match when the client names one",
            "file": "a.yaml",
            "line": 11,
            "column": 17,
            "policy": "prod/deny",
            "field": "spec.rules[0].to[0].operation.hosts[0]",
            "help": "add `test.com:*`",
        }])
    );
}

#[test]
fn findings_are_counted() {
    let (_, diagnostics) = Manifests::load(&["absent.yaml".into(), "missing.yaml".into()]);
    assert_eq!((diagnostics.errors(), diagnostics.warnings()), (2, 0));
    assert_eq!(diagnostics.summary(), "2 errors");
}
