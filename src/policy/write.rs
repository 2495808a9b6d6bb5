//! Policies as JSON text, from trees and from the canonical form.

use serde_json::{Map, Value as Json};

use super::actions::spelled_action;
use super::arn::with_account;
use super::canonical::{Canonical, CanonicalStatement, Principals, Set};
use super::condition_keys::spelled_key;
use crate::tree::{Entry, Node, Value};

/// Returns the tree that is kept as the author's document: scalars are text, account ids are root ARNs, and the
/// elements of the top level are in AWS's order.
pub(super) fn authored(node: &Node, partition: &str) -> Node {
    let mut node = textual(node, partition, Section::Other);
    if let Value::Map(entries) = &mut node.value {
        entries.sort_by_key(|entry| match entry.key.as_str() {
            "Version" => 0,
            "Id" => 1,
            "Statement" => 2,
            _ => 3,
        });
    }
    node
}

/// The section of a document that a value is in. Account ids become root ARNs only in `Principal` and `NotPrincipal`.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Other,
    /// The value of `Principal` or `NotPrincipal`.
    Principals,
    /// The principals of type `AWS`.
    AwsPrincipals,
    Condition,
}

fn textual(node: &Node, partition: &str, section: Section) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Text(value.to_string()),
        Value::Number(text) | Value::Text(text) if section == Section::AwsPrincipals => {
            Value::Text(with_account(text, partition))
        }
        Value::Number(text) | Value::Text(text) => Value::Text(text.clone()),
        Value::List(items) => {
            Value::List(items.iter().map(|item| textual(item, partition, section)).collect())
        }
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|entry| {
                    let inner = match (section, entry.key.as_str()) {
                        (Section::Condition, _) | (Section::Other, "Condition") => {
                            Section::Condition
                        }
                        (Section::Other, "Principal" | "NotPrincipal") => Section::Principals,
                        (Section::Principals, "AWS") => Section::AwsPrincipals,
                        _ => Section::Other,
                    };
                    let value = textual(&entry.value, partition, inner);
                    Entry { key: entry.key.clone(), key_span: entry.key_span, value }
                })
                .collect(),
        ),
    };
    Node { span: node.span, value }
}

/// Returns a tree as JSON.
pub(super) fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(value) | Value::Text(value) => Json::String(value.clone()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value))).collect(),
        ),
    }
}

/// Returns the canonical form as indented JSON.
pub(super) fn pretty(canonical: &Canonical) -> String {
    let mut top = Map::new();
    put_text(&mut top, "Version", canonical.version.as_ref());
    put_text(&mut top, "Id", canonical.id.as_ref());
    top.insert(
        "Statement".to_owned(),
        Json::Array(canonical.statements.iter().map(statement).collect()),
    );
    put_extra(&mut top, &canonical.extra);
    format!("{:#}", Json::Object(top))
}

fn put_extra(map: &mut Map<String, Json>, extra: &std::collections::BTreeMap<String, String>) {
    for (key, value) in extra {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.clone()));
        map.insert(key.clone(), value);
    }
}

fn put_text(map: &mut Map<String, Json>, key: &str, value: Option<&String>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), Json::String(value.clone()));
    }
}

fn put_set(map: &mut Map<String, Json>, key: &str, value: Option<&Set>, spell: fn(&str) -> String) {
    if let Some(value) = value {
        map.insert(key.to_owned(), set(value, spell));
    }
}

/// Returns one value as text and several as a list, the way AWS's console writes them.
fn set(values: &Set, spell: fn(&str) -> String) -> Json {
    let mut values: Vec<Json> = values.iter().map(|value| Json::String(spell(value))).collect();
    if values.len() == 1 { values.pop().unwrap_or_default() } else { Json::Array(values) }
}

fn statement(statement: &CanonicalStatement) -> Json {
    let mut map = Map::new();
    put_text(&mut map, "Sid", statement.sid.as_ref());
    put_text(&mut map, "Effect", statement.effect.as_ref());
    for (key, value) in
        [("Principal", &statement.principal), ("NotPrincipal", &statement.not_principal)]
    {
        match value {
            None => {}
            Some(Principals::Everyone) => {
                map.insert(key.to_owned(), Json::String("*".to_owned()));
            }
            Some(Principals::Typed(types)) => {
                let types =
                    types.iter().map(|(kind, names)| (kind.clone(), set(names, str::to_owned)));
                map.insert(key.to_owned(), Json::Object(types.collect()));
            }
        }
    }
    put_set(&mut map, "Action", statement.action.as_ref(), spelled_action);
    put_set(&mut map, "NotAction", statement.not_action.as_ref(), spelled_action);
    put_set(&mut map, "Resource", statement.resource.as_ref(), str::to_owned);
    put_set(&mut map, "NotResource", statement.not_resource.as_ref(), str::to_owned);
    if let Some(condition) = &statement.condition {
        let operators = condition.iter().map(|(operator, keys)| {
            let keys =
                keys.iter().map(|(key, values)| (spelled_key(key), set(values, str::to_owned)));
            (operator.clone(), Json::Object(keys.collect()))
        });
        map.insert("Condition".to_owned(), Json::Object(operators.collect()));
    }
    put_extra(&mut map, &statement.extra);
    Json::Object(map)
}
