//! The table of contents of an image layout: a directory that holds images by tag.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Image, Tag};

/// The file that marks a directory as an image layout.
pub const LAYOUT_FILE: &str = "oci-layout";
/// What it holds.
pub const LAYOUT_MARK: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// The tag, in the annotations of an entry.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The `index.json` of an image layout. Keeps everything that other tools have written into it.
#[derive(Clone, Debug)]
pub struct Index(Map<String, Value>);

impl Default for Index {
    fn default() -> Self {
        let mut fields = Map::new();
        fields.insert("schemaVersion".to_owned(), 2.into());
        fields.insert("mediaType".to_owned(), "application/vnd.oci.image.index.v1+json".into());
        fields.insert(MANIFESTS.to_owned(), Value::Array(Vec::new()));
        Self(fields)
    }
}

const MANIFESTS: &str = "manifests";

impl Index {
    /// Reads an `index.json`.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidIndex> {
        let fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| InvalidIndex::Json(error.to_string()))?;
        if fields.get("schemaVersion") != Some(&2.into()) {
            return Err(InvalidIndex::Version);
        }
        if !fields.get(MANIFESTS).is_some_and(Value::is_array) {
            return Err(InvalidIndex::Manifests);
        }
        Ok(Self(fields))
    }

    /// Gives the image this tag. What had it before loses it; other tags stay.
    pub fn set(&mut self, tag: &Tag, image: &Image) {
        let mut entry = json!(image.manifest().descriptor());
        entry["annotations"] = json!({ REF_NAME: tag });
        // INVARIANT: `default` and `parse` make no index without a list here.
        if let Some(Value::Array(entries)) = self.0.get_mut(MANIFESTS) {
            entries.retain(|entry| tag_of(entry) != Some(tag.as_str()));
            entries.push(entry);
        }
    }

    /// The tags, in the order of the file.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let entries = self.0.get(MANIFESTS).and_then(Value::as_array);
        entries.into_iter().flatten().filter_map(tag_of)
    }

    /// As the file holds it.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!(self.0).to_string()
    }
}

fn tag_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

/// Why an `index.json` cannot be added to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidIndex {
    /// It is no JSON object; what is wrong with it.
    Json(String),
    /// It is of another version than 2.
    Version,
    /// It has no list of manifests.
    Manifests,
}

impl fmt::Display for InvalidIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "this is no image index: {error}"),
            Self::Version => f.write_str("this is no image index of schemaVersion 2"),
            Self::Manifests => f.write_str("this image index has no list of manifests"),
        }
    }
}

impl std::error::Error for InvalidIndex {}
