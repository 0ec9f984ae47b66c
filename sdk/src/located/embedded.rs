//! YAML in a string of YAML, such as `data.mesh` of Istio's ConfigMap: places in the inner text are places in the outer file.

use super::parser::read_documents;
use super::{Error, Node, Notation};
use crate::source::{FileId, SourceFile, Sources, Span};

impl Node {
    /// Reads the text of this node, when it is a string, as YAML.
    ///
    /// In a literal block (`|`) every place is exact; in other notations everything points at the string.
    #[must_use]
    pub fn parse_text(&self, sources: &Sources) -> (Vec<Self>, Vec<Error>) {
        let Some(text) = self.as_str() else {
            return (Vec::new(), Vec::new());
        };
        let origin = if self.notation == Notation::Literal {
            Origin::literal_block(self, text, sources.file(self.span.file()))
        } else {
            Origin::Anywhere(self.span)
        };
        read_documents(text, &origin)
    }
}

/// Where a text that is parsed comes from.
pub(super) enum Origin {
    /// The file itself.
    File(FileId),
    /// Lines of a file, each a bit to the right.
    Lines {
        file: FileId,
        /// For each line of the inner text: its first byte, and where that is in the file.
        starts: Vec<(usize, usize)>,
    },
    /// Somewhere in this span.
    Anywhere(Span),
}

impl Origin {
    pub(super) const fn whole(file: FileId) -> Self {
        Self::File(file)
    }

    fn literal_block(node: &Node, text: &str, source: &SourceFile) -> Self {
        // The span of a block starts at its first line that is not blank.
        let blank = text.split('\n').take_while(|line| line.trim().is_empty()).count();
        let mut outer_line = source.line_of(node.span.start()).saturating_sub(blank + 1);
        let mut inner_start = 0;
        let starts = text
            .split_inclusive('\n')
            .map(|inner| {
                outer_line += 1;
                let content = inner.trim_end_matches('\n').len();
                let outer_start = source.line_end(outer_line).saturating_sub(content);
                let start = (inner_start, outer_start.max(source.line_start(outer_line)));
                inner_start += inner.len();
                start
            })
            .collect();
        Self::Lines {
            file: node.span.file(),
            starts,
        }
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        match self {
            Self::File(file) => Span::new(*file, start, end),
            Self::Lines { file, starts } => {
                let outer = |offset: usize| {
                    let line = starts.partition_point(|&(inner, _)| inner <= offset).checked_sub(1);
                    line.map_or(0, |line| starts[line].1 + (offset - starts[line].0))
                };
                Span::new(*file, outer(start), outer(end))
            }
            Self::Anywhere(span) => *span,
        }
    }
}
