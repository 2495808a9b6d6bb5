//! Several files as one configuration: maps by name, lists one after the other.
//! Knows nothing of which fields there are.

use super::{Diagnostic, Diagnostics};
use crate::tree::{Entry, Node, Value};

/// How the message of a repeated declaration ends.
pub(super) const TWICE: &str = "is declared twice";

/// Adds a top-level entry of one file to those of the others.
pub(super) fn merge(entries: &mut Vec<Entry>, entry: Entry, d: &mut Diagnostics) {
    let Some(first) = entries.iter_mut().find(|first| first.key == entry.key) else {
        entries.push(entry);
        return;
    };
    match (&mut first.value.value, entry.value.value) {
        (Value::List(items), Value::List(more)) => items.extend(more),
        (Value::Map(items), Value::Map(more)) => {
            for item in more {
                match items.iter().find(|first| first.key == item.key) {
                    Some(first) => d.push(
                        Diagnostic::error(
                            item.key_span,
                            format!("`{}.{}` {TWICE}", entry.key, item.key),
                        )
                        .label("again here")
                        .also(first.key_span, "first declared here"),
                    ),
                    None => items.push(item),
                }
            }
        }
        (_, Value::Null) => {}
        (first @ Value::Null, value) => *first = value,
        (a, b) if scalar(a).is_some() && scalar(a) == scalar(&b) => {}
        (_, _) => {
            let message = format!("`{}` {TWICE}", entry.key);
            let error = Diagnostic::error(entry.value.span, message).label("and another here");
            d.push(
                error
                    .also(first.value.span, "one value here")
                    .help("the files of one configuration belong to one stack"),
            );
        }
    }
}

/// The text of a number or text.
pub(super) fn scalar(value: &Value) -> Option<&str> {
    match value {
        Value::Number(text) | Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// An entry of a map.
pub(super) fn entry<'a>(root: &'a Node, key: &str) -> Option<&'a Entry> {
    match &root.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    }
}
