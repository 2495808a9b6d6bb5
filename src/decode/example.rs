//! What to write for a value of the wrong kind.
//!
//! A word in capital letters, such as `NAME`, stands for what only the user knows.

use serde_json::Value as Json;

use super::recover::sole;
use crate::tree::{Node, Value};

/// The values of fields for which a placeholder would say too little.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("rotation", &["{period_days: 365}", "{enabled: false}"]),
    ("master_password", &["managed"]),
    ("aliases", &["[NAME]"]),
    ("partition_key", &["{name: id, type: S}"]),
    ("sort_key", &["{name: time, type: N}"]),
    ("tags", &["{team: payments}"]),
    ("used_by", &["[role/NAME]"]),
    ("administrators", &["[role/NAME]"]),
    ("users", &["[role/NAME]"]),
    (
        "billing",
        &["{mode: pay_per_request}", "{mode: provisioned, read_capacity: 5, write_capacity: 5}"],
    ),
    ("serverless_v2", &["{min_capacity: 0.5, max_capacity: 8}"]),
    ("lifecycle", &["{transition_to_ia: AFTER_30_DAYS}"]),
    (
        "event_selectors",
        &["[{data_resources: [{type: \"AWS::S3::Object\", values: [\"arn:aws:s3\"]}]}]"],
    ),
    ("auto_scaling", &["{groups: {NAME: {key: NAME}}}"]),
    ("gates", &["{removals: 2}"]),
    ("lint", &["{waivers: [{rule: KMS102, address: key/NAME, reason: TEXT, until: DATE}]}"]),
    ("policy", &["{administrators: [role/NAME], users: [role/NAME]}"]),
    ("grants", &["{NAME: {grantee: role/NAME, operations: [Decrypt]}}"]),
    ("replicas", &["{REGION: {}}"]),
    ("keys", &["{NAME: {}}"]),
    ("key", &["NAME"]),
    ("accounts", &["{NAME: {id: \"111122223333\", role: role/NAME}}"]),
    ("accounts", &["[\"111122223333\"]"]),
    ("role", &["role/NAME"]),
    ("grantee", &["role/NAME"]),
    ("retiring", &["role/NAME"]),
    ("principals", &["[role/NAME]"]),
    ("decrypt_only", &["[role/NAME]"]),
    ("encrypt_only", &["[role/NAME]"]),
    ("log_readers", &["[role/NAME]"]),
    ("operations", &["[Decrypt]"]),
    ("actions", &["[\"kms:Decrypt\"]"]),
    ("constraints", &["{encryption_context_subset: {NAME: TEXT}}"]),
    ("foreign_grants", &["[{grantee: role/NAME, reason: TEXT}]"]),
    ("forbidden", &["[{principals: [role/NAME], actions: [\"kms:Decrypt\"]}]"]),
    ("moved", &["[{from: key/OLD, to: key/NAME}]"]),
    ("from", &["key/OLD"]),
    ("to", &["key/NAME"]),
    ("removed", &["[{address: key/OLD, action: forget}]"]),
    ("address", &["key/NAME"]),
    ("until", &["DATE"]),
    (
        "statements",
        &[
            "[{Sid: NAME, Effect: Allow, Principal: {AWS: role/NAME}, Action: \"kms:Decrypt\", Resource: \"*\"}]",
        ],
    ),
    ("region", &["REGION"]),
    ("primary_region", &["REGION"]),
    ("availability_zone", &["ZONE"]),
    ("instance_class", &["db.t4g.medium"]),
    ("instance_type", &["r6g.large.search"]),
    ("dedicated_master", &["{type: r6g.large.search, count: 3}"]),
    ("members", &["{NAME: {instance_class: db.r6g.large}}"]),
    ("backup_window", &["\"03:00-03:30\""]),
    ("maintenance_window", &["\"sun:04:00-sun:05:00\""]),
    ("mount_targets", &["[{subnet: subnet-ID}]"]),
    ("vpc", &["{subnets: [subnet-ID]}"]),
    ("security_groups", &["[sg-ID]"]),
    ("subnets", &["[subnet-ID]"]),
    ("subnet", &["subnet-ID"]),
    ("data_resources", &["[{type: \"AWS::S3::Object\", values: [\"arn:aws:s3\"]}]"]),
    (
        "advanced_event_selectors",
        &["[{field_selectors: [{field: eventCategory, equals: [Management]}]}]"],
    ),
    ("field_selectors", &["[{field: eventCategory, equals: [Management]}]"]),
    ("defaults", &["{tags: {team: payments}}"]),
    ("document", &["policy.json"]),
    ("vars", &["{NAME: VALUE}"]),
];

/// The placeholder for a number.
const NUMBER: &str = "NUMBER";

/// The most words of a closed set that a help repeats.
const MOST_WORDS: usize = 4;

/// Returns the help that says how a field is written, such as ``write `rotation: {period_days: 365}` ``. What was found
/// instead decides between the values that are possible, if its meaning is known.
pub(super) fn example(field: &str, schema: &Json, found: &Node) -> Option<String> {
    if field == "policy"
        && let Some(help) = policy(schema, found)
    {
        return Some(help);
    }
    let values = known_values(field, schema).or_else(|| values_of(schema, found))?;
    let values = fitting(values, found).into_iter();
    let values: Vec<String> = values.map(|value| with_given(value, schema, found)).collect();
    Some(format!("write {}", written(field, &values)))
}

/// Returns the help for a document, a file or a list of statements in the place of a policy.
fn policy(schema: &Json, found: &Node) -> Option<String> {
    if !has_kind(schema, "object") {
        return None;
    }
    match &found.value {
        Value::Text(text) if text.trim_start().starts_with('{') => Some(
            "write `policy: {document: policy.json}` with the text in this file, or the text itself below \
             `document: |`"
                .to_owned(),
        ),
        Value::Text(text) => {
            let path = text.trim_start_matches("file://");
            let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
            let is_file = path.to_ascii_lowercase().ends_with(".json") && is_plain;
            is_file.then(|| format!("write `policy: {{document: {path}}}`"))
        }
        Value::List(items) => {
            let is_statement = |item: &Node| {
                let Value::Map(entries) = &item.value else { return false };
                entries.iter().any(|entry| ["Effect", "Principal", "Sid"].contains(&&*entry.key))
            };
            let statements = known_values("statements", &Json::Null)?;
            let statements = statements.first().filter(|_| items.iter().any(is_statement))?;
            Some(format!("write `policy: {{statements: {statements}}}`"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Map(_) => None,
    }
}

/// Returns the fields of a record that is written in braces.
fn parts(record: &str) -> Vec<(&str, &str)> {
    let inner = record.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.unwrap_or_default();
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_u32, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inner.get(from..at).unwrap_or_default().trim();
                parts.extend(part.split_once(": "));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn joined<'a>(parts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let parts: Vec<String> =
        parts.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{{}}}", parts.join(", "))
}

/// The fields that are possible only beside another one.
const BESIDE: &[(&str, (&str, &str))] = &[
    ("primary_region", ("multi_region", "true")),
    ("provisioned_throughput", ("throughput_mode", "provisioned")),
    ("replicas", ("multi_region", "true")),
];

/// Returns a record with a value of one of its fields, and with all else that it needs. `outer` is the field that has
/// the record as its value, or as an item of its list.
pub(super) fn with_field(record: &Json, outer: Option<&str>, field: &str, value: String) -> String {
    let outer = outer.filter(|_| !required(record).is_empty());
    let known = outer.and_then(|outer| known_values(outer, &Json::Null)).unwrap_or_default();
    let known = known.into_iter().map(|known| known.trim_matches(['[', ']']).to_owned());
    let known: Vec<String> = known.filter(|known| !parts(known).is_empty()).collect();
    let has_field = |known: &&String| parts(known).iter().any(|(name, _)| *name == field);
    let known = known.iter().find(has_field).or(known.last()).cloned();
    let whole = known.or_else(|| object(record)).unwrap_or_default();
    let mut all: Vec<(&str, String)> =
        parts(&whole).into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    let is_placeholder = ["TEXT", NUMBER].iter().any(|word| value.contains(word));
    match all.iter_mut().find(|(name, _)| *name == field) {
        Some(_) if is_placeholder => {}
        Some((_, own)) => *own = value,
        None => {
            let beside = BESIDE.iter().filter(|(name, _)| *name == field);
            all.extend(beside.map(|(_, (name, value))| (*name, (*value).to_owned())));
            all.push((field, value));
        }
    }
    joined(all)
}

/// Returns an example with what was found in the fields of the record that accept it: a word of a closed set, the only
/// number, or the numbers of the fields of a map.
fn with_given(example: String, schema: &Json, found: &Node) -> String {
    let Some(properties) = without_null(schema).get("properties").and_then(Json::as_object) else {
        return example;
    };
    let parts = parts(&example);
    let is_number = |(name, value): &(&str, &str)| {
        properties.get(*name).map(without_null).and_then(of_type) == Some("integer")
            && value.bytes().all(|byte| byte.is_ascii_digit())
    };
    let numbers = parts.iter().filter(|part| is_number(part)).count();
    let given = |name: &str, is_number: bool| -> Option<String> {
        let property = properties.get(name)?;
        if let Value::Map(entries) = &found.value {
            let own = &entries.iter().find(|entry| entry.key == name)?.value;
            return Some(number(property, own)).filter(|given| is_number && given != NUMBER);
        }
        if is_number && numbers == 1 {
            return Some(number(property, found)).filter(|given| given != NUMBER);
        }
        let Value::Text(text) = &found.value else { return None };
        words(without_null(property))?.into_iter().find(|word| word == text)
    };
    let mut is_changed = false;
    let all: Vec<(&str, String)> = parts
        .iter()
        .map(|part| {
            let own = given(part.0, is_number(part));
            is_changed |= own.is_some();
            (part.0, own.unwrap_or_else(|| part.1.to_owned()))
        })
        .collect();
    if is_changed { joined(all) } else { example }
}

/// Returns a field with a value, if the field is one of those with an example. The value that a name of another tool
/// had decides between several.
pub(super) fn known(field: &str, schema: &Json, found: &Node) -> Option<String> {
    let is_whole = ["object", "array"].contains(&of_type(without_null(schema)).unwrap_or_default());
    let values = known_values(field, &Json::Null)
        .or_else(|| values_of(schema, found).filter(|values| is_whole && values != &["{}"]))?;
    let values = fitting(values, found).into_iter();
    let values: Vec<String> = values.map(|value| with_given(value, schema, found)).collect();
    Some(written(field, &values))
}

/// Returns one value of a field.
pub(super) fn value(field: &str, schema: &Json, found: &Node) -> Option<String> {
    let words = words(without_null(schema)).unwrap_or_default();
    if let Value::Text(text) = &found.value
        && words.contains(text)
    {
        return Some(text.clone());
    }
    let values = known_values(field, schema).or_else(|| values_of(schema, found))?;
    let value = fitting(values, found).into_iter().next()?;
    Some(with_given(value, schema, found))
}

/// Returns the schema of a field of a record.
pub(super) fn property<'a>(record: &'a Json, field: &str) -> &'a Json {
    let properties = without_null(record).get("properties");
    properties.and_then(|properties| properties.get(field)).unwrap_or(&Json::Null)
}

/// Returns the values of the table for a field that are of the kind of its schema.
fn known_values(field: &str, schema: &Json) -> Option<Vec<String>> {
    let mut found = EXAMPLES.iter().filter(|(name, _)| *name == field);
    let (_, values) = found.find(|(_, values)| values.iter().all(|value| is_of(schema, value)))?;
    Some(values.iter().map(|value| (*value).to_owned()).collect())
}

fn written(field: &str, values: &[String]) -> String {
    let parts: Vec<String> = values.iter().map(|value| format!("`{field}: {value}`")).collect();
    parts.join(", or ")
}

/// Returns the values that can be meant: all, unless what was found says yes or no, or is a word of some of them.
fn fitting(mut values: Vec<String>, found: &Node) -> Vec<String> {
    if let Some(meant) = meaning(found) {
        let is_no = |value: &String| value.contains("false");
        if values.iter().any(|value| is_no(value) != meant) {
            values.retain(|value| is_no(value) != meant);
        }
    }
    if let Value::Text(text) = &found.value {
        let word = text.replace('-', "_");
        let has_word = |value: &String| {
            let mut words = value.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|own| own.eq_ignore_ascii_case(&word))
        };
        if values.iter().any(has_word) {
            values.retain(has_word);
        }
    }
    values
}

/// Returns what a value means as a yes or no, if that is known.
fn meaning(found: &Node) -> Option<bool> {
    const YES: [&str; 8] = ["true", "yes", "on", "y", "1", "enabled", "enable", "always"];
    const NO: [&str; 9] = ["false", "no", "off", "n", "0", "disabled", "disable", "never", "none"];
    match &found.value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) | Value::Number(text) => {
            let word = text.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
            let is_yes = YES.contains(&word.as_str());
            (is_yes || NO.contains(&word.as_str())).then_some(is_yes)
        }
        Value::List(_) => sole(found).and_then(meaning),
        Value::Null | Value::Map(_) => None,
    }
}

/// Returns whether a value that is written in YAML is of the kind of a schema.
fn is_of(schema: &Json, value: &str) -> bool {
    let kind = match value.chars().next() {
        Some('{') => "object",
        Some('[') => "array",
        _ => "string",
    };
    has_kind(schema, kind)
}

/// Returns whether a schema accepts values of a kind.
pub(super) fn has_kind(schema: &Json, kind: &str) -> bool {
    if let Some(options) = schema.get("anyOf").and_then(Json::as_array) {
        return options.iter().any(|option| has_kind(option, kind));
    }
    match schema.get("type") {
        Some(Json::String(name)) => name == kind,
        Some(Json::Array(names)) => names.iter().any(|name| name == kind),
        Some(_) | None => schema.get("enum").is_none() || kind == "string",
    }
}

/// Returns the values of which one can be meant: those of a closed set, or one that fits the schema.
fn values_of(schema: &Json, found: &Node) -> Option<Vec<String>> {
    let schema = without_null(schema);
    if let Some(words) = words(schema) {
        return match words.len() {
            0..=MOST_WORDS => Some(words),
            _ => words.into_iter().next().map(|first| vec![first]),
        };
    }
    match of_type(schema) {
        Some("boolean") => Some(vec!["true".to_owned(), "false".to_owned()]),
        Some("integer") => Some(vec![number(schema, found)]),
        _ => Some(vec![shape(schema)?]),
    }
}

/// Returns the number that a text such as `30 days` begins with, or a placeholder.
fn number(schema: &Json, found: &Node) -> String {
    let text = match &found.value {
        Value::Text(text) | Value::Number(text) => text.as_str(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => "",
    };
    let (digits, rest) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    // Another number is meant than that before a point.
    let digits =
        if rest.trim_end_matches('0').len() > 1 && rest.starts_with('.') { "" } else { digits };
    let (least, most) = range(schema).unwrap_or((0, u64::from(u32::MAX)));
    match digits.parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => number.to_string(),
        Ok(_) | Err(_) => NUMBER.to_owned(),
    }
}

/// Returns the least and the greatest number that a schema accepts.
pub(super) fn range(schema: &Json) -> Option<(u64, u64)> {
    let schema = without_null(schema);
    let limit = |name: &str| schema.get(name).and_then(Json::as_u64);
    limit("minimum").zip(limit("maximum"))
}

/// Returns the words of a closed set.
fn words(schema: &Json) -> Option<Vec<String>> {
    let all = schema.get("enum").and_then(Json::as_array)?;
    let words =
        all.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    Some(words.collect())
}

/// Returns the first of several schemas that is not that of null.
pub(super) fn without_null(schema: &Json) -> &Json {
    let options = schema.get("anyOf").and_then(Json::as_array);
    let first = options.and_then(|options| options.iter().find(|option| !is_null(option)));
    first.map_or(schema, without_null)
}

/// Returns a value that fits a schema, with placeholders in capital letters.
fn shape(schema: &Json) -> Option<String> {
    let schema = without_null(schema);
    if let Some(words) = words(schema) {
        return words.into_iter().next();
    }
    match of_type(schema)? {
        "string" => Some("TEXT".to_owned()),
        "integer" | "number" => Some(NUMBER.to_owned()),
        "boolean" => Some("true".to_owned()),
        "array" => Some(format!("[{}]", shape(schema.get("items")?)?)),
        "object" => object(schema),
        _ => None,
    }
}

/// Returns a record with the fields that it needs, or a map with one entry.
fn object(schema: &Json) -> Option<String> {
    if let Some(example) = schema.get("example").and_then(Json::as_str) {
        return Some(example.to_owned());
    }
    if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object()) {
        return Some(format!("{{NAME: {}}}", shape(value)?));
    }
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Some("{NAME: VALUE}".to_owned());
    };
    let required = required(schema);
    let shown = properties.iter().filter(|(name, _)| required.contains(&name.as_str()));
    let part = |name: &String, value: &Json| {
        let known = known_values(name, value);
        let value = known.and_then(|values| values.into_iter().next()).or_else(|| shape(value))?;
        Some(format!("{name}: {value}"))
    };
    let parts: Vec<String> = shown.filter_map(|(name, value)| part(name, value)).collect();
    Some(format!("{{{}}}", parts.join(", ")))
}

fn required(schema: &Json) -> Vec<&str> {
    let required = schema.get("required").and_then(Json::as_array);
    required.into_iter().flatten().filter_map(Json::as_str).collect()
}

/// Returns whether `{}` or `[]` fits a schema.
pub(super) fn can_be_empty(schema: &Json) -> bool {
    let schema = without_null(schema);
    let least = ["minItems", "minProperties"].iter().filter_map(|name| schema.get(name)?.as_u64());
    required(schema).is_empty() && least.max().unwrap_or(0) == 0
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
        for (field, values) in EXAMPLES {
            assert!(schema.contains(&format!("\"{field}\":{{")), "{field}");
            for value in *values {
                let text = format!("{field}: {value}");
                let mut d = Diagnostics::default();
                assert!(crate::config::yaml(&text, 0, &mut d).is_some() && d.is_empty(), "{text}");
            }
        }
    }
}
