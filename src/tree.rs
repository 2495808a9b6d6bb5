//! A document as data with positions. YAML and JSON texts are both read into this form.

/// The position of a piece of text: bytes `start..end` of the source numbered `source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The source's number in `decode::Sources`; 0 if there is only one text.
    pub source: u16,
    /// The offset of the first byte.
    pub start: u32,
    /// The offset after the last byte.
    pub end: u32,
}

/// A value of a document, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The position of the value.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// A value without its position. Scalars keep their source text: `1.10` stays `1.10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, `~`, or no value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An unquoted number, as written. It is never converted to a float.
    Number(String),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in source order. Keys are unique: the readers report duplicates as errors.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The position of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Returns whether nothing is written: neither a value nor `null`.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.value == Value::Null && self.span.start == self.span.end
    }
}

impl Value {
    /// Returns the kind of the value, as error messages name it.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}
