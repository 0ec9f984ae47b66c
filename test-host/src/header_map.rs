//! An ordered list of headers, as bytes, in which a name may come more than once.

use std::fmt;
use std::slice;
use std::sync::Arc;

use crate::pairs;

/// Header lines in their order. Names are kept in lower case and compared without case; values are bytes.
///
/// As in Envoy, `host` is another name for `:authority`. [`HeaderMap::joining`] makes a map of another kind.
///
/// ```
/// use outgate_test_host::HeaderMap;
///
/// let headers: HeaderMap = [("Host", "api.example.com"), ("x-a", "1"), ("X-A", "2")].into_iter().collect();
/// assert_eq!(headers.text(":authority").as_deref(), Some("api.example.com"));
/// assert_eq!(headers.get("x-a"), Some(&b"1"[..]));
/// assert_eq!(headers.get_all("x-a").count(), 2);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap {
    lines: Vec<Line>,
    repeats: Repeats,
}

type Line = (Box<[u8]>, Box<[u8]>);

/// What becomes of a header that is added when there is one of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Repeats {
    /// It is a line of its own.
    #[default]
    Stay,
    /// Its value is joined to the one that is there.
    Join,
}

impl HeaderMap {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, in a map of the kind that [`Profile::Gcp`](crate::Profile::Gcp) has: a name has one line, to which the values
    /// that are added are joined by `, `; lines are in the order of their names, which keep the case that they came in; and
    /// `host` is a name like any other.
    ///
    /// ```
    /// use outgate_test_host::HeaderMap;
    ///
    /// let mut headers = HeaderMap::joining();
    /// headers.add("X-Tag", "1");
    /// headers.add("Host", "shop.test");
    /// headers.add("x-tag", "2");
    /// assert_eq!(format!("{headers:?}"), r#"["Host: shop.test", "X-Tag: 1, 2"]"#);
    /// ```
    pub fn joining() -> Self {
        Self {
            lines: Vec::new(),
            repeats: Repeats::Join,
        }
    }

    /// The same lines in a map that joins them.
    pub(crate) fn joined(self: &Arc<Self>) -> Arc<Self> {
        if self.repeats == Repeats::Join {
            return self.clone();
        }
        let mut joined = Self::joining();
        for (name, value) in &**self {
            joined.add(name, value);
        }
        Arc::new(joined)
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Are there no lines?
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The value of the first line with this name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = self.canonical(name.as_ref());
        let mut lines = self.lines.iter();
        lines
            .find(|line| line.0.eq_ignore_ascii_case(name))
            .map(|line| &*line.1)
    }

    /// The value of the first line with this name, as text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self, name: impl AsRef<[u8]>) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The values of all lines with this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let name = self.canonical(name.as_bytes());
        self.iter()
            .filter(move |line| line.0.eq_ignore_ascii_case(name))
            .map(|line| line.1)
    }

    /// All lines, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.lines.iter())
    }

    /// Appends a line; a map that joins has no second one of a name.
    pub fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (name, value) = (self.canonical(name.as_ref()), value.as_ref());
        match self.repeats {
            Repeats::Stay => {
                let name = name.to_ascii_lowercase().into_boxed_slice();
                self.lines.push((name, value.into()));
            }
            Repeats::Join => self.join(name, value),
        }
    }

    fn join(&mut self, name: &[u8], value: &[u8]) {
        match self.position(name) {
            // A value joined to an empty one is itself.
            Some(known) if self.lines[known].1.is_empty() => self.lines[known].1 = value.into(),
            Some(known) => self.lines[known].1 = [&self.lines[known].1, &b", "[..], value].concat().into(),
            None => {
                let key = name.to_ascii_lowercase();
                let place = self.lines.partition_point(|line| line.0.to_ascii_lowercase() < key);
                self.lines.insert(place, (name.into(), value.into()));
            }
        }
    }

    /// Sets a header: one line with this name is left, at the place of the first one, or at the end.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let key = self.canonical(name.as_ref());
        let Some(first) = self.position(key) else {
            return self.add(key, value);
        };
        self.lines[first].1 = value.as_ref().into();
        let mut index = 0;
        self.lines.retain(|line| {
            index += 1;
            index <= first + 1 || !line.0.eq_ignore_ascii_case(key)
        });
    }

    /// Puts these lines in the place of all that there are, as if each were added.
    pub(crate) fn replace_all<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, lines: impl IntoIterator<Item = (N, V)>) {
        self.lines.clear();
        for (name, value) in lines {
            self.add(name, value);
        }
    }

    /// Removes every line with this name.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) {
        let name = self.canonical(name.as_ref());
        self.lines.retain(|line| !line.0.eq_ignore_ascii_case(name));
    }

    /// What a guest is told when it asks for the size.
    pub(crate) fn told_size(&self) -> usize {
        match self.repeats {
            Repeats::Stay => self.byte_size(),
            Repeats::Join => self.lines.len(),
        }
    }

    /// The size in bytes of all names and values.
    pub(crate) fn byte_size(&self) -> usize {
        self.lines.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        pairs::encode(self.iter(), out);
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.lines.iter().position(|line| line.0.eq_ignore_ascii_case(name))
    }

    /// Envoy registers `host` as another name of the inline header `:authority`.
    fn canonical<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        if self.repeats == Repeats::Stay && name.eq_ignore_ascii_case(b"host") {
            b":authority"
        } else {
            name
        }
    }
}

/// The lines of a [`HeaderMap`]: names and values.
#[derive(Debug, Clone)]
pub struct Iter<'a>(slice::Iter<'a, Line>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (&**name, &**value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a HeaderMap {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut map = Self::new();
        map.replace_all(lines);
        map
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_list()
            .entries(self.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))))
            .finish()
    }
}
