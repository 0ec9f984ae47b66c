//! Dynamic metadata: what earlier filters wrote down about a request.

/// The filter under whose name JWT authentication keeps what it found.
pub const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";
/// The key under which it keeps the token's claims.
pub const JWT_PAYLOAD: &str = "payload";

/// Metadata by the name of the filter that wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(Vec<(String, Fields)>);

/// Values by name. Of several with one name, the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Vec<(String, MetadataValue)>);

/// A value, as in JSON, save that a string may hold any bytes: the proxy copies header values into strings as they came.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are those of `google.protobuf.Value`")]
pub enum MetadataValue {
    Null,
    Bool(bool),
    Number(f64),
    String(Vec<u8>),
    List(Vec<MetadataValue>),
    Struct(Fields),
}

impl Metadata {
    /// The claims of a validated token and nothing else.
    #[must_use]
    pub fn of_token(claims: Fields) -> Self {
        let payload = (JWT_PAYLOAD.to_owned(), MetadataValue::Struct(claims));
        Self(vec![(JWT_AUTHN.to_owned(), Fields(vec![payload]))])
    }

    /// A filter's value by key.
    #[must_use]
    pub fn get(&self, filter: &str, key: &str) -> Option<&MetadataValue> {
        let of_filter = self.0.iter().rev().find(|(name, _)| name == filter);
        of_filter.and_then(|(_, fields)| fields.get(key))
    }

    /// A claim of the validated token; the path's later names are looked up in objects only.
    #[must_use]
    pub fn claim<S: AsRef<str>>(&self, path: &[S]) -> Option<&MetadataValue> {
        path.iter()
            .try_fold(self.get(JWT_AUTHN, JWT_PAYLOAD)?, |value, name| match value {
                MetadataValue::Struct(fields) => fields.get(name.as_ref()),
                _ => None,
            })
    }
}

/// From the filters' names and what each wrote.
impl FromIterator<(String, Fields)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (String, Fields)>>(filters: I) -> Self {
        Self(filters.into_iter().collect())
    }
}

impl Fields {
    /// A value by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&MetadataValue> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

impl FromIterator<(String, MetadataValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, MetadataValue)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl MetadataValue {
    /// The text, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is a list; nothing else.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text itself, or the texts among the elements of a list. Other types have none: native compares strings only.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.as_text()
            .into_iter()
            .chain(self.elements().iter().filter_map(Self::as_text))
    }
}
