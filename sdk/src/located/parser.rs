//! Text to a tree. The parser's events are read one by one, so nesting costs no stack here.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span as EventSpan, StrInput, Tag};

use super::embedded::Origin;
use super::{Entry, Error, Node, Notation, Number, Value, quoted, scalar};
use crate::source::{FileId, Sources, Span};

/// Reads every document of a text: a YAML stream, or JSON. Empty documents are left out, and so are those with errors.
#[must_use]
pub fn parse(sources: &Sources, file: FileId) -> (Vec<Node>, Vec<Error>) {
    read_documents(sources.file(file).text(), &Origin::whole(file))
}

/// How deep lists and maps may be nested, aliases followed.
const DEEPEST: usize = 255;
/// What aliases may add to a text, in the units of [`weight`]: far more than people write, far less than what hurts.
const MOST_ALIASED: usize = 32 << 20;
/// Broken text tends to break everything after it; nobody reads on.
const MOST_ERRORS: usize = 20;
/// The longest key that may stand before its `:` without a `?`. YAML says 1,024; JSON has no limit.
const LONGEST_KEY: usize = 16 << 10;

pub(super) fn read_documents(text: &str, origin: &Origin) -> (Vec<Node>, Vec<Error>) {
    if text.len() > Sources::LARGEST {
        let message = format!("the text is larger than {} MiB", Sources::LARGEST >> 20);
        return (Vec::new(), vec![Error::new(message).or_at(origin.span(0, 0))]);
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEEPEST;
    options.block_nesting_limit = DEEPEST;
    options.simple_key_max_lookahead = LONGEST_KEY;
    let mut parser = Parser::new_from_str_with_options(text, options);

    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    let mut aliased = 0;
    while errors.len() < MOST_ERRORS {
        match Document::read(&mut parser, origin, &mut aliased) {
            Ok(None) => break,
            Ok(Some((root, mut found))) => {
                if !found.is_empty() {
                    errors.append(&mut found);
                } else if root.value != Value::Null {
                    documents.push(root);
                }
            }
            Err(error) => {
                errors.push(error);
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
        }
    }
    (documents, errors)
}

/// A document that is being read.
struct Document<'a> {
    origin: &'a Origin,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    aliased: &'a mut usize,
    errors: Vec<Error>,
    root: Option<Node>,
}

/// A list or map whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
        merged: Vec<Node>,
    },
}

enum Key {
    Named {
        name: Box<str>,
        span: Span,
        needs_quotes: bool,
    },
    /// `<<`: the entries of other maps.
    Merge,
}

struct Anchor {
    node: Node,
    weight: usize,
    depth: usize,
}

impl<'a> Document<'a> {
    /// Reads the next document; `None` at the end of the text.
    fn read<'t>(
        parser: &mut Parser<'t, StrInput<'t>>,
        origin: &'a Origin,
        aliased: &'a mut usize,
    ) -> Result<Option<(Node, Vec<Error>)>, Error> {
        let mut document = Self {
            origin,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased,
            errors: Vec::new(),
            root: None,
        };
        loop {
            let Some(event) = parser.next_event() else {
                return Ok(None);
            };
            let (event, span) = event.map_err(|error| describe(&error, origin))?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => {
                    let errors = std::mem::take(&mut document.errors);
                    return Ok(document.root.map(|root| (root, errors)));
                }
                event => document.take(event, &span)?,
            }
        }
    }

    fn take(&mut self, event: Event<'_>, event_span: &EventSpan) -> Result<(), Error> {
        let span = self.span(event_span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain && text == "<<" && self.wants_key() {
                    return self.add_key(Key::Merge);
                }
                let node = Node {
                    value: scalar_value(&text, style, tag.as_deref()).map_err(|error| error.or_at(span))?,
                    span,
                    notation: if style == ScalarStyle::Literal {
                        Notation::Literal
                    } else {
                        Notation::Other
                    },
                };
                self.add(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq").map_err(|error| error.or_at(span))?;
                self.open(span, anchor, Children::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "map").map_err(|error| error.or_at(span))?;
                let children = Children::Map {
                    entries: Vec::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(span, anchor, children);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => {
                let node = self.follow(id, span)?;
                self.add(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn span(&self, event: &EventSpan) -> Span {
        let range = event.byte_range().unwrap_or_default();
        self.origin.span(range.start, range.end)
    }

    fn open(&mut self, start: Span, anchor: usize, children: Children) {
        self.open.push(Open {
            start,
            anchor,
            children,
        });
    }

    fn close(&mut self, end: Span) -> Result<(), Error> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let span = Span::new(open.start.file(), open.start.start(), end.end());
        let value = match open.children {
            Children::List(items) => Value::List(items),
            Children::Map { entries, merged, .. } => Value::Map(self.finish_map(entries, merged)?),
        };
        let node = Node {
            value,
            span,
            notation: Notation::Other,
        };
        self.add(node, open.anchor)
    }

    /// Refuses keys that stand twice, and adds those of merged maps that do not stand here.
    fn finish_map(&mut self, entries: Vec<Entry>, merged: Vec<Node>) -> Result<Vec<Entry>, Error> {
        let mut positions: HashMap<Box<str>, Span> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(&first) = positions.get(&entry.key) {
                let error = Error::new(format!("the key {} stands twice in this object", quoted(&entry.key)))
                    .with_related(first, "first here")
                    .or_at(entry.key_span);
                self.errors.push(error);
                continue;
            }
            positions.insert(entry.key.clone(), entry.key_span);
            kept.push(entry);
        }
        for node in merged {
            let span = node.span;
            let maps = match node.value {
                Value::List(maps) => maps,
                value => vec![Node { value, ..node }],
            };
            for map in maps {
                let Value::Map(entries) = map.value else {
                    return Err(Error::new("`<<` merges objects, and this is none").or_at(span));
                };
                for entry in entries {
                    if !positions.contains_key(&entry.key) {
                        positions.insert(entry.key.clone(), entry.key_span);
                        kept.push(entry);
                    }
                }
            }
        }
        Ok(kept)
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                children: Children::Map { key: None, .. },
                ..
            })
        )
    }

    fn add_key(&mut self, new: Key) -> Result<(), Error> {
        if let Some(Open {
            children: Children::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(new);
        }
        Ok(())
    }

    /// Puts a finished value where it belongs: into the innermost open list or map, as a key or a value.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        if anchor != 0 {
            self.remember(anchor, &node)?;
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.children {
            Children::List(items) => items.push(node),
            Children::Map { entries, key, merged } => match key.take() {
                None => *key = Some(named_key(node)?),
                Some(Key::Merge) => merged.push(node),
                Some(Key::Named {
                    name,
                    span,
                    needs_quotes,
                }) => entries.push(Entry {
                    key: name,
                    key_span: span,
                    key_needs_quotes: needs_quotes,
                    value: node,
                }),
            },
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Error> {
        let (weight, depth) = weight_and_depth(node);
        self.spend(weight, node.span)?;
        let node = node.clone();
        self.anchors.insert(anchor, Anchor { node, weight, depth });
        Ok(())
    }

    fn follow(&mut self, id: usize, span: Span) -> Result<Node, Error> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(Error::new("an alias cannot stand inside of the value that it names").or_at(span));
        };
        if self.open.len() + anchor.depth > DEEPEST {
            return Err(Error::new(format!("aliases nest values deeper than {DEEPEST} levels")).or_at(span));
        }
        let weight = anchor.weight;
        self.spend(weight, span)?;
        Ok(self.anchors[&id].node.clone())
    }

    /// INVARIANT: every copy that anchors and aliases cause is paid for here before it is made.
    fn spend(&mut self, weight: usize, span: Span) -> Result<(), Error> {
        *self.aliased = self.aliased.saturating_add(weight);
        if *self.aliased > MOST_ALIASED {
            return Err(Error::new("aliases blow this text up to more than is reasonable")
                .with_help("write the values out, or split the file")
                .or_at(span));
        }
        Ok(())
    }
}

fn named_key(node: Node) -> Result<Key, Error> {
    let (name, needs_quotes) = match node.value {
        Value::String(name) => (name, false),
        Value::Number {
            value: Number::Integer(value),
            text,
        } => {
            let same = *text == *value.to_string();
            (text, !same)
        }
        Value::Bool { text, .. } | Value::Number { text, .. } => (text, true),
        Value::Null => ("null".into(), true),
        Value::List(_) | Value::Map(_) => return Err(Error::new("a key must be a string").or_at(node.span)),
    };
    Ok(Key::Named {
        name,
        span: node.span,
        needs_quotes,
    })
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Error> {
    let plain = style == ScalarStyle::Plain;
    match tag.map(|tag| (tag, tag.core_suffix())) {
        None if plain => Ok(scalar::resolve(text)),
        None => Ok(Value::String(text.into())),
        Some((_, Some("str"))) => Ok(Value::String(text.into())),
        Some((_, Some("int" | "float" | "bool" | "null"))) => Ok(scalar::resolve(text)),
        // `! text`: not resolved, hence a string.
        Some((tag, _)) if tag.original() == "!" => Ok(Value::String(text.into())),
        Some((tag, _)) => Err(unsupported(tag)),
    }
}

fn refuse_tag(tag: Option<&Tag>, expected: &str) -> Result<(), Error> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) && tag.original() != "!" => Err(unsupported(tag)),
        _ => Ok(()),
    }
}

fn unsupported(tag: &Tag) -> Error {
    Error::new(format!("the tag {} is not supported", quoted(&tag.original())))
}

/// What a value weighs, in bytes or so, and how deep it nests.
fn weight_and_depth(node: &Node) -> (usize, usize) {
    const NODE: usize = size_of::<Entry>();
    match &node.value {
        Value::Null => (NODE, 0),
        Value::Bool { text, .. } | Value::Number { text, .. } | Value::String(text) => (NODE + text.len(), 0),
        Value::List(items) => items.iter().fold((NODE, 1), |(weight, depth), item| {
            let (item_weight, item_depth) = weight_and_depth(item);
            (weight + item_weight, depth.max(item_depth + 1))
        }),
        Value::Map(entries) => entries.iter().fold((NODE, 1), |(weight, depth), entry| {
            let (value_weight, value_depth) = weight_and_depth(&entry.value);
            (weight + entry.key.len() + value_weight, depth.max(value_depth + 1))
        }),
    }
}

fn describe(error: &ScanError, origin: &Origin) -> Error {
    let offset = error.marker().byte_offset().unwrap_or_default();
    let described = match error.kind() {
        ErrorKind::TabInBlockIndentation => {
            Error::new("a tab stands in the indentation").with_help("YAML is indented with spaces")
        }
        ErrorKind::RecursionLimitExceeded => Error::new(format!("values are nested deeper than {DEEPEST} levels")),
        _ => Error::new(format!("this is no YAML: {}", error.info())),
    };
    described.or_at(origin.span(offset, offset))
}
