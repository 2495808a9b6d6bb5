//! The fields in which two forms of a resource differ. They are shown to people; no decision depends on
//! them.

use crate::kind::Spec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A field that differs. The value of an unset field is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The path of the field, such as `tags.team`.
    pub path: String,
    /// The value in the first form.
    pub before: Value,
    /// The value in the second form.
    pub after: Value,
}

/// Returns the fields that differ, in the order of the second form; fields that only the first form has
/// come last.
#[must_use]
pub fn changes(before: Option<&Spec>, after: Option<&Spec>) -> Vec<FieldChange> {
    let fields =
        |spec: Option<&Spec>| spec.and_then(|spec| spec.fields().ok()).unwrap_or(Value::Null);
    let mut found = Vec::new();
    walk("", &fields(before), &fields(after), &mut found);
    // Of a kind of which there is one in a Region, the name is the Region.
    let mut consumers = [before, after].into_iter().flatten().filter_map(Spec::as_consumer);
    if consumers.any(|spec| spec.kind().facts().is_single()) {
        found.retain(|field| field.path != "existing");
    }
    found
}

/// Appends the differing fields of two values. `path` is empty at the top.
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
