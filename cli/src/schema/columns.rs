//! Cases with tables: any value in them may be `${column}` in place of what it is filled in with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The definition of a column's name.
const COLUMN: &str = "Column";

/// What the names of definitions end with that are for cases with a table.
const OF_TABLE: &str = "OfTable";

/// Lets cases with a table have columns. `case` is the reference to the schema of a case.
pub(super) fn allow(schema: &mut Value, case: &str) {
    let of_case = json!({ "$ref": case });
    let mut names = BTreeSet::new();
    collect(&of_case, schema, &mut names);
    let mut loose: BTreeMap<String, Value> = BTreeMap::new();
    for name in names {
        if let Some(definition) = definition(schema, &name) {
            let mut copy = definition.clone();
            loosen(&mut copy, schema);
            loose.insert(name, copy);
        }
    }
    // Those without any value that may be a column, themselves or in what they lead to, are the same for all cases.
    let mut changed: BTreeSet<String> = BTreeSet::new();
    loop {
        let is_new = |(name, copy): &(&String, &Value)| {
            !changed.contains(*name) && (definition(schema, name) != Some(*copy) || leads_to(copy, &changed))
        };
        let Some((name, _)) = loose.iter().find(is_new) else {
            break;
        };
        changed.insert(name.clone());
    }
    let copies: Map<String, Value> = loose
        .into_iter()
        .filter(|(name, _)| changed.contains(name))
        .map(|(name, mut copy)| {
            rename(&mut copy, &changed);
            (format!("{name}{OF_TABLE}"), copy)
        })
        .collect();
    let choice = json!({
        "if": { "required": ["table"] },
        "then": { "$ref": format!("{case}{OF_TABLE}") },
        "else": of_case,
    });
    replace(schema, &of_case, &choice);
    if let Some(definitions) = schema["definitions"].as_object_mut() {
        definitions.extend(copies);
        definitions.insert(
            COLUMN.to_owned(),
            json!({
                "type": "string",
                "pattern": r"\$\{[^}]*\}",
                "description": "A column of the table, as `${name}`.",
            }),
        );
    }
}

fn definition<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    schema.get("definitions")?.get(name)
}

/// The name that a reference leads to.
fn referred(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.strip_prefix("#/definitions/")
}

/// The names of all definitions that a part of a schema leads to.
fn collect(part: &Value, schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = referred(part)
        && names.insert(name.to_owned())
        && let Some(definition) = definition(schema, name)
    {
        collect(definition, schema, names);
    }
    inner(part).for_each(|inner| collect(inner, schema, names));
}

fn leads_to(part: &Value, names: &BTreeSet<String>) -> bool {
    referred(part).is_some_and(|name| names.contains(name)) || inner(part).any(|inner| leads_to(inner, names))
}

fn inner(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn inner_mut(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// Lets references lead to the definitions for cases with a table.
fn rename(part: &mut Value, names: &BTreeSet<String>) {
    if let Some(name) = referred(part).filter(|name| names.contains(*name)) {
        part["$ref"] = format!("#/definitions/{name}{OF_TABLE}").into();
    }
    inner_mut(part).for_each(|inner| rename(inner, names));
}

fn replace(part: &mut Value, old: &Value, new: &Value) {
    if part == old {
        part.clone_from(new);
    } else {
        inner_mut(part).for_each(|inner| replace(inner, old, new));
    }
}

/// Lets a column stand wherever a value does inside of what a part of a schema describes.
fn loosen(part: &mut Value, schema: &Value) {
    let Some(fields) = part.as_object_mut() else { return };
    for (key, field) in fields {
        match key.as_str() {
            "anyOf" | "allOf" => inner_mut(field).for_each(|shape| loosen(shape, schema)),
            "properties" => {
                for (name, value) in field.as_object_mut().into_iter().flatten() {
                    // The table is read as it stands.
                    if name != "table" {
                        or_column(value, schema);
                    }
                }
            }
            "items" | "additionalProperties" => or_column(field, schema),
            _ => {}
        }
    }
}

fn or_column(value: &mut Value, schema: &Value) {
    loosen(value, schema);
    if value.is_object() && !takes_any_text(value, schema) {
        let mut shape = value.take();
        let description = shape.as_object_mut().and_then(|shape| shape.remove("description"));
        let mut shapes = match shape {
            Value::Object(mut fields) if fields.len() == 1 && fields.contains_key("anyOf") => fields["anyOf"].take(),
            Value::Object(mut fields) if fields.len() == 1 && fields.contains_key("allOf") => fields["allOf"].take(),
            shape => json!([shape]),
        };
        if let Some(shapes) = shapes.as_array_mut() {
            shapes.push(json!({ "$ref": format!("#/definitions/{COLUMN}") }));
        }
        *value = json!({ "anyOf": shapes });
        if let Some(description) = description {
            value["description"] = description;
        }
    }
}

/// Whether a text of any kind fits already.
fn takes_any_text(part: &Value, schema: &Value) -> bool {
    if let Some(definition) = referred(part).and_then(|name| definition(schema, name)) {
        return takes_any_text(definition, schema);
    }
    if let Some(shapes) = part.get("anyOf").and_then(Value::as_array) {
        return shapes.iter().any(|shape| takes_any_text(shape, schema));
    }
    let is_text = match part.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| kind == "string"),
        Some(kind) => kind == "string",
        None => false,
    };
    is_text
        && ["enum", "const", "pattern", "format"]
            .iter()
            .all(|key| part.get(key).is_none())
}
