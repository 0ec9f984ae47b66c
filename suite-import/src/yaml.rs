//! YAML to a tree. The parser's events are read one by one, so nesting costs no stack here.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::error::Problem;
use crate::tree::{DEEPEST, Field, Kind, Value};

/// How many bytes and values aliases may copy: far more than people write, far less than what hurts.
const MOST_ALIASED: usize = 4 << 20;

/// Reads a text of one document: the fields of the outermost message. A text without any is a suite without tests.
pub(crate) fn parse(text: &str) -> Result<Vec<Field>, Problem> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    let mut document = Document::default();
    for event in Parser::<StrInput<'_>>::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| describe(&error))?;
        document.take(event, &span)?;
    }
    match document.root {
        None => Ok(Vec::new()),
        Some(root) => match root.kind {
            Kind::Message(fields) => Ok(fields),
            Kind::Null => Ok(Vec::new()),
            other => Err(Problem::new(
                root.at,
                format!("a test suite is a map, not {}", other.description()),
            )),
        },
    }
}

#[derive(Default)]
struct Document {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    aliased: usize,
    root: Option<Value>,
}

/// A map or list whose end has not come yet.
struct Open {
    at: usize,
    anchor: usize,
    children: Children,
}

enum Children {
    List(Vec<Value>),
    Map {
        fields: Vec<Field>,
        key: Option<(String, usize)>,
    },
}

struct Anchor {
    value: Value,
    weight: usize,
    depth: usize,
}

impl Document {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let range = span.byte_range().unwrap_or_default();
        let at = range.start;
        let tag_at = span.tag_start().and_then(|marker| marker.byte_offset()).unwrap_or(at);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Problem::new(at, "a test suite is one document")
                    .help("put further documents into files of their own"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.as_deref(), &["str", "int", "float", "bool", "null"], tag_at)?;
                let kind = if style == ScalarStyle::Plain && is_null(&text) {
                    Kind::Null
                } else {
                    Kind::Scalar(text.into_owned())
                };
                self.add(Value { at, kind }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &["seq"], tag_at)?;
                self.enter(at, anchor, Children::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &["map"], tag_at)?;
                let fields = Vec::new();
                self.enter(at, anchor, Children::Map { fields, key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let kind = match open.children {
                        Children::List(items) => Kind::List(items),
                        Children::Map { fields, .. } => Kind::Message(fields),
                    };
                    self.add(Value { at: open.at, kind }, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => {
                let value = self.follow(id, at)?;
                self.add(value, 0)
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, at: usize, anchor: usize, children: Children) -> Result<(), Problem> {
        self.open.push(Open { at, anchor, children });
        if self.open.len() > DEEPEST {
            return Err(too_deep(at));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs: into the innermost open list or map, as a key or a value.
    fn add(&mut self, value: Value, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            let (weight, depth) = weight_and_depth(&value);
            self.spend(weight, value.at)?;
            let value = value.clone();
            self.anchors.insert(anchor, Anchor { value, weight, depth });
        }
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root = Some(value),
            Some(Children::List(items)) => items.push(value),
            Some(Children::Map { fields, key }) => match key.take() {
                Some((name, at)) => fields.push(Field { name, at, value }),
                None => {
                    let Kind::Scalar(name) = value.kind else {
                        let found = value.kind.description();
                        return Err(Problem::new(
                            value.at,
                            format!("a key is the name of a field, not {found}"),
                        ));
                    };
                    *key = Some((name, value.at));
                }
            },
        }
        Ok(())
    }

    fn follow(&mut self, id: usize, at: usize) -> Result<Value, Problem> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(Problem::new(
                at,
                "an alias cannot stand inside of the value that it names",
            ));
        };
        if self.open.len() + anchor.depth > DEEPEST {
            return Err(too_deep(at));
        }
        self.spend(anchor.weight, at)?;
        Ok(self.anchors[&id].value.clone())
    }

    // INVARIANT: every copy that anchors and aliases cause is paid for here before it is made.
    fn spend(&mut self, weight: usize, at: usize) -> Result<(), Problem> {
        self.aliased = self.aliased.saturating_add(weight);
        if self.aliased > MOST_ALIASED {
            return Err(
                Problem::new(at, "aliases blow this suite up to more than is reasonable")
                    .help("write the values out, or split the file"),
            );
        }
        Ok(())
    }
}

/// As the tester's parser has it.
fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

/// Types come from the schema; a tag may repeat what a value is, and nothing else.
fn refuse_tag(tag: Option<&Tag>, expected: &[&str], at: usize) -> Result<(), Problem> {
    match tag {
        Some(tag) if tag.original() != "!" && !tag.core_suffix().is_some_and(|name| expected.contains(&name)) => Err(
            Problem::new(at, format!("the tag `{}` has no place here", tag.original())),
        ),
        _ => Ok(()),
    }
}

fn too_deep(at: usize) -> Problem {
    Problem::new(at, format!("this is nested deeper than {DEEPEST} levels"))
}

fn weight_and_depth(value: &Value) -> (usize, usize) {
    const VALUE: usize = size_of::<Field>();
    let children: Vec<_> = match &value.kind {
        Kind::Message(fields) => fields
            .iter()
            .map(|field| {
                let (weight, depth) = weight_and_depth(&field.value);
                (weight + field.name.len(), depth)
            })
            .collect(),
        Kind::List(items) => items.iter().map(weight_and_depth).collect(),
        Kind::Scalar(text) | Kind::Bare(text) => return (VALUE + text.len(), 0),
        Kind::Quoted(bytes) => return (VALUE + bytes.len(), 0),
        Kind::Null => return (VALUE, 0),
    };
    children.iter().fold((VALUE, 1), |(weight, depth), child| {
        (weight + child.0, depth.max(child.1 + 1))
    })
}

fn describe(error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or_default();
    match error.kind() {
        ErrorKind::TabInBlockIndentation => {
            Problem::new(at, "a tab stands in the indentation").help("YAML is indented with spaces")
        }
        ErrorKind::RecursionLimitExceeded => too_deep(at),
        _ => Problem::new(at, format!("this is no YAML: {}", error.info())),
    }
}
