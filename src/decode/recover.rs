//! Reads a value of the wrong kind as what it probably means. The wrong kind is an error, and is reported; what is inside is
//! judged in the same run, so that its errors do not appear only once the first one is corrected.

use super::{Decode, Diagnostics, Named, Spanned, mismatch};
use crate::tree::{Entry, Node, Value};
use std::collections::BTreeSet;

/// Reads a value as a type, and keeps only the errors inside it: the value itself is reported already.
fn inside<T: Decode>(node: &Node, d: &mut Diagnostics) -> Option<T> {
    let before = d.len();
    let read = T::decode(node, d);
    d.remove_since(before, node.span);
    read
}

/// Returns the item of a list of one item.
pub(super) fn sole(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::List(items) if items.len() == 1 => items.first(),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

/// Reports that a value is not of the expected kind, and reads a list of one item as that item.
pub(super) fn only<T: Decode>(node: &Node, expected: &str, d: &mut Diagnostics) -> Option<T> {
    d.push(mismatch(node, expected));
    inside(sole(node)?, d)
}

/// Reads the items of a list that is not one: the values of a map of maps, or the only item.
pub(super) fn items<T: Decode>(node: &Node, d: &mut Diagnostics) -> Option<Vec<T>> {
    match &node.value {
        Value::Null => None,
        Value::Map(entries) if !entries.is_empty() && entries.iter().all(is_map) => {
            let read: Vec<Option<T>> =
                entries.iter().map(|entry| inside(&entry.value, d)).collect();
            read.into_iter().collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
            Some(vec![inside(node, d)?])
        }
    }
}

/// Returns whether a value can be read as a type without an error.
fn fits<T: Decode>(node: &Node) -> bool {
    let mut found = Diagnostics::default();
    T::decode(node, &mut found).is_some() && !found.has_errors()
}

fn is_map(entry: &Entry) -> bool {
    matches!(entry.value.value, Value::Map(_))
}

/// Returns the entries of an item of a list.
fn entries(item: &Node) -> &[Entry] {
    match &item.value {
        Value::Map(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
    }
}

/// Reads the entries of a map that is written as a list: `- name: {...}`. Another item is read for its errors; its own
/// `name` is not one.
pub(super) fn named<T: Decode>(node: &Node, d: &mut Diagnostics) -> Option<Named<T>> {
    let Value::List(items) = &node.value else {
        return None;
    };
    let mut read = Vec::new();
    for item in items {
        match entries(item) {
            [entry] if is_map(entry) || fits::<T>(&entry.value) => {
                let name = Spanned { span: entry.key_span, value: entry.key.clone() };
                read.push(inside(&entry.value, d).map(|value| (name, value)));
            }
            fields => {
                let fields = fields.iter().filter(|field| field.key != "name").cloned().collect();
                let fields = Node { span: item.span, value: Value::Map(fields) };
                drop(inside::<T>(&fields, d));
                read.push(None);
            }
        }
    }
    read.into_iter().collect::<Option<Vec<_>>>().map(Named)
}

/// Reads a record that is written as a list of its fields, or as several records. The list itself is reported already.
pub fn of_list<T: Decode>(node: &Node, d: &mut Diagnostics) -> Option<T> {
    let Value::List(items) = &node.value else {
        return None;
    };
    let all: Vec<Entry> = items.iter().flat_map(entries).cloned().collect();
    let names: BTreeSet<&str> = all.iter().map(|entry| entry.key.as_str()).collect();
    if all.is_empty() {
        return None;
    }
    if names.len() == all.len() {
        return inside(&Node { span: node.span, value: Value::Map(all) }, d);
    }
    for item in items.iter().filter(|item| !entries(item).is_empty()) {
        drop(inside::<T>(item, d));
    }
    None
}
