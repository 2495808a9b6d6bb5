//! Reads a value of the wrong kind as what it probably means. The wrong kind is an error, and is reported; what is
//! inside is judged in the same run, so that its errors do not appear only once the first one is corrected.

use super::example;
use super::synonyms::meant;
use super::{Decode, Diagnostic, Diagnostics, Named, Spanned, mismatch, nearest};
use crate::tree::{Entry, Node, Span, Value};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Reads a value as a type, and keeps only the errors inside it: the value itself is reported already.
fn inside<T: Decode>(node: &Node, d: &mut Diagnostics) -> Option<T> {
    let before = d.len();
    let read = T::decode(node, d);
    d.remove_since(before, node.span);
    read
}

/// Returns the name in a text such as `name:value`, which is no entry of a map without a space, and the help. The help
/// does not repeat the value, which may be a secret.
#[must_use]
pub fn unspaced(node: &Node) -> Option<(&str, String)> {
    let Value::Text(text) = &node.value else {
        return None;
    };
    let (name, value) = text.split_once(':')?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let is_other = ["arn", "http", "https", "s3"].contains(&name);
    let help = || format!("write a space after the colon: `{name}: VALUE`");
    (is_name && !is_other && !value.starts_with([' ', ':'])).then(|| (name, help()))
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

/// Returns the help for what is not indented enough.
pub(super) fn deeper(name: &str, above: &str) -> String {
    format!("if `{name}` belongs to `{above}`, indent it under `{above}:`")
}

/// Returns the entries of a map of records, and whether they are all there. A field that is as deep as the names, and a
/// name that is as deep as the fields, are reported, and put where they belong.
pub(super) fn placed<'a, T: Decode>(
    entries: &'a [Entry],
    d: &mut Diagnostics,
) -> (Cow<'a, [Entry]>, bool) {
    let fields = Fields(T::fields());
    let names = fields.names(entries);
    let is_right = |(name, found, deep): &(_, Vec<_>, Vec<_>)| {
        found.is_empty() && deep.is_empty() && Option::is_some(name)
    };
    if names.iter().all(is_right) {
        return (Cow::Borrowed(entries), true);
    }
    let (mut placed, schema) = (Vec::new(), T::schema());
    let what = what(&schema);
    for (name, found, deep) in &names {
        for field in found.iter().filter(|field| !fields.has(field)) {
            let above = name.as_ref().map(|name| name.key.as_str());
            d.push(misnamed(field, above, &fields.0, &schema));
        }
        for field in found.iter().filter(|field| fields.has(field)) {
            let error = format!("`{}` is a field of {what}, not a name", field.key);
            d.push(Diagnostic::error(field.key_span, error).help(match name {
                Some(name) => format!("indent `{}` under `{}:`", field.key, name.key),
                None => format!("write the name first: `NAME: {{{}: ...}}`", field.key),
            }));
        }
        let Some(name) = name else { continue };
        let found: Vec<&Entry> = found.iter().copied().filter(|field| fields.has(field)).collect();
        placed.push(with(name, &found, deep));
        for inner in deep {
            let error = format!("unknown field `{}`", inner.key);
            let help =
                format!("if `{}` is a name like `{}`, indent it as much", inner.key, name.key);
            d.push(Diagnostic::error(inner.key_span, error).help(help));
            placed.push((*inner).clone());
        }
    }
    (Cow::Owned(placed), names.iter().all(|(name, _, _)| name.is_some()))
}

/// A name, the fields of its record that are as deep as the name, and the names that are as deep as its fields.
type Name<'a> = (Option<&'a Entry>, Vec<&'a Entry>, Vec<&'a Entry>);

/// The names of the fields of a record.
struct Fields(Vec<&'static str>);

impl Fields {
    fn has(&self, entry: &Entry) -> bool {
        self.0.contains(&entry.key.as_str())
    }

    /// Returns the names in a map of records. Fields before the first name have none.
    fn names<'a>(&self, entries: &'a [Entry]) -> Vec<Name<'a>> {
        let mut names: Vec<Name<'a>> = Vec::new();
        for entry in entries {
            let above = names.last().and_then(|(name, _, _)| *name);
            if self.is_shallow(entry, above) {
                match names.last_mut() {
                    Some((_, found, _)) => found.push(entry),
                    None => names.push((None, vec![entry], Vec::new())),
                }
            } else {
                let inner = self::entries(&entry.value).iter();
                let deep = inner.filter(|inner| self.is_deep(inner)).collect();
                names.push((Some(entry), Vec::new(), deep));
            }
        }
        names
    }

    /// Returns whether an entry of a map of records is a field of the record above it.
    fn is_shallow(&self, entry: &Entry, above: Option<&Entry>) -> bool {
        let is_value = !matches!(entry.value.value, Value::Map(_) | Value::Null);
        if is_value && !self.has(entry) && meant(&entry.key, &self.0).is_some() {
            return true;
        }
        self.has(entry)
            && match &entry.value.value {
                Value::Null => above.is_some(),
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => true,
                Value::Map(inner) => {
                    let is_record = inner.iter().any(|inner| self.has(inner));
                    let is_below_nothing = above.is_some_and(|above| above.value.is_left_out());
                    !inner.is_empty() && !is_record || is_below_nothing && inner.len() < 2
                }
            }
    }

    /// Returns whether an entry of a record is a record of its own.
    fn is_deep(&self, entry: &Entry) -> bool {
        let inner = entries(&entry.value);
        !self.0.is_empty()
            && !self.has(entry)
            && !inner.is_empty()
            && inner.iter().all(|inner| self.has(inner))
            && meant(&entry.key, &self.0).is_none()
            && (inner.len() > 1 || nearest(&entry.key, self.0.iter().copied()).is_none())
    }
}

/// Returns the error for another tool's name of a field that is as deep as the names of the records.
fn misnamed(entry: &Entry, above: Option<&str>, fields: &[&str], schema: &Json) -> Diagnostic {
    let near = meant(&entry.key, fields).unwrap_or_default();
    let value = example::value(near, example::property(schema, near), &entry.value);
    let written = format!("{near}: {}", value.as_deref().unwrap_or("..."));
    let error = Diagnostic::error(entry.key_span, format!("unknown field `{}`", entry.key));
    error.help(match above {
        Some(above) => format!("did you mean `{near}`? Write `{written}` under `{above}:`."),
        None => format!("did you mean `{near}`? Write `NAME: {{{written}}}`."),
    })
}

/// Returns a named record with the fields that are beside it, and without the names that are inside it.
fn with(name: &Entry, found: &[&Entry], deep: &[&Entry]) -> Entry {
    let mut whole = name.clone();
    if name.value.is_left_out() {
        whole.value = Node { span: name.key_span, value: Value::Map(Vec::new()) };
    }
    if let Value::Map(fields) = &mut whole.value.value {
        fields.retain(|field| !deep.iter().any(|inner| inner.key == field.key));
        fields.extend(found.iter().copied().cloned());
        let end = found.last().map_or(whole.value.span.end, |field| field.value.span.end);
        whole.value.span = Span { end: end.max(whole.value.span.end), ..whole.value.span };
    }
    whole
}

/// Returns what a record is, such as `a KMS key`, by the description of its schema.
fn what(schema: &Json) -> String {
    let description = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    let first = description.split(['.', ',', ':', '(']).next().unwrap_or_default();
    match first.strip_prefix('A') {
        Some(rest) if rest.starts_with([' ', 'n']) => format!("a{rest}"),
        Some(_) | None => "an entry".to_owned(),
    }
}
