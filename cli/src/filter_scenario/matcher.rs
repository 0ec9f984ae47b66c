//! What is expected of a text.

use std::borrow::Cow;
use std::path::Path;
use std::{fmt, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outgate_policy::FieldPath;
use regex::Regex;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use super::difference::{Difference, Remedy};
use super::values::{Base64, also_null};
use crate::notation::{Shapes, read_by_shape};

/// An expectation of a text: the text itself, or what has to be so of it.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Exact(String),
    Such(Box<Conditions>),
}

/// All that are given have to hold.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct Conditions {
    /// This is a part of it.
    #[serde(default)]
    contains: Option<String>,
    /// A part of it is like this regular expression, in the syntax of Rust's `regex`; `^` and `$` tie it to the ends.
    #[serde(default)]
    regex: Option<Pattern>,
    /// `true`: it is not there at all. `false`: it is there, whatever it is.
    #[serde(default)]
    absent: Option<bool>,
    /// One of these holds.
    #[serde(default)]
    any_of: Option<Vec<Matcher>>,
    /// It is JSON that has this value, however it is spaced and ordered; 1 and 1.0 are the same number.
    #[serde(default, deserialize_with = "also_null")]
    json: Option<Value>,
    /// It is JSON that has at least these fields; lists are compared whole.
    #[serde(default, deserialize_with = "also_null")]
    json_contains: Option<Value>,
    /// It is these bytes, in base64.
    #[serde(default)]
    base64: Option<Base64>,
    /// It is what this file has, beside the scenario. `--update` writes it.
    #[serde(default)]
    file: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl<'de> Shapes<'de> for Pattern {
    const EXPECTED: &'static str = "a regular expression";

    fn shapes(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({"type": "string", "format": "regex"})]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Regex::new(text).map(Self).map_err(|error| {
            // The engine's own message shows the expression over several lines; its last says what is wrong.
            let message = error.to_string();
            let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            E::custom(format_args!("this is no regular expression: {reason}"))
        })
    }
}

impl<'de> Shapes<'de> for Matcher {
    const EXPECTED: &'static str = "a text, or an object such as `{contains: …}`, `{regex: …}` or `{absent: true}`";

    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({"type": "string"}),
            generator.subschema_for::<Conditions>(),
        ]
    }

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Exact(text.to_owned()))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let conditions = Conditions::deserialize(object)?;
        match conditions.mistake() {
            Some(mistake) => Err(D::Error::custom(mistake)),
            None => Ok(Self::Such(Box::new(conditions))),
        }
    }
}

read_by_shape!(Pattern, Matcher);

impl Matcher {
    /// Whether a text is as expected; `None` is one that is not there. Files stand in `directory`.
    pub(super) fn fits(&self, found: Option<&[u8]>, directory: &Path) -> bool {
        match self {
            Self::Exact(text) => found == Some(text.as_bytes()),
            Self::Such(conditions) => conditions.hold(found, directory),
        }
    }

    /// What is not as expected, if it is not.
    pub(super) fn difference(&self, field: FieldPath, found: Option<&[u8]>, directory: &Path) -> Option<Difference> {
        if self.fits(found, directory) {
            return None;
        }
        if let (Self::Such(conditions), Some(found)) = (self, found)
            && let Some(name) = &conditions.file
            && let Some(difference) = Difference::from_file(field.clone(), name, directory, found)
        {
            return Some(difference);
        }
        let text = found.and_then(|found| std::str::from_utf8(found).ok());
        let remedy = text.filter(|_| matches!(self, Self::Exact(_)));
        Some(Difference {
            remedy: remedy.map(|text| Remedy::Text(text.to_owned())),
            ..Difference::new(field, self.to_string(), shown(found))
        })
    }
}

impl Conditions {
    /// What of them could never hold, or never fail.
    fn mistake(&self) -> Option<&'static str> {
        let others = [
            self.contains.is_some(),
            self.regex.is_some(),
            self.any_of.is_some(),
            self.json.is_some(),
            self.json_contains.is_some(),
            self.base64.is_some(),
            self.file.is_some(),
        ];
        let has_others = others.contains(&true);
        match self.absent {
            None if !has_others => {
                Some("this says nothing; write what has to be so, such as `{contains: …}` or `{absent: true}`")
            }
            Some(true) if has_others => {
                Some("`absent: true` cannot stand with others: what is not there has nothing in it")
            }
            _ if self.any_of.as_ref().is_some_and(Vec::is_empty) => Some("`anyOf` needs at least one to hold"),
            _ => None,
        }
    }

    fn hold(&self, found: Option<&[u8]>, directory: &Path) -> bool {
        fn given<T>(condition: Option<&T>, holds: impl FnOnce(&T) -> bool) -> bool {
            condition.is_none_or(holds)
        }
        let of_bytes = |holds: &dyn Fn(&[u8]) -> bool| found.is_some_and(holds);
        let json = || found.and_then(|found| serde_json::from_slice::<Value>(found).ok());
        given(self.absent.as_ref(), |absent| *absent == found.is_none())
            && given(self.contains.as_ref(), |part| {
                of_bytes(&|bytes| has_part(bytes, part.as_bytes()))
            })
            && given(self.regex.as_ref(), |regex| {
                of_bytes(&|bytes| regex.0.is_match(&String::from_utf8_lossy(bytes)))
            })
            && given(self.any_of.as_ref(), |any| {
                any.iter().any(|matcher| matcher.fits(found, directory))
            })
            && given(self.json.as_ref(), |expected| {
                json().is_some_and(|found| same(expected, &found))
            })
            && given(self.json_contains.as_ref(), |part| {
                json().is_some_and(|found| has(&found, part))
            })
            && given(self.base64.as_ref(), |expected| of_bytes(&|bytes| bytes == expected.0))
            && given(self.file.as_ref(), |name| {
                of_bytes(&|bytes| fs::read(directory.join(name)).is_ok_and(|known| known == bytes))
            })
    }
}

fn has_part(whole: &[u8], part: &[u8]) -> bool {
    // There are no windows of no size.
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// Whether two values are the same; `1` and `1.0` are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// Whether a value has all fields that a part has; lists are compared whole.
fn has(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| has(whole, part))),
        _ => same(whole, part),
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions = match self {
            Self::Exact(text) => return write!(f, "{text:?}"),
            Self::Such(conditions) => conditions,
        };
        let mut words = Vec::new();
        match conditions.absent {
            Some(true) => words.push("nothing".to_owned()),
            Some(false) => words.push("anything".to_owned()),
            None => {}
        }
        if let Some(part) = &conditions.contains {
            words.push(format!("a text with {part:?} in it"));
        }
        if let Some(pattern) = &conditions.regex {
            words.push(format!("a text like /{}/", pattern.0));
        }
        if let Some(any) = &conditions.any_of {
            let any: Vec<String> = any.iter().map(ToString::to_string).collect();
            words.push(any.join(" or "));
        }
        if let Some(json) = &conditions.json {
            words.push(format!("the JSON {json}"));
        }
        if let Some(json) = &conditions.json_contains {
            words.push(format!("JSON with {json} in it"));
        }
        if let Some(bytes) = &conditions.base64 {
            words.push(format!("the bytes {} (base64)", STANDARD.encode(&bytes.0)));
        }
        if let Some(name) = &conditions.file {
            words.push(format!("what {name} has"));
        }
        f.write_str(&words.join(" and "))
    }
}

/// A text as a report shows it.
pub(super) fn shown(found: Option<&[u8]>) -> String {
    const LONGEST: usize = 2000;
    let Some(bytes) = found else {
        return "nothing".to_owned();
    };
    let text = String::from_utf8_lossy(bytes);
    let no_text = if matches!(text, Cow::Owned(_)) {
        "no UTF-8; "
    } else {
        ""
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}… ({no_text}{} bytes)", &text[..end], bytes.len()),
        None if no_text.is_empty() => format!("{text:?}"),
        None => format!("{text:?} ({no_text}{} bytes)", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("f"), "in a file").expect("a file");
        let rows: &[(&str, Option<&str>, bool)] = &[
            (r#""a""#, Some("a"), true),
            (r#""a""#, Some("ab"), false),
            (r#""a""#, None, false),
            (r#"{"contains": "b"}"#, Some("abc"), true),
            (r#"{"contains": "x"}"#, Some("abc"), false),
            (r#"{"contains": ""}"#, Some(""), true),
            (r#"{"contains": "b"}"#, None, false),
            (r#"{"regex": "^a.c$"}"#, Some("abc"), true),
            (r#"{"regex": "^a.c$"}"#, Some("abcd"), false),
            (r#"{"absent": true}"#, None, true),
            (r#"{"absent": true}"#, Some(""), false),
            (r#"{"absent": false}"#, Some(""), true),
            (r#"{"absent": false}"#, None, false),
            (r#"{"anyOf": ["a", {"absent": true}]}"#, None, true),
            (r#"{"anyOf": ["a", "b"]}"#, Some("c"), false),
            (r#"{"json": {"a": [1, 2.0]}}"#, Some(r#"{"a": [1.0, 2]}"#), true),
            (r#"{"json": {"a": 1}}"#, Some(r#"{"a": 1, "b": 2}"#), false),
            (r#"{"json": null}"#, Some("null"), true),
            (r#"{"json": null}"#, Some("{}"), false),
            (r#"{"json": {}}"#, Some("no JSON"), false),
            (r#"{"json": {}}"#, None, false),
            (r#"{"jsonContains": {"a": 1}}"#, Some(r#"{"a": 1, "b": 2}"#), true),
            (
                r#"{"jsonContains": {"a": {"b": 1}}}"#,
                Some(r#"{"a": {"c": 1}}"#),
                false,
            ),
            (r#"{"contains": "a", "regex": "b"}"#, Some("a"), false),
            (r#"{"base64": "YQ=="}"#, Some("a"), true),
            (r#"{"base64": "YQ=="}"#, Some("b"), false),
            (r#"{"file": "f"}"#, Some("in a file"), true),
            (r#"{"file": "f"}"#, Some("in no file"), false),
            (r#"{"file": "none"}"#, Some(""), false),
        ];
        for (written, found, expected) in rows {
            let matcher: Matcher = serde_json::from_str(written).expect(written);
            let found = found.map(str::as_bytes);
            assert_eq!(matcher.fits(found, directory.path()), *expected, "{written} {found:?}");
            let difference = matcher.difference(FieldPath::root(), found, directory.path());
            assert_eq!(difference.is_none(), *expected, "{written} {found:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_compared_byte_by_byte() {
        let here = Path::new("");
        let bytes: Option<&[u8]> = Some(b"\xff\x00");
        let rows = [
            (r#"{"base64": "/wA="}"#, true),
            (r#"{"base64": "/gA="}"#, false),
            (r#""\ufffd\u0000""#, false),
            (r#"{"contains": "\u0000"}"#, true),
        ];
        for (written, expected) in rows {
            let matcher: Matcher = serde_json::from_str(written).expect(written);
            assert_eq!(matcher.fits(bytes, here), expected, "{written}");
        }
        assert_eq!(shown(bytes), "\"\u{fffd}\\0\" (no UTF-8; 2 bytes)");
    }

    #[test]
    fn what_could_not_fail_or_not_hold_is_no_matcher() {
        let rows = [
            ("{}", "says nothing"),
            (r#"{"contains": null}"#, "says nothing"),
            (r#"{"absent": true, "contains": "a"}"#, "cannot stand with others"),
            (r#"{"anyOf": []}"#, "at least one"),
            (r#"{"regex": "("}"#, "no regular expression: unclosed group"),
            (r#"{"base64": "?"}"#, "no base64"),
        ];
        for (written, words) in rows {
            let refused = serde_json::from_str::<Matcher>(written).expect_err(written).to_string();
            assert!(refused.contains(words), "{written}: {refused}");
        }
    }
}
