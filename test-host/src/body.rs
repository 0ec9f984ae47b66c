//! A message's body and trailers, and the pieces in which they are delivered.

use std::sync::Arc;

use crate::header_map::HeaderMap;

/// A body: its bytes, how they are cut, how its end is told, and the trailers behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Arc<[u8]>,
    /// The lengths of the pieces; empty is one piece.
    cuts: Arc<[usize]>,
    /// Does an empty piece of its own end the message? Common with HTTP/1.1 chunks and with HTTP/2.
    pub(crate) ends_separately: bool,
    pub(crate) trailers: Arc<HeaderMap>,
}

impl Body {
    /// Replaces the bytes; they are one piece.
    pub(crate) fn set(&mut self, bytes: &[u8]) {
        self.bytes = bytes.into();
        self.cuts = Arc::default();
    }

    pub(crate) fn set_pieces<B: AsRef<[u8]>>(&mut self, pieces: impl IntoIterator<Item = B>) {
        let mut bytes = Vec::new();
        let mut cuts = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(piece.as_ref());
            cuts.push(piece.as_ref().len());
        }
        self.bytes = bytes.into();
        self.cuts = cuts.into();
    }

    /// The same body in pieces of `size` bytes; 0 is one piece.
    pub(crate) fn cut(&mut self, size: usize) {
        self.cuts = match size {
            0 => Arc::default(),
            size => self.bytes.chunks(size).map(<[u8]>::len).collect(),
        };
    }

    /// Is there nothing after the headers?
    pub(crate) fn is_absent(&self) -> bool {
        self.bytes.is_empty() && !self.ends_separately && self.trailers.is_empty()
    }

    /// The pieces as they are delivered, each with whether the message ends with it.
    pub(crate) fn deliveries(&self) -> Vec<(&[u8], bool)> {
        let mut rest = &*self.bytes;
        let mut deliveries = Vec::new();
        if self.cuts.is_empty() && !rest.is_empty() {
            deliveries.push((rest, false));
        }
        for &length in &*self.cuts {
            let (piece, after) = rest.split_at(length.min(rest.len()));
            deliveries.push((piece, false));
            rest = after;
        }
        if self.ends_separately {
            deliveries.push((&[], false));
        }
        if let (Some((_, end)), true) = (deliveries.last_mut(), self.trailers.is_empty()) {
            *end = true;
        }
        deliveries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_delivered_in_pieces_and_end_once() {
        let row = |body: Body| -> Vec<(String, bool)> {
            let text = |(piece, end): &(&[u8], bool)| (String::from_utf8_lossy(piece).into_owned(), *end);
            body.deliveries().iter().map(text).collect()
        };
        let is = |rows: &[(&str, bool)]| -> Vec<(String, bool)> {
            rows.iter().map(|&(piece, end)| (piece.to_owned(), end)).collect()
        };
        assert_eq!(row(Body::default()), []);
        let mut body = Body::default();
        body.set_pieces(["a", "", "bc"]);
        assert_eq!(row(body.clone()), is(&[("a", false), ("", false), ("bc", true)]));
        body.set(b"abc");
        assert_eq!(row(body.clone()), is(&[("abc", true)]));
        body.cut(2);
        assert_eq!(row(body.clone()), is(&[("ab", false), ("c", true)]));
        body.ends_separately = true;
        assert_eq!(row(body.clone()), is(&[("ab", false), ("c", false), ("", true)]));
        body.trailers = Arc::new([("t", "1")].into_iter().collect());
        assert_eq!(row(body), is(&[("ab", false), ("c", false), ("", false)]));
    }
}
