//! What is expected of a text.

use std::fmt;

use regex::Regex;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use crate::notation::{Shapes, read_by_shape};

/// An expectation of a text: the text itself, or what has to be so of it.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Exact(String),
    Such(Box<Conditions>),
}

/// All that are given have to hold.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Conditions {
    #[serde(default)]
    contains: Option<String>,
    #[serde(default)]
    regex: Option<Pattern>,
    #[serde(default)]
    absent: Option<bool>,
    #[serde(default)]
    any_of: Option<Vec<Matcher>>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    json_contains: Option<Value>,
}

#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl<'de> Shapes<'de> for Pattern {
    const EXPECTED: &'static str = "a regular expression";

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

    fn text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Exact(text.to_owned()))
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Conditions::deserialize(object).map(Box::new).map(Self::Such)
    }
}

read_by_shape!(Pattern, Matcher);

impl Matcher {
    /// Whether a text is as expected; `None` is one that is not there.
    pub(super) fn fits(&self, found: Option<&str>) -> bool {
        match self {
            Self::Exact(text) => found == Some(text.as_str()),
            Self::Such(conditions) => conditions.hold(found),
        }
    }
}

impl Conditions {
    fn hold(&self, found: Option<&str>) -> bool {
        let of_text = |holds: &dyn Fn(&str) -> bool| found.is_some_and(holds);
        let json = || serde_json::from_str::<Value>(found.unwrap_or_default()).ok();
        self.absent.is_none_or(|absent| absent == found.is_none())
            && self
                .contains
                .as_ref()
                .is_none_or(|part| of_text(&|text| text.contains(part.as_str())))
            && self
                .regex
                .as_ref()
                .is_none_or(|regex| of_text(&|text| regex.0.is_match(text)))
            && self
                .any_of
                .as_ref()
                .is_none_or(|any| any.iter().any(|matcher| matcher.fits(found)))
            && self
                .json
                .as_ref()
                .is_none_or(|expected| json().is_some_and(|found| same(expected, &found)))
            && self
                .json_contains
                .as_ref()
                .is_none_or(|part| json().is_some_and(|found| has(&found, part)))
    }
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
            words.push(if any.is_empty() {
                "none of nothing".to_owned()
            } else {
                any.join(" or ")
            });
        }
        if let Some(json) = &conditions.json {
            words.push(format!("the JSON {json}"));
        }
        if let Some(json) = &conditions.json_contains {
            words.push(format!("JSON with {json} in it"));
        }
        f.write_str(&words.join(" and "))
    }
}

/// A text as a report shows it.
pub(super) fn shown(found: Option<&str>) -> String {
    const LONGEST: usize = 2000;
    let Some(text) = found else {
        return "nothing".to_owned();
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers() {
        let rows = [
            (r#""a""#, Some("a"), true),
            (r#""a""#, Some("ab"), false),
            (r#""a""#, None, false),
            (r#"{"contains": "b"}"#, Some("abc"), true),
            (r#"{"contains": "b"}"#, None, false),
            (r#"{"regex": "^a.c$"}"#, Some("abc"), true),
            (r#"{"regex": "^a.c$"}"#, Some("abcd"), false),
            (r#"{"absent": true}"#, None, true),
            (r#"{"absent": true}"#, Some(""), false),
            (r#"{"absent": false}"#, Some(""), true),
            (r#"{"anyOf": ["a", {"absent": true}]}"#, None, true),
            (r#"{"anyOf": ["a", "b"]}"#, Some("c"), false),
            (r#"{"anyOf": []}"#, Some("c"), false),
            (r#"{"json": {"a": [1, 2.0]}}"#, Some(r#"{"a": [1.0, 2]}"#), true),
            (r#"{"json": {"a": 1}}"#, Some(r#"{"a": 1, "b": 2}"#), false),
            (r#"{"jsonContains": {"a": 1}}"#, Some(r#"{"a": 1, "b": 2}"#), true),
            (
                r#"{"jsonContains": {"a": {"b": 1}}}"#,
                Some(r#"{"a": {"c": 1}}"#),
                false,
            ),
            (r#"{"json": {}}"#, Some("no JSON"), false),
            (r#"{"contains": "a", "regex": "b"}"#, Some("a"), false),
        ];
        for (written, found, expected) in rows {
            let matcher: Matcher = serde_json::from_str(written).expect(written);
            assert_eq!(matcher.fits(found), expected, "{written} {found:?}");
        }
    }
}
