//! Merges several files into one configuration: maps by name, and lists one after the other, also within the
//! sections of consumers (`ebs.volumes`). The fields are not checked.

use std::collections::BTreeMap;

use super::records::stack;
use crate::decode::{Diagnostic, Diagnostics};
use crate::tree::{Entry, Node, Value};

/// The top-level entries of the files read so far.
#[derive(Default)]
pub(super) struct Merged {
    entries: Vec<Entry>,
    /// The index of each entry.
    known: BTreeMap<String, usize>,
    names: Names,
}

/// The names in the maps of which several files contain a part, by the path of the map, with their indexes.
#[derive(Default)]
struct Names(BTreeMap<String, BTreeMap<String, usize>>);

impl Names {
    /// Adds a part of an entry to the parts from the files before.
    fn combine(&mut self, path: &str, first: &mut Entry, more: Node, d: &mut Diagnostics) {
        match (&mut first.value.value, more.value) {
            (Value::List(items), Value::List(more)) => items.extend(more),
            (Value::Map(items), Value::Map(more)) => {
                for item in more {
                    self.add(path, items, item, d);
                }
            }
            (_, Value::Null) => {}
            (first @ Value::Null, value) => *first = value,
            (a, b) if scalar(a).is_some() && scalar(a) == scalar(&b) => {}
            (_, _) => {
                let error = Diagnostic::error(more.span, format!("`{path}` is declared twice"));
                d.push(
                    error
                        .label("and another here")
                        .also(first.value.span, "one value here")
                        .help("all files of a configuration declare one stack"),
                );
            }
        }
    }

    /// Adds an item to a map. If the map has it already, the item must be a collection.
    fn add(&mut self, path: &str, items: &mut Vec<Entry>, item: Entry, d: &mut Diagnostics) {
        let known = self.0.entry(path.to_owned()).or_insert_with(|| {
            items.iter().enumerate().map(|(at, item)| (item.key.clone(), at)).collect()
        });
        let Some(first) = known.get(&item.key).and_then(|at| items.get_mut(*at)) else {
            known.insert(item.key.clone(), items.len());
            items.push(item);
            return;
        };
        let name = format!("{path}.{}", item.key);
        if stack::collections(path).contains(&item.key.as_str()) {
            self.combine(&name, first, item.value, d);
        } else {
            let error = Diagnostic::error(item.key_span, format!("`{name}` is declared twice"));
            d.push(error.label("again here").also(first.key_span, "first declared here"));
        }
    }
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
        self.names.combine(&entry.key, first, entry.value, d);
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
