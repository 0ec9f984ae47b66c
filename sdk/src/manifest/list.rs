//! Lists of objects, as `kubectl get` prints them.

use crate::located::{Entry, Node, Value};

/// Takes lists apart: `kind: List` and any other kind that ends so and has `items`.
pub(super) fn unpack(node: Node) -> Vec<Node> {
    let is_list = node
        .get("kind")
        .and_then(Node::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    let Value::Map(entries) = &node.value else {
        return vec![node];
    };
    let has_items = |entry: &Entry| &*entry.key == "items" && matches!(entry.value.value, Value::List(_) | Value::Null);
    if !(is_list && entries.iter().any(has_items)) {
        return vec![node];
    }
    let item_identity = ItemIdentity::of(&node);
    let Value::Map(entries) = node.value else {
        return Vec::new();
    };
    let items = entries
        .into_iter()
        .find(|entry| &*entry.key == "items")
        .map(|entry| entry.value.value);
    let Some(Value::List(items)) = items else {
        return Vec::new();
    };
    // Lists in lists do occur: `kubectl get` of several kinds, concatenated by a script. Depth is bounded by the parser.
    items
        .into_iter()
        .map(|item| item_identity.complete(item))
        .flat_map(unpack)
        .collect()
}

/// The API server leaves `apiVersion` and `kind` out of the items of a `FooList`.
struct ItemIdentity(Option<[Entry; 2]>);

impl ItemIdentity {
    fn of(list: &Node) -> Self {
        let entries = list.entry("apiVersion").zip(list.entry("kind"));
        Self(entries.and_then(|(version, kind)| {
            let name = kind.value.as_str()?.strip_suffix("List")?;
            let mut kind = kind.clone();
            kind.value.value = Value::String(name.into());
            (!name.is_empty()).then(|| [version.clone(), kind])
        }))
    }

    fn complete(&self, mut item: Node) -> Node {
        if let (Some(identity), Value::Map(entries)) = (&self.0, &mut item.value)
            && !entries.iter().any(|entry| matches!(&*entry.key, "apiVersion" | "kind"))
        {
            entries.extend(identity.clone());
        }
        item
    }
}
