//! What to write for a value of the wrong kind.

use serde_json::Value as Json;

/// The values of fields for which a placeholder would say too little.
const EXAMPLES: &[(&str, &str)] = &[
    ("rotation", "{period_days: 365}`, or `rotation: {enabled: false}"),
    ("master_password", "managed"),
    ("aliases", "[NAME]"),
    ("partition_key", "{name: id, type: S}"),
    ("sort_key", "{name: time, type: N}"),
    ("tags", "{team: payments}"),
    ("used_by", "[role/NAME]"),
    ("administrators", "[role/NAME]"),
    ("users", "[role/NAME]"),
    ("policy", "{administrators: [role/NAME], users: [role/NAME]}"),
    ("grants", "{NAME: {grantee: role/NAME, operations: [Decrypt]}}"),
    ("replicas", "{eu-west-1: {}}"),
    ("keys", "{NAME: {}}"),
    ("defaults", "{tags: {team: payments}}"),
    ("document", "policy.json"),
    ("vars", "{NAME: VALUE}"),
];

/// Returns a value of a field as it could be written, such as `{period_days: 365}`.
pub(super) fn example(field: &str, schema: &Json) -> Option<String> {
    let written = match known(field) {
        Some(written) => written,
        None => format!("{field}: {}", shape(schema, 0)?),
    };
    Some(format!("write `{written}`"))
}

/// Returns a field with a value, if the field is one of those with an example.
pub(super) fn known(field: &str) -> Option<String> {
    let (_, value) = EXAMPLES.iter().find(|(name, _)| *name == field)?;
    Some(format!("{field}: {value}"))
}

/// Returns a value that fits a schema, with placeholders in capital letters.
fn shape(schema: &Json, depth: usize) -> Option<String> {
    if let Some(first) = schema.get("enum").and_then(Json::as_array).and_then(|all| all.first()) {
        return first.as_str().map(str::to_owned);
    }
    if let Some(options) = schema.get("anyOf").and_then(Json::as_array) {
        return options.iter().filter(|option| !is_null(option)).find_map(|o| shape(o, depth));
    }
    match of_type(schema)? {
        "string" => Some("TEXT".to_owned()),
        "integer" | "number" => Some("NUMBER".to_owned()),
        "boolean" => Some("true".to_owned()),
        "array" => {
            let item = schema.get("items").and_then(|items| shape(items, depth + 1))?;
            Some(format!("[{item}]"))
        }
        "object" if depth > 1 => Some("{...}".to_owned()),
        "object" => object(schema, depth),
        _ => None,
    }
}

fn object(schema: &Json, depth: usize) -> Option<String> {
    if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object()) {
        return Some(format!("{{NAME: {}}}", shape(value, depth + 1)?));
    }
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required").and_then(Json::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Json::as_str).collect();
    let shown = properties.iter().filter(|(name, _)| required.contains(&name.as_str()));
    let parts: Vec<String> = shown
        .filter_map(|(name, value)| Some(format!("{name}: {}", shape(value, depth + 1)?)))
        .collect();
    Some(format!("{{{}}}", parts.join(", ")))
}

/// Returns the type of a schema; the first one that is not `null`, if there are several.
fn of_type(schema: &Json) -> Option<&str> {
    match schema.get("type")? {
        Json::String(name) => Some(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).find(|name| *name != "null"),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => None,
    }
}

fn is_null(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("null")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Diagnostics;

    /// Each example is read as the value of a field that exists; the schema tests read README and help.
    #[test]
    fn every_example_is_yaml_for_a_field_that_exists() {
        let schema = crate::config::schema().to_string();
        for (field, _) in EXAMPLES {
            assert!(schema.contains(&format!("\"{field}\":{{")), "{field}");
            let help = example(field, &Json::Null).unwrap();
            let spans: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
            assert!(!spans.is_empty(), "{help}");
            for span in spans {
                let mut d = Diagnostics::default();
                assert!(crate::config::yaml(span, 0, &mut d).is_some() && d.is_empty(), "{span}");
            }
        }
    }
}
