//! Every value of a policy, as it is written.

use std::borrow::Cow;

use outgate_policy::{Action, FieldPath};

use super::Lint;
use crate::diagnostic::Diagnostic;
use crate::located::{Node, Value};
use crate::manifest::{CheckedPolicy, Manifest};

/// One value of one list of a policy.
pub(super) struct WrittenValue<'a> {
    /// The field without its `not`, such as `hosts`, or the key of a `when`, such as `connection.sni`.
    pub(super) attribute: Cow<'a, str>,
    /// Whether the list is the `not` form.
    pub(super) is_negated: bool,
    pub(super) action: &'a Action,
    pub(super) text: &'a str,
    pub(super) path: FieldPath,
    node: &'a Node,
    list: &'a [Node],
}

impl<'a> WrittenValue<'a> {
    pub(super) fn warning(&self, lint: Lint, message: &str) -> Diagnostic {
        Diagnostic::lint(lint, message).at(self.node.span, "")
    }

    /// The values of the list that this one is in.
    pub(super) fn siblings(&self) -> impl Iterator<Item = &'a str> {
        self.list.iter().filter_map(Node::as_str)
    }
}

pub(super) fn written_values(policy: &Manifest<CheckedPolicy>) -> Vec<WrittenValue<'_>> {
    let mut collector = Collector {
        action: policy.content().policy().action(),
        values: Vec::new(),
    };
    let path = FieldPath::root().field("spec").field("rules");
    let rules = policy.node().at(&path);
    for (index, rule) in items(rules).iter().enumerate() {
        let path = path.index(index);
        for (list, holder) in [("from", "source"), ("to", "operation")] {
            for (index, item) in items(rule.get(list)).iter().enumerate() {
                let path = path.field(list).index(index).field(holder);
                for entry in item.get(holder).map(Node::entries).unwrap_or_default() {
                    collector.list(None, &entry.key, &entry.value, &path);
                }
            }
        }
        for (index, condition) in items(rule.get("when")).iter().enumerate() {
            let path = path.field("when").index(index);
            let key = condition.get("key").and_then(Node::as_str);
            for entry in condition.entries() {
                collector.list(key, &entry.key, &entry.value, &path);
            }
        }
    }
    collector.values
}

struct Collector<'a> {
    action: &'a Action,
    values: Vec<WrittenValue<'a>>,
}

impl<'a> Collector<'a> {
    fn list(&mut self, key: Option<&'a str>, field: &'a str, list: &'a Node, parent: &FieldPath) {
        let is_negated = field.starts_with("not");
        let path = parent.field(field);
        for (index, node) in items(Some(list)).iter().enumerate() {
            let Some(text) = node.as_str() else {
                continue;
            };
            self.values.push(WrittenValue {
                attribute: key.map_or_else(|| positive(field), Cow::Borrowed),
                is_negated,
                action: self.action,
                text,
                path: path.index(index),
                node,
                list: items(Some(list)),
            });
        }
    }
}

/// `hosts` of `notHosts`.
fn positive(field: &str) -> Cow<'_, str> {
    let Some(rest) = field.strip_prefix("not") else {
        return Cow::Borrowed(field);
    };
    let mut letters = rest.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect::<String>().into()
}

fn items(list: Option<&Node>) -> &[Node] {
    match list.map(|list| &list.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
