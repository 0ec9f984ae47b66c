//! `outgate schema`: the JSON Schema of scenario files.
//!
//! It is derived from the types that read them. What it refuses, they refuse, too; they refuse more: what a schema cannot say, such as
//! that a row has as many values as its table has columns, and what would make it hard to read, such as which keys exclude each other.

mod columns;

use std::process::ExitCode;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::arguments::{Schema, SchemaKind};
use crate::failure::{FINE, Failure};
use crate::{filter_scenario, output, scenario};

pub(crate) fn run(arguments: &Schema) -> Result<ExitCode, Failure> {
    output::print_json(&of(arguments.kind))?;
    Ok(FINE)
}

fn of(kind: SchemaKind) -> Value {
    // The draft that editors know.
    let generator = SchemaSettings::draft07().into_generator();
    let (title, mut schema) = match kind {
        SchemaKind::Scenario => ("Scenario of Outgate", Value::from(scenario::schema(generator))),
        SchemaKind::FilterScenario => {
            let (schema, case) = filter_scenario::schema(generator);
            let mut schema = Value::from(schema);
            columns::allow(&mut schema, &case);
            ("FilterScenario of Outgate", schema)
        }
    };
    tidy(&mut schema);
    schema["title"] = title.into();
    schema
}

/// The formats that JSON Schema has a meaning for. Of numbers, the limits say the same.
const FORMATS: [&str; 2] = ["date-time", "regex"];

/// Leaves out what says nothing to an editor, and has descriptions on one line.
fn tidy(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(fields) => {
            fields.retain(|key, value| match key.as_str() {
                "default" => !value.is_null(),
                "format" => value.as_str().is_none_or(|format| FORMATS.contains(&format)),
                _ => true,
            });
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            fields.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
