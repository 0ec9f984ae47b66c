//! The place of the field that is being checked, written out only when something is found there.

use crate::{FieldPath, Segment};

/// A chain of steps up to the resource's root.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// A field of the resource itself.
    pub(crate) const fn root(name: &'a str) -> Self {
        Self {
            parent: None,
            step: Step::Field(name),
        }
    }

    /// A field of what stands here.
    pub(crate) const fn field(&'a self, name: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// An element of the list that stands here.
    pub(crate) const fn index(&'a self, position: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(position),
        }
    }

    pub(crate) fn path(&self) -> FieldPath {
        let mut segments = Vec::new();
        let mut place = Some(self);
        while let Some(here) = place {
            segments.push(match here.step {
                Step::Field(name) => Segment::Field(name.to_owned()),
                Step::Index(position) => Segment::Index(position),
            });
            place = here.parent;
        }
        segments.reverse();
        segments.into_iter().collect()
    }
}
