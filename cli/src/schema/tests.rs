//! The schemas beside the readers: what the schema refuses, the reader refuses, and of what is a mistake in the shape of a document,
//! both are sure.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use outgate_sdk::located::{self, Node};
use outgate_sdk::source::Sources;
use serde_json::{Map, Value, json};

use super::of;
use crate::arguments::SchemaKind;
use crate::filter_scenario::FilterScenario;
use crate::scenario::Scenario;
use crate::test::documents::Found;

const KINDS: [(SchemaKind, &str); 2] = [
    (SchemaKind::FilterScenario, "filter-scenario.json"),
    (SchemaKind::Scenario, "scenario.json"),
];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_published_schemas_are_those_of_the_readers() {
    for (kind, file) in KINDS {
        let path = project().join("docs/schema").join(file);
        let derived = format!("{}\n", serde_json::to_string_pretty(&of(kind)).unwrap());
        if std::env::var_os("OUTGATE_UPDATE").is_some_and(|update| update == "1") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &derived).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == derived,
            "docs/schema/{file} is not what `outgate schema` prints; OUTGATE_UPDATE=1 on this test writes it"
        );
    }
}

/// A schema and the reader that it is for.
struct Pair {
    kind: SchemaKind,
    validator: Validator,
}

impl Pair {
    fn new(kind: SchemaKind) -> Self {
        let validator = jsonschema::validator_for(&of(kind)).expect("a schema");
        Self { kind, validator }
    }

    /// What the schema says against a document.
    fn of_schema(&self, document: &Value) -> Result<(), String> {
        self.validator
            .validate(document)
            .map_err(|error| format!("{error} at {}", error.instance_path()))
    }

    /// What the reader says against a document.
    fn of_reader(&self, document: &Value) -> Result<(), String> {
        let mut sources = Sources::default();
        // JSON is YAML.
        let id = sources.add("s.yaml", document.to_string());
        let (mut documents, errors) = located::parse(&sources, id);
        assert!(errors.is_empty(), "{errors:?}: {document}");
        let found = Found {
            file: "s.yaml".into(),
            node: documents.remove(0),
            sources,
        };
        let refused = match self.kind {
            SchemaKind::FilterScenario => FilterScenario::read(found).err(),
            SchemaKind::Scenario => Scenario::read(found).err(),
        };
        refused.map_or(Ok(()), |(diagnostic, _)| Err(diagnostic.message().to_owned()))
    }
}

/// The documents in a YAML file that are of this kind.
fn documents(path: &Path, kind: &str) -> Vec<Value> {
    let mut sources = Sources::default();
    let id = sources.add(path.display().to_string(), fs::read_to_string(path).unwrap());
    let (documents, errors) = located::parse(&sources, id);
    assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    let of_kind = documents
        .iter()
        .filter(|node| node.get("kind").and_then(Node::as_str) == Some(kind));
    of_kind.map(|node| node.read::<Value>().unwrap()).collect()
}

#[test]
fn the_examples_are_what_the_schemas_describe() {
    let mut count = 0;
    for (kind, name, directories) in [
        (
            SchemaKind::FilterScenario,
            "FilterScenario",
            &["examples/filter-scenario", "cli/src/schema"][..],
        ),
        (
            SchemaKind::Scenario,
            "Scenario",
            &["examples/asm-egress-gateway", "cli/src/schema"],
        ),
    ] {
        let pair = Pair::new(kind);
        for directory in directories {
            for entry in fs::read_dir(project().join(directory)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "yaml") {
                    continue;
                }
                for document in documents(&path, name) {
                    assert_eq!(pair.of_schema(&document), Ok(()), "{}", path.display());
                    assert_eq!(pair.of_reader(&document), Ok(()), "{}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 5, "only {count} examples were found");
}

#[test]
fn only_cases_with_a_table_have_columns() {
    let pair = Pair::new(SchemaKind::FilterScenario);
    let document = everything(SchemaKind::FilterScenario);
    let with_column = |case: usize| {
        let mut changed = document.clone();
        changed["spec"]["cases"][case]["response"]["status"] = json!("${status}");
        (pair.of_schema(&changed).is_ok(), pair.of_reader(&changed).is_ok())
    };
    let has_table = |case: usize| document["spec"]["cases"][case].get("table").is_some();
    assert_eq!((has_table(0), with_column(0)), (false, (false, false)));
    assert_eq!((has_table(3), with_column(3)), (true, (true, true)));
}

/// A document with every field.
fn everything(kind: SchemaKind) -> Value {
    let (file, name) = match kind {
        SchemaKind::FilterScenario => ("everything.filter-scenario.yaml", "FilterScenario"),
        SchemaKind::Scenario => ("everything.scenario.yaml", "Scenario"),
    };
    documents(&project().join("cli/src/schema").join(file), name).remove(0)
}

#[test]
fn the_document_with_everything_has_every_field_of_the_schema() {
    for (kind, _) in KINDS {
        let (schema, document) = (of(kind), everything(kind));
        let mut missing = Vec::new();
        let definitions = schema["definitions"].as_object().unwrap();
        for (name, definition) in definitions.iter().filter(|(name, _)| *name != "Metadata") {
            let fields = definition["properties"].as_object().into_iter().flatten();
            missing.extend(
                fields
                    .map(|(field, _)| field)
                    .filter(|field| !has_key(&document, field))
                    .map(|field| format!("{name}.{field}")),
            );
        }
        assert!(missing.is_empty(), "{kind:?}: {missing:?}");
    }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_key(item, key)),
        Value::Object(fields) => fields.contains_key(key) || fields.values().any(|field| has_key(field, key)),
        _ => false,
    }
}

/// One value of each type. The text is one that no text with a form of its own has.
fn samples() -> [Value; 8] {
    [
        json!("?!"),
        json!(true),
        json!(7),
        json!(-7),
        json!(1.5),
        json!([{}]),
        json!({ "nonsense": 1 }),
        Value::Null,
    ]
}

/// All places in a value, as JSON pointers.
fn places(value: &Value, place: &str, places_found: &mut Vec<String>) {
    places_found.push(place.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{place}/{index}"), places_found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(field, &format!("{place}/{key}"), places_found);
            }
        }
        _ => {}
    }
}

/// Puts every sample in the place of every value, and an unknown key into every object.
#[test]
fn what_a_schema_refuses_the_reader_refuses_and_mistakes_of_shape_both() {
    for (kind, _) in KINDS {
        let (pair, document) = (Pair::new(kind), everything(kind));
        assert_eq!(pair.of_schema(&document), Ok(()));
        assert_eq!(pair.of_reader(&document), Ok(()));
        let mut found = Vec::new();
        places(&document, "", &mut found);
        let (mut both, mut reader_alone) = (0, Vec::new());
        // What stands around `spec` is looked at before the reader is asked.
        for place in found.iter().filter(|place| place.starts_with("/spec")) {
            let mut mutants: Vec<Value> = samples().into_iter().collect();
            if let Some(fields) = document.pointer(place).and_then(Value::as_object) {
                let mut more: Map<String, Value> = fields.clone();
                more.insert("nonsense".to_owned(), 1.into());
                mutants.push(more.into());
            }
            for mutant in mutants {
                let mut changed = document.clone();
                *changed.pointer_mut(place).unwrap() = mutant.clone();
                match (pair.of_schema(&changed), pair.of_reader(&changed)) {
                    (Err(_), Err(_)) => both += 1,
                    (Ok(()), Ok(())) => {}
                    (Err(schema), Ok(())) => {
                        panic!("{kind:?}: only the schema refuses {mutant} at {place}: {schema}")
                    }
                    (Ok(()), Err(reader)) => reader_alone.push(format!("{mutant} at {place}: {reader}")),
                }
            }
        }
        let strangers: Vec<&String> = reader_alone
            .iter()
            .filter(|refusal| !is_beyond_schema(refusal))
            .collect();
        assert!(
            strangers.is_empty(),
            "{kind:?}: only the reader refuses\n{strangers:#?}"
        );
        assert!(both > found.len(), "{kind:?}: both refuse only {both}");
    }
}

/// Whether a refusal of the reader is about something that the schema does not say: what fills a table, and what goes with what, where
/// null counts as not there.
fn is_beyond_schema(refusal: &str) -> bool {
    [
        "/table",
        "is no length of time",
        "invalid IP address syntax",
        "this says nothing",
        "one of `",
        "cannot stand together",
        "`callout` goes with `reply` or `fail`",
        "`action` is for steps that deliver something",
        "`refused` is for a case that has `config`",
        "nothing comes after the end of a message",
        "there is no worker",
    ]
    .iter()
    .any(|words| refusal.contains(words))
}
