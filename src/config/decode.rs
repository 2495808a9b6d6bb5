//! From data with positions to typed records, and the JSON Schema of those records.
//! Knows nothing of YAML, of files, or of which records there are.
//!
//! serde's `Deserialize` is not used here because it ends at the first error and loses
//! positions; a decoder gets a `Diagnostics` to put all errors into and goes on.

use std::ops::Deref;

use serde_json::{Value as Json, json};

use super::{Diagnostic, Diagnostics};
use crate::tree::{Node, Span, Value};

/// A type that can be read from a `Node`.
pub trait Decode: Sized {
    /// Reads the value. `None` means that at least one error was reported; a value may come with
    /// errors too, so ask the diagnostics.
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self>;

    /// The JSON Schema of what `decode` accepts.
    fn schema() -> Json;

    /// The value of a field that is not given; `None` if the field must be given.
    fn missing() -> Option<Self> {
        None
    }
}

/// A value and where it was written. Equal if the values are.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// Where.
    pub span: Span,
    /// What.
    pub value: T,
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

/// A map from names the user chose to records, in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Named<T> {
    /// The record under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }

    /// All names and records, in the order written.
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

/// The error of a value of the wrong type: "expected a list, found text".
#[must_use]
pub fn mismatch(node: &Node, expected: &str) -> Diagnostic {
    Diagnostic::error(node.span, format!("expected {expected}, found {}", node.value.describe()))
}

fn wrong<T>(node: &Node, expected: &str, d: &mut Diagnostics) -> Option<T> {
    d.push(mismatch(node, expected));
    None
}

/// Reads the value of a field, or under a name: where nothing stands, the error says what to write.
pub(super) fn value_of<T: Decode>(key: &str, node: &Node, d: &mut Diagnostics) -> Option<T> {
    let before = d.len();
    let read = T::decode(node, d);
    if node.value == Value::Null {
        for error in d.since(before).filter(|error| error.span == Some(node.span)) {
            let what = match error.message.as_str() {
                "expected a map, found nothing" => format!("write `{key}: {{}}`"),
                "expected a list, found nothing" => format!("write `{key}: []`"),
                _ => format!("write a value after `{key}:`"),
            };
            error.help.get_or_insert(match T::missing() {
                Some(_) => format!("{what}, or take `{key}` away"),
                None => what,
            });
        }
    }
    read
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
            Value::Null | Value::List(_) | Value::Map(_) => wrong(node, "text", d),
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
            // What a variable was replaced by is text.
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                wrong(node, "true or false", d)
            }
        }
    }
    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}

impl Decode for u32 {
    /// Text of digits is accepted too: it is what a variable was replaced by.
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let (Value::Number(text) | Value::Text(text)) = &node.value else {
            return wrong(node, "a whole number", d);
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
            let message = format!("`{text}` is outside of 0 to {}", Self::MAX);
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
    fn schema() -> Json {
        T::schema()
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
    fn schema() -> Json {
        json!({"anyOf": [T::schema(), {"type": "null"}]})
    }
    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let Value::List(items) = &node.value else {
            return wrong(node, "a list", d);
        };
        // All items are read, so that all their errors are told, before one that failed counts.
        let read: Vec<Option<T>> = items.iter().map(|item| T::decode(item, d)).collect();
        read.into_iter().collect()
    }
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
    fn missing() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node, d: &mut Diagnostics) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            return wrong(node, "a map", d);
        };
        let read: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let name = Spanned { span: entry.key_span, value: entry.key.clone() };
                value_of(&entry.key, &entry.value, d).map(|value| (name, value))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }
    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
    fn missing() -> Option<Self> {
        Some(Self::default())
    }
}
