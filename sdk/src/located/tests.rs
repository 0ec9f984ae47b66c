use std::collections::BTreeMap;

use outgate_policy::FieldPath;
use outgate_policy::resource::AuthorizationPolicy;
use serde::Deserialize;

use super::{Error, Node, Value, parse};
use crate::source::Sources;

fn parse_text(text: &str) -> (Sources, Vec<Node>, Vec<Error>) {
    let mut sources = Sources::default();
    let file = sources.add("a.yaml", text);
    let (documents, errors) = parse(&sources, file);
    (sources, documents, errors)
}

/// `line:column message [help]` of each error.
fn shown(sources: &Sources, errors: &[Error]) -> Vec<String> {
    let show = |error: &Error| {
        let position = sources.place(error.span().expect("a place")).position;
        let help = error.help().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{}:{} {error}{help}", position.line, position.column)
    };
    errors.iter().map(show).collect()
}

#[test]
fn text_that_is_no_yaml_is_refused_where_it_breaks() {
    let deep_flow = "[".repeat(100_000);
    let deep_block = "- ".repeat(100_000);
    let rows = [
        ("tab", "a:\n\tb: 1\n", "2:2 a tab stands in the indentation"),
        ("open list", "a: [1,\nb: 2\n", "1:4 this is no YAML"),
        ("open string", "a: \"b\n", "1:4 this is no YAML"),
        ("bad escape", "a: \"\\q\"\n", "1:4 this is no YAML"),
        ("two kinds of root", "a: 1\n- b\n", "2:"),
        ("unknown alias", "a: *b\n", "1:4 this is no YAML"),
        ("unknown tag", "a: !secret b\n", "1:"),
        ("list as key", "? [a]\n: b\n", "1:3 a key must be a string"),
        (
            "key twice",
            "a: 1\nb: 2\na: 3\n",
            "3:1 the key \"a\" stands twice in this object",
        ),
        (
            "key twice in JSON",
            "{\"a\": 1,\n \"a\": 2}",
            "2:2 the key \"a\" stands twice in this object",
        ),
        ("alias in itself", "a: &a [*a]\n", "1:8 an alias cannot stand inside"),
        ("merging a string", "a: &a x\nb: {<<: *a}\n", "1:"),
        (
            "deep lists",
            &deep_flow,
            "1:256 values are nested deeper than 255 levels",
        ),
        ("deep blocks", &deep_block, "1:"),
        ("half of a pair", "{\"a\": \"\\ud83d\"}", "1:7 this is no YAML"),
        ("NUL", "a: \0\n", "1:4 this is no YAML"),
    ];
    for (name, text, expected) in rows {
        let (sources, documents, errors) = parse_text(text);
        let shown = shown(&sources, &errors);
        assert!(documents.is_empty(), "{name}: {documents:?}");
        assert!(
            shown.first().is_some_and(|first| first.starts_with(expected)),
            "{name}: {shown:?}"
        );
    }
}

#[test]
fn a_key_that_stands_twice_names_both_places() {
    let (sources, _, errors) = parse_text("a: 1\nb:\n  c: 1\n  c: 2\n");
    let (first, label) = errors[0].related().expect("the first place");
    assert_eq!(label, "first here");
    assert_eq!(sources.place(first).to_string(), "a.yaml:3:3");
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let (sources, documents, errors) = parse_text("a: 1\n---\nb: [\n---\nc: 3\n---\nd: 1\nd: 2\n");
    assert_eq!(documents.len(), 2);
    assert!(documents[1].get("c").is_some());
    assert_eq!(errors.len(), 2, "{:?}", shown(&sources, &errors));
}

#[test]
fn documents() {
    let rows = [
        ("nothing", "", 0),
        ("comments", "# a\n---\n# b\n---\n", 0),
        ("one", "a: 1\n", 1),
        ("two and an empty one", "a: 1\n---\n---\nb: 2\n...\n", 2),
        ("byte order mark", "\u{feff}a: 1\n", 1),
        ("line breaks of Windows", "a: 1\r\n---\r\nb: 2\r\n", 2),
        ("directive", "%YAML 1.1\n---\na: 1\n", 1),
        ("JSON with tabs", "{\n\t\"a\": [\n\t\t1,\n\t\t{\"b\":\t2}\n\t]\n}\n", 1),
        ("JSON lines as one stream", "{\"a\": 1}\n---\n{\"a\": 2}\n", 2),
        ("JSON escapes", "{\"a\": \"\\ud83d\\ude00 \\/ \\u00e9\"}", 1),
    ];
    for (name, text, expected) in rows {
        let (sources, documents, errors) = parse_text(text);
        assert_eq!(shown(&sources, &errors), Vec::<String>::new(), "{name}");
        assert_eq!(documents.len(), expected, "{name}");
    }
}

#[test]
fn aliases_and_merges_are_followed() {
    let (_, documents, errors) = parse_text(
        "base: &b {v: one, w: two}\nlist: [*b, *b]\nmerged:\n  <<: *b\n  w: other\nboth: {<<: [{z: 1}, *b]}\n",
    );
    assert_eq!(errors, []);
    let merged: BTreeMap<String, String> = documents[0].get("merged").unwrap().read().unwrap();
    assert_eq!(
        merged,
        BTreeMap::from([("v".into(), "one".into()), ("w".into(), "other".into())])
    );
    assert_eq!(documents[0].get("both").unwrap().entries().len(), 3);
    assert!(matches!(&documents[0].get("list").unwrap().value, Value::List(items) if items.len() == 2));
}

#[test]
fn aliases_cannot_blow_a_text_up() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let long = format!(
        "a: &a \"{}\"\nb: [{}]\n",
        "x".repeat(1 << 20),
        vec!["*a"; 1000].join(", ")
    );
    let mut nested = "a0: &a0 [x]\n".to_owned();
    for level in 1..1000 {
        nested += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    let rows = [
        ("billion laughs", &laughs, "aliases blow this text up"),
        ("long string", &long, "aliases blow this text up"),
        ("deep nesting", &nested, "aliases nest values deeper than 255 levels"),
    ];
    for (name, text, expected) in rows {
        let (_, documents, errors) = parse_text(text);
        assert!(documents.is_empty(), "{name}");
        assert!(errors[0].message().starts_with(expected), "{name}: {errors:?}");
    }
}

#[test]
fn large_texts_are_read_and_huge_ones_refused() {
    let item = r#"{"kind": "AuthorizationPolicy", "metadata": {"name": "p"}, "spec": {"rules": [{}]}}"#;
    let count = (30 << 20) / item.len();
    let text = format!("[{}]", vec![item; count].join(",\n"));
    let (_, documents, errors) = parse_text(&text);
    assert_eq!(errors, []);
    assert!(matches!(&documents[0].value, Value::List(items) if items.len() == count));

    let (_, _, errors) = parse_text(&" ".repeat(Sources::LARGEST + 1));
    assert_eq!(errors[0].message(), "the text is larger than 64 MiB");
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "only whether and where reading fails matters here")]
struct Sample {
    #[serde(default)]
    ports: Option<Vec<String>>,
    #[serde(default)]
    number: Option<u16>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    inner: Option<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Mode {
    AllowAny,
    RegistryOnly,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only whether and where reading fails matters here")]
struct Inner {
    name: String,
}

#[test]
fn values_that_do_not_fit_are_refused_where_they_stand() {
    let rows = [
        (
            "ports: [80]",
            "1:9 expected a string, found the number `80` [quote it: \"80\"]",
            "ports[0]",
        ),
        (
            "ports:\n- on",
            "2:3 expected a string, found the boolean `on` [quote it: \"on\"]",
            "ports[0]",
        ),
        ("ports: [null]", "1:9 expected a string, found null", "ports[0]"),
        (
            "ports: \"80\"",
            "1:8 expected a list, found the string \"80\" [put it in brackets, or on a line of its own after `- `]",
            "ports",
        ),
        ("ports: {a: b}", "1:8 expected a list, found an object", "ports"),
        (
            "number: \"80\"",
            "1:9 expected an integer, found the string \"80\" [leave the quotes out: 80]",
            "number",
        ),
        (
            "number: 70000",
            "1:9 invalid value: integer `70000`, expected u16",
            "number",
        ),
        (
            "number: 1.5",
            "1:9 expected an integer, found the number `1.5`",
            "number",
        ),
        (
            "enabled: maybe",
            "1:10 expected a boolean, found the string \"maybe\"",
            "enabled",
        ),
        (
            "labels: {a: 1}",
            "1:13 expected a string, found the number `1` [quote it: \"1\"]",
            "labels.a",
        ),
        (
            "labels: {on: a}",
            "1:10 the key `on` is not a string [quote it: \"on\"]",
            "labels",
        ),
        (
            "labels: []",
            "1:9 expected an object, found a list [leave the `-` out]",
            "labels",
        ),
        (
            "prots: []",
            "1:1 unknown field `prots` [did you mean `ports`?]",
            "prots",
        ),
        (
            "uri: []",
            "1:1 unknown field `uri` [the fields here are `ports`, `number`, `enabled`, `labels`, `mode` and `inner`]",
            "uri",
        ),
        (
            "mode: REGISTRY",
            "1:7 unknown value `REGISTRY` [the values here are `ALLOW_ANY` and `REGISTRY_ONLY`]",
            "mode",
        ),
        (
            "mode: ALLOW_ANNY",
            "1:7 unknown value `ALLOW_ANNY` [did you mean `ALLOW_ANY`?]",
            "mode",
        ),
        (
            "mode: 1",
            "1:7 expected a string, found the number `1` [the values here are `ALLOW_ANY` and `REGISTRY_ONLY`]",
            "mode",
        ),
        ("inner: {}", "1:8 the field `name` is required", "inner"),
        (
            "inner: a",
            "1:8 expected an object, found the string \"a\" [its fields are `name`]",
            "inner",
        ),
        (
            "a",
            "1:1 expected an object, found the string \"a\" [its fields are `ports`, `number`, `enabled`, `labels`, `mode` and `inner`]",
            "",
        ),
    ];
    for (text, expected, path) in rows {
        let (sources, documents, errors) = parse_text(text);
        assert_eq!(errors, [], "{text}");
        let error = documents[0].read::<Sample>().expect_err(text);
        assert_eq!(shown(&sources, std::slice::from_ref(&error)), [expected], "{text}");
        assert_eq!(error.path().to_string(), path, "{text}");
    }
}

#[test]
fn null_is_as_good_as_absent() {
    let (_, documents, _) = parse_text("ports: null\nnumber: ~\nenabled:\nlabels: null\nmode: null\ninner: null\n");
    let sample: Sample = documents[0].read().expect("a sample");
    assert!(sample.ports.is_none() && sample.inner.is_none());
}

#[test]
fn a_field_is_found_by_its_path() {
    let (sources, documents, _) = parse_text(
        "metadata:\n  name: a\n  annotations: {\"istio.io/dry-run\": \"x\"}\nspec:\n  rules:\n  - to:\n    - operation:\n        paths: [\"/a\", \"/b\"]\n",
    );
    let root = FieldPath::root();
    let operation = root
        .field("spec")
        .field("rules")
        .index(0)
        .field("to")
        .index(0)
        .field("operation");
    let rows = [
        (root.clone(), "1:1"),
        (root.field("metadata").field("name"), "2:9"),
        (
            root.field("metadata").field("annotations").field("istio.io/dry-run"),
            "3:37",
        ),
        (root.field("spec"), "4:1"),
        (root.field("spec").field("rules").index(0), "6:5"),
        (operation.field("paths"), "8:9"),
        (operation.field("paths").index(1), "8:23"),
        (operation.field("paths").index(7), "8:9"),
        (operation.field("hosts").index(0), "7:7"),
    ];
    for (path, expected) in rows {
        let place = sources.place(documents[0].span_at(&path)).to_string();
        assert_eq!(place, format!("a.yaml:{expected}"), "{path}");
    }
    assert_eq!(
        documents[0]
            .at(&operation.field("paths").index(1))
            .and_then(Node::as_str),
        Some("/b")
    );
    assert!(documents[0].at(&operation.field("hosts")).is_none());
}

#[test]
fn text_in_text_keeps_its_places() {
    let rows = [
        (
            "data:\n  mesh: |\n    a: 1\n    b:\n      c: oops\nz: 1\n",
            "a.yaml:5:10",
        ),
        ("data:\n  mesh: |-\n\n    # ü\n    b:\n      c: oops", "a.yaml:6:10"),
        ("data:\r\n  mesh: |\r\n    b:\r\n      c: oops\r\n", "a.yaml:4:10"),
        ("data:\n  mesh: \"b: {c: oops}\"\n", "a.yaml:2:9"),
        ("data:\n  mesh: >\n    b: {c: oops}\n", "a.yaml:3:5"),
    ];
    for (text, expected) in rows {
        let (sources, documents, _) = parse_text(text);
        let (inner, errors) = documents[0]
            .get("data")
            .unwrap()
            .get("mesh")
            .unwrap()
            .parse_text(&sources);
        assert_eq!(errors, [], "{text}");
        let path = FieldPath::root().field("b").field("c");
        assert_eq!(sources.place(inner[0].span_at(&path)).to_string(), expected, "{text}");
    }
    let (sources, documents, _) = parse_text("mesh: |\n  a: 1\n  b: [\n");
    let (_, errors) = documents[0].get("mesh").unwrap().parse_text(&sources);
    assert_eq!(sources.place(errors[0].span().unwrap()).to_string(), "a.yaml:3:6");
}

#[test]
fn policies_of_every_notation_are_the_same() {
    let yaml = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: ns}\nspec:\n  action: DENY\n  rules:\n  - to:\n    - operation:\n        paths: [/a]\n        ports: ['80']\n";
    let json = r#"{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"name":"p","namespace":"ns"},"spec":{"action":"DENY","rules":[{"to":[{"operation":{"ports":["80"],"paths":["/a"]}}]}]}}"#;
    let read = |text: &str| {
        let (_, documents, errors) = parse_text(text);
        assert_eq!(errors, []);
        serde_json::to_string(&documents[0].read::<AuthorizationPolicy>().expect("a policy")).expect("JSON")
    };
    assert_eq!(read(yaml), read(json));
    assert_eq!(read(yaml), json);
}

#[test]
fn a_value_is_put_in_place_and_points_at_where_it_came_from() {
    let (sources, mut documents, _) = parse_text("a: {b: 1}\nc: two\n");
    let value = documents[0].get("c").expect("a value").clone();
    documents[0].set_at(&["a", "b"], value.clone());
    documents[0].set_at(&["x", "y"], value);
    let read = |keys: [&str; 2]| documents[0].get(keys[0]).and_then(|node| node.get(keys[1]));
    for keys in [["a", "b"], ["x", "y"]] {
        let node = read(keys).expect("the value");
        assert_eq!(node.as_str(), Some("two"));
        assert_eq!(sources.place(node.span).to_string(), "a.yaml:2:4");
    }
}
