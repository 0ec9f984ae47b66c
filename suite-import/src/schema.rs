//! The schema: which fields each message has, and what they become.
//!
//! The names stand only here. What is known in a message is what was asked for.

use std::num::{NonZeroU32, NonZeroU64};

use crate::error::Problem;
use crate::fields::Fields;
use crate::header::Header;
use crate::model::{
    Delivery, Env, Expectation, Immediate, Input, Invocation, LogLevel, Matcher, Pattern, Placed, Property, Test,
    TestSuite,
};

type Read<T> = Result<T, Problem>;

pub(crate) fn suite(fields: &mut Fields<'_>) -> Read<TestSuite> {
    Ok(TestSuite {
        env: fields.message("env", env)?.unwrap_or_default(),
        tests: fields.messages("test", test)?,
    })
}

fn env(fields: &mut Fields<'_>) -> Read<Env> {
    Ok(Env {
        test_path: path(fields, "test_path")?,
        wasm_path: path(fields, "wasm_path")?,
        config_path: path(fields, "config_path")?,
        log_level: fields.choice("log_level", &LOG_LEVELS)?.flatten(),
        log_path: path(fields, "log_path")?,
        time_secs: fields.integer("time_secs", 0, u64::MAX.into())?,
        num_additional_streams: fields.integer("num_additional_streams", 0, u64::MAX.into())?,
        additional_stream_advance_rate: fields.integer("additional_stream_advance_rate", 0, u64::MAX.into())?,
    })
}

/// In the order of their numbers, from 0.
const LOG_LEVELS: [(&str, Option<LogLevel>); 7] = [
    ("UNDEFINED", None),
    ("TRACE", Some(LogLevel::Trace)),
    ("DEBUG", Some(LogLevel::Debug)),
    ("INFO", Some(LogLevel::Info)),
    ("WARN", Some(LogLevel::Warn)),
    ("ERROR", Some(LogLevel::Error)),
    ("CRITICAL", Some(LogLevel::Critical)),
];

fn test(fields: &mut Fields<'_>) -> Read<Test> {
    let test = Test {
        at: fields.position(),
        name: fields.text("name")?.unwrap_or_default(),
        benchmark: fields.flag("benchmark")?,
        delivery: delivery(fields)?,
        properties: fields.messages("properties", property)?,
        request_headers: fields.message("request_headers", invocation)?,
        request_body: fields.messages("request_body", invocation)?,
        response_headers: fields.message("response_headers", invocation)?,
        response_body: fields.messages("response_body", invocation)?,
        plugin_init: fields.message("plugin_init", expectation)?.unwrap_or_default(),
        stream_init: fields.message("stream_init", expectation)?.unwrap_or_default(),
        stream_destroy: fields.message("stream_destroy", expectation)?.unwrap_or_default(),
    };
    if test.delivery != Delivery::Whole {
        // The tester fails such a test whatever the plugin does.
        fields.at_most_one("request_body", "a body that is delivered in chunks is one invocation")?;
        fields.at_most_one("response_body", "a body that is delivered in chunks is one invocation")?;
    }
    Ok(test)
}

fn delivery(fields: &mut Fields<'_>) -> Read<Delivery> {
    fields.one_of(&["num_chunks", "chunk_size"])?;
    let num_chunks = fields
        .integer("num_chunks", 1, i32::MAX.into())?
        .and_then(NonZeroU32::new);
    let chunk_size = fields
        .integer("chunk_size", 1, i64::MAX.into())?
        .and_then(NonZeroU64::new);
    Ok(match (num_chunks, chunk_size) {
        (Some(count), _) => Delivery::NumChunks(count),
        (None, Some(size)) => Delivery::ChunkSize(size),
        (None, None) => Delivery::Whole,
    })
}

fn property(fields: &mut Fields<'_>) -> Read<Property> {
    let value = fields.bytes("value")?.unwrap_or_default();
    let path = required(fields, "path")?;
    Ok(Property { path, value })
}

fn invocation(fields: &mut Fields<'_>) -> Read<Invocation> {
    Ok(Invocation {
        at: fields.position(),
        input: fields.message("input", input)?.unwrap_or_default(),
        result: fields.message("result", expectation)?.unwrap_or_default(),
    })
}

fn input(fields: &mut Fields<'_>) -> Read<Input> {
    // No oneof in the schema, but its comments say that it is one, and the tester reads only one of them.
    fields.one_of(&["header", "content", "file"])?;
    let headers = fields.messages("header", header)?;
    let content = fields.bytes("content")?.filter(|content| !content.is_empty());
    let file = path(fields, "file")?;
    Ok(match (content, file) {
        (Some(content), _) => Input::Content(content),
        (None, Some(file)) => Input::File(file),
        (None, None) => Input::Headers(headers),
    })
}

fn header(fields: &mut Fields<'_>) -> Read<Header> {
    let value = fields.bytes("value")?.unwrap_or_default();
    let key = required(fields, "key")?;
    Ok(Header { key, value })
}

fn placed_header(fields: &mut Fields<'_>) -> Read<Placed<Header>> {
    let at = fields.position();
    header(fields).map(|value| Placed { at, value })
}

fn expectation(fields: &mut Fields<'_>) -> Read<Expectation> {
    // `no_header` has the type of a header in the schema, and its value is ignored.
    let no_header = fields.messages("no_header", placed_header)?;
    let name_of = |Placed { at, value }: Placed<Header>| Placed { at, value: value.key };
    Ok(Expectation {
        has_header: fields.messages("has_header", placed_header)?,
        no_header: no_header.into_iter().map(name_of).collect(),
        headers: fields.messages("headers", matcher)?,
        body: fields.messages("body", matcher)?,
        immediate: fields.message("immediate", immediate)?,
        log: fields.messages("log", matcher)?,
    })
}

fn immediate(fields: &mut Fields<'_>) -> Read<Immediate> {
    Ok(Immediate {
        at: fields.position(),
        http_status: fields.integer("http_status", 0, u32::MAX.into())?,
        grpc_status: fields.integer("grpc_status", 0, u32::MAX.into())?,
        details: fields.text("details")?,
    })
}

fn matcher(fields: &mut Fields<'_>) -> Read<Matcher> {
    const PATTERNS: [&str; 3] = ["exact", "regex", "file"];
    fields.one_of(&PATTERNS)?;
    let [exact, regex, file] = PATTERNS;
    let invert = fields.flag("invert")?;
    let pattern = match (fields.bytes(exact)?, fields.text(regex)?, fields.text(file)?) {
        (Some(exact), ..) => Pattern::Exact(exact),
        (_, Some(regex), _) => Pattern::Regex(regex),
        (.., Some(file)) => Pattern::File(file),
        (None, None, None) => return Err(fields.incomplete("says nothing to compare with", &PATTERNS)),
    };
    Ok(Matcher {
        at: fields.position(),
        invert,
        pattern,
    })
}

/// A text whose absence the schema cannot tell from an empty one.
fn path(fields: &mut Fields<'_>, name: &'static str) -> Read<Option<String>> {
    Ok(fields.text(name)?.filter(|path| !path.is_empty()))
}

/// A text that must be there. The message's last field: see [`Fields::incomplete`].
fn required(fields: &mut Fields<'_>, name: &'static str) -> Read<String> {
    match fields.text(name)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(fields.incomplete(&format!("needs its `{name}`"), &[name])),
    }
}
