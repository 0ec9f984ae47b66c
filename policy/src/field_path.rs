//! Where in a resource something stands: `spec.rules[0].from[1].source.ipBlocks[2]`.

use std::fmt;

/// A path of field names and list positions, from the resource's root.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldPath(Vec<Segment>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Segment {
    /// A field of an object, or a key of a map.
    Field(String),
    /// A position in a list, from 0.
    Index(usize),
}

impl FieldPath {
    /// The resource itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The path of a field of what this path names.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.then(Segment::Field(name.to_owned()))
    }

    /// The path of an element of the list that this path names.
    #[must_use]
    pub fn index(&self, position: usize) -> Self {
        self.then(Segment::Index(position))
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The index of the rule that the path leads into, if it leads into one.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        match self.0.as_slice() {
            [Segment::Field(spec), Segment::Field(rules), Segment::Index(rule), ..]
                if spec == "spec" && rules == "rules" =>
            {
                Some(*rule)
            }
            _ => None,
        }
    }

    fn then(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                // A key such as `istio.io/dry-run` would read as three fields.
                Segment::Field(name) if name.contains(['.', '/', '[']) => write!(f, "[\"{name}\"]")?,
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
