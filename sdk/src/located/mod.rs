//! YAML and JSON in which every value knows its place.
//!
//! Text becomes a tree of [`Node`]s ([`parse`]), and a tree becomes any type that serde can read ([`Node::read`]). What goes wrong
//! on either way is an [`Error`] at the key or the value that caused it.
//!
//! Plain words mean what they mean to `kubectl`: `on` and `yes` are booleans, `010` is eight. A field that wants a string does
//! not take them, and says to quote them.

mod deserializer;
mod embedded;
mod error;
mod fields;
mod parser;
mod scalar;

pub use error::Error;
pub use fields::fields_of;
pub use parser::parse;

use outgate_policy::{FieldPath, Segment};

use crate::source::Span;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it is written; for a list or a map, from its first to its last element.
    pub span: Span,
    pub(crate) notation: Notation,
}

/// A value of YAML or JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean.
    Bool {
        /// The value.
        value: bool,
        /// As written, such as `on`.
        text: Box<str>,
    },
    /// A number.
    Number {
        /// The value.
        value: Number,
        /// As written, such as `0x1F`.
        text: Box<str>,
    },
    /// A string.
    String(Box<str>),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text; no key occurs twice.
    Map(Vec<Entry>),
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// Any other.
    Float(f64),
}

/// One key of a map and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as a string.
    pub key: Box<str>,
    /// Where the key is written.
    pub key_span: Span,
    /// Whether the key is written as something else than a string, such as a plain `on`.
    pub(crate) key_needs_quotes: bool,
    /// The value.
    pub value: Node,
}

/// How a scalar is written, as far as text embedded in it needs to know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notation {
    /// `|`: lines stand in the file as they are, indented.
    Literal,
    /// Anything else.
    Other,
}

impl Node {
    /// The value at `key`, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, when this is a map that has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries, when this is a map; otherwise none.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The text, when this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value that `path` leads to.
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Self> {
        let mut node = self;
        for segment in path.segments() {
            node = node.step(segment)?.0;
        }
        Some(node)
    }

    /// Where to point for what is said about `path`: at the value when it is a scalar, at its key when it is a list or a map, and
    /// at the nearest parent that exists when the field does not.
    #[must_use]
    pub fn span_at(&self, path: &FieldPath) -> Span {
        let (mut node, mut key) = (self, None);
        for segment in path.segments() {
            let Some((next, next_key)) = node.step(segment) else {
                break;
            };
            (node, key) = (next, next_key);
        }
        match (&node.value, key) {
            (Value::List(_) | Value::Map(_) | Value::Null, Some(key)) => key,
            (Value::Map(entries), None) => entries.first().map_or(node.span, |entry| entry.key_span),
            _ => node.span,
        }
    }

    /// Puts a value where `keys` lead, in place of the one there. Maps that are missing on the way are made, with the value's
    /// place: what is wrong with them is wrong with it.
    pub fn set_at(&mut self, keys: &[&str], value: Self) {
        let Some((key, rest)) = keys.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        let index = entries.iter().position(|entry| &*entry.key == *key);
        let index = index.unwrap_or_else(|| {
            let place = value.span;
            entries.push(Entry {
                key: (*key).into(),
                key_span: place,
                key_needs_quotes: false,
                value: Self {
                    value: Value::Null,
                    span: place,
                    notation: Notation::Other,
                },
            });
            entries.len() - 1
        });
        entries[index].value.set_at(rest, value);
    }

    /// The value that a step leads to, and the span of its key.
    fn step(&self, segment: &Segment) -> Option<(&Self, Option<Span>)> {
        match (segment, &self.value) {
            (Segment::Field(name), _) => self.entry(name).map(|entry| (&entry.value, Some(entry.key_span))),
            (Segment::Index(index), Value::List(items)) => items.get(*index).map(|item| (item, None)),
            (Segment::Index(_), _) => None,
        }
    }

    /// What the value is, in words: `the number 80`, `a list`.
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool { text, .. } => format!("the boolean `{text}`"),
            Value::Number { text, .. } => format!("the number `{text}`"),
            Value::String(text) => format!("the string {}", quoted(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "an object".to_owned(),
        }
    }
}

/// The text in double quotes, cut when it is long, with nothing in it that a terminal would act on.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests;
