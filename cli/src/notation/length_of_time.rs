//! Lengths of time, for the schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// What `outgate_sdk::manifest::Period` reads.
pub(crate) struct LengthOfTime;

impl JsonSchema for LengthOfTime {
    fn schema_name() -> Cow<'static, str> {
        "LengthOfTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time, such as `5s`, `1m30s` or `250ms`.",
            "examples": ["250ms"],
        })
    }
}
