//! Field by field, what differs between two forms of a resource. For people: nothing is decided
//! on it.

use crate::kind::Spec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One field that differs. A field that is not set is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its path, such as `tags.team`.
    pub path: String,
    /// What it is.
    pub before: Value,
    /// What it will be.
    pub after: Value,
}

/// The fields that differ, in the order of the form.
#[must_use]
pub fn changes(before: Option<&Spec>, after: Option<&Spec>) -> Vec<FieldChange> {
    let fields =
        |spec: Option<&Spec>| spec.and_then(|spec| spec.fields().ok()).unwrap_or(Value::Null);
    let mut found = Vec::new();
    walk("", &fields(before), &fields(after), &mut found);
    found
}

fn walk(path: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    let empty = Map::new();
    let pair = match (before, after) {
        (Value::Object(before), Value::Object(after)) => Some((before, after)),
        (Value::Null, Value::Object(after)) => Some((&empty, after)),
        (Value::Object(before), Value::Null) => Some((before, &empty)),
        _ => None,
    };
    let Some((before, after)) = pair else {
        let (path, before, after) = (path.to_owned(), before.clone(), after.clone());
        found.push(FieldChange { path, before, after });
        return;
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    for key in after.keys().chain(gone) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
        walk(&path, &of(before), &of(after), found);
    }
}
