//! Merges several files into one configuration: maps by name, and lists one after the other. The
//! fields are not checked.

use std::collections::BTreeMap;

use crate::decode::{Diagnostic, Diagnostics};
use crate::tree::{Entry, Node, Span, Value};

/// The top-level entries of the files read so far.
#[derive(Default)]
pub(super) struct Merged {
    entries: Vec<Entry>,
    /// The index of each entry.
    known: BTreeMap<String, usize>,
    /// The names in the maps of which several files contain a part, with their positions.
    seen: BTreeMap<String, BTreeMap<String, Span>>,
}

impl Merged {
    /// Adds a top-level entry of a file to those of the files before.
    pub(super) fn add(&mut self, entry: Entry, d: &mut Diagnostics) {
        if entry.key == "state" {
            d.push(place_of_the_state(&entry));
            return;
        }
        let known = self.known.get(&entry.key).and_then(|index| self.entries.get_mut(*index));
        let Some(first) = known else {
            self.known.insert(entry.key.clone(), self.entries.len());
            self.entries.push(entry);
            return;
        };
        match (&mut first.value.value, entry.value.value) {
            (Value::List(items), Value::List(more)) => items.extend(more),
            (Value::Map(items), Value::Map(more)) => {
                let seen = self.seen.entry(entry.key.clone()).or_insert_with(|| {
                    items.iter().map(|item| (item.key.clone(), item.key_span)).collect()
                });
                for item in more {
                    let section = entry.key.as_str();
                    if let Some(first) = seen.get(&item.key) {
                        d.push(twice(section, &item, *first));
                    } else {
                        seen.insert(item.key.clone(), item.key_span);
                        items.push(item);
                    }
                }
            }
            (_, Value::Null) => {}
            (first @ Value::Null, value) => *first = value,
            (a, b) if scalar(a).is_some() && scalar(a) == scalar(&b) => {}
            (_, _) => {
                let message = format!("`{}` is declared twice", entry.key);
                let error = Diagnostic::error(entry.value.span, message).label("and another here");
                d.push(
                    error
                        .also(first.value.span, "one value here")
                        .help("all files of a configuration declare one stack"),
                );
            }
        }
    }

    /// Returns all entries.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// Returns the error of a configuration that says where its state is.
fn place_of_the_state(entry: &Entry) -> Diagnostic {
    let message = "the configuration cannot say where its state is";
    Diagnostic::error(entry.key_span, message).help(
        "a change of the configuration could replace the record of what was applied; whoever runs \
         kmsctl names the place with `--state` or KMSCTL_STATE",
    )
}

fn twice(section: &str, item: &Entry, first: Span) -> Diagnostic {
    Diagnostic::error(item.key_span, format!("`{section}.{}` is declared twice", item.key))
        .label("again here")
        .also(first, "first declared here")
}

/// Returns the text of a number or a string.
pub(super) fn scalar(value: &Value) -> Option<&str> {
    match value {
        Value::Number(text) | Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Returns an entry of a map.
pub(super) fn entry<'a>(root: &'a Node, key: &str) -> Option<&'a Entry> {
    match &root.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    }
}
