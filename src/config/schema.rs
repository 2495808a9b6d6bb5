//! The JSON Schema of the configuration: for people, with the fields as they are documented, and for editors, with
//! everything that decoding takes.

use serde_json::{Map, Value as Json, json};

use super::records::Stack;
use crate::decode::Decode as _;
use crate::form::{digits, text, with};

/// The fields whose values are read before AWS is asked for anything.
const FIRST: [&str; 3] = ["stack", "account", "region"];

/// Returns the JSON Schema of the configuration for people: each value as it is documented.
#[must_use]
pub fn schema() -> Json {
    let mut out = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kmsctl configuration",
    });
    if let (Some(out), Json::Object(fields)) = (out.as_object_mut(), Stack::schema()) {
        out.extend(fields);
    }
    out
}

/// Returns the JSON Schema of the configuration for editors and validators. Each file of a configuration in several
/// files fits it, so that no field is required at the top. Numbers and booleans can be written as text, and every text
/// and number can contain variables.
#[must_use]
pub fn editor_schema() -> Json {
    let mut schema = schema();
    without_examples(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for (name, property) in properties {
            let variable = if FIRST.contains(&name.as_str()) { "variable" } else { "any_variable" };
            if name == "stack" {
                *property = without_null(property);
            }
            take_more(property, &json!({"$ref": format!("#/$defs/{variable}")}));
        }
    }
    let defined = |description: &str, pattern: &str| json!({"description": description, "type": "string", "pattern": pattern});
    let defined = json!({
        "variable": defined("Text with `${var.NAME}`.", "[$][{]var[.][^{}]*[}]"),
        "any_variable":
            defined("Text with `${var.NAME}` or `${aws.NAME}`.", "[$][{](var|aws)[.][^{}]*[}]"),
    });
    // An empty file is possible.
    with(schema, json!({"type": ["object", "null"], "$defs": defined}))
}

/// Removes the examples, in which words in capital letters stand for what only the user knows.
fn without_examples(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            map.retain(|name, value| name != "example" || !value.is_string());
            map.values_mut().for_each(without_examples);
        }
        Json::Array(all) => all.iter_mut().for_each(without_examples),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Returns a schema without the null of an optional field, with its description.
fn without_null(schema: &Json) -> Json {
    let all = schema.get("anyOf").and_then(Json::as_array);
    let one = all.and_then(|all| all.first()).unwrap_or(schema).clone();
    with(one, json!({"description": schema.get("description")}))
}

/// Adds to the schema of a value what decoding takes besides.
fn take_more(schema: &mut Json, variable: &Json) {
    let Json::Object(map) = schema else { return };
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(inner) {
            take_more(inner, variable);
        }
    }
    if let Some(Json::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(|property| take_more(property, variable));
    }
    let alternatives = if is_limited(map) {
        vec![Json::Object(without_description(map))]
    } else if let Some(Json::Array(all)) = map.get_mut("anyOf") {
        std::mem::take(all)
    } else {
        return;
    };
    let mut wider: Vec<Json> = Vec::new();
    for mut alternative in alternatives {
        let text = alternative.as_object().and_then(as_text);
        if !alternative.as_object().is_some_and(is_limited) {
            take_more(&mut alternative, variable);
        }
        wider.push(alternative);
        wider.extend(text);
    }
    if wider.iter().any(|alternative| alternative.as_object().is_some_and(is_limited)) {
        wider.push(variable.clone());
    }
    map.insert("anyOf".to_owned(), Json::Array(wider));
}

/// Returns whether a schema is one of a text, a number or a boolean, and does not accept every text.
fn is_limited(schema: &Map<String, Json>) -> bool {
    let is = |name: &str| match schema.get("type") {
        Some(Json::String(one)) => one == name,
        Some(Json::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    };
    let limits = ["enum", "pattern", "minLength", "maxLength", "not"];
    is("integer") && !is("string")
        || is("boolean") && !is("string")
        || limits.iter().any(|limit| schema.contains_key(*limit))
}

/// Moves all members of a schema but its description out of it.
fn without_description(schema: &mut Map<String, Json>) -> Map<String, Json> {
    let description = schema.remove("description");
    let rest = std::mem::take(schema);
    schema.extend(description.map(|description| ("description".to_owned(), description)));
    rest
}

/// Returns the schemas of the texts that stand for numbers and booleans.
fn as_text(schema: &Map<String, Json>) -> Option<Json> {
    match schema.get("type").and_then(Json::as_str) {
        Some("boolean") => Some(json!({"enum": ["true", "false"]})),
        Some("integer") => {
            let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
            let number = |limit: Option<u64>, other| {
                limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(other)
            };
            let forms = match schema.get("enum").and_then(Json::as_array) {
                Some(all) => {
                    let all =
                        all.iter().filter_map(Json::as_u64).filter_map(|n| u32::try_from(n).ok());
                    all.map(|number| digits(number, number)).collect::<Vec<_>>().join("|")
                }
                None => digits(number(limit("minimum"), 0), number(limit("maximum"), u32::MAX)),
            };
            Some(text(&format!("({forms})")))
        }
        _ => None,
    }
}
