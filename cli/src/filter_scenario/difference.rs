//! What is not as expected.

use std::fs;
use std::path::Path;

use outgate_policy::FieldPath;

/// An expectation that does not hold.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// The field of the case that expects it.
    pub(super) field: FieldPath,
    pub(super) expected: String,
    pub(super) found: String,
    /// What would make it hold.
    pub(super) remedy: Option<Remedy>,
}

/// What to write down so that what was found is what is expected.
#[derive(Clone, Debug)]
pub(super) enum Remedy {
    /// In place of the field.
    Text(String),
    /// Into this file beside the scenario.
    File { name: String, content: Vec<u8> },
}

impl Difference {
    pub(super) fn new(field: FieldPath, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            field,
            expected: expected.into(),
            found: found.into(),
            remedy: None,
        }
    }

    /// What was found, beside the content of a file: the first line in which they differ.
    pub(super) fn from_file(field: FieldPath, name: &str, directory: &Path, found: &[u8]) -> Option<Self> {
        let (expected, shown) = match fs::read(directory.join(name)) {
            Ok(known) if known == found => return None,
            Ok(known) => first_differing_line(name, &known, found),
            Err(error) => (
                format!("what {name} has"),
                format!("{name} cannot be read: {error}; --update writes it"),
            ),
        };
        Some(Self {
            remedy: Some(Remedy::File {
                name: name.to_owned(),
                content: found.to_vec(),
            }),
            ..Self::new(field, expected, shown)
        })
    }
}

fn first_differing_line(name: &str, known: &[u8], found: &[u8]) -> (String, String) {
    let (known_text, found_text) = (String::from_utf8_lossy(known), String::from_utf8_lossy(found));
    let pairs = known_text.lines().zip(found_text.lines());
    let same = pairs.take_while(|(known, found)| known == found).count();
    let line = |text: &str| text.lines().nth(same).map(str::to_owned);
    match (line(&known_text), line(&found_text)) {
        // They differ in what is no text, or in how lines end.
        (None, None) => (
            format!("the {} bytes of {name}", known.len()),
            format!("the same lines, but not the same bytes: {}", found.len()),
        ),
        (expected, found) => {
            let nothing = || "(nothing more)".to_owned();
            (
                format!("line {} of {name}: {}", same + 1, expected.unwrap_or_else(nothing)),
                found.unwrap_or_else(nothing),
            )
        }
    }
}
