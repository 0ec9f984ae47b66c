//! Tables: one case for each row, its values filled in before the case is read. So a value is checked where it is used, and what is
//! wrong with it is shown where it stands in the table.

use outgate_policy::FieldPath;
use outgate_sdk::diagnostic::Diagnostic;
use outgate_sdk::located::{Node, Value};
use outgate_sdk::source::Span;
use outgate_sdk::suggest;

use super::model::Table;

/// Columns that need no `${…}`: their values go where these keys lead.
const WELL_KNOWN: [(&str, &[&str]); 9] = [
    ("method", &["request", "method"]),
    ("path", &["request", "path"]),
    ("host", &["request", "authority"]),
    ("source", &["request", "source"]),
    ("sni", &["request", "sni"]),
    ("body", &["request", "body"]),
    ("principal", &["request", "uriSan"]),
    ("status", &["expect", "response", "status"]),
    ("details", &["expect", "details"]),
];

/// Before the name of a request header that is a column.
const HEADER: &str = "header:";

const SPIFFE: &str = "spiffe://";

/// A case of a table, or the only one where there is no table.
pub(super) struct Row {
    /// What tells it from the others.
    pub(super) label: Option<String>,
    pub(super) node: Node,
}

/// The cases that a case with a table stands for.
pub(super) fn expand(case: &Node) -> Result<Vec<Row>, Diagnostic> {
    let Some(written) = case.get("table").filter(|node| node.value != Value::Null) else {
        return Ok(vec![Row {
            label: None,
            node: case.clone(),
        }]);
    };
    let table: Table = written.read()?;
    let root = FieldPath::root();
    if table.rows.is_empty() {
        return Err(Diagnostic::error("the table has no rows").at(written.span_at(&root.field("rows")), ""));
    }
    let template = Template::new(case, &table, written)?;
    let rows = (0..table.rows.len()).map(|number| {
        let row = written.at(&root.field("rows").index(number));
        let cells = match row.map(|row| &row.value) {
            Some(Value::List(cells)) => cells.as_slice(),
            _ => &[],
        };
        if cells.len() != table.columns.len() {
            let wrong = format!(
                "a row has {} values, but the table has {} columns",
                cells.len(),
                table.columns.len()
            );
            return Err(Diagnostic::error(wrong).at(row.map_or(written.span, |row| row.span), ""));
        }
        template.fill(cells, number)
    });
    rows.collect()
}

struct Template<'a> {
    case: Node,
    /// Each column, and whether `${…}` names it.
    columns: Vec<(&'a str, bool)>,
}

impl<'a> Template<'a> {
    fn new(case: &Node, table: &'a Table, written: &Node) -> Result<Self, Diagnostic> {
        let mut body = case.clone();
        if let Value::Map(entries) = &mut body.value {
            entries.retain(|entry| &*entry.key != "table");
        }
        if let Some((name, place)) = column_in_key(&body, &table.columns) {
            let wrong = format!("a key is not filled in: `${{{name}}}` would stay as it is");
            return Err(Diagnostic::error(wrong)
                .at(place, "")
                .help("use the column in a value; a header of the request can be a column of its own, `header:NAME`"));
        }
        let mut named = Vec::new();
        names_in(&body, &mut named);
        for (name, node) in &named {
            if !table.columns.iter().any(|column| column == name) {
                let unknown = Diagnostic::error(format!("the table has no column `{name}`")).at(node.span, "");
                let columns = table.columns.iter().map(String::as_str);
                return Err(match suggest::closest(name, columns) {
                    Some(meant) => unknown.help(format!("did you mean `${{{meant}}}`?")),
                    None => unknown.help(format!("write `$${{{name}}}` for the text itself")),
                });
            }
        }
        let mut columns = Vec::with_capacity(table.columns.len());
        for (index, column) in table.columns.iter().enumerate() {
            let is_named = named.iter().any(|(name, _)| name == column);
            let place = written.span_at(&FieldPath::root().field("columns").index(index));
            if table.columns[..index].contains(column) {
                return Err(Diagnostic::error(format!("the column `{column}` stands twice")).at(place, ""));
            }
            let is_well_known = WELL_KNOWN.iter().any(|(known, _)| known == column) || column.starts_with(HEADER);
            if !is_named && !is_well_known {
                let known: Vec<&str> = WELL_KNOWN.iter().map(|(known, _)| *known).collect();
                let help = match suggest::closest(column, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!(
                        "name it as `${{{column}}}`, or use {} or `header:NAME`",
                        suggest::listed(&known)
                    ),
                };
                return Err(Diagnostic::error(format!("nothing uses the column `{column}`"))
                    .at(place, "")
                    .help(help));
            }
            columns.push((column.as_str(), is_named));
        }
        Ok(Self { case: body, columns })
    }

    fn fill(&self, cells: &[Node], number: usize) -> Result<Row, Diagnostic> {
        let mut node = self.case.clone();
        let mut words = Vec::with_capacity(cells.len());
        let mut texts = Vec::with_capacity(cells.len());
        for ((column, _), cell) in self.columns.iter().zip(cells) {
            let text = text_of(cell);
            words.push(in_title(match (&cell.value, &text) {
                (Value::Null, _) => "null",
                (_, None) => "…",
                (_, Some(text)) => text,
            }));
            texts.push((*column, text, cell));
        }
        substitute(&mut node, &texts)?;
        for ((column, is_named), cell) in self.columns.iter().zip(cells) {
            // An empty cell leaves out what the column is for.
            if *is_named || cell.value == Value::Null {
                continue;
            }
            let mut cell = cell.clone();
            if let Some(header) = column.strip_prefix(HEADER) {
                node.set_at(&["request", "headers", header], cell);
                continue;
            }
            let keys = WELL_KNOWN
                .iter()
                .find(|(known, _)| known == column)
                .map_or(&[][..], |(_, keys)| *keys);
            if let (&"principal", Value::String(text)) = (column, &cell.value)
                && !text.starts_with(SPIFFE)
            {
                cell.value = Value::String(format!("{SPIFFE}{text}").into());
            }
            node.set_at(keys, cell);
        }
        Ok(Row {
            label: Some(format!("row {}: {}", number + 1, words.join(", "))),
            node,
        })
    }
}

/// A cell as a part of a title, which is one line, and short.
fn in_title(text: &str) -> String {
    const LONGEST: usize = 40;
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut title: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        title.push('…');
    }
    title
}

/// A cell as a part of a text.
fn text_of(cell: &Node) -> Option<String> {
    match &cell.value {
        Value::Null => Some(String::new()),
        Value::Bool { text, .. } | Value::Number { text, .. } => Some(text.to_string()),
        Value::String(text) => Some(text.to_string()),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// The columns that texts name, and where.
fn names_in<'n>(node: &'n Node, names: &mut Vec<(String, &'n Node)>) {
    match &node.value {
        Value::String(text) => {
            let parts = Parts(text);
            names.extend(parts.filter_map(|part| match part {
                Part::Column(name) => Some((name.to_owned(), node)),
                Part::Text(_) => None,
            }));
        }
        Value::List(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Map(entries) => entries.iter().for_each(|entry| names_in(&entry.value, names)),
        _ => {}
    }
}

/// A column that a key names, and where. Keys decide what a value is, so they are the same in all rows.
fn column_in_key<'c>(node: &Node, columns: &'c [String]) -> Option<(&'c str, Span)> {
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| column_in_key(item, columns)),
        Value::Map(entries) => entries.iter().find_map(|entry| {
            let is_named = |column: &&String| entry.key.contains(&format!("${{{column}}}"));
            let named = columns.iter().find(is_named);
            let here = named.map(|column| (column.as_str(), entry.key_span));
            here.or_else(|| column_in_key(&entry.value, columns))
        }),
        _ => None,
    }
}

type Cell<'a> = (&'a str, Option<String>, &'a Node);

fn substitute(node: &mut Node, cells: &[Cell<'_>]) -> Result<(), Diagnostic> {
    match &mut node.value {
        Value::List(items) => items.iter_mut().try_for_each(|item| substitute(item, cells)),
        Value::Map(entries) => entries
            .iter_mut()
            .try_for_each(|entry| substitute(&mut entry.value, cells)),
        Value::String(text) => {
            let parts: Vec<Part<'_>> = Parts(text).collect();
            let cell = |name: &str| cells.iter().find(|(column, ..)| *column == name);
            // A text that is nothing but a column becomes the cell itself: a number stays a number.
            if let [Part::Column(name)] = parts[..] {
                if let Some((.., whole)) = cell(name) {
                    *node = (*whole).clone();
                }
                return Ok(());
            }
            let mut filled = String::with_capacity(text.len());
            for part in parts {
                match part {
                    Part::Text(text) => filled.push_str(text),
                    Part::Column(name) => match cell(name) {
                        Some((_, Some(text), _)) => filled.push_str(text),
                        Some((_, None, cell)) => {
                            let wrong =
                                format!("a list or an object cannot stand inside of a text, as `${{{name}}}` would");
                            return Err(Diagnostic::error(wrong).at(cell.span, ""));
                        }
                        None => {}
                    },
                }
            }
            *text = filled.into();
            Ok(())
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    Column(&'a str),
}

/// A text in parts: `${name}` is a column, `$${` the text `${`.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some(rest) = self.0.strip_prefix("$${") {
            self.0 = rest;
            return Some(Part::Text("${"));
        }
        if let Some((name, rest)) = self.0.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            self.0 = rest;
            return Some(Part::Column(name));
        }
        // At least one character, so that a lone `$` does not stop it.
        let first = self.0.chars().next().map_or(0, char::len_utf8);
        let end = self.0[first..].find('$').map_or(self.0.len(), |end| end + first);
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Part::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fall_into_parts() {
        let rows: [(&str, &[Part<'_>]); 6] = [
            ("", &[]),
            ("a", &[Part::Text("a")]),
            ("${a}", &[Part::Column("a")]),
            ("x${a}y", &[Part::Text("x"), Part::Column("a"), Part::Text("y")]),
            ("$${a}", &[Part::Text("${"), Part::Text("a}")]),
            ("$${", &[Part::Text("${")]),
        ];
        for (text, expected) in rows {
            assert_eq!(Parts(text).collect::<Vec<_>>(), expected, "{text}");
        }
        for odd in ["$", "${", "a$", "ü$ü", "$$", "${ü"] {
            let whole: String = Parts(odd)
                .map(|part| if let Part::Text(text) = part { text } else { "" })
                .collect();
            assert_eq!(whole, odd);
        }
    }
}
