//! Decoders, which convert a tree of data with positions to typed values, the JSON Schemas of the
//! values that they accept, and reports that underline errors in the text.
//!
//! serde's `Deserialize` is not used because it ends at the first error and has no positions. A decoder
//! here adds every error to a [`Diagnostics`] and continues.

mod diagnostic;
mod elsewhere;
mod example;
mod record;
mod recover;
pub(crate) mod secrets;
mod source;
mod synonyms;

pub use diagnostic::{Diagnostic, Diagnostics, MAX_EXCERPTS, MAX_SHOWN, Severity, nearest};
pub use record::{Mark, Property, Record, all_properties, field, known_fields, object};
pub(crate) use record::{bare, choice, description, named_schema, one_of, record};
pub use recover::{of_list, unspaced};
pub use source::{Source, Sources};
pub use synonyms::meant;

use std::ops::Deref;

use serde_json::{Value as Json, json};

use crate::tree::{Node, Span, Value};

/// A type that can be read from a [`Node`].
pub trait Decode: Sized {
    /// Reads the value. `None` means that at least one error was added to `d`. A value can come with
    /// errors too.
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self>;

    /// Returns the JSON Schema of what `decode` accepts.
    fn schema() -> Json;

    /// Returns how the value is written, as help shows it; `None` if the schema says enough.
    fn example() -> Option<String> {
        None
    }

    /// Returns the value of a field that is not given; `None` if the field is required.
    fn missing() -> Option<Self> {
        None
    }

    /// Returns the names of the fields; empty if the value is no record.
    fn fields() -> Vec<&'static str> {
        Vec::new()
    }

    /// Returns whether the rest of a record can be judged if a field of this type cannot be read: a collection or a
    /// record says something of its own, whereas a word or a number often decides what else is right.
    fn is_optional() -> bool {
        false
    }
}

/// A value with its position. Two are equal if the values are equal.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// The position of the value.
    pub span: Span,
    /// The value.
    pub value: T,
}

/// Text with its position.
pub type Text = Spanned<String>;

/// A field that may or may not be given.
pub trait Given {
    /// Returns the position of the field's value, if the field is given.
    fn given(&self) -> Option<Span>;
}

impl<T> Given for Option<Spanned<T>> {
    fn given(&self) -> Option<Span> {
        self.as_ref().map(|given| given.span)
    }
}

impl Given for Option<Node> {
    fn given(&self) -> Option<Span> {
        self.as_ref().map(|node| node.span)
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

/// A field for which null has a meaning of its own: `key: null` is not the same as no `key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Settable<T> {
    /// The field is not given.
    #[default]
    Missing,
    /// The field is null, at this position.
    Null(Span),
    /// The field has a value.
    Value(T),
}

impl<T> Settable<T> {
    /// Returns `None` if the field is not given, `Some(None)` if it is null, else the value.
    pub fn as_option(&self) -> Option<Option<&T>> {
        match self {
            Self::Missing => None,
            Self::Null(_) => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

impl<T> Given for Settable<Spanned<T>> {
    fn given(&self) -> Option<Span> {
        match self {
            Self::Missing => None,
            Self::Null(span) => Some(*span),
            Self::Value(value) => Some(value.span),
        }
    }
}

impl<T: Decode> Decode for Settable<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match node.value {
            Value::Null => Some(Self::Null(node.span)),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                T::decode(node, d).map(Self::Value)
            }
        }
    }
    fn fields() -> Vec<&'static str> {
        T::fields()
    }
    fn example() -> Option<String> {
        T::example()
    }
    fn schema() -> Json {
        Option::<T>::schema()
    }
    fn missing() -> Option<Self> {
        Some(Self::Missing)
    }
}

/// A value whose errors do not make its parent invalid: `None` if it has errors, which are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T>(pub Option<T>);

impl<T: Decode> Decode for Part<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        Some(Self(T::decode(node, d)))
    }
    fn fields() -> Vec<&'static str> {
        T::fields()
    }
    fn example() -> Option<String> {
        T::example()
    }
    fn schema() -> Json {
        T::schema()
    }
    fn missing() -> Option<Self> {
        T::missing().map(|value| Self(Some(value)))
    }
}

/// A map from names that the user chose to values, in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Named<T> {
    /// Returns the value under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }

    /// Returns all names and values, in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, (Spanned<String>, T)> {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a Named<T> {
    type Item = &'a (Spanned<String>, T);
    type IntoIter = std::slice::Iter<'a, (Spanned<String>, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Returns the error for a value of the wrong type: "expected a list, found text".
#[must_use]
pub fn mismatch(node: &Node, expected: &str) -> Diagnostic {
    Diagnostic::error(node.span, format!("expected {expected}, found {}", node.value.describe()))
}

/// Reads the value of a field or under a name. For a wrong value, the error says what to write.
fn value_of<T: Decode>(key: &str, node: &Node, marks: &[Mark], d: &mut Diagnostics) -> Option<T> {
    let before = d.len();
    let read = T::decode(node, d);
    let is_here = |error: &&mut Diagnostic| {
        error.help.is_none() && error.span.is_some_and(|span| is_item(node, span))
    };
    // A report shows no more, and each help costs a schema.
    let most = MAX_SHOWN.saturating_sub(before);
    for error in d.since(before).take(most).filter(is_here) {
        let schema = record::narrowed(T::schema(), marks);
        if node.value == Value::Null {
            error.help = Some(for_nothing::<T>(key, &schema, &error.message, node));
        } else if error.message.starts_with("expected ") {
            error.help = to_write::<T>(key, &schema, node);
        } else if let Some(number) = error.message.strip_suffix(&outside(0, u32::MAX.into())) {
            let (least, most) = example::range(&schema).unwrap_or((0, u32::MAX.into()));
            error.message = format!("{number}{}", outside(least, most));
            error.help = Some(format!("write a whole number from {least} to {most}"));
        }
    }
    read
}

/// Returns whether a position is that of a value, or of an item of its lists.
fn is_item(node: &Node, span: Span) -> bool {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => &[],
    };
    node.span == span || items.iter().any(|item| is_item(item, span))
}

/// Returns the help for a value that is not given.
fn for_nothing<T: Decode>(key: &str, schema: &Json, error: &str, node: &Node) -> String {
    let empty = match error {
        "expected a map, found nothing" => Some("{}"),
        "expected a list, found nothing" => Some("[]"),
        _ => None,
    };
    let what = match empty {
        Some(empty) if T::example().is_none() && example::can_be_empty(schema) => {
            format!("write `{key}: {empty}`")
        }
        Some(_) | None => to_write::<T>(key, schema, node)
            .unwrap_or_else(|| format!("write a value after `{key}:`")),
    };
    match T::missing() {
        Some(_) => format!("{what}, or remove `{key}`"),
        None => what,
    }
}

/// Returns the help that says how a field is written.
fn to_write<T: Decode>(key: &str, schema: &Json, found: &Node) -> Option<String> {
    match T::example() {
        Some(example) => Some(format!("write `{key}: {example}`")),
        None => example::example(key, schema, found),
    }
}

/// Returns the end of the error about a number that is too small or too large.
fn outside(least: u64, most: u64) -> String {
    format!(" is outside of {least} to {most}")
}

impl Decode for Node {
    fn decode(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(node.clone())
    }
    fn schema() -> Json {
        json!({})
    }
}

impl Decode for String {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => recover::only(node, "text", d),
        }
    }
    fn schema() -> Json {
        json!({"type": ["string", "number", "boolean"]})
    }
}

impl Decode for bool {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Bool(value) => Some(*value),
            // The value of a variable is text.
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                recover::only(node, "true or false", d)
            }
        }
    }
    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}

impl Decode for u32 {
    /// Accepts text of digits too, because the value of a variable is text.
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let (Value::Number(text) | Value::Text(text)) = &node.value else {
            return recover::only(node, "a whole number", d);
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            d.push(match node.value {
                Value::Number(_) => {
                    Diagnostic::error(node.span, format!("expected a whole number, found `{text}`"))
                }
                Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                    mismatch(node, "a whole number")
                }
            });
            return None;
        }
        let number = text.parse().ok();
        if number.is_none() {
            let message = format!("`{text}`{}", outside(0, Self::MAX.into()));
            d.push(Diagnostic::error(node.span, message));
        }
        number
    }
    fn schema() -> Json {
        json!({"type": "integer", "minimum": 0, "maximum": Self::MAX})
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let value = T::decode(node, d)?;
        Some(Self { span: node.span, value })
    }
    fn fields() -> Vec<&'static str> {
        T::fields()
    }
    fn example() -> Option<String> {
        T::example()
    }
    fn schema() -> Json {
        T::schema()
    }
    fn is_optional() -> bool {
        T::is_optional()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        match node.value {
            Value::Null => Some(None),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                T::decode(node, d).map(Some)
            }
        }
    }
    fn fields() -> Vec<&'static str> {
        T::fields()
    }
    fn example() -> Option<String> {
        T::example()
    }
    fn schema() -> Json {
        json!({"anyOf": [T::schema(), {"type": "null"}]})
    }
    fn missing() -> Option<Self> {
        Some(None)
    }
    fn is_optional() -> bool {
        T::is_optional()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let Value::List(items) = &node.value else {
            d.push(mismatch(node, "a list"));
            return recover::items(node, d);
        };
        // Reads all items first, so that the errors of all of them are reported.
        let read: Vec<Option<T>> = items.iter().map(|item| T::decode(item, d)).collect();
        read.into_iter().collect()
    }
    fn example() -> Option<String> {
        T::example().map(|example| format!("[{example}]"))
    }
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
    fn missing() -> Option<Self> {
        Some(Self::new())
    }
    fn is_optional() -> bool {
        true
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let mut error = mismatch(node, "a map");
            error.help = unspaced(node).map(|(_, help)| help);
            d.push(error);
            return recover::named(node, d);
        };
        let (entries, is_whole) = recover::placed::<T>(entries, d);
        let read: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let name = Spanned { span: entry.key_span, value: entry.key.clone() };
                let before = d.unreadable_fields();
                let read = value_of(&entry.key, &entry.value, &[], d).map(|value| (name, value));
                d.name_unreadable(before, entry.value.span, entry.key_span);
                read
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().filter(|_| is_whole).map(Self)
    }
    fn example() -> Option<String> {
        T::example().map(|example| format!("{{NAME: {example}}}"))
    }
    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
    fn missing() -> Option<Self> {
        Some(Self::default())
    }
    fn is_optional() -> bool {
        true
    }
}
