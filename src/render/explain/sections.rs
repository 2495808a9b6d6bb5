//! The sections and fields of the configuration, from its JSON Schema.

use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

use super::Page;

/// The largest number of words that are listed.
const MOST_WORDS: usize = 40;

/// A field of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// The path without the names of resources, such as `keys.policy`.
    pub(super) path: String,
    schema: &'a Json,
    required: bool,
}

impl<'a> Field<'a> {
    /// Returns the description in the schema.
    pub(super) fn description(&self) -> String {
        text(self.schema, "description").to_owned()
    }

    /// Returns whether the field has fields itself.
    pub(super) fn is_section(&self) -> bool {
        record(self.schema).is_some()
    }
}

/// Returns all sections and fields in the order of the schema. Fields follow their section.
pub(super) fn all(schema: &Json) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    fields(schema, "", &mut found);
    found
}

fn fields<'a>(schema: &'a Json, path: &str, found: &mut Vec<Field<'a>>) {
    let Some(record) = record(schema) else {
        return;
    };
    for (name, schema) in properties(record) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = required(record, name);
        found.push(Field { path: path.clone(), schema, required });
        fields(schema, &path, found);
    }
}

/// Removes the placeholders for names from a path: `keys.NAME.policy` becomes `keys.policy`.
pub(super) fn path(topic: &str) -> String {
    let parts = topic.split('.').filter(|part| !["NAME", "REGION", "ID", "*", ""].contains(part));
    parts.collect::<Vec<_>>().join(".")
}

/// Returns the sections whose paths end with `path`, or all such fields if there is no such
/// section. A section of the same name deeper in the same part of the configuration does not count: `grants` are
/// those of keys, and not those of replicas.
pub(super) fn ending<'a, 'b>(all: &'b [Field<'a>], path: &str) -> Vec<&'b Field<'a>> {
    if path.is_empty() {
        return Vec::new();
    }
    let end = format!(".{path}");
    let fields: Vec<&Field<'_>> = all.iter().filter(|field| field.path.ends_with(&end)).collect();
    let sections: Vec<&Field<'_>> =
        fields.iter().copied().filter(|field| field.is_section()).collect();
    let found = if sections.is_empty() { fields } else { sections };
    let Some(outer) = found.iter().copied().min_by_key(|field| field.path.len()) else {
        return found;
    };
    let part = outer.path.strip_suffix(path).unwrap_or_default();
    if found.iter().all(|field| field.path.starts_with(part)) { vec![outer] } else { found }
}

/// Explains a section with its fields, or a single field.
pub(super) fn write(page: &mut Page, field: &Field<'_>) {
    page.hanging(0, 4, &format!("{} ({})", field.path, kind(field.schema, field.required)));
    let described = field.description();
    page.gap();
    page.prose(2, &described);
    words(page, 2, field.schema);
    let Some(record) = record(field.schema) else {
        return;
    };
    let own = text(record, "description");
    // The fields of one alternative do not describe the whole union.
    if !repeats(own, &described) && alternatives(field.schema).len() == 1 {
        page.prose(2, own);
    }
    page.heading("Fields");
    for (name, schema) in properties(record) {
        page.hanging(2, 8, &format!("{name} ({})", kind(schema, required(record, name))));
        page.prose(6, text(schema, "description"));
        words(page, 6, schema);
        if self::record(schema).is_some() {
            page.prose(6, &format!("See `kmsctl explain {}.{name}`.", field.path));
        }
    }
}

/// Returns whether a text says nothing that another one does not say, as "A grant on a key." beside "Grants on the
/// key".
fn repeats(text: &str, other: &str) -> bool {
    first_sentence(text) == text && is_like(text, other)
}

/// Returns whether most words of the first sentence of a text are in that of another one.
pub(super) fn is_like(text: &str, other: &str) -> bool {
    let (words, others) = (words_of(text), words_of(other));
    2 * words.intersection(&others).count() > words.len()
}

/// Returns the words of the first sentence, without the ending of the plural.
fn words_of(text: &str) -> BTreeSet<String> {
    let first = first_sentence(text).to_lowercase();
    let words = first.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    words.map(|word| word.trim_end_matches('s').to_owned()).collect()
}

/// Returns the first sentence of a text.
pub(super) fn first_sentence(text: &str) -> String {
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text.to_owned(),
    }
}

/// Appends the meaning of each word of an enumeration.
fn words(page: &mut Page, indent: usize, schema: &Json) {
    for schema in alternatives(schema) {
        let list = |name: &str| schema.get(name).and_then(Json::as_array);
        if let (Some(words), Some(meanings)) = (list("enum"), list("enumDescriptions")) {
            for (word, meaning) in words.iter().zip(meanings) {
                let word = word.as_str().unwrap_or_default();
                let meaning = meaning.as_str().unwrap_or_default();
                page.hanging(indent + 2, 4, &format!("`{word}`: {meaning}"));
            }
        }
    }
    if let Some(items) = schema.get("items") {
        words(page, indent, items);
    }
}

/// Returns the type of a field, and whether the field is required.
fn kind(schema: &Json, required: bool) -> String {
    let kind = type_of(schema);
    if required { format!("{kind}, required") } else { kind }
}

fn type_of(schema: &Json) -> String {
    let mut parts: Vec<String> = alternatives(schema).iter().map(|schema| simple(schema)).collect();
    parts.dedup();
    parts.join(", or ")
}

fn simple(schema: &Json) -> String {
    if let Some(words) =
        schema.get("enum").and_then(Json::as_array).filter(|all| all.len() <= MOST_WORDS)
    {
        let words: Vec<String> = words
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect();
        return match words.as_slice() {
            [word] => format!("`{word}`"),
            words => format!("one of {}", words.join(", ")),
        };
    }
    match schema.get("type") {
        Some(Json::String(kind)) if kind == "array" => match schema.get("items") {
            Some(items) if record(items).is_some() => "list of sections".to_owned(),
            Some(items) => format!("list of {}", type_of(items)),
            None => "list".to_owned(),
        },
        Some(Json::String(kind)) if kind == "object" => object(schema),
        Some(Json::String(kind)) if kind == "integer" => whole_number(schema),
        Some(Json::String(kind)) if kind == "boolean" => "true or false".to_owned(),
        // Numbers and booleans of YAML are accepted as text too.
        Some(_) => "text".to_owned(),
        None => "any value".to_owned(),
    }
}

fn whole_number(schema: &Json) -> String {
    let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
    match (limit("minimum"), limit("maximum")) {
        (Some(low), Some(high)) if high < u32::MAX.into() => {
            format!("whole number from {low} to {high}")
        }
        _ => "whole number".to_owned(),
    }
}

fn object(schema: &Json) -> String {
    match schema.get("additionalProperties") {
        Some(values) if values.is_object() && record(values).is_some() => {
            "map from names to sections".to_owned()
        }
        Some(values) if values.is_object() => format!("map from names to {}", type_of(values)),
        Some(_) | None => "section".to_owned(),
    }
}

/// Returns the alternatives of a schema, without the null of an optional field.
fn alternatives(schema: &Json) -> Vec<&Json> {
    match schema.get("anyOf").and_then(Json::as_array) {
        // Alternatives beside a type are forms of one text.
        Some(any) if schema.get("type").is_none() => any
            .iter()
            .filter(|schema| schema.get("type").and_then(Json::as_str) != Some("null"))
            .flat_map(alternatives)
            .collect(),
        Some(_) | None => vec![schema],
    }
}

/// Returns the record that a schema describes: the schema itself, the values of a map, or the items
/// of a list.
fn record(schema: &Json) -> Option<&Json> {
    alternatives(schema).into_iter().find_map(|schema| {
        if schema.get("properties").is_some() {
            return Some(schema);
        }
        let inner = schema.get("additionalProperties").filter(|inner| inner.is_object());
        inner.or_else(|| schema.get("items")).and_then(record)
    })
}

fn properties(record: &Json) -> impl Iterator<Item = (&String, &Json)> {
    record.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::iter)
}

fn required(record: &Json, name: &str) -> bool {
    let all = record.get("required").and_then(Json::as_array);
    all.is_some_and(|all| all.iter().any(|field| field == name))
}

fn text<'a>(schema: &'a Json, name: &str) -> &'a str {
    schema.get(name).and_then(Json::as_str).unwrap_or_default()
}
