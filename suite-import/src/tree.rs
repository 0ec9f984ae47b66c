//! What both syntaxes are read into: names and values with their places, nothing compared with the schema yet.

/// How deep messages and lists may be nested. The schema has five levels; what is deeper is broken or hostile.
pub(crate) const DEEPEST: usize = 100;

/// A name with what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Where the name starts, in bytes.
    pub(crate) at: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Where the value starts, in bytes.
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Text format, in quotes: text or bytes.
    Quoted(Vec<u8>),
    /// Text format, bare: a number with its sign, or a word.
    Bare(String),
    /// A YAML scalar. Its type is what the schema asks for, quoted or not.
    Scalar(String),
    /// A YAML null, which leaves the field unset.
    Null,
    Message(Vec<Field>),
    List(Vec<Value>),
}

impl Kind {
    /// What was found, for people who expected something else.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Quoted(_) => "text in quotes".to_owned(),
            Self::Bare(word) => format!("`{word}` without quotes"),
            Self::Scalar(text) => format!("`{text}`"),
            Self::Null => "nothing".to_owned(),
            Self::Message(_) => "fields of its own".to_owned(),
            Self::List(_) => "a list".to_owned(),
        }
    }
}
